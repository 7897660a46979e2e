"""Sums of a device worked out again from its registers in the database, and written where they differ.

Theory of operation
-------------------
Readings are read window by window in the order of time and judged by the code that judges them as they come
(:mod:`gateway.core.readings.replay`), beginning behind the last sum before the time that was asked for. A point is written
again with its sums alone: its other fields stay. Registers are never written, so whoever begins once more comes to the same
sums; a run that was killed leaves the mark of what is to be done, and the next one begins again.

Readings come meanwhile. Before the last window is written the gateway goes on with what was worked out, so those that come from
then on have the right sums. Those that were on their way stand in the database a moment later: the last window is read twice.

Where the database does not replace points nothing is written: reports work the sums out while they read
(:mod:`gateway.monitoring.reports.amendments`), and the gateway goes on with the right ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.readings.counters import CounterState
from gateway.core.readings.replay import CounterReplay
from gateway.ingest.database.store import PlacedRows, PointValues, Store, StoreFault, TimeSpan
from gateway.ingest.delivery.influxdb import Output
from gateway.monitoring.reports.stored_counters import columns_of, fields_of, measured_in, replays_of, series_name, worked_out
from schemas.quantities import SUM_OF

DAY_MS: Final = 86_400_000
SUMS_AWAITED: Final = "no sums are written of it yet: InfluxDB must be asked for them first, or devices are shared by gateways"
_LINES: Final = 2000
"""Points in one write."""


class LiveCounters(Protocol):
    """The counters of a device, and what happens to its readings."""

    @property
    def device(self) -> str:
        """Its name in the database."""

    @property
    def counters(self) -> CounterState:
        """The counters, as they go on."""

    async def save(self) -> None:
        """Save them at once."""

    async def settle(self) -> bool:
        """Wait for readings on their way to the database; False when some wait there for longer."""


@dataclass(slots=True)
class ResumProgress:
    """The progress of a device."""

    device: str
    from_ms: int
    until_ms: int
    at_ms: int = 0  # all readings before it are worked out
    read: int = 0  # points so far
    changed: int = 0  # sums that were written
    is_written: bool = True  # False on a database that does not replace points
    is_done: bool = False
    fault: str = ""  # the cause of an end before its time; empty if there was none


class _SumLine(NamedTuple):
    line: str
    sums: int


async def work_out(store: Store, writer: Output, live: LiveCounters, progress: ResumProgress) -> None:
    """Work out the sums of a device since ``progress.from_ms``, and go on with them; StoreFault if the database fails."""
    progress.is_written = store.is_overwritten
    live.counters.note_wrong(progress.from_ms)  # if this is killed, the night does it
    await live.save()
    is_whole = True
    for measurement in sorted({measured_in(register.name) for register in live.counters.registers()}):
        is_whole &= await _MeasurementResum(store, writer, live, progress, measurement).run()
    if is_whole:
        live.counters.worked_out(progress.from_ms, is_written=store.is_overwritten)
    else:
        progress.fault = "readings from then wait in the journal; the rest is done in the night"
    await live.save()
    progress.is_done = is_whole


class _MeasurementResum:
    """The counters of a device in one measurement."""

    def __init__(self, store: Store, writer: Output, live: LiveCounters, progress: ResumProgress, measurement: str) -> None:
        self._store = store
        self._writer = writer
        self._live = live
        self._progress = progress
        self._measurement = measurement
        names = (register.name for register in live.counters.registers())
        self._fields = fields_of(name for name in names if measured_in(name) == measurement)

    async def run(self) -> bool:
        """Work them out; False where some readings are not in the database yet."""
        live, progress = self._live, self._progress
        begun = await replays_of(self._store, live.device, live.counters, self._measurement, progress.from_ms)
        replays = begun.replays
        last_ms = max(begun.start_ms, progress.until_ms - DAY_MS)
        for start_ms in range(begun.start_ms, last_ms, DAY_MS):
            window = TimeSpan(start_ms, min(start_ms + DAY_MS, last_ms))
            await self._write(self._worked(replays, await self._rows(window)))
            progress.at_ms = window.end_ms
        first, read = {name: replay.branch() for name, replay in replays.items()}, progress.read
        await self._finish(replays, last_ms)
        is_settled = await live.settle()
        progress.read = read
        return await self._finish(first, last_ms) and is_settled

    async def _finish(self, replays: dict[str, CounterReplay], start_ms: int) -> bool:
        """Work out the last window, and go on with what it ends with; False where the gateway has more readings by now."""
        window, is_swapped = TimeSpan(start_ms, self._progress.until_ms), True
        lines = self._worked(replays, await self._rows(window))
        for replay in replays.values():
            worked = replay.finish(self._progress.until_ms)
            is_swapped &= worked is None or self._live.counters.swap(worked, replay.read_ms, replay.steps)
        await self._live.save()  # before the points: a reading that comes now goes on with the right sums
        await self._write(lines)
        return is_swapped

    async def _rows(self, window: TimeSpan) -> list[PlacedRows]:
        found = self._store.placed_rows(self._measurement, columns_of(self._fields), window, self._live.device)
        return [rows async for rows in found]

    def _worked(self, replays: dict[str, CounterReplay], found: Sequence[PlacedRows]) -> list[_SumLine]:
        """The points whose sums differ, in the order of time; the counters follow all readings."""
        lines = []
        points: list[tuple[int, str, str, PointValues]] = []
        for place in found:
            name, tags = series_name(place.tags), _tags_text(place.tags)
            points += [(time_ms, name, tags, values) for time_ms, values in place.rows]
        for time_ms, name, tags, values in sorted(points, key=itemgetter(0)):
            self._progress.read += 1
            sums = worked_out(replays, self._fields, name, time_ms, values)
            texts = [f"{SUM_OF[one.field]}={one.total!r}" for one in sums if one.total not in (None, one.stored)]
            if texts:
                lines.append(_SumLine(f"{self._measurement}{tags} {','.join(texts)} {time_ms}", len(texts)))
        return lines

    async def _write(self, lines: Sequence[_SumLine]) -> None:
        """Write the sums of a window, where the database replaces points."""
        for at in range(0, len(lines) if self._store.is_overwritten else 0, _LINES):
            some = lines[at : at + _LINES]
            answer = await self._writer.write(packed(line.line for line in some))
            if fate_of(answer) is not Fate.WRITTEN:
                raise StoreFault(f"sums cannot be written: {answer.describe()}")
            self._progress.changed += sum(line.sums for line in some)


def _tags_text(tags: Mapping[str, str]) -> str:
    """Tags as they stand in the database already: what had to be changed in them was changed when they were written first."""
    escaped = ((_escaped(key), _escaped(value)) for key, value in sorted(tags.items()) if value)
    return "".join(f",{key}={value}" for key, value in escaped)


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if letter in ",= " else letter for letter in text)
