"""The questions of panels, in no query language. :mod:`grafana.influxql` and :mod:`grafana.metricsql` render them.

A question is answered in two steps: from the points of each series one figure per step of time (``each``), from the figures of
the series one per group (``over``). The series of a device differ by lane, channel, class or direction.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from grafana.points import MEASUREMENTS, Points
from schemas.quantities import SUM_OF

DAYS_BY_HOUR: Final = 3
"""Longest time shown, in days, for which panels ask the roll-ups by hour."""

LOOK_BACK: Final = "2d"
"""Time before the range in which the value of a sum at its beginning is looked for. (Meters send once a day or more often.)"""


class Each(StrEnum):
    """The figure of one series in one step of time."""

    LAST = "last"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    SUM = "sum"
    COUNT = "count"
    TRUE = "true"
    """The number of points at which a state is true; a series without one has no figure."""
    USED = "used"
    """The difference between a counter's sum at the end of the range and before it."""


class Over(StrEnum):
    """The figure of a group of series."""

    SUM = "sum"
    MEAN = "mean"
    MIN = "min"
    MAX = "max"
    COUNT = "count"
    """The number of series that have a figure."""
    DEVICES = "devices"
    """The number of devices of which a series has a figure."""


class Step(StrEnum):
    """The times that a question asks about."""

    NOW = "now"
    """One figure, at the end of the time shown, from points as old as ``within``."""
    RANGE = "range"
    """One figure, of the time shown."""
    INTERVAL = "interval"
    """A figure for each interval of the panel."""
    HOUR = "1h"
    DAY = "1d"
    """Local days; and the months of ``monthly``, each on its first day."""


class Mark(StrEnum):
    """The share of a figure that is marked. Each point weighs as much as its part of the figure."""

    ESTIMATED = "estimated"
    SUSPECT = "suspect"
    MEASURED = "measured"
    DOUBT = "doubt"
    """The part that does not stand on readings, or on suspect ones. The flag of a device alone that says estimated is 1 %."""


MARK_FIELDS: Final = (Mark.ESTIMATED.value, Mark.SUSPECT.value, Mark.MEASURED.value)
MARKS: Final = {
    Mark.ESTIMATED: "{estimated}",
    Mark.SUSPECT: "{suspect}",
    Mark.MEASURED: "{measured}",
    Mark.DOUBT: "{measured} * (1 - {suspect}) * (1 - 0.01 * {estimated})",
}
"""The mark of a point, from the fields of the same name; for doubt what is sure of it, and the rest is in doubt."""
LEAST_WEIGHT: Final = "0.000001"
"""Added to each figure, since the mark of a true or untrue 0 counts too."""


class Compare(StrEnum):
    """The comparison of a figure with a limit."""

    IS = "="
    ABOVE = ">"
    BELOW = "<"


@dataclass(frozen=True, slots=True)
class Where:
    """A condition on the last value of a field of each series; a state is compared with True or False.

    :ivar is_age: the field is a time, and ``value`` an age in ms at the end of the time shown.
    """

    field: str
    compare: Compare
    value: float | bool
    is_age: bool = False


def true(state: str) -> Where:
    """A state that is true."""
    return Where(state, Compare.IS, value=True)


def false(state: str) -> Where:
    """A state that is false."""
    return Where(state, Compare.IS, value=False)


def older(field: str, age_ms: int) -> Where:
    """A time that lies longer before the end of the time shown."""
    return Where(field, Compare.BELOW, age_ms, is_age=True)


