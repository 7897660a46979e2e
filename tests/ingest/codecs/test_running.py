"""Codecs beside the running gateway: answers in order, nobody held up by a neighbour for long, and a child that comes back."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.protocol import SUSPENDED_FOR_S, CodecAnswer
from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.support.clock import WallClock
from tests.processes import children
from tests.waiting import PATIENCE_S

SOURCES = {
    "good": "function decodeUplink(input) { return { data: { n: input.fPort } }; }",
    "other": "function decodeUplink(input) { return { data: { n: -input.fPort } }; }",
    "loop": "function decodeUplink(input) { if (input.fPort) for (;;); return { data: { n: 0 } }; }",
    "stuck": "function decodeUplink(input) { const h = 'a'.repeat(1 << 20); h.indexOf('a'.repeat(1 << 19) + 'b'); }",
}


UNTIL_IT_ENDS_S = 10.0
"""So long the search would go on if nobody killed it, of the processor's own time: 10.8 s were measured."""

FOLDER = Path(__file__).parent
ROOT = Path(__file__).parents[3]


class Clock:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time in seconds."""
        return self.now_s


@asynccontextmanager
async def running(
    sources: Mapping[str, str], clock: Callable[[], float] = time.monotonic, released: ReleasedKeys | None = None
) -> AsyncIterator[AsyncCodecs]:
    codecs = AsyncCodecs(sources, (released or ReleasedKeys(WallClock())).release, clock=clock)
    task = asyncio.create_task(codecs.run())
    try:
        yield codecs
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def answers(
    codecs: AsyncCodecs, asked: list[tuple[str, int]], payload: bytes = b"", place: int = 0, device: str = ""
) -> list[CodecAnswer]:
    """Ask all in one turn of the loop, with a payload in one place; the answers in the order of the questions."""
    futures = []
    for number, (codec, port) in enumerate(asked):
        future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        codecs.ask(CodecAsk(codec, payload if number == place else b"", port, 0, device=device), future.set_result)
        assert not future.done(), "answered before ask returned"
        futures.append(future)
    async with asyncio.timeout(PATIENCE_S):
        return await asyncio.gather(*futures)


def numbers(given: list[CodecAnswer]) -> list[int | None]:
    return [answer.data["n"] if isinstance(answer.data, dict) else None for answer in given]


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """On the loop that the gateway runs on, where there is one."""
    factories: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
    with suppress(ImportError):
        from uvloop import new_event_loop  # noqa: PLC0415

        factories.append(new_event_loop)
    for factory in factories:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(test())


def child() -> int:
    [pid] = children()
    return pid


def test_calls_of_one_turn_are_answered_in_their_order() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            order: list[int] = []
            done = asyncio.Event()

            def then(answer: CodecAnswer) -> None:
                assert isinstance(answer.data, dict)
                order.append(answer.data["n"])
                if len(order) == 500:
                    done.set()

            for number in range(500):
                codecs.ask(CodecAsk("other" if number % 2 else "good", b"\xff" * 200, number, 0), then)
            assert codecs.pending == 500
            await asyncio.wait_for(done.wait(), PATIENCE_S)
            assert order == [-number if number % 2 else number for number in range(500)]
            assert codecs.pending == 0

    run(test)


def test_no_process_is_started_before_a_codec_is_needed_and_none_stays() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            await asyncio.sleep(0)
            assert not children()
            await answers(codecs, [("good", 1)])
            assert len(children()) == 1
        assert not children()

    run(test)


def test_a_hanging_call_holds_its_neighbours_up_for_a_quarter_of_a_second_and_spoils_none() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            await answers(codecs, [("good", 1)])
            began_s = time.monotonic()
            given = await answers(codecs, [("good", 1), ("stuck", 1), ("good", 2), ("other", 3)])
            assert numbers(given) == [1, None, 2, -3]
            assert (given[1].fault, given[1].overran) == ("took more than 250 ms", True)
            assert time.monotonic() - began_s < UNTIL_IT_ENDS_S / 2  # 0.3 s on an idle machine
            assert codecs.restarts == 1

    run(test)


def test_a_codec_that_overruns_three_times_is_suspended_and_its_other_calls_are_not_made() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            given = await answers(codecs, [("loop", 1), ("good", 1)] * 50)
            assert numbers(given[1::2]) == [1] * 50
            assert [answer.overran for answer in given[::2]].count(True) == 3
            assert [answer.suspended for answer in given[::2]].count(True) == 47
            assert codecs.suspended == {"loop": "took more than 10 ms"}
            assert (await answers(codecs, [("loop", 0)]))[0].suspended

    run(test)


def test_calls_that_were_sent_before_an_overrun_was_known_are_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them would hold up all others once more."""
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "sipping_worker.py")

    async def test() -> None:
        async with running(SOURCES) as codecs:
            given = await answers(codecs, [("loop", 1), ("good", 1)] * 20)
            assert numbers(given[1::2]) == [1] * 20
            assert [answer.overran for answer in given[::2]].count(True) == 3
            assert [answer.suspended for answer in given[::2]].count(True) == 17

    run(test)


