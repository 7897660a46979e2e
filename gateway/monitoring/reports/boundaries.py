"""Local hours, days and months, the value of a sum at the boundary between two, and marks of figures. Pure arithmetic.

A sum at a boundary is a whole number of millionths of its unit, rounded once. Consumption is the difference of two of them,
so hours add up to their day and days to their month, exactly. Marks, how far a figure is to be trusted, stand beside it
wherever it is shown.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import SumPoint, TimeSpan

MILLIONTHS: Final = 1_000_000
_HOUR_MS: Final = 3_600_000
_ASSUMED_INTERVAL_MS: Final = 20 * 60_000
"""Interval of a device that has none in the registry: a third of the hour after which it is silent."""


class ReportStep(StrEnum):
    """A length of the periods of a report."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Uncovered(StrEnum):
    """The cause for which a sum at a boundary, or the consumption of a period, is not known."""

    NOTHING_BEFORE = "no reading before it"
    NOTHING_AFTER = "no reading after it"
    NO_READING = "no reading"
    NOT_OVER = "it has not ended yet"
    WENT_BACK = "the sum goes back: gateway devices resum"
    CHILD_MISSING = "a device below it is not covered"
    NO_SUPPLY = "no meter of what comes in"
    NO_CUSTOMER = "no customer behind the meter is registered"
    UNREGISTERED = "not all customers behind the meter are registered"
    FED_APART = "some of it comes through meters of two groups"
    TANK_BY_HOUR = "behind a tank only by day and month"
    TANK_UNKNOWN = "what the tank holds is not known"


class SumBoundary(NamedTuple):
    """A sum at a boundary."""

    at_ms: int
    millionths: int | None  # the sum in millionths of its unit; None: it is not covered
    uncovered: Uncovered | None
    is_estimated: bool  # True: its neighbours are farther apart than readings of the device should be
    reading: SumPoint | None  # the last reading up to the boundary, else the first one after it
    after: SumPoint | None = None  # the first reading after the boundary, where it lies between two


def sum_at(
    at_ms: int, before: SumPoint | None, after: SumPoint | None, interval_ms: int | None, *, is_whole: bool = False
) -> SumBoundary:
    """Interpolate between the last point up to an instant and the first after it; ``is_whole``: of things there is no half."""
    if before is not None and before.time_ms == at_ms:
        return SumBoundary(at_ms, millionths(before), None, is_estimated=False, reading=before)
    if before is None or after is None:
        return SumBoundary(at_ms, None, _uncovered(before, after), is_estimated=False, reading=before or after)
    low, high, gap_ms = millionths(before), millionths(after), after.time_ms - before.time_ms
    unit = MILLIONTHS if is_whole else 1
    between = low + ((high - low) * (at_ms - before.time_ms) * 2 + gap_ms * unit) // (gap_ms * 2 * unit) * unit
    is_estimated = gap_ms * 2 > (interval_ms or _ASSUMED_INTERVAL_MS) * 3
    return SumBoundary(at_ms, between, None, is_estimated, before, after)


def millionths(point: SumPoint) -> int:
    """The sum of a point in millionths of its unit."""
    return round(point.sum * MILLIONTHS)


def _uncovered(before: SumPoint | None, after: SumPoint | None) -> Uncovered:
    if before is None and after is None:
        return Uncovered.NO_READING
    return Uncovered.NOTHING_BEFORE if before is None else Uncovered.NOTHING_AFTER


def periods(first: date, last: date, step: ReportStep, zone: ZoneInfo) -> Iterator[TimeSpan]:
    """The local hours, days or months from the first day to the last, both included; the report may cut a month.

    A day on which the clock is put forward has 23 hours; one on which it is put back has 25.
    """
    day = first
    while day <= last:
        following = min(_next(day, step), last + timedelta(days=1))
        whole = TimeSpan(midnight_ms(day, zone), midnight_ms(following, zone))
        yield from hours(whole) if step is ReportStep.HOUR else (whole,)
        day = following


def hours(day: TimeSpan) -> Iterator[TimeSpan]:
    """The hours of a local day."""
    for start_ms in range(day.start_ms, day.end_ms, _HOUR_MS):
        yield TimeSpan(start_ms, min(start_ms + _HOUR_MS, day.end_ms))


def _next(day: date, step: ReportStep) -> date:
    if step is not ReportStep.MONTH:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=31)).replace(day=1)


