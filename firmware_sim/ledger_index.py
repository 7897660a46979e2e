"""The ledger as verify reads it: the place of each device's rows, in a table on disk.

So memory does not grow with the ledger. The table is SQLite's: it sorts more rows than memory holds, and is gone with the
connection.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from firmware_sim.compare import ALWAYS, InstantSpan, LedgerRow
from firmware_sim.truth_rows import TRUTH, ConsumedDay, TruthRows, consumed_day

PART_ROWS: Final = 20_000
PART_DEVICES: Final = 100
NEEDED: Final = ("m", "tags", "ts", "at", "seq", "f", "q")
SHOWN_EVERY: Final = 10_000
_CACHE_KB: Final = 8_000
_NO_TIME: Final = InstantSpan(2**63, 0)
_OPEN: Final = f"""
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -{_CACHE_KB};
CREATE TABLE place (series INTEGER, time_ms INTEGER, at INTEGER);
"""
_BETWEEN: Final = "SELECT at FROM place WHERE series = ? AND time_ms BETWEEN ? AND ?"


class BadLedger(Exception):  # noqa: N818 - it says what the ledger is
    """A file that is not a ledger; the text names the line."""


class _Lacking(ValueError):  # noqa: N818 - as above
    """A row without some of what a row has; the text names it."""


@dataclass(frozen=True, slots=True)
class LedgerPart:
    """Readings that are looked up together: all of some devices, or some of one device that has very many.

    :ivar rows: their number.
    :ivar span: the time of this part; the parts of a device follow each other without a gap.
    :ivar earlier: the spans of the parts of the same device before this one.
    :ivar is_last: no other part of these devices follows.
    """

    domain: str
    devices: tuple[str, ...]
    rows: int
    span: InstantSpan
    earlier: tuple[InstantSpan, ...] = ()
    is_last: bool = True

    @property
    def is_whole(self) -> bool:
        """True if it holds all readings of its devices."""
        return self.is_last and not self.earlier


@dataclass(slots=True)
class LedgerIndex:
    """The place of each row, and the events of the ledger.

    :ivar series: domain and device → their number in the table.
    :ivar consumption: device → the number under which its lines about consumption stand.
    :ivar span: the time of all readings.
    """

    file: BinaryIO
    table: sqlite3.Connection
    series: dict[tuple[str, str], int] = field(default_factory=dict)
    consumption: dict[str, int] = field(default_factory=dict)
    span: InstantSpan = _NO_TIME
    rows: int = 0
    is_cut_short: bool = False
    truth: TruthRows = field(default_factory=TruthRows)

    @property
    def devices(self) -> int:
        """Number of devices with readings."""
        return len({device for _, device in self.series})

    def place(self, row: Any) -> tuple[int, int] | None:  # noqa: ANN401 - whatever JSON holds
        """Take in a row; return the number of its series and its time, or None if it need not be found again.

        :raises KeyError: it lacks something.
        :raises TypeError: it is not a row.
        """
        if type(row) is not dict:
            raise TypeError("a row is an object")
        if "consumed" in row:
            return self.consumption.setdefault(consumed_day(row).device, self._next_number), 0
        if not TRUTH.isdisjoint(row):
            self.truth.take(row)
            return None
        key, times_ms = _place_of(row)
        self.rows += 1
        self.span = InstantSpan(min(self.span.first_ms, *times_ms), max(self.span.last_ms, *times_ms))
        return self.series.setdefault(key, self._next_number), times_ms[-1]

    @property
    def _next_number(self) -> int:
        return len(self.series) + len(self.consumption)

    def parts(self) -> Iterator[LedgerPart]:
        """Cut the readings into parts that fit into memory, one domain after the other."""
        counts = dict(self.table.execute("SELECT series, count(*) FROM place GROUP BY series"))
        domain, devices, rows = "", list[str](), 0
        for (measurement, device), number in sorted(self.series.items()):
            count = counts[number]
            if devices and (measurement != domain or len(devices) == PART_DEVICES or rows + count > PART_ROWS):
                yield LedgerPart(domain, tuple(devices), rows, self.span)
                devices, rows = [], 0
            if count > PART_ROWS:
                yield from self._pieces(measurement, device, number)
                continue
            domain = measurement
            devices.append(device)
            rows += count
        if devices:
            yield LedgerPart(domain, tuple(devices), rows, self.span)

    def _pieces(self, domain: str, device: str, number: int) -> Iterator[LedgerPart]:
        """Cut the readings of one device by time."""
        times = self.table.execute("SELECT time_ms FROM place WHERE series = ? ORDER BY time_ms", (number,))
        begin_ms, rows, earlier = self.span.first_ms, 0, list[InstantSpan]()
        for (time_ms,) in times:
            if rows >= PART_ROWS and time_ms > begin_ms:
                span = InstantSpan(begin_ms, time_ms - 1)
                yield LedgerPart(domain, (device,), rows, span, tuple(earlier), is_last=False)
                earlier.append(span)
                begin_ms, rows = time_ms, 0
            rows += 1
        yield LedgerPart(domain, (device,), rows, InstantSpan(begin_ms, self.span.last_ms), tuple(earlier))

    def rows_of(self, part: LedgerPart, margin_ms: int) -> list[LedgerRow]:
        """Read the rows of a part; of a device with several, those so shortly before and after it too."""
        numbers = [self.series[part.domain, device] for device in part.devices]
        return self._read(numbers, part.span.widened(0 if part.is_whole else margin_ms))

    def days_of(self, devices: Iterable[str]) -> list[ConsumedDay]:
        """Read what was consumed through the registers of some devices, day by day."""
        numbers = [self.consumption[device] for device in devices if device in self.consumption]
        return [consumed_day(row) for row in self._read(numbers, ALWAYS)]

    def _read(self, numbers: Iterable[int], span: InstantSpan) -> list[dict[str, Any]]:
        """Read rows, in the order in which they stand."""
        found = []
        for at in sorted(at for number in numbers for (at,) in self.table.execute(_BETWEEN, (number, *span))):
            self.file.seek(at)
            found.append(msgspec.json.decode(self.file.readline()))
        return found


@contextmanager
def ledger_index(file: BinaryIO, path: Path, show: Callable[[int], None]) -> Iterator[LedgerIndex]:
    """Index a ledger, for as long as it is needed.

    :param show: is told now and then how many bytes of the file were read.
    :raises BadLedger: a line before the last is not a row.
    """
    with closing(sqlite3.connect("")) as table:
        table.executescript(_OPEN)
        index = LedgerIndex(file, table)
        table.executemany("INSERT INTO place VALUES (?, ?, ?)", _places(index, path, show))
        table.execute("CREATE INDEX by_time ON place (series, time_ms, at)")
        yield index


def _places(index: LedgerIndex, path: Path, show: Callable[[int], None]) -> Iterator[tuple[int, int, int]]:
    """Yield series, time and position of each row that is to be found again."""
    at = 0
    for number, line in enumerate(index.file, 1):
        try:
            place = index.place(msgspec.json.decode(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if not line.endswith(b"\n"):
                index.is_cut_short = True
                return
            why = str(error) if isinstance(error, _Lacking) else "no row of a ledger"
            raise BadLedger(f"{path}:{number}: {why}") from None
        if place is not None:
            yield *place, at
        at += len(line)
        if number % SHOWN_EVERY == 0:
            show(at)


def _place_of(row: dict[str, Any]) -> tuple[tuple[str, str], tuple[int, int]]:
    """Series of a row, and the times of its PUBACK and of itself.

    :raises KeyError: it lacks one.
    :raises TypeError: it is not a row.
    """
    at_ms, time_ms = row["at"], row["ts"]
    key, times_ms = (row["m"], row["tags"]["device"]), (at_ms, at_ms if time_ms is None else time_ms)
    if not all(type(name) is str for name in key):
        raise TypeError("names are text")
    if not all(type(time_ms) is int and ALWAYS.holds(time_ms) for time_ms in times_ms):
        raise TypeError("times are integers")
    if missing := [name for name in NEEDED if name not in row]:
        raise _Lacking(f"a row of a ledger has {', '.join(missing)} too")
    return key, times_ms
