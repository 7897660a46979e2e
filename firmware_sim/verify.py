"""Verification that every reading of a ledger is in InfluxDB, once and as it was sent.

The ledger is read twice: first for where the rows of each device are, then, some devices at a time, for the rows themselves, so
that memory holds one group of rows and points, whatever the size of the ledger.
"""

import json
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from firmware_sim.compare import Comparison, Counts, Discrepancy, LedgerRow, compare, utc
from firmware_sim.query import Influx, InfluxdbAccess, NotReachable
from schemas.quantities import HEALTH

GROUP_ROWS: Final = 20_000
GROUP_DEVICES: Final = 100
POLL_S: Final = 1.0
SHOWN: Final = 20
TRUTH: Final = frozenset({"event", "exchange", "consumed"})
"""Keys of rows that are no readings."""
NEEDED: Final = ("m", "tags", "ts", "at", "seq", "f", "q")


class BadLedger(Exception):  # noqa: N818 - it says what the ledger is
    """A file that is no ledger; the text says where."""


@dataclass(slots=True)
class Index:
    """Positions of each device's rows in the ledger, and the time they span."""

    offsets: dict[tuple[str, str], "array[int]"] = field(default_factory=dict)
    first_ms: int = 2**63
    last_ms: int = 0
    rows: int = 0
    is_cut_short: bool = False

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


@dataclass(slots=True)
class Report:
    """The outcome: per domain, the first faults, and what to know beside them."""

    domains: dict[str, Counts] = field(default_factory=dict)
    findings: list[Discrepancy] = field(default_factory=list)
    is_cut_short: bool = False

    @property
    def total(self) -> Counts:
        """All domains together."""
        total = Counts()
        for counts in self.domains.values():
            total.add(counts)
        return total

    @property
    def ok(self) -> bool:
        """True if everything is accounted for."""
        return not self.total.faults

    def add(self, domain: str, comparison: Comparison) -> None:
        """Take in the outcome of a group."""
        self.domains.setdefault(domain, Counts()).add(comparison.counts)
        self.findings += islice(comparison.findings, SHOWN - len(self.findings))

    def as_json(self) -> str:
        """One JSON object."""
        domains = {domain: asdict(counts) for domain, counts in self.domains.items()}
        first = [asdict(finding) for finding in self.findings]
        return json.dumps({"ok": self.ok, "domains": domains, "total": asdict(self.total), "first": first})

    def as_text(self) -> str:
        """A table, the first faults, the verdict."""
        names = ("sent", "found", "missing", "different", "duplicate", "repeated", "refused", "accepted", "unexpected")
        lines = [f"{'':8}" + "".join(f"{name:>11}" for name in names)]
        for domain, counts in [*self.domains.items(), ("total", self.total)]:
            lines.append(f"{domain:8}" + "".join(f"{getattr(counts, name):>11,}" for name in names))
        lines += map(_sentence, self.findings)
        faults = self.total.faults
        if faults > len(self.findings):
            lines.append(f"... and {faults - len(self.findings):,} more")
        if self.is_cut_short:
            lines.append("the last line of the ledger is cut short and was left out")
        if self.total.unexpected:
            lines.append(
                f"{self.total.unexpected:,} points without a row: taken by the broker, their PUBACK was never seen; no fault"
            )
        lines.append("all accounted for" if self.ok else f"NOT accounted for: {faults:,} of {self.total.sent:,} readings")
        return "\n".join(lines)


def _sentence(finding: Discrepancy) -> str:
    where = f"{finding.device} {utc(finding.time_ms)} seq {finding.seq} ({finding.domain})"
    return f"{finding.kind:9} {where} {finding.detail}".rstrip()


def verify(path: Path, database: InfluxdbAccess, wait_s: float, window_s: float) -> Report:
    """Hold the ledger at ``path`` against ``database``.

    :param wait_s: so long altogether it waits for what is missing.
    :param window_s: how far from its PUBACK a reading without ts may be stamped.
    :raises BadLedger: when the file cannot be read.
    :raises NotReachable: when InfluxDB does not answer.
    """
    deadline = time.monotonic() + wait_s
    influx = Influx(database)
    try:
        with path.open("rb") as file:
            index = read_index(file, path)
            if not index.offsets:
                raise BadLedger(f"{path}: holds no readings")
            report = Report(is_cut_short=index.is_cut_short)
            for domain, devices in index.groups():
                rows = list(_rows(file, index, domain, devices))
                look = partial(_look, influx, domain, rows, index, round(window_s * 1000))
                report.add(domain, _until(deadline, look))
    except OSError as error:
        raise BadLedger(f"{path}: {error.strerror or error}") from None
    return report


def read_index(file: BinaryIO, path: Path) -> Index:
    """Index the rows of each device.

    :raises BadLedger: when a line other than the last is no row.
    """
    index = Index()
    offset = 0
    for number, line in enumerate(file, 1):
        try:
            row = json.loads(line)
            if not TRUTH.isdisjoint(row):
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
    :raises TypeError: it is none.
    """
    key, times_ms = (row["m"], row["tags"]["device"]), (row["at"], row["ts"] or row["at"])
    if not (all(type(name) is str for name in key) and all(type(time_ms) is int for time_ms in times_ms)):
        raise TypeError("names are text and times are integers")
    return key, times_ms


def _rows(file: BinaryIO, index: Index, domain: str, devices: list[str]) -> Iterator[LedgerRow]:
    for offset in sorted(offset for device in devices for offset in index.offsets[domain, device]):
        file.seek(offset)
        yield json.loads(file.readline())


def _look(influx: Influx, domain: str, rows: list[LedgerRow], index: Index, window_ms: int) -> Comparison:
    """Ask for the points of a group and compare."""
    margin_ms = window_ms if any(row["ts"] is None for row in rows) else 0
    span = (index.first_ms - margin_ms, index.last_ms + margin_ms)
    points = influx.points(domain, _devices(rows), *span)
    healthy = _devices([row for row in rows if row.get("h")])
    health = influx.points(HEALTH, healthy, *span) if healthy else iter(())
    return compare(domain, rows, points, health, window_ms)


def _devices(rows: list[LedgerRow]) -> list[str]:
    return sorted({row["tags"]["device"] for row in rows})


def _until(deadline: float, look: Callable[[], Comparison]) -> Comparison:
    """Look again while something is missing and there is time."""
    while True:
        left_s = deadline - time.monotonic()
        try:
            comparison = look()
        except NotReachable:
            if left_s <= 0:
                raise
        else:
            if left_s <= 0 or not (comparison.counts.missing or comparison.counts.different):
                return comparison
        time.sleep(min(POLL_S, max(left_s, 0)))
