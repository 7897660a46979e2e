"""Standard error of codecs is no log of the service: its end is told in one line, as another's words."""

import asyncio
import logging
import re
from pathlib import Path

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.process import CodecProcess, SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer

GOOD = {"good": "function decodeUplink(input) { return { data: { n: input.fPort } }; }"}
NOISY = Path(__file__).parent / "noisy_worker.py"


def test_a_megabyte_of_forged_records_is_one_line_in_plain_letters_that_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", NOISY)
    with SyncCodecs(GOOD) as codecs:
        assert codecs.call(CodecAsk("good", b"\1", 7, 0)).data == {"n": 7}
        assert codecs.call(CodecAsk("good", b"", 8, 0)).data == {"n": 8}
        assert caplog.records == []
    [record] = caplog.records
    said = record.getMessage()
    assert record.levelno == logging.WARNING
    assert re.match(r"the process for codecs wrote \d+ bytes, not words of the gateway, which end in '", said)
    assert "ERROR gateway: all is lost" in said
    assert said.isascii()
    assert said.isprintable(), "no line of its own, no colour, no turned direction"
    assert len(said) < 2000
    assert capfd.readouterr().err == ""


def test_a_child_that_cannot_start_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no engine\\nhere')")
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", broken)

    async def story() -> CodecAnswer:
        codecs = AsyncCodecs(GOOD, lambda _key: None)
        running = asyncio.create_task(codecs.run())
        future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        codecs.ask(CodecAsk("good", b"", 1, 0), future.set_result)
        answer = await asyncio.wait_for(future, 20)
        running.cancel()
        await asyncio.wait([running])
        return answer

    assert asyncio.run(story()).fault == r"the process for codecs ends at its start and writes 'no engine\nhere'"
    assert capfd.readouterr().err == ""


def test_a_child_that_says_nothing_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    child = CodecProcess(keep_console=False, unconfined=False)
    assert child.end() == ""
    assert caplog.records == []
