"""A child that cannot be started is tried ever less often, and what is missing of its protections is said once."""

import asyncio
from collections.abc import Callable

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs import async_client
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer, Greeting, child_line, source_line

ASK = CodecAsk("good", b"", 1, 0)
GOOD = {"good": "function decodeUplink() { return {data: {}}; }"}


def test_the_pauses_before_another_start_double_up_to_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses_s: list[float] = []
    answered: list[CodecAnswer] = []
    made: list[AsyncCodecs] = []

    def fails(**_: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    async def sleep(seconds: float) -> None:
        [codecs] = made
        assert codecs.trouble == "the process for codecs cannot be started: [Errno 12] Cannot allocate memory"
        codecs.ask(ASK, answered.append)
        pauses_s.append(seconds)
        if len(pauses_s) == 8:
            raise asyncio.CancelledError

    def again(key: str) -> None:
        [codecs] = made
        assert (key, codecs.trouble) == ("good", "")
        codecs.ask(ASK, answered.append)

    async def story() -> None:
        made.append(codecs := AsyncCodecs(GOOD, again))
        codecs.ask(ASK, answered.append)
        with pytest.raises(asyncio.CancelledError):
            await codecs.run()

    monkeypatch.setattr(async_client, "CodecProcess", fails)
    monkeypatch.setattr("gateway.ingest.codecs.async_client.asyncio.sleep", sleep)
    asyncio.run(story())
    assert pauses_s == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert all(answer.suspended and "cannot be started" in str(answer.fault) for answer in answered)
    assert len(answered) >= 8


def test_missing_protections_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> Callable[[Greeting], None]:
        codecs = AsyncCodecs(GOOD, lambda _: None)
        assert (codecs.unprotected, codecs.keys, codecs.pending) == (None, ["good"], 0)
        return codecs._greeted  # noqa: SLF001

    greeted = asyncio.run(story())
    for missing in ([], ["a: none", "b: less"], ["a: none", "b: less"], []):
        greeted(Greeting(missing, confined=True, load_limit_s=0.1))
    assert caplog.messages == ["codecs run with less protection than they could: a: none; b: less"]


def test_what_is_asked_of_no_codec_or_of_none_that_can_run_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[CodecAnswer] = []

    async def story() -> None:
        codecs = AsyncCodecs(GOOD, lambda _: None)
        codecs.ask(CodecAsk("other", b"", 1, 0), answered.append)
        assert answered == [], "never before it returns"
        await asyncio.sleep(0)
        monkeypatch.setattr(async_client, "available", lambda: "no engine")
        AsyncCodecs(GOOD, lambda _: None).ask(ASK, answered.append)
        await asyncio.sleep(0)

    asyncio.run(story())
    assert [answer.fault for answer in answered] == ["there is no codec other", "no engine"]
    assert not any(answer.suspended or answer.overran for answer in answered)


def test_lines_to_the_child_begin_with_the_number() -> None:
    assert child_line(7, b"[]") == b"7 []\n"
    assert source_line(7, 'a "b"\n') == b'7 "a \\"b\\"\\n"\n'
