"""The live lane and the broker: messages wait for the next write, and no longer."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from tests.campaigns.recovery.virtual_time import VirtualLoop
from tests.ingest.delivery.delivering import Rig, numbered, until

PACE_S = 0.2
"""``max_delay``; messages wait 50 ms of it at most."""
TURNS = 10


class NearBroker(Rig):
    """A rig whose broker is on the same machine.

    :ivar waiting: lines of messages that wait to be read.
    :ivar waits: True while messages wait until they are asked for.
    :ivar reads: how often they were asked for.
    :ivar apart_s: from one read to the next.
    """

    round_trip_s = 0.0001

    def __init__(self, pace_s: float) -> None:
        super().__init__(max_delay_s=pace_s, receive_maximum=200, max_readings=50_000)
        self.waiting: list[str] = []
        self.waits = False
        self.reads = 0
        self.apart_s = 0.0

    def has_asked(self, writes: int) -> bool:
        """Tell if so many writes have started."""
        return len(self.influxdb.asked) >= writes

    def read_apart(self, seconds: float) -> None:
        """Read this far apart."""
        self.apart_s = seconds

    def read_later(self, seconds: float) -> None:
        """Let messages wait."""
        assert 0 < seconds <= 0.05
        self.waits = True

    def read_now(self, then: Callable[[], None]) -> None:
        """Read those that wait."""
        self.waits = False
        self.reads += 1
        lines, self.waiting = self.waiting, []
        self.come(*lines)
        then()


@asynccontextmanager
async def writing(readings: int, pace_s: float = PACE_S) -> AsyncIterator[NearBroker]:
    """A rig whose second write, of so many readings, has just started, 10 ms after the first."""
    gate = NearBroker(pace_s)
    lane = asyncio.create_task(gate.live_lane.run())
    await asyncio.sleep(0)
    gate.come("first")
    await until(lambda: gate.influxdb.waits)
    gate.influxdb.answer_all()
    await until(lambda: gate.acknowledged)
    gate.come(*numbered(readings))
    await until(lambda: len(gate.influxdb.asked) == 2)
    yield gate
    gate.influxdb.answer_all()
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)


def test_messages_wait_for_the_next_write_and_go_with_it() -> None:
    async def story() -> None:
        async with writing(20) as gate:
            assert gate.waits
            gate.influxdb.answer_all()
            gate.waiting = ["third", "fourth"]
            await until(lambda: len(gate.influxdb.asked) == 3)
            assert gate.influxdb.asked[2][0] == ["third", "fourth"]

    asyncio.run(story())


class LoopOfMilliseconds(VirtualLoop):
    """A loop that keeps time by the millisecond, as uvloop does; time passes by waiting alone, however busy the machine is."""

    def time(self) -> float:
        """Whole milliseconds."""
        return int(super().time() * 1000) / 1000


def test_one_timer_brings_the_next_write() -> None:
    """One that rang too early by the last bit of a float would let the loop read single messages until the second rings."""

    async def story() -> None:
        async with writing(40, pace_s=0.02) as gate:
            before = gate.reads
            for turn in range(TURNS):
                gate.influxdb.answer_all()
                assert gate.waits
                gate.waiting = numbered(40, f"turn {turn}")
                await until(partial(gate.has_asked, 3 + turn))
            assert gate.reads - before == TURNS, "each timer that rings too early is one more read a turn"

    with asyncio.Runner(loop_factory=LoopOfMilliseconds) as runner:
        runner.run(story())


def test_messages_are_read_in_time_although_influxdb_does_not_answer() -> None:
    """They must be counted: when half of what may be owed has come, they go to the journal."""

    async def story() -> None:
        async with writing(20) as gate:
            assert gate.waits
            gate.waiting = ["third"]
            await until(lambda: gate.ledger.pending["memory"] == 21)
            assert not gate.waits

    asyncio.run(story())


def test_no_message_waits_while_the_broker_presses() -> None:
    async def story() -> None:
        async with writing(110) as gate:
            assert not gate.waits

    asyncio.run(story())


def test_very_many_messages_are_read_apart_until_a_write_brings_fewer() -> None:
    async def story() -> None:
        async with writing(20_000) as gate:
            assert gate.apart_s
            assert not gate.waits
            gate.influxdb.answer_all()
            gate.come("later")
            await until(lambda: len(gate.influxdb.asked) == 3)
            assert not gate.apart_s

    asyncio.run(story())
