"""True flows: for each kind of customer a course of amounts, slot by slot, in millionths of the unit. Pure, seeded.

Between two knots the flow is even. All devices behind one first meter have their knots at the same instants, so a bulk meter's
course is the sum of those behind it, and what people interpolate between two readings is exact.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from math import pi, sin
from random import Random
from typing import Final

from tests.campaigns.truth.calendar import FIRST_DAY_S, SLOT_S, ZONE

MILLION: Final = 1_000_000


class Course:
    """An amount that grows.

    :ivar slots: what flows in each slot, in millionths.
    """

    def __init__(self, first_s: int, slots: Sequence[int]) -> None:
        self.first_s = first_s
        self.slots = slots
        self.knots_s = [first_s + place * SLOT_S for place in range(len(slots) + 1)]
        self._total = [0]
        for amount in slots:
            self._total.append(self._total[-1] + amount)

    def at(self, at_s: float) -> float:
        """Return what has flowed until then, in the unit."""
        place = min(max(bisect_right(self.knots_s, at_s) - 1, 0), len(self.slots) - 1)
        part = min(max((at_s - self.knots_s[place]) / SLOT_S, 0.0), 1.0)
        return (self._total[place] + self.slots[place] * part) / MILLION

    def between(self, begin_s: float, end_s: float) -> float:
        """Return what flows between two instants."""
        return self.at(end_s) - self.at(begin_s)

    def most(self, around_s: float, within_s: float) -> float:
        """The fastest flow around an instant, in the unit a second."""
        low = max(bisect_right(self.knots_s, around_s - within_s) - 1, 0)
        high = bisect_right(self.knots_s, around_s + within_s)
        return max(self.slots[low:high], default=0) / MILLION / SLOT_S


Shape = Callable[[datetime, int, Random], float]
"""The flow an hour as a multiple of the mean: at a local time, on a day of the world, with chance."""


def _house(at: datetime, _day: int, chance: Random) -> float:
    hour = at.hour + at.minute / 60
    wave = 0.25 if hour < 5 else 0.8 + 0.6 * sin((hour - 6) / 24 * 4 * pi)
    return max(wave, 0.15) * chance.uniform(0.5, 1.5)


def _steady(_at: datetime, _day: int, chance: Random) -> float:
    return chance.uniform(0.97, 1.03)


def _school(at: datetime, day: int, chance: Random) -> float:
    """Holidays until the eighth day, then only in lessons."""
    is_open = day >= 8 and at.weekday() < 5 and 7 <= at.hour < 17
    return 2.4 * chance.uniform(0.8, 1.2) if is_open else 0.02


def _plant(at: datetime, _day: int, chance: Random) -> float:
    """Two batches a day, and nothing between."""
    return 6.0 * chance.uniform(0.95, 1.05) if at.hour in {8, 9, 20, 21} else 0.0


def _sun(at: datetime, _day: int, chance: Random) -> float:
    hour = at.hour + at.minute / 60
    return max(0.0, sin((hour - 6) / 12 * pi)) * chance.uniform(0.6, 1.0) * 3 if 6 <= hour <= 18 else 0.0


def _irrigation(at: datetime, day: int, chance: Random) -> float:
    """The season begins on the twelfth day."""
    return 4.0 * chance.uniform(0.97, 1.03) if day >= 11 and at.hour in {4, 5, 6, 17, 18, 19} else 0.0


def _hydrant(at: datetime, day: int, _chance: Random) -> float:
    """It is opened three times in the month."""
    return 12.0 if (day, at.hour) in {(6, 22), (6, 23), (15, 3), (24, 13), (24, 14)} else 0.0


def _rain(at: datetime, day: int, chance: Random) -> float:
    return chance.uniform(0.0, 4.0) if day % 3 == 1 and 14 <= at.hour < 18 else 0.0


SHAPES: Final[dict[str, Shape]] = {
    "house": _house,
    "steady": _steady,
    "school": _school,
    "plant": _plant,
    "sun": _sun,
    "irrigation": _irrigation,
    "hydrant": _hydrant,
    "rain": _rain,
}


def course(shape: str, mean_an_hour: float, first_s: int, slots: int, seed: str, *, is_whole: bool = False) -> Course:
    """Return the course of a customer."""
    chance = Random(seed)  # noqa: S311 - a world, no secret
    found = []
    for place in range(slots):
        at_s = first_s + place * SLOT_S
        day = (at_s - FIRST_DAY_S) // 86_400
        amount = mean_an_hour * SHAPES[shape](datetime.fromtimestamp(at_s, ZONE), day, chance) * SLOT_S / 3600
        found.append(round(amount) * MILLION if is_whole else round(amount * MILLION))
    return Course(first_s, found)


def steady(first_s: int, slots: int, *flows: tuple[float, float]) -> Course:
    """Return flows that begin at a time and then stay.

    :param flows: each with its begin and its amount an hour.
    """
    amounts = [(begin_s, round(an_hour * SLOT_S / 3600 * MILLION)) for begin_s, an_hour in flows]
    times = (first_s + place * SLOT_S for place in range(slots))
    return Course(first_s, [sum(amount for begin_s, amount in amounts if begin_s <= at_s) for at_s in times])


def summed(*courses: Course) -> Course:
    """Return what a meter before others passes: all of theirs."""
    return Course(courses[0].first_s, [sum(amounts) for amounts in zip(*(one.slots for one in courses), strict=True)])


def netted(taken: Course, given: Course) -> tuple[Course, Course]:
    """Return what a meter takes in and gives out, whose customers also produce."""
    net = [into - out for into, out in zip(taken.slots, given.slots, strict=True)]
    return Course(taken.first_s, [max(one, 0) for one in net]), Course(taken.first_s, [max(-one, 0) for one in net])