def test_slow_frames_of_one_device_hold_up_no_other_device_of_its_make() -> None:
    async def test() -> None:
        released = ReleasedKeys(WallClock())
        async with running(SOURCES, released=released) as codecs:
            await answers(codecs, [("loop", 1)] * 3, device="d1")
            assert codecs.suspended == {"loop for d1": "took more than 10 ms"}
            assert (await answers(codecs, [("loop", 0)], device="d1"))[0].suspended
            assert numbers(await answers(codecs, [("loop", 0)] * 2, device="d2")) == [0, 0]
            await answers(codecs, [("loop", 1)] * 3, device="d2")
            assert codecs.suspended == {"loop": "took more than 10 ms"}
            assert (await answers(codecs, [("loop", 0)], device="d3"))[0].suspended
            codecs.replace(SOURCES | {"loop": SOURCES["good"]})
            assert released.pop_all() == ["loop"]

    run(test)


def test_a_suspended_codec_is_tried_again_after_ten_minutes() -> None:
    async def test() -> None:
        clock = Clock()
        async with running(SOURCES, clock) as codecs:
            await answers(codecs, [("loop", 1)] * 3)
            clock.now_s += SUSPENDED_FOR_S
            assert codecs.suspended == {}
            first, second = await answers(codecs, [("loop", 1), ("loop", 0)])
            assert (first.overran, second.suspended) == (True, True)
            clock.now_s += SUSPENDED_FOR_S
            assert numbers(await answers(codecs, [("loop", 0)])) == [0]
            assert numbers(await answers(codecs, [("loop", 1), ("loop", 0)])) == [None, 0]

    run(test)


def test_another_text_frees_what_waited_for_one_device() -> None:
    async def test() -> None:
        released = ReleasedKeys(WallClock())
        async with running(SOURCES, released=released) as codecs:
            await answers(codecs, [("loop", 1)] * 3, device="d1")
            codecs.replace(SOURCES | {"loop": SOURCES["good"]})
            assert released.pop_all() == ["loop"]
            assert numbers(await answers(codecs, [("loop", 7)], device="d1")) == [7]

    run(test)


def test_another_text_ends_a_suspension_and_the_same_text_does_not() -> None:
    async def test() -> None:
        released = ReleasedKeys(WallClock())
        async with running(SOURCES, released=released) as codecs:
            await answers(codecs, [("loop", 1)] * 3)
            codecs.replace(SOURCES)
            assert list(codecs.suspended) == ["loop"]
            codecs.replace(SOURCES | {"loop": SOURCES["good"]})
            assert released.pop_all() == ["loop"]
            assert numbers(await answers(codecs, [("loop", 7)])) == [7]

    run(test)


def test_calls_under_way_are_answered_by_the_codec_that_was_asked() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            await answers(codecs, [("good", 1)])
            asked = asyncio.ensure_future(answers(codecs, [("good", 1)] * 3))
            await asyncio.sleep(0)
            codecs.replace({"good": SOURCES["other"]})
            assert numbers(await asked) == [1, 1, 1]
            assert numbers(await answers(codecs, [("good", 1)])) == [-1]
            assert (await answers(codecs, [("other", 1)]))[0].fault == "there is no codec other"

    run(test)


def test_a_child_that_somebody_killed_comes_back_and_nothing_is_lost() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            await answers(codecs, [("good", 1)])
            asked = asyncio.ensure_future(answers(codecs, [("good", number) for number in range(1, 100)]))
            await asyncio.sleep(0)
            os.kill(child(), signal.SIGKILL)
            assert numbers(await asked) == list(range(1, 100))
            assert codecs.suspended == {}

    run(test)


def test_a_call_of_which_two_children_end_is_at_fault_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "crashing_worker.py")

    async def test() -> None:
        async with running(SOURCES) as codecs:
            given = await answers(codecs, [("good", 1), ("other", 2), ("good", 3)], b"\xde\xad", 1)
            assert numbers(given) == [1, None, 3]
            assert (given[1].fault, given[1].overran) == ("brought down the process it runs in", True)
            assert codecs.restarts == 2

    run(test)


def test_a_child_outlives_the_signals_that_stop_its_parent() -> None:
    async def test() -> None:
        async with running(SOURCES) as codecs:
            await answers(codecs, [("good", 1)])
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                os.kill(child(), number)
            assert numbers(await answers(codecs, [("good", 1)])) == [1]
            assert codecs.restarts == 0

    run(test)


def test_a_child_does_not_outlive_a_parent_that_was_killed() -> None:
    """Even in a call that nothing but a kill ends: see the fixture that fails a test which leaves a process behind."""
    with subprocess.Popen(
        [sys.executable, FOLDER / "killed_parent.py"], stdout=subprocess.PIPE, cwd=FOLDER.parents[2]
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        parent.kill()


def test_while_no_child_can_be_started_calls_are_not_made_and_the_codecs_are_freed_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        monkeypatch.setattr("sys.executable", "/absent/python")
        monkeypatch.setattr("gateway.ingest.codecs.async_client._FIRST_PAUSE_S", 0.05)
        released = ReleasedKeys(WallClock())
        async with running(SOURCES, released=released) as codecs:
            [answer] = await answers(codecs, [("good", 1)])
            assert answer.suspended
            assert "cannot be started" in str(answer.fault)
            monkeypatch.undo()
            await asyncio.wait_for(released.wait(), PATIENCE_S)
            assert numbers(await answers(codecs, [("good", 1)])) == [1]

    run(test)


def test_a_child_that_ends_at_its_start_is_no_codec_s_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr("sys.executable", "/bin/false")
        async with running(SOURCES) as codecs:
            for answer in await answers(codecs, [("good", 1), ("other", 1)]):
                assert answer.suspended
                assert "ends at its start" in str(answer.fault)
            assert codecs.trouble

    run(test)
