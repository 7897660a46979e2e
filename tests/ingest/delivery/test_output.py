"""An output takes lines and says what became of them. InfluxDB is the first; here a list is one, and one that wants values."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from gateway.core.batching.pacing import LinkBudget
from gateway.core.batching.write_result import Answer, Fate, fate_of
from gateway.core.message import Outcome, Reading
from gateway.core.readings.line_protocol import PointValue, read_values
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.delivery.circuit_breaker import Probe, SelfPoint
from gateway.ingest.delivery.influxdb import LinkedOutput, Output
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection
from tests.core.making import trusted_clock
from tests.ingest.delivery.delivering import until
from tests.ingest.delivery.draining import NoBroker, story
from tests.ingest.delivery.joined import JoinedLanes

GOOD = "water,device=a volume_m3=1.5,quality=0i 1793491200250"
BAD = "water,device=b volume_m3=2.5,quality=0i 1793491200251"


class Lines:
    """A tiny output: a list, which is away as often as it is told and refuses some lines."""

    def __init__(self, away: int = 0, refused: Sequence[str] = ()) -> None:
        self.lines: list[str] = []
        self.link = LinkBudget()
        self._away = away
        self._refused = refused

    async def write(self, gzip: bytes) -> Answer:
        """Take lines."""
        lines = zlib.decompress(gzip, wbits=31).decode().split("\n")
        if self._away:
            self._away -= 1
            return Answer(0, "away", fate=Fate.RETRY)
        if set(lines) & set(self._refused):
            return Answer(0, "not wanted here", fate=Fate.SPLIT)
        self.lines += lines
        return Answer(0, fate=Fate.WRITTEN)


class Values:
    """Another one, behind the first: it gets the values of what that has written, in this order."""

    def __init__(self, first: LinkedOutput) -> None:
        self.values: list[PointValue] = []
        self.link = first.link
        self._first = first

    async def write(self, gzip: bytes) -> Answer:
        """Take lines once they are written."""
        answer = await self._first.write(gzip)
        if fate_of(answer) is Fate.WRITTEN:
            self.values += read_values(zlib.decompress(gzip, wbits=31).decode().split("\n"))
        return answer


class Gate(JoinedLanes, NoBroker):
    """The gateway's lanes before some output, on a file of their own; they are the broker as well."""

    def __init__(self, output: LinkedOutput, file: Database, innermost: Output | None = None) -> None:
        store = BoundedJournal(file, JournalSection(path=file.path, max_bytes=2**20, min_free_bytes=0), WallClock())
        store.stock()
        self._innermost = innermost
        super().__init__(output, store, self)
        self.acknowledged: list[int] = []
        self.acknowledger.connected(session_present=False)

    def probing(self, influxdb: LinkedOutput) -> Probe:
        """With the point that a gateway writes of itself, as far as InfluxDB."""
        own = SelfPoint("gate", self.ledger, trusted_clock(), WallClock())
        return Probe(self.breaker, self._innermost or influxdb, own)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Note it."""
        self.acknowledged += packet_ids

    def come(self, *lines: str) -> None:
        """One reading a message, each with the next packet identifier."""
        for number, line in enumerate(lines, start=1):
            batch = self.queue.add(Outcome("water", readings=[Reading(line, "water")]), 0.0)
            self.acknowledger.owe(batch, number, 0)
        self.live_lane.pump()


def run(folder: Path, output: LinkedOutput, work: Callable[[Gate], Awaitable[None]], innermost: Output | None = None) -> Gate:
    """Have the lanes work before an output; at the end all is acknowledged, and the ledger balances.

    :param innermost: what ``output`` stands before.
    """
    gates: list[Gate] = []

    async def begun() -> None:
        file = Database(folder / "journal.db")
        file.open()
        gate = Gate(output, file, innermost)
        gates.append(gate)
        lanes = gate.live_lane, gate.spool, gate.drain_lane, gate.reject_writer
        tasks = [asyncio.create_task(lane.run()) for lane in (*lanes, gate.probe)]
        await asyncio.sleep(0)
        try:
            await work(gate)
            await until(lambda: not (gate.acknowledger.owed or any(gate.ledger.pending.values())))
            assert gate.ledger.imbalance == 0
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            file.close()

    story(begun)
    return gates[0]


def is_own(line: str) -> bool:
    return line.startswith("gateway,")


async def two_come(gate: Gate) -> None:
    gate.come(GOOD, BAD)


@pytest.mark.parametrize("away", [0, 3])
def test_a_list_may_stand_in_the_place_of_influxdb_and_be_away(tmp_path: Path, away: int) -> None:
    output = Lines(away)
    gate = run(tmp_path, output, two_come)
    assert [line for line in output.lines if not is_own(line)] == [GOOD, BAD]
    assert (gate.acknowledged, gate.ledger.total("written")) == ([1, 2], 2)


def test_what_an_output_refuses_becomes_a_reject_and_the_rest_is_written(tmp_path: Path) -> None:
    output = Lines(refused=[BAD])
    gate = run(tmp_path, output, two_come)
    assert [line for line in output.lines if not is_own(line)] == [GOOD]
    assert (gate.ledger.total("written"), gate.ledger.total("rejected")) == (1, 1)


def test_an_output_behind_another_gets_the_values_of_what_that_has_written(tmp_path: Path) -> None:
    first = Lines(refused=[BAD])
    behind = Values(first)

    async def work(gate: Gate) -> None:
        gate.come(GOOD)
        await until(lambda: gate.acknowledged)
        assert behind.values == [PointValue("water", "a", "volume_m3", 1.5, 1_793_491_200_250, 0, "water,device=a")]

    run(tmp_path, behind, work, first)


def test_the_point_that_the_gateway_writes_of_itself_is_not_handed_on_with_the_values(tmp_path: Path) -> None:
    """After a refusal it is written, to see who is at fault. Its version is a text, which no reading has."""
    first = Lines(refused=[BAD])
    behind = Values(first)
    gate = run(tmp_path, behind, two_come, first)
    assert (gate.ledger.total("written"), gate.ledger.total("rejected")) == (1, 1)
    assert [line for line in first.lines if not is_own(line)] == [GOOD]
    assert any(map(is_own, first.lines)), "the database itself was asked"
    assert [value.device for value in behind.values] == ["a"]
