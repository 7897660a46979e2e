"""Sums in the database against what was really consumed, device by device and day by day. Pure.

A day's consumption is the difference of the sums at its two midnights; where no reading falls on midnight, of a straight line
between its neighbours. A day is *exact* when that is what was consumed, as far as the register shows it.

A day is *marked* when its points say that it may be wrong: bit 4 on one of them, or a gap at one of its midnights. It may be
off by what flowed across the gaps and unseen in the steps of the meter, and no more. Any other difference is *wrong*.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Final, NamedTuple

from firmware_sim.compare import Discrepancy
from firmware_sim.query import StoredPoint
from firmware_sim.truth_rows import ConsumedDay, Happening
from schemas.quantities import SUM_OF, TEXT_TAGS, Quality

GAP: Final = 1.5
"""Neighbours of midnight that are further apart than so many usual distances have a gap between them."""
_SILENT: Final = "device_silent"
ROUNDING: Final = 2e-6
"""Sums are rounded to six decimals."""


@dataclass(slots=True)
class SumCounts:
    """Device-days by what became of them.

    :ivar marked_off: of the marked ones, those that are off at all.
    :ivar wrong: off without a mark, or by more than the mark allows.
    :ivar uncovered: no sum stands before or after a midnight.
    """

    exact: int = 0
    marked: int = 0
    marked_off: int = 0
    wrong: int = 0
    uncovered: int = 0

    @property
    def days(self) -> int:
        """All of them."""
        return self.exact + self.marked + self.wrong + self.uncovered

    @property
    def faults(self) -> int:
        """The faults found."""
        return self.wrong + self.uncovered

    def add(self, other: "SumCounts") -> None:
        """Add up."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class SumsOutcome:
    """The outcome for some devices."""

    counts: SumCounts = field(default_factory=SumCounts)
    findings: list[Discrepancy] = field(default_factory=list)


class _Boundary(NamedTuple):
    """The sum at a midnight.

    :ivar before: the place of the reading before it or at it; ``after`` likewise.
    :ivar crossed: what the sum grew by across a gap; 0 where there is none.
    """

    total: float
    before: int
    after: int
    crossed: float


@dataclass(slots=True)
class _SumSeries:
    """The sums of one register of one stream.

    :ivar suspect_ms: the times of all its points with bit 4, with a sum or without.
    """

    times_ms: list[int] = field(default_factory=list)
    totals: list[float] = field(default_factory=list)
    suspect_ms: list[int] = field(default_factory=list)
    usual_ms: float = 0.0

    def close(self) -> None:
        """All points are in."""
        gaps = [later - earlier for earlier, later in pairwise(self.times_ms)]
        self.usual_ms = median(gaps) if gaps else 0.0

    def at(self, at_ms: int) -> _Boundary | None:
        """Return the sum at a midnight; None: no sum stands before it, or none after it."""
        after = bisect_left(self.times_ms, at_ms)
        if after == len(self.times_ms) or (after == 0 and self.times_ms[0] > at_ms):
            return None
        if self.times_ms[after] == at_ms:
            return _Boundary(self.totals[after], after, after, 0.0)
        before = after - 1
        gap_ms, grown = self.times_ms[after] - self.times_ms[before], self.totals[after] - self.totals[before]
        total = self.totals[before] + grown * (at_ms - self.times_ms[before]) / gap_ms
        return _Boundary(total, before, after, grown if gap_ms > GAP * self.usual_ms else 0.0)

    def is_suspect(self, first: int, last: int) -> bool:
        """Tell if a point between two others is suspect."""
        place = bisect_left(self.suspect_ms, self.times_ms[first])
        return place < len(self.suspect_ms) and self.suspect_ms[place] <= self.times_ms[last]


def check_sums(days: Sequence[ConsumedDay], happenings: Sequence[Happening], points: Iterable[StoredPoint]) -> SumsOutcome:
    """Hold the days of some devices against their points.

    A day is left out when the device fell silent in it and is silent still: nobody can know the sum at its end.

    :param happenings: what happened to them; meters stepped, or are silent.
    """
    series = _series(points, {day.field for day in days})
    stepped = defaultdict(list)
    silent_ms: dict[str, int] = {}
    for happening in happenings:
        if happening.flowed:
            stepped[happening.place].append(happening)
        if happening.alarm == _SILENT and happening.ended_ms is None:
            silent_ms[happening.place] = happening.began_ms
    outcome = SumsOutcome()
    for day in days:
        found = series.get((day.device, day.stream, day.field), _SumSeries())
        if silent_ms.get(day.device, day.to_ms) < day.to_ms and found.at(day.to_ms) is None:
            continue
        _check_day(day, found, stepped[day.device], outcome)
    return outcome


def _series(points: Iterable[StoredPoint], fields: set[str]) -> dict[tuple[str, tuple[tuple[str, str], ...], str], _SumSeries]:
    found: dict[tuple[str, tuple[tuple[str, str], ...], str], _SumSeries] = defaultdict(_SumSeries)
    for point in sorted(points, key=lambda point: point.time_ms):
        stream = tuple(sorted(pair for pair in point.tags.items() if pair[0] in TEXT_TAGS))
        for name in fields.intersection(point.fields):
            sums = found[point.tags.get("device", ""), stream, name]
            if int(point.fields.get("quality", 0)) & Quality.COUNTER_SUSPECT:
                sums.suspect_ms.append(point.time_ms)
            total = point.fields.get(SUM_OF[name])
            if total is not None:
                sums.times_ms.append(point.time_ms)
                sums.totals.append(float(total))
    for sums in found.values():
        sums.close()
    return found


def _check_day(day: ConsumedDay, sums: _SumSeries, steps: Sequence[Happening], outcome: SumsOutcome) -> None:
    begin, end = sums.at(day.from_ms), sums.at(day.to_ms)
    counts = outcome.counts
    if begin is None or end is None:
        counts.uncovered += 1
        _find(outcome, "uncovered", day, f"no {SUM_OF[day.field]} {'before' if begin is None else 'after'} its midnight")
        return
    used = end.total - begin.total
    off = abs(used - day.value)
    is_exact = off <= day.within + ROUNDING
    crossed = begin.crossed + end.crossed
    if not crossed and not sums.is_suspect(begin.before, end.after):
        if is_exact:
            counts.exact += 1
            return
    else:
        span = sums.times_ms[begin.before], sums.times_ms[end.after]
        during = [step for step in steps if step.began_ms <= span[1] and max(step.ended_ms or 0, step.began_ms) >= span[0]]
        unseen = sum(step.flowed.get(day.field, 0.0) for step in during)
        if off <= crossed + unseen + day.within + ROUNDING:
            counts.marked += 1
            counts.marked_off += not is_exact
            return
    counts.wrong += 1
    _find(outcome, "wrong", day, f"{SUM_OF[day.field]} says {used:.6g}, consumed were {day.value:.6g} (within {day.within:g})")


def _find(outcome: SumsOutcome, kind: str, day: ConsumedDay, detail: str) -> None:
    stream = " ".join(value for _, value in day.stream)
    outcome.findings.append(Discrepancy(kind, f"sum {stream}".strip(), day.device, day.from_ms, None, detail))
