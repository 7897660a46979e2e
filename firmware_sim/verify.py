"""Verification that every reading of a ledger is in the database, once and as it was sent; and that sums and alarms are true.

The ledger is read twice: first for where the rows of each device are, then, some devices at a time, for the rows themselves, so
that memory holds one group of rows and points, whatever the size of the ledger. Sums stand on the same points.
"""

import json
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from firmware_sim.alarm_check import ALARM, GRACE_MS, AlarmsOutcome, alarms_of, check_alarms
from firmware_sim.compare import Comparison, LedgerRow, compare
from firmware_sim.progress import VerifyProgress
from firmware_sim.query import InfluxdbAccess, NotReachable
from firmware_sim.report import Report
from firmware_sim.sum_check import SumsOutcome, check_sums
from firmware_sim.truth_rows import TRUTH, TruthRows
from firmware_sim.victoria import AnyDatabase, PointSource
from schemas.quantities import HEALTH

GROUP_ROWS: Final = 20_000
GROUP_DEVICES: Final = 100
POLL_S: Final = 1.0
NEEDED: Final = ("m", "tags", "ts", "at", "seq", "f", "q")


class BadLedger(Exception):  # noqa: N818 - it says what the ledger is
    """A file that is not a ledger; the text names the line."""


@dataclass(slots=True)
class Index:
    """Positions of each device's rows in the ledger, and the time they span."""

    offsets: dict[tuple[str, str], "array[int]"] = field(default_factory=dict)
    first_ms: int = 2**63
    last_ms: int = 0
    rows: int = 0
    is_cut_short: bool = False
    truth: TruthRows = field(default_factory=TruthRows)

    def groups(self) -> Iterator[tuple[str, list[str]]]:
        """Domain and devices that are looked up together."""
        domain, devices, rows = "", list[str](), 0
        for (measurement, device), offsets in sorted(self.offsets.items()):
            if devices and (measurement != domain or len(devices) == GROUP_DEVICES or rows + len(offsets) > GROUP_ROWS):
                yield domain, devices
                devices, rows = [], 0
            domain = measurement
            devices.append(device)
            rows += len(offsets)
        if devices:
            yield domain, devices


def verify(path: Path, database: InfluxdbAccess, wait_s: float, window_s: float, *, with_alarms: bool = True) -> Report:
    """Hold the ledger at ``path`` against ``database``.

    :param wait_s: so long altogether it waits for what is missing.
    :param window_s: how far from its PUBACK a reading without ts may be stamped.
    :raises BadLedger: when the file cannot be read.
    :raises NotReachable: when InfluxDB does not answer.
    """
    deadline = time.monotonic() + wait_s
    source = AnyDatabase(database)
    try:
        with path.open("rb") as file:
            index = read_index(file, path)
            if not index.offsets:
                raise BadLedger(f"{path}: holds no readings")
            report = Report(is_cut_short=index.is_cut_short)
            show = VerifyProgress(index.rows)
            for domain, devices in index.groups():
                rows = list(_rows(file, index, domain, devices))
                look = partial(_look, source, domain, rows, index, round(window_s * 1000))
                group = _until(deadline, look)
                report.add(domain, group.comparison)
                report.add_sums(group.sums)
                show.advance(len(rows))
            if index.truth.happenings and with_alarms:
                report.add_alarms(_alarms(source, index))
            show.end()
    except OSError as error:
        raise BadLedger(f"{path}: {error.strerror or error}") from None
    return report


def read_index(file: BinaryIO, path: Path) -> Index:
    """Index the rows of each device.

    :raises BadLedger: a line before the last is not a row.
    """
    index = Index()
    offset = 0
    for number, line in enumerate(file, 1):
        try:
            row = json.loads(line)
            if not TRUTH.isdisjoint(row):
                index.truth.take(row)
                offset += len(line)
                continue
            key, times_ms = _place_of(row)
            missing = [name for name in NEEDED if name not in row]
        except (ValueError, KeyError, TypeError, RecursionError):
            if not line.endswith(b"\n"):
                index.is_cut_short = True
                break
            raise BadLedger(f"{path}:{number}: no row of a ledger") from None
        if missing:
            raise BadLedger(f"{path}:{number}: a row of a ledger has {', '.join(missing)} too")
        index.offsets.setdefault(key, array("q")).append(offset)
        index.first_ms = min(index.first_ms, *times_ms)
        index.last_ms = max(index.last_ms, *times_ms)
        index.rows += 1
        offset += len(line)
    return index


def _place_of(row: Any) -> tuple[tuple[str, str], tuple[int, int]]:  # noqa: ANN401 - whatever JSON holds
    """Series and times of a row.

    :raises KeyError: it lacks one.
    :raises TypeError: it is not a row.
    """
    key, times_ms = (row["m"], row["tags"]["device"]), (row["at"], row["ts"] or row["at"])
    if not (all(type(name) is str for name in key) and all(type(time_ms) is int for time_ms in times_ms)):
        raise TypeError("names are text and times are integers")
    return key, times_ms


def _rows(file: BinaryIO, index: Index, domain: str, devices: list[str]) -> Iterator[LedgerRow]:
    for offset in sorted(offset for device in devices for offset in index.offsets[domain, device]):
        file.seek(offset)
        yield json.loads(file.readline())


@dataclass(frozen=True, slots=True)
class _Group:
    """The outcome for devices that are looked up together."""

    comparison: Comparison
    sums: SumsOutcome

    @property
    def may_come(self) -> bool:
        """True if what is at fault may be on its way."""
        counts = self.comparison.counts
        return bool(counts.missing or counts.different or self.sums.counts.faults)


def _look(source: PointSource, domain: str, rows: list[LedgerRow], index: Index, window_ms: int) -> _Group:
    """Ask for the points of a group and compare."""
    margin_ms = window_ms if any(row["ts"] is None for row in rows) else 0
    span = (index.first_ms - margin_ms, index.last_ms + margin_ms)
    devices = _devices(rows)
    points = list(source.points(domain, devices, *span))
    healthy = _devices([row for row in rows if row.get("h")])
    health = source.points(HEALTH, healthy, *span) if healthy else iter(())
    comparison = compare(domain, rows, points, health, window_ms)
    days = [day for device in devices for day in index.truth.consumed.get(device, ())]
    sums = check_sums(days, list(index.truth.happenings.values()), points) if days else SumsOutcome()
    return _Group(comparison, sums)


def _alarms(source: PointSource, index: Index) -> AlarmsOutcome:
    """Ask for all alarms and hold them against what happened."""
    points = source.points(ALARM, (), index.first_ms, index.last_ms + GRACE_MS)
    devices = len({device for _, device in index.offsets})
    span_ms = (index.first_ms, index.last_ms)
    return check_alarms(list(index.truth.happenings.values()), alarms_of(points), span_ms, devices)


def _devices(rows: list[LedgerRow]) -> list[str]:
    return sorted({row["tags"]["device"] for row in rows})


def _until(deadline: float, look: Callable[[], _Group]) -> _Group:
    """Look again while something is missing and there is time."""
    while True:
        left_s = deadline - time.monotonic()
        try:
            group = look()
        except NotReachable:
            if left_s <= 0:
                raise
        else:
            if left_s <= 0 or not group.may_come:
                return group
        time.sleep(min(POLL_S, max(left_s, 0)))