@dataclass(frozen=True, slots=True)
class Ask:
    """One question.

    :ivar by: tags of the groups; without any, all devices together.
    :ivar tags: tag → the only value asked about.
    :ivar where: conditions that a series must meet.
    :ivar within: for :attr:`Step.NOW`, the age of the oldest point that counts.
    :ivar limit: at most so many rows, the largest first; negative: the smallest first; 0: all. In a table of several columns
        that of the first question chooses the rows of all.
    :ivar above_days: asked only if more days than this are shown.
    :ivar up_to_days: asked only if at most so many days are shown; 0: however many.
    :ivar days_before: asks about a time that lies so many days before, and shows it on the time of the panel: the same hours of
        yesterday, on one axis with those of today.
    :ivar last_hours: of a line only so many hours up to the end of the time shown; 0: all of it.
    :ivar of_areas: asked only if the reader has chosen whole areas (True), or sites or devices (False); None: either way.
    :ivar name: the name of the line or column; lines have the values of ``by`` before it.
    :ivar beside: a field that a point must have too.
    :ivar mark: asks for a mark of the figure in place of the figure.
    :ivar or_none: it is 0 where no series has a figure, though some have points: one without points has no answer.
    :ivar scale: what the figure is multiplied by, where it is shown in another unit than it is kept in.
    :ivar weighs: the fields by which the points of a mark weigh, each by the first that it has; empty: by the figure itself. A
        point with such a field but without the figure is not measured. What is below 0 is not weighed.
    """

    measurement: str
    field: str
    each: Each
    step: Step
    over: Over = Over.MAX
    by: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    where: tuple[Where, ...] = ()
    within: str = "25h"
    limit: int = 0
    above_days: int = 0
    up_to_days: int = 0
    days_before: int = 0
    last_hours: int = 0
    of_areas: bool | None = None
    name: str = ""
    beside: str = ""
    mark: Mark | None = None
    or_none: bool = False
    weighs: tuple[str, ...] = ()
    scale: float = 1.0

    def __post_init__(self) -> None:
        """Refuse a question about a measurement, field or tag that does not exist."""
        points = MEASUREMENTS.get(self.measurement)
        if points is None:
            raise ValueError(f"There is no measurement {self.measurement}.")
        names = (self.field, *(where.field for where in self.where), *([self.beside] if self.beside else []), *self.weighs)
        unknown = [name for name in names if name not in points.units]
        if unknown:
            raise ValueError(f"{self.measurement} has no quantity {', '.join(unknown)}.")
        if self.each is Each.USED and (self.field not in SUM_OF.values() or self.step is not Step.RANGE):
            raise ValueError(f"{self.measurement}.{self.field} is not asked for the use of a sum in the time shown.")
        if self.days_before and (self.each is Each.USED or any(where.is_age for where in self.where)):
            raise ValueError(f"{self.measurement}.{self.field} is not asked for another day.")
        if self.mark and (not points.period or "measured" not in points.units or self.step is Step.NOW):
            raise ValueError(f"{self.measurement} per {self.step} has no marks.")
        is_now = self.step is Step.NOW and self.each is Each.LAST
        if points.period and not (self.is_of_periods or self.step is Step.RANGE or is_now):
            raise ValueError(f"{self.measurement} has one point per {points.period}: it has no {self.each} per {self.step}.")

    @property
    def points(self) -> Points:
        """The points that it asks about."""
        return MEASUREMENTS[self.measurement]

    def mark_field(self, mark: Mark) -> str:
        """The field of a mark: the figure's own, or that of all figures of the point."""
        own = f"{self.field.partition('_')[0]}_{mark}"
        return own if own in self.points.units else mark.value

    def scaled(self, figure: str) -> str:
        """Multiply a figure, in either language."""
        return figure if self.scale == 1 else f"{figure} * {self.scale:g}"

    @property
    def series(self) -> tuple[str, ...]:
        """The tags of a series, those of its group among them."""
        return tuple(dict.fromkeys((*self.points.series, *self.by)))

    @property
    def is_of_periods(self) -> bool:
        """It has one point per period: the figure of a step is that point."""
        return self.step in (Step.HOUR, Step.DAY) and self.points.period == self.step.value

    @property
    def ends_early_h(self) -> int:
        """The hours at its end that a line of days before leaves out: today's newest hour has not ended, and has no figure."""
        return 1 if self.days_before and self.is_of_periods and self.step is Step.HOUR else 0

    def is_beside(self, other: "Ask") -> bool:
        """It asks for another field of the newest point that the other one asks for, the largest or smallest of many."""
        same = replace(self, field=other.field, limit=other.limit, beside="")
        return self.beside == other.field and bool(other.limit) and self.step is Step.NOW and same == other

    @property
    def bounds(self) -> list[tuple[str, int]]:
        """Comparisons that the days shown must meet."""
        return [(sign, days) for sign, days in ((">", self.above_days), ("<=", self.up_to_days)) if days]

    @property
    def is_over_time(self) -> bool:
        """The answer is a line and not one figure."""
        return self.step not in (Step.NOW, Step.RANGE)


@dataclass(frozen=True, slots=True)
class Combined:
    """Two figures of the same groups and times, subtracted or divided.

    :ivar operator: ``-`` or ``/``.
    :ivar per: the figure is divided by it: 60 makes minutes of seconds.
    """

    left: "Ask | Combined"
    operator: str
    right: Ask
    name: str = ""
    per: int = 1


Question = Ask | Combined


class CannotAsk(ValueError):  # noqa: N818 - it reads as the sentence it carries
    """A query language has no words for a question; the text says which part of it."""


def asks(question: Question) -> Iterator[Ask]:
    """The questions that a question is made of."""
    if isinstance(question, Ask):
        yield question
    else:
        yield from asks(question.left)
        yield question.right


def first(question: Question) -> Ask:
    """The question from which a combined one has its groups, its step and its bounds."""
    return next(asks(question))


def column_name(question: Question) -> str:
    """The name of the column that answers a question in a table."""
    return question.name or first(question).field


def by_time_shown(question: Ask) -> tuple[Ask, Ask]:
    """A question to the roll-ups by hour, and the same to those by day where many days are shown."""
    day = question.measurement.replace("hourly", "daily")
    step = Step.DAY if question.step is Step.HOUR else question.step
    return (replace(question, up_to_days=DAYS_BY_HOUR), replace(question, measurement=day, step=step, above_days=DAYS_BY_HOUR))


def by_choice(of_areas: Question, of_devices: Question) -> tuple[Question, Question]:
    """A question to the points of areas, and one with the same answer to those of devices, where some of them are chosen."""
    return _only_if(of_areas, of_areas=True), _only_if(of_devices, of_areas=False)


def _only_if(question: Question, *, of_areas: bool) -> Question:
    if isinstance(question, Ask):
        return replace(question, of_areas=of_areas)
    left, right = _only_if(question.left, of_areas=of_areas), replace(question.right, of_areas=of_areas)
    return replace(question, left=left, right=right)


_HOUR_MS: Final = 3_600_000
_GAPS_MS: Final = {Step.INTERVAL: 3 * _HOUR_MS, Step.HOUR: 3 * _HOUR_MS, Step.DAY: 49 * _HOUR_MS}
_GAP_OF_MONTHS_MS: Final = 63 * 24 * _HOUR_MS


def gap_ms(question: Question) -> int:
    """The time that two figures of a line may lie apart and still be joined."""
    asked = first(question)
    return _GAP_OF_MONTHS_MS if asked.measurement.startswith("monthly") else _GAPS_MS[asked.step]
