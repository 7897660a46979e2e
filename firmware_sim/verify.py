"""Verification that every reading of a ledger is in the database, once and as it was sent; and that sums and alarms are true.

The ledger is read twice: first for where the rows of each device are, then, part by part, for the rows themselves. Memory holds
one part of rows and points, and of the sums of a device with several parts two numbers a reading.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from firmware_sim.alarm_check import ALARM, GRACE_MS, AlarmsOutcome, alarms_of, check_alarms
from firmware_sim.compare import ALWAYS, SAME_READING_MS, Comparison, compare
from firmware_sim.ledger_index import BadLedger, LedgerIndex, LedgerPart, ledger_index
from firmware_sim.progress import ShareProgress
from firmware_sim.query import InfluxdbAccess, NotReachable, StoredPoint
from firmware_sim.report import Report
from firmware_sim.sum_check import SumsOutcome, check_sums
from firmware_sim.victoria import AnyDatabase, PointSource
from schemas.quantities import HEALTH

POLL_S: Final = 1.0


def verify(path: Path, database: InfluxdbAccess, wait_s: float, window_s: float, *, with_alarms: bool = True) -> Report:
    """Hold the ledger at ``path`` against ``database``.

    :param wait_s: so long altogether it waits for what is missing.
    :param window_s: how far from its PUBACK a reading without ts may be stamped.
    :raises BadLedger: when the file cannot be read.
    :raises NotReachable: when InfluxDB does not answer.
    """
    deadline = time.monotonic() + wait_s
    try:
        with path.open("rb") as file:
            reading = ShareProgress(path.stat().st_size, "bytes of the ledger read")
            with ledger_index(file, path, reading.reach) as index:
                if not index.rows:
                    raise BadLedger(f"{path}: holds no readings")
                verifier = _Verifier(index, AnyDatabase(database), round(window_s * 1000))
                return verifier.verify(deadline, with_alarms=with_alarms)
    except OSError as error:
        raise BadLedger(f"{path}: {error.strerror or error}") from None


@dataclass(frozen=True, slots=True)
class _PartOutcome:
    """The outcome for readings that are looked up together."""

    comparison: Comparison
    sums: SumsOutcome

    @property
    def may_come(self) -> bool:
        """True if what is at fault may be on its way."""
        counts = self.comparison.counts
        return bool(counts.missing or counts.different or self.sums.counts.faults)


@dataclass(frozen=True, slots=True)
class _Verifier:
    """A ledger and a database."""

    index: LedgerIndex
    source: PointSource
    window_ms: int

    def verify(self, deadline: float, *, with_alarms: bool) -> Report:
        """Look up part after part, then the alarms."""
        report = Report(is_cut_short=self.index.is_cut_short)
        show = ShareProgress(self.index.rows, "readings looked up")
        done = 0
        for part in self.index.parts():
            outcome = _until(deadline, partial(self._look, part))
            report.add(part.domain, outcome.comparison)
            report.add_sums(outcome.sums)
            done += part.rows
            show.reach(done)
        if with_alarms and (self.index.truth.happenings or self.index.consumption):
            report.add_alarms(self._alarms())
        show.end()
        return report

    def _look(self, part: LedgerPart) -> _PartOutcome:
        """Ask for the points of a part and compare.

        Around a part that is not all of a device, rows are known that may lay claim to its points, and their points too.
        """
        margin_ms = max(self.window_ms, SAME_READING_MS)
        rows = self.index.rows_of(part, margin_ms)
        is_any_untimed = any(row["ts"] is None for row in rows)
        span = part.span.widened(2 * margin_ms if not part.is_whole else self.window_ms if is_any_untimed else 0)
        points = list(self.source.points(part.domain, part.devices, *span))
        healthy = sorted({row["tags"]["device"] for row in rows if row.get("h")})
        health = self.source.points(HEALTH, healthy, *span) if healthy else iter(())
        comparison = compare(part.domain, rows, points, health, self.window_ms, ALWAYS if part.is_whole else part.span)
        days = self.index.days_of(part.devices) if part.is_last else []
        if not days:
            return _PartOutcome(comparison, SumsOutcome())
        happenings = list(self.index.truth.happenings.values())
        return _PartOutcome(comparison, check_sums(days, happenings, points if part.is_whole else self._all_points(part)))

    def _all_points(self, part: LedgerPart) -> Iterator[StoredPoint]:
        """Ask for the points of a device once more, part after part."""
        for span in (*part.earlier, part.span):
            yield from self.source.points(part.domain, part.devices, *span)

    def _alarms(self) -> AlarmsOutcome:
        """Ask for all alarms and hold them against what happened."""
        first_ms, last_ms = self.index.span
        points = self.source.points(ALARM, (), first_ms, last_ms + GRACE_MS)
        happenings = list(self.index.truth.happenings.values())
        return check_alarms(happenings, alarms_of(points), self.index.span, self.index.devices)


def _until(deadline: float, look: Callable[[], _PartOutcome]) -> _PartOutcome:
    """Look again while something is missing and there is time."""
    while True:
        left_s = deadline - time.monotonic()
        try:
            outcome = look()
        except NotReachable:
            if left_s <= 0:
                raise
        else:
            if left_s <= 0 or not outcome.may_come:
                return outcome
        time.sleep(min(POLL_S, max(left_s, 0)))
