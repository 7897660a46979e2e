"""The commit of what runs is told by git in a checkout, and by a file in a package."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway import __version__
from gateway.admin.backup.archive import verify_archive
from gateway.commands.cli import main
from gateway.commands.demo.services import Service
from gateway.support import commit
from tests.admin.backup.machine import HIS, Machine
from tests.system.rig import gateway
from tests.waiting import PATIENCE_S, until

CHECKOUT = Path(__file__).parents[2]
BUILT_OF = (
    "gateway",
    "firmware_sim",
    "schemas",
    "deploy",
    "pyproject.toml",
    "hatch_build.py",
    "README.md",
    "LICENSE",
    "NOTICE",
)
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org")


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *WHO, *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path) -> str:
    """Commit all that is in a folder; return the commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--no-verify", "--no-gpg-sign", "--message", "all")
    return git(folder, "rev-parse", "HEAD")[:12]


def test_in_a_checkout_git_tells_the_commit_and_that_files_were_changed_after_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one")
    at = committed(tmp_path)
    git(tmp_path, "tag", "v1.0.0")
    assert commit.commit_of(tmp_path) == at
    (tmp_path / "file").write_text("two")
    assert commit.commit_of(tmp_path) == f"{at}-dirty"


def test_a_package_in_the_checkout_of_somebody_else_does_not_take_his_commit(tmp_path: Path) -> None:
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "file").touch()
    committed(tmp_path)
    assert commit.commit_of(tmp_path / "venv") == ""


def test_without_git_nothing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    assert commit.commit_of(tmp_path) == "", "it refuses"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit.commit_of(tmp_path) == "", "it is missing"


@pytest.mark.parametrize("written", ["0123456789ab\n", None])
def test_what_the_build_wrote_is_told_and_otherwise_that_it_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], written: str | None
) -> None:
    monkeypatch.setattr(commit, "_PACKAGE", tmp_path / "gateway")
    commit.running_commit.cache_clear()
    if written is not None:
        file = tmp_path / "gateway" / commit.WRITTEN
        file.parent.mkdir(parents=True)
        file.write_text(written)
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    commit.running_commit.cache_clear()
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{__version__}, commit {(written or 'unknown').strip()}\n"


def test_a_built_package_holds_the_commit_and_the_build_leaves_nothing_else(tmp_path: Path) -> None:
    for name in BUILT_OF:
        here = CHECKOUT / name
        (shutil.copytree if here.is_dir() else shutil.copy)(here, tmp_path / name)
    (tmp_path / ".gitignore").write_text("__pycache__\nout\n")
    at = committed(tmp_path)
    words = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "out")]
    subprocess.run(words, cwd=tmp_path, check=True, capture_output=True)
    (wheel,) = (tmp_path / "out").iterdir()
    with zipfile.ZipFile(wheel) as package:
        assert package.read(f"gateway/{commit.WRITTEN}").decode().strip() == at


@pytest.mark.real
def test_a_running_gateway_asks_git_when_it_is_looked_at_and_not_before(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, asked = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    (programs / "git").write_text(f"#!/bin/sh\necho at >>{asked}\necho 0123456789ab\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        assert gate.status()["commit"] == "0123456789ab"
        assert f'gateway_build_info{{commit="0123456789ab",version="{__version__}"}} 1.0' in gate.ask("/metrics")[1]
        assert f"{__version__} (0123456789ab)" in gate.ask("/")[1]
    assert asked.read_text() == "at\n"
    asked.unlink()
    with (tmp_path / "log").open("wb") as log:
        words = [sys.executable, "-m", "gateway", "run", "-c", str(gate.config)]
        unseen = subprocess.Popen(words, cwd=CHECKOUT, stderr=log, stdout=log)
        until(lambda: "subscribed to" in (tmp_path / "log").read_text(), what="subscribed, and nobody looks at it")
        unseen.terminate()
        assert unseen.wait(PATIENCE_S) == 0
    assert not asked.exists()


def test_a_backup_says_which_commit_made_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "old")
    machine.fill(HIS)
    file = tmp_path / "backup.tar.gz"
    assert machine.command("backup", file).returncode == 0
    assert verify_archive(file).manifest.commit == commit.running_commit()
