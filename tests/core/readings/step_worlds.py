"""An independent, seeded world of meters whose true use is known, to judge the rule for steps of counters.

It is written from the words of the rule, and imports of the gateway only what is judged. A meter is its true use, in pieces of
constant rate; its register is read at an interval with jitter, and readings get lost in gaps.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, NamedTuple

HOUR: Final = 1.0
DAY: Final = 24.0

Draw = tuple[float, float, float]
"""Begin and length in hours, and the rate per hour."""
Reading = tuple[float, float]
"""Hour and register."""


class Kind(NamedTuple):
    """A kind of meter: how it is used, how often it is read, and the size that its registry tells, if it does."""

    name: str
    draws: Callable[[Random, float], list[Draw]]
    intervals_h: tuple[float, ...]
    sizes_q3: tuple[float | None, ...]
    days: int = 30
    unit: tuple[float, ...] = (0.001,)


def house(random: Random, days: float) -> list[Draw]:
    """People who wash, cook and flush by day, 0.4 to 1.4 m3 a day; a day away now and then, a garden now and then."""
    daily, found = random.uniform(0.4, 1.4), []
    for day in range(int(days)):
        much = 0.05 if random.random() < 0.06 else random.choice((0.6, 0.8, 1.0, 1.0, 1.2, 1.6))
        left = daily * much
        while left > 0:
            hour = random.choice((6, 6, 7, 7, 11, 12, 17, 18, 18, 19, 19, 20, 21, 22, 2)) + random.random()
            rate, length = random.uniform(0.2, 0.9), random.uniform(0.02, 0.15)
            found.append((day * DAY + hour, length, rate))
            left -= rate * length
        if random.random() < 0.03:
            found.append((day * DAY + 17, random.uniform(0.3, 1.0), random.uniform(0.6, 1.2)))
    return found


def irrigation(random: Random, days: float) -> list[Draw]:
    """Nothing for five months, then a pump for some hours of most days."""
    rate, found = random.uniform(8, 30), []
    begins = 150 + random.randrange(5)
    for day in range(begins, int(days)):
        if random.random() < 0.8:
            found += [(day * DAY + random.choice((4, 5, 6, 18)) + random.random(), random.uniform(4, 10), rate)]
    return found


def hydrant(random: Random, days: float) -> list[Draw]:
    """Used for some minutes to an hour, a few times a month, as much as a hose of the fire brigade or a water cart takes."""
    found, day = [], random.expovariate(1 / 4)
    while day < days:
        found.append((day * DAY, random.uniform(0.15, 1.2), random.uniform(8, 40)))
        day += random.expovariate(1 / 4)
    return found


def school(random: Random, days: float) -> list[Draw]:
    """Taps that drip through the holidays of 75 days, then five days a week of children."""
    daily, found = random.uniform(4, 40), [(0.0, days * DAY, random.uniform(0.0, 0.02))]
    for day in range(75, int(days)):
        if day % 7 < 5:
            found += [
                (day * DAY + hour + random.random() / 4, 0.7, daily / 10 * random.uniform(0.6, 1.4)) for hour in range(7, 17)
            ]
    return found


def plant(random: Random, days: float) -> list[Draw]:
    """Shifts of working days, some nights, and a stop of some days now and then."""
    rate, found = random.uniform(15, 90), []
    begin, length = random.choice(((6, 8), (6, 16), (7, 10)))
    stopped = set()
    for day in range(int(days)):
        if random.random() < 0.02:
            stopped |= set(range(day, day + random.randrange(3, 12)))
        if day % 7 < 6 and day not in stopped:
            found += [(day * DAY + begin + hour, 1.0, rate * random.uniform(0.6, 1.1)) for hour in range(length)]
    return found


def interconnector(random: Random, days: float) -> list[Draw]:
    """Shut for weeks, then open for days at hundreds of cubic metres an hour."""
    found, day = [], random.uniform(5, 40)
    rate = random.uniform(60, 300)
    while day < days:
        length = random.uniform(0.5, 8) * DAY
        found += [(day * DAY + hour, 1.0, rate * random.uniform(0.8, 1.1)) for hour in range(int(length))]
        day += length / DAY + random.uniform(5, 30)
    return found


KINDS: Final = (
    Kind("house", house, (0.25, 1.0, 1.0, 6.0, 24.0), (None, 2.5), 30, (0.001, 0.001, 1.0)),
    Kind("irrigation", irrigation, (0.25, 1.0, 1.0, 24.0), (None, None, 25.0), 210),
    Kind("hydrant", hydrant, (0.25, 1.0, 1.0, 24.0), (None, 40.0), 365, (0.001, 0.1)),
    Kind("school", school, (0.25, 1.0, 1.0, 24.0), (None, 10.0), 150, (0.001, 0.1)),
    Kind("plant", plant, (0.25, 1.0, 1.0, 24.0), (None, None, 100.0), 90, (0.001, 0.1, 1.0)),
    Kind("interconnector", interconnector, (0.25, 1.0, 1.0), (None, 250.0), 150, (0.01, 1.0)),
)


class Gap(NamedTuple):
    """A time without readings, in hours."""

    begin: float
    end: float


def gaps(random: Random, days: float) -> list[Gap]:
    """Gaps of a meter, 1.4 to 7 a month; most of some hours, some of days, one in a hundred of weeks."""
    mean_days, found = 30 / random.uniform(1.4, 7), []
    at = random.expovariate(1 / mean_days)
    while at < days:
        length_h = min(random.lognormvariate(1.7, 1.2), 400.0)
        found.append(Gap(at * DAY, at * DAY + length_h))
        at += length_h / DAY + random.expovariate(1 / mean_days)
    return found


def register_of(draws: list[Draw], hours: list[float], begin: float, unit: float) -> Iterator[Reading]:
    """The register at some hours, as it shows it."""
    edges = sorted([(at, rate) for at, _, rate in draws] + [(at + length, -rate) for at, length, rate in draws])
    total, rate, last, place = begin, 0.0, 0.0, 0
    for hour in hours:
        while place < len(edges) and edges[place][0] <= hour:
            at, change = edges[place]
            total, rate, last, place = total + rate * (at - last), rate + change, at, place + 1
        total, last = total + rate * (hour - last), hour
        yield hour, round(int(total / unit + 1e-6) * unit, 6)


def hours_read(random: Random, days: float, interval_h: float, lost: list[Gap]) -> list[float]:
    """The hours at which a meter is read: at its interval, some minutes early or late, but in no gap."""
    jitter, phase = min(0.05, interval_h / 8), random.random() * interval_h
    hours = [phase + interval_h * number + random.uniform(0, jitter) for number in range(int(days * DAY / interval_h))]
    found, at = list[float](), 0
    for gap in sorted(lost):
        begin = bisect_right(hours, gap.begin, at)
        found += hours[at:begin]
        at = max(at, bisect_left(hours, gap.end, begin))
    return found + hours[at:]


class Verdicts(NamedTuple):
    """Verdicts on the meters of a kind.

    :ivar used: amount that they used by their registers.
    :ivar missed: part of it that their sums do not hold.
    :ivar untold: part of that which no step to confirm tells.
    :ivar steps: the steps to confirm, of which none was one.
    """

    meters: int
    days: int
    used: float
    missed: float
    untold: float
    steps: int

    @property
    def steps_of_thousand(self) -> float:
        """Steps to confirm of 1,000 meters in a month."""
        return self.steps / (self.days / 30) * 1000


class Judged(NamedTuple):
    """A meter as the gateway judged it: its sums, and the amounts that it held out, by step."""

    sums: list[float | None]
    held_out: list[float]
    is_told: bool


Judge = Callable[[list[Reading], float | None], Judged]
"""Judges the readings of a meter with its Q3 from the registry; None: it is not there."""


def judge_kind(kind: Kind, meters: int, seed: int, judge: Judge) -> Verdicts:
    """Judge meters of a kind, of which none is exchanged."""
    random, found = Random(f"{seed} {kind.name}"), Verdicts(meters, meters * kind.days, 0, 0, 0, 0)  # noqa: S311 - seeded
    for _ in range(meters):
        interval_h, q3, unit = random.choice(kind.intervals_h), random.choice(kind.sizes_q3), random.choice(kind.unit)
        hours = hours_read(random, kind.days, interval_h, gaps(random, kind.days))
        readings = list(register_of(kind.draws(random, kind.days), hours, random.uniform(10, 5000), unit))
        judged = judge(readings, q3)
        used, counted = max(
            (register - readings[0][1], total - readings[0][1])
            for (_, register), total in zip(readings, judged.sums, strict=True)
            if total is not None
        )
        missed = used - counted
        found = Verdicts(
            *(found.meters, found.days, found.used + used, found.missed + missed),
            *(found.untold + abs(missed - sum(judged.held_out)), found.steps + len(judged.held_out)),
        )
    return found


class Exchanges(NamedTuple):
    """Exchanges that nobody told: how many, those that were billed, and those that nobody was told of."""

    exchanges: int
    billed: int
    untold: int


def judge_exchanges(q3: float | None, gap_h: float, interval_h: float, number: int, seed: int, judge: Judge) -> Exchanges:
    """Exchange house meters for ones that show more: by at least 4 x what is usual in the gap and one hour of the size."""
    random, billed, untold = Random(f"{seed} {q3} {gap_h} {interval_h}"), 0, 0  # noqa: S311 - seeded
    size = 10.0 if q3 is None else 1.25 * q3
    for _ in range(number):
        at = 20 * DAY + random.random() * DAY
        days = 20 + gap_h / DAY + 15
        hours = hours_read(random, days, interval_h, [Gap(at, at + gap_h)])
        true = list(register_of(house(random, days), hours, random.uniform(10, 3000), 0.001))
        before, after = [one for one in true if one[0] <= at], [one for one in true if one[0] > at]
        mean = (before[-1][1] - before[0][1]) / (before[-1][0] - before[0][0])
        least = 4 * mean * (after[0][0] - before[-1][0]) + size
        step = least * random.choice((1.0001, 1.05, 1.2, 1.5, 2, 5, 20, 100))
        judged = judge([*before, *((hour, round(before[-1][1] + step + value - after[0][1], 6)) for hour, value in after)], q3)
        counted = max(total for total in judged.sums if total is not None) - true[0][1]
        is_billed = counted > true[-1][1] - true[0][1] + 0.01
        billed, untold = billed + is_billed, untold + (not is_billed and not judged.is_told)
    return Exchanges(number, billed, untold)
