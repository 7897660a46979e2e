"""A child that a codec has taken over costs faults and restarts, never the gateway's memory or a call without an answer."""

import asyncio
import resource
from pathlib import Path

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.support.clock import WallClock

GOOD = {"good": "function decodeUplink(input) { return { data: { n: input.fPort } }; }"}
LYING = Path(__file__).parent / "lying_worker.py"
BROUGHT_DOWN = "brought down the process it runs in"


@pytest.fixture(autouse=True)
def _taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", LYING)
    monkeypatch.setattr("gateway.ingest.codecs.transport._SILENT_CHECKS_MAX", 4)


async def ask_all(payloads: list[bytes]) -> list[CodecAnswer]:
    """Ask in one turn; the answers in their order."""
    codecs = AsyncCodecs(GOOD, ReleasedKeys(WallClock()).release)
    running = asyncio.create_task(codecs.run())
    futures = []
    for port, payload in enumerate(payloads):
        future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        codecs.ask(CodecAsk("good", payload, port, 0), future.set_result)
        futures.append(future)
    try:
        async with asyncio.timeout(30):
            return await asyncio.gather(*futures)
    finally:
        running.cancel()
        await asyncio.wait([running])


LIES = [
    pytest.param(1, id="a line without end"),
    pytest.param(3, id="console texts without end"),
    pytest.param(4, id="silence"),
    pytest.param(5, id="its end"),
]


@pytest.mark.parametrize("lie", LIES)
def test_the_call_that_a_lie_began_with_is_at_fault_and_no_later_one(lie: int) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers = asyncio.run(ask_all([bytes([0xDE, lie]), b"", b""]))
    assert [answer.data for answer in answers] == [None, {"n": 1}, {"n": 2}]
    assert answers[0].fault == BROUGHT_DOWN
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 20 * 1024


def test_answers_that_nobody_asked_for_end_the_process(caplog: pytest.LogCaptureFixture) -> None:
    answers = asyncio.run(ask_all([bytes([0xDE, 2]), b""]))
    assert [answer.data for answer in answers] == [{}] * 2  # forgeries, which nobody can tell; one for each call and no more
    assert "the process for codecs answered without a call; it is restarted" in caplog.messages


@pytest.mark.parametrize("lie", [pytest.param(6, id="no fault"), pytest.param(7, id="no JSON")])
def test_an_answer_that_cannot_be_read_is_a_fault_of_that_call(lie: int) -> None:
    answers = asyncio.run(ask_all([b"", bytes([0xDE, lie]), b""]))
    assert [answer.data for answer in answers] == [{"n": 0}, None, {"n": 2}]
    assert "cannot be read" in str(answers[1].fault)


def test_an_object_without_data_whose_text_is_no_utf_8_is_a_fault_of_its_call() -> None:
    answers = asyncio.run(ask_all([bytes([0xDE, 8]), b""]))
    assert [answer.data for answer in answers] == [None, {"n": 1}]
    assert "cannot be read" in str(answers[0].fault)


def test_a_command_does_not_wait_for_a_line_without_end() -> None:
    with SyncCodecs(GOOD) as codecs:
        assert codecs.call(CodecAsk("good", bytes([0xDE, 1]), 1, 0)).fault == BROUGHT_DOWN
        assert codecs.call(CodecAsk("good", b"", 1, 0)).data == {"n": 1}
