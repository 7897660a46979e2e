"""A machine many times as slow, without Landlock and seccomp, played by qemu: there sound codecs are no fault either."""

import os
import platform
import shutil
import sys
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import SyncCodecs
from tests.site import CODEC, RADIO, Site

QEMU = shutil.which(f"qemu-{platform.machine()}-static") or shutil.which(f"qemu-{platform.machine()}")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(QEMU is None, reason="qemu-user is missing; on Debian: qemu-user-static"),
]


@pytest.fixture(autouse=True)
def _slow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the child be run by qemu, which knows neither protection."""
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {QEMU} {os.path.realpath(sys.executable)} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(program))


def test_what_it_takes_to_load_a_codec_there_is_no_fault_of_it() -> None:
    functions = "".join(f"function f{number}(a) {{ return a * {number} + [1, 2, 3].length; }}\n" for number in range(3000))
    sources = {"large": f"function never() {{{functions}}}\n{CODEC}", "endless": f"for (;;);\n{CODEC}"}
    with SyncCodecs(sources, unconfined=True) as codecs:
        assert codecs.fault("large") is None
        assert codecs.call(CodecAsk("large", b"", 1, 0)).data == {"ph": 7}
        assert codecs.call(CodecAsk("endless", b"", 1, 0)).overran
        assert {text.partition(":")[0] for text in codecs.unprotected} >= {"Landlock", "seccomp"}


def test_all_shipped_codecs_pass_their_tests_there_once_it_is_accepted_that_nothing_confines_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site").mkdir()
    site = Site(tmp_path / "site")
    site.profile("mine", RADIO, mine=CODEC)
    assert site.config
    words = ["check", "-c", str(site.folder / "gateway.yaml")]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "warning: codecs are not run: on this machine neither Landlock nor seccomp keeps them" in said.err
    assert "codec: not run here" in said.out
    site.sections["codecs"] = {"unconfined": "accept"}
    assert site.config
    assert main(words) == 0
    said = capsys.readouterr()
    assert "codecs are not run" not in said.err
    assert "FAIL" not in said.out
    assert "not run here" not in said.out
