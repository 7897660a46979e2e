"""A made-up town, hour by hour: houses, bulk meters, transformers, tanks, pumps, roads and shops, and what befalls them.

It knows what really flows and what each register shows of it. It is written from what people and meters do, and shares nothing
with the rules that judge it. What is no fault is common here: holidays, empty houses, seasons, supply cuts, closed roads,
registers that show whole cubic metres, meters that send once a day, silent ones, two inlets of which one rests.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import floor, nan, pi, sin
from random import Random
from typing import NamedTuple

NEW_YEAR_DAY = 40
"""Tết: many leave for a week, and shops are shut."""
RESIDENTS = 6


class Fault(NamedTuple):
    """Something that people must be told of.

    :ivar day: the day on which it begins.
    :ivar due: the last day in whose night it must be raised.
    """

    rule: str
    place: str
    day: int
    due: int


@dataclass
class Meter:
    """A meter or counter.

    :ivar true: what flows forwards in each hour; ``back``: backwards.
    :ivar unit: the step of its register.
    :ivar every_h: hours between two readings; below one it is read at each full hour too.
    :ivar flow: its samples of flow, as a mean of each hour; None: it sends none.
    :ivar stuck_h: the hour from which its register stands still.
    :ivar silent: hours without readings.
    """

    name: str
    counter: str
    true: list[float]
    unit: float = 0.001
    every_h: int = 1
    back: list[float] | None = None
    flow: list[float] | None = None
    is_customers: bool = True
    stuck_h: int | None = None
    silent: set[int] = field(default_factory=set)
    behind: list["Meter"] = field(default_factory=list)
    shares_children: bool = False
    unregistered: bool = False
    installed_h: int = 0

    def used(self) -> list[float]:
        """Amounts by the register in each hour: a straight line between its readings; NaN: not known."""
        return _read(self, self.true, self.stuck_h)

    def known_from(self) -> list[int]:
        """For each hour the one from which it is known: that of the reading behind it."""
        reads = set(_times(self))
        found, after = [0] * len(self.true), 1 << 60
        for hour in reversed(range(len(self.true))):
            after = hour + 1 if hour + 1 in reads else after
            found[hour] = after
        return found

    def is_sound(self) -> list[bool]:
        """For each midnight if there are readings around it as usual: what lies in a gap is guessed."""
        reads = set(_times(self))
        near = range(-self.every_h, self.every_h + 1)
        return [any(24 * day + one in reads for one in near) for day in range(len(self.true) // 24 + 1)]

    def ran_back(self) -> list[float]:
        """The same of the register for what runs back."""
        if self.back is None:
            return [0.0] * len(self.true)
        return _read(self, self.back, None)


def _times(meter: Meter) -> Iterator[int]:
    for hour in range(meter.installed_h, len(meter.true) + 1):
        if hour % meter.every_h == 0 and hour not in meter.silent:
            yield hour


def _read(meter: Meter, true: Sequence[float], stuck_h: int | None) -> list[float]:
    total = 7.3 * meter.unit
    shows = [7 * meter.unit]
    for hour, amount in enumerate(true):
        total += amount if stuck_h is None or hour < stuck_h else 0.0
        shows.append(floor(total / meter.unit + 1e-9) * meter.unit)
    used = [nan] * len(true)
    for first, last in pairwise(_times(meter)):
        used[first:last] = [round((shows[last] - shows[first]) / (last - first), 9)] * (last - first)
    return used


@dataclass
class Town:
    """All of it: its meters, and the faults of which people must be told."""

    rng: Random
    days: int
    meters: list[Meter] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def hours(self) -> int:
        """All of its hours."""
        return 24 * self.days

    def add(self, meter: Meter) -> Meter:
        """Put up a meter; some are silent for hours or days now and then."""
        for _ in range(self.days // 20):
            if self.rng.random() < 0.4:
                begin = self.rng.randrange(self.hours)
                meter.silent |= set(range(begin, begin + self.rng.choice([2, 5, 9, 30, 70])))
        self.meters.append(meter)
        return meter

    # ---- people ---------------------------------------------------------------------------------------------------------

    def away(self) -> set[int]:
        """The hours in which nobody is at home: weekends, holidays, the new year, and houses that stand empty."""
        rng, away = self.rng, set[int]()

        def leave(day: float, days: float) -> None:
            away.update(range(int(24 * day), int(24 * (day + days))))

        for week in range(self.days // 7):
            if rng.random() < 0.06:
                leave(7 * week + 5 + rng.random(), 1.5 + rng.random())
        for _ in range(self.days // 30):
            if rng.random() < 0.15:
                leave(rng.uniform(0, self.days), rng.uniform(4, 15))
        if rng.random() < 0.3:
            leave(NEW_YEAR_DAY + rng.random(), rng.uniform(4, 9))
        if rng.random() < 0.03 * self.days / 365:
            leave(rng.uniform(0, self.days), rng.uniform(21, 45))
        if rng.random() < 0.03 * self.days / 365:
            leave(rng.uniform(0, self.days), 120)
        return away

    def water(self, away: set[int], cut: set[int]) -> list[float]:
        """Water that a household draws: a shower, a meal, a machine; at night hardly anything."""
        rng, size = self.rng, self.rng.uniform(0.5, 1.6)
        drawn = []
        for hour in range(self.hours):
            at = hour % 24
            often = 0.03 if at < 5 else 0.75 if at in (6, 7, 11, 17, 18, 19, 20) else 0.4
            is_on = hour not in away and hour not in cut and rng.random() < often
            drawn.append(rng.uniform(0.005, 0.08) * size if is_on else 0.0)
        return drawn

    def load(self, away: set[int], cut: set[int], *, switches_off: bool) -> list[float]:
        """Energy that a household takes: a refrigerator always, all else while somebody is in; some turn the main switch."""
        rng, size = self.rng, self.rng.uniform(0.6, 1.8)
        taken = []
        for hour in range(self.hours):
            at = hour % 24
            base = 0.06 if hour not in away or not switches_off else 0.0
            busy = 0.0 if hour in away else (0.15 + 0.5 * (17 <= at <= 22)) * rng.uniform(0.3, 1.7)
            taken.append(0.0 if hour in cut else (base + busy) * size)
        return taken

    def cuts(self) -> set[int]:
        """Hours without supply."""
        found = set[int]()
        for _ in range(self.days // 25):
            if self.rng.random() < 0.5:
                begin = self.rng.randrange(self.hours)
                found |= set(range(begin, begin + self.rng.choice([1, 3, 6, 12, 20])))
        return found

    def sampled(self, true: Sequence[float], typical: float) -> list[float]:
        """The mean of four instants of flow in each hour: what runs for some minutes is met or missed."""
        rng, found = self.rng, []
        for amount in true:
            chance = min(1.0, amount / typical)
            met = sum(rng.random() < chance for _ in range(4))
            found.append(met / 4 * max(typical, amount) * rng.uniform(0.9, 1.1) if amount else 0.0)
        return found

    # ---- meters ---------------------------------------------------------------------------------------------------------

    def house(self, name: str, cut: set[int] | None = None) -> Meter:
        """A house with a water meter of any make."""
        rng = self.rng
        true = self.water(self.away(), cut or set())
        meter = Meter(
            name, "volume_m3", true, unit=rng.choice([0.001, 0.001, 0.01, 0.1, 1.0]), every_h=rng.choice([1, 1, 1, 12, 24])
        )
        if rng.random() < 0.4:
            meter.flow = self.sampled(true, 0.4)
        return meter

    def flat(self, name: str, cut: set[int] | None = None, *, solar: bool = False) -> Meter:
        """A house with an energy meter, some with a roof that feeds in."""
        rng = self.rng
        taken = self.load(self.away(), cut or set(), switches_off=rng.random() < 0.3)
        back: list[float] | None = None
        if solar:
            sun = [max(0.0, 2.5 * sin(pi * (hour % 24 - 6) / 12)) * rng.uniform(0.3, 1) for hour in range(self.hours)]
            sun = [0.0 if hour in (cut or ()) else shine for hour, shine in enumerate(sun)]
            back = [max(0.0, shine - load) for shine, load in zip(sun, taken, strict=True)]
            taken = [max(0.0, load - shine) for shine, load in zip(sun, taken, strict=True)]
        meter = Meter(
            name, "energy_import_kwh", taken, unit=rng.choice([0.001, 0.01, 0.01, 1.0]), every_h=rng.choice([1, 1, 1, 24])
        )
        meter.back = back
        if rng.random() < 0.5:
            samples = self.sampled(taken, 0.3)
            meter.flow = [0.0 if back and back[hour] else sample for hour, sample in enumerate(samples)]
        return meter

    def family(
        self, name: str, children: list[Meter], share: float, counter: str, extra: Callable[[int], float] | None = None
    ) -> Meter:
        """A parent of houses: what they use, and what is lost on the way, which varies from day to day."""
        rng, net = self.rng, [0.0] * self.hours
        daily = [share * rng.gauss(1, 0.12) for _ in range(self.days)]
        mean = sum(sum(child.true) for child in children) / self.hours
        for child in children:
            for hour in range(self.hours):
                net[hour] += child.true[hour] - (child.back[hour] if child.back else 0.0)
        flowing = [any(child.true[hour] > 0 for child in children) for hour in range(self.hours)]
        lost = [mean * daily[hour // 24] * flowing[hour] + (extra(hour) if extra else 0.0) for hour in range(self.hours)]
        passed = [amount + gone for amount, gone in zip(net, lost, strict=True)]
        made = Meter(name, counter, [max(0.0, one) for one in passed], unit=rng.choice([0.001, 0.1, 1.0]), is_customers=False)
        made.back = [max(0.0, -one) for one in passed]
        made.behind = children
        if rng.random() < 0.6:
            made.flow = [one * rng.uniform(0.9, 1.1) for one in made.true]
        return made


def town(seed: int, days: int, size: int) -> Town:
    """A town without a fault; ``size`` times its quarters."""
    made = Town(Random(seed), days)  # noqa: S311 - no secret
    rng = made.rng
    for number in range(size):
        cut = made.cuts()
        houses = [made.add(made.house(f"wm-{number}-{at}", cut)) for at in range(2 * RESIDENTS)]
        made.add(made.family(f"bulk-{number}", houses, rng.uniform(0.03, 0.3), "volume_m3"))
        cut = made.cuts()
        flats = [
            made.add(made.flat(f"pm-{number}-{at}", cut, solar=at % 4 == 0 and number % 2 == 0)) for at in range(2 * RESIDENTS)
        ]
        made.add(made.family(f"tx-{number}", flats, rng.uniform(0.02, 0.06), "energy_import_kwh"))
        if number % 3 == 0:
            _tank(made, number)
            _two_inlets(made, number)
            _growing(made, number)
            _shop(made, number)
        if number % 2 == 0:
            _pump(made, number)
        _road(made, number)
    return made


def _tank(made: Town, number: int) -> None:
    """A tank that is filled at night, and feeds houses by day; in dry weeks the pump runs every second night."""
    houses = [made.add(made.house(f"tm-{number}-{at}")) for at in range(RESIDENTS)]
    wanted = [sum(house.true[hour] for house in houses) for hour in range(made.hours)]
    filled, store = [0.0] * made.hours, 0.0
    for hour in range(made.hours):
        store += wanted[hour]
        if hour % 24 in (23, 0, 1, 2, 3) and store > 0 and (hour // 24) % 9 != 4:
            filled[hour] = min(store, 2.0)
            store -= filled[hour]
    tank = Meter(f"tank-{number}", "volume_m3", filled, is_customers=False, behind=houses)
    made.add(tank)


def _two_inlets(made: Town, number: int) -> None:
    """A quarter with two inlets, of which one is shut for weeks."""
    houses = [made.add(made.house(f"im-{number}-{at}")) for at in range(RESIDENTS)]
    wanted = [1.1 * sum(house.true[hour] for house in houses) for hour in range(made.hours)]
    shut = made.rng.randrange(20, max(21, made.days - 20))
    open_ = [shut <= hour // 24 < shut + 15 for hour in range(made.hours)]
    for which in range(2):
        share = [(0.0 if which else 1.0) if is_shut else 0.5 for is_shut in open_]
        inlet = [part * amount for part, amount in zip(share, wanted, strict=True)]
        flow = [one * made.rng.uniform(0.9, 1.1) for one in inlet]
        made.add(
            Meter(
                f"inlet-{number}-{which}",
                "volume_m3",
                inlet,
                is_customers=False,
                behind=houses,
                flow=flow,
                shares_children=True,
            )
        )


def _growing(made: Town, number: int) -> None:
    """A quarter in which meters are put up one after the other, and one with customers that nobody registered."""
    rng = made.rng
    houses = [made.house(f"gm-{number}-{at}") for at in range(RESIDENTS)]
    for at, house in enumerate(houses):
        house.installed_h = 24 * 7 * at if at > 2 else 0
        house.every_h = 1
        made.add(house)
    made.add(made.family(f"growing-{number}", houses, 0.1, "volume_m3"))
    known = [made.add(made.house(f"um-{number}-{at}")) for at in range(RESIDENTS)]
    late = rng.randrange(30, max(31, made.days))
    unknown = made.family(f"unknown-{number}", known, 0.1, "volume_m3", extra=lambda hour: 0.3 * (hour >= 24 * late))
    unknown.unregistered = True
    made.add(unknown)


def _pump(made: Town, number: int) -> None:
    """A field's pump: it runs every morning of a season, and rests for the next one."""
    rng = made.rng
    season = rng.randrange(70, 130)
    begin = rng.randrange(season)
    true = [
        rng.uniform(4, 6) if hour % 24 in (5, 6, 7) and ((hour // 24 + begin) // season) % 2 == 0 else 0.0
        for hour in range(made.hours)
    ]
    pump = Meter(f"pump-{number}", "volume_m3", true, unit=0.1)
    if rng.random() < 0.5:
        pump.flow = [one * rng.uniform(0.95, 1.05) for one in true]
    made.add(pump)


def _road(made: Town, number: int) -> None:
    """A road; now and then it is closed for some hours."""
    rng = made.rng
    closed = set[int]()
    for _ in range(made.days // 60):
        if rng.random() < 0.5:
            begin = rng.randrange(made.hours)
            closed |= set(range(begin, begin + rng.choice([3, 8, 14])))
    true = [
        0.0 if hour in closed else float(round(rng.uniform(0.6, 1.4) * (9 if hour % 24 < 5 else 250)))
        for hour in range(made.hours)
    ]
    road = Meter(f"road-{number}", "vehicle_count_total", true, unit=1.0, is_customers=False)
    if number % 2:
        road.flow = list(true)
    made.add(road)


def _shop(made: Town, number: int) -> None:
    """A shop's door: shut at night, half of them on Sundays, for days at the new year."""
    rng, true = made.rng, list[float]()
    rests = number % 2 == 0
    for hour in range(made.hours):
        day, at = divmod(hour, 24)
        shut = at < 8 or at > 20 or (rests and day % 7 == 6) or (NEW_YEAR_DAY <= day < NEW_YEAR_DAY + 4)
        true.append(0.0 if shut else float(rng.randrange(5, 60)))
    made.add(Meter(f"shop-{number}", "people_in_total", true, unit=1.0, is_customers=False))


# ---- faults ------------------------------------------------------------------------------------------------------------------


def let_stand(made: Town, meter: Meter, day: int, within: int) -> None:
    """A register that stands still from a day on."""
    meter.stuck_h = 24 * day + 7
    made.faults.append(Fault("register_stuck", meter.name, day, day + within))


def let_steal(made: Town, parent: Meter, day: int, share: float, within: int) -> None:
    """A part of what is drawn behind a parent passes by the meters."""
    _hear(parent, day)
    total = sum(sum(child.true) for child in parent.behind)
    gone = 0.0
    for child in sorted(parent.behind, key=lambda child: -sum(child.true)):
        if gone < share * total:
            gone += sum(child.true)
            child.true[24 * day :] = [0.05 * amount for amount in child.true[24 * day :]]
    made.faults.append(Fault("losses_high", parent.name, day, day + within))


def let_leak(made: Town, parent: Meter, day: int, share: float, within: int) -> None:
    """A pipe behind a parent leaks from a day on, all day."""
    _hear(parent, day)
    leak = share * sum(parent.true) / made.hours
    parent.true[24 * day :] = [amount + leak for amount in parent.true[24 * day :]]
    if parent.flow is not None:
        parent.flow = [amount * made.rng.uniform(0.9, 1.1) for amount in parent.true]
    made.faults.append(Fault("losses_high", parent.name, day, day + within))


def _hear(parent: Meter, day: int) -> None:
    parent.silent = {hour for hour in parent.silent if hour < 24 * (day - 20)}