def midnight_ms(day: date, zone: ZoneInfo) -> int:
    """The instant at which a local day begins. If the clock is put forward over midnight, it is the first one after that."""
    return round(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()) * 1000


def day_of(at_ms: int, zone: ZoneInfo) -> TimeSpan:
    """The local day of an instant."""
    day = datetime.fromtimestamp(at_ms // 1000, zone).date()
    return TimeSpan(midnight_ms(day, zone), midnight_ms(day + timedelta(days=1), zone))


def month_of(at_ms: int, zone: ZoneInfo) -> TimeSpan:
    """The local month of an instant."""
    first = datetime.fromtimestamp(at_ms // 1000, zone).date().replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return TimeSpan(midnight_ms(first, zone), midnight_ms(following, zone))


def so_far(span: TimeSpan, zone: ZoneInfo, now_ms: int) -> TimeSpan:
    """A period up to the last midnight where it goes on for longer than today: the figures of groups stand on whole days."""
    midnight = day_of(now_ms, zone).start_ms
    return TimeSpan(span.start_ms, midnight) if span.start_ms < midnight < span.end_ms else span


def local_text(time_ms: int, zone: ZoneInfo) -> str:
    """An instant in local time: ``2026-10-01 00:00``, with seconds if they are not zero."""
    at = datetime.fromtimestamp(time_ms / 1000, zone)
    return at.strftime("%Y-%m-%d %H:%M:%S" if at.second else "%Y-%m-%d %H:%M")


MARKED: Final = 0.01
"""A figure is shown as marked from this share on."""


class Marks(NamedTuple):
    """Marks of a figure: how far it is to be trusted."""

    estimated: float = 0.0  # the share of it that is estimated; of a device 1 if a boundary lies in a gap of the readings
    suspect: float = 0.0  # the share of it that comes from counters with a suspect step; of a device 1 if there was one
    measured: float = 1.0  # the share of it that stands on readings

    @property
    def is_shown(self) -> bool:
        """True when people must be told: panels, pages and reports show the figure as marked."""
        return self.estimated >= MARKED or self.suspect >= MARKED or self.measured < 1 - MARKED

    @classmethod
    def worst(cls, several: Iterable["Marks"]) -> "Marks":
        """The marks of figures that stand together."""
        marks = list(several) or [cls()]
        return cls(max(one.estimated for one in marks), max(one.suspect for one in marks), min(one.measured for one in marks))


def measured_share(first: SumBoundary, last: SumBoundary, known: int | None, until_ms: int | None) -> float:
    """The share of a consumption that stands on readings, without what is interpolated in gaps; of the period what is known.

    A gap may hide as much as flowed beside it: behind a step that is held out its line tells of nothing.

    :param known: the consumption until the time ``until_ms``.
    """
    if known is None or until_ms is None:
        return 0.0
    length_ms, whole_ms = until_ms - first.at_ms, last.at_ms - first.at_ms
    sure, sure_ms = known - sum(amount for amount, _ in _gaps(first, last)), length_ms - gaps_ms(first, last)
    share = min(sure / known * length_ms if known else sure_ms, sure_ms) / whole_ms
    return min(1.0, max(0.0, share))


def gaps_ms(first: SumBoundary, last: SumBoundary) -> int:
    """The length of what is interpolated in gaps at the edges of a period."""
    return sum(length_ms for _, length_ms in _gaps(first, last))


def _gaps(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    yield from _gap_behind(first, last)
    yield from _gap_before(first, last)


def _gap_behind(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    """Yield what is interpolated behind the beginning of a period: an amount, and a length of time."""
    after = first.after
    if first.is_estimated and after is not None and first.millionths is not None:
        if after.time_ms < last.at_ms:
            yield millionths(after) - first.millionths, after.time_ms - first.at_ms
        else:
            yield (last.millionths or first.millionths) - first.millionths, last.at_ms - first.at_ms


def _gap_before(first: SumBoundary, last: SumBoundary) -> Iterator[tuple[int, int]]:
    """Yield what is interpolated before its end, unless the gap is longer than the period."""
    reading = last.reading
    if last.is_estimated and reading is not None and last.millionths is not None and reading.time_ms >= first.at_ms:
        yield last.millionths - millionths(reading), last.at_ms - reading.time_ms
