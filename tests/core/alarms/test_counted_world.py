"""Registers that stand still and losses, in a made-up town: each fault is told in its time, and hardly anything else."""

from collections.abc import Iterator, Sequence
from math import isnan, nan
from typing import NamedTuple

import pytest

from gateway.core.alarms.counted import DAYS, HOURS_BACK, CountedDays, CountedHours, begun
from gateway.core.alarms.shipped import SHIPPED
from tests.core.alarms.alarming import Bed, registered
from tests.core.alarms.counted_world import Fault, Meter, Town, let_leak, let_stand, let_steal, town
from tests.core.making import DAY_MS, HOUR_MS, NOW_MS

RULES = ("register_stuck", "losses_high")
START_MS = NOW_MS - NOW_MS % DAY_MS
MOST_FALSE = 1 / 2000


class Told(NamedTuple):
    """An alarm that was raised in the night after a day."""

    rule: str
    place: str
    day: int


class Outcome(NamedTuple):
    """Alarms that were told of a town, against what happened in it."""

    missing: list[Fault]
    late: list[Fault]
    false: list[Told]
    again: list[Told]
    device_days: int


def window(figures: Sequence[float], end: int, length: int) -> list[float]:
    found = list(figures[max(0, end - length) : end])
    return [nan] * (length - len(found)) + found


class Seen:
    """A meter as the roll-ups have it."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter
        self.used, self.back, self.known_from = meter.used(), meter.ran_back(), meter.known_from()
        sound = meter.is_sound()
        self.days = []
        for day in range(len(sound) - 1):
            hours = self.used[24 * day : 24 * day + 24]
            whole = not any(map(isnan, hours)) and sound[day] and sound[day + 1]
            self.days.append((round(sum(hours), 9), sum(self.back[24 * day : 24 * day + 24])) if whole else (nan, nan))
        self.plain_days = [round(sum(self.used[24 * day : 24 * day + 24]), 9) for day in range(len(self.days))]

    def hours(self, end_h: int) -> list[float]:
        """Its hours as they are known right after one ended."""
        first = max(0, end_h - HOURS_BACK)
        known = [self.used[at] if self.known_from[at] <= end_h else nan for at in range(first, end_h)]
        return [nan] * (HOURS_BACK - len(known)) + known

    def is_known(self, day: int, end_h: int) -> bool:
        """Tell if a day is closed for it."""
        return self.known_from[24 * day + 23] <= end_h


def counted_hours(seen: Seen, of: dict[str, Seen], day: int) -> CountedHours:
    meter, end_h = seen.meter, 24 * (day + 1)
    hours = seen.hours(end_h)
    behind = None
    if meter.behind and not meter.shares_children:
        children = [(of[child.name].hours(end_h), window(of[child.name].back, end_h, HOURS_BACK)) for child in meter.behind]
        nets = [begun([max(0.0, used - back) for used, back in zip(*one, strict=True)]) for one in children]
        behind = [sum(0.0 if isnan(one) else one for one in hour) for hour in zip(*nets, strict=True)]
    flow = None
    if meter.flow is not None:
        flow = [nan if isnan(used) else one for used, one in zip(hours, window(meter.flow, end_h, HOURS_BACK), strict=True)]
    days = [seen.plain_days[at] if seen.is_known(at, end_h) else nan for at in range(max(0, day + 1 - DAYS), day + 1)]
    days = [nan] * (DAYS - len(days)) + days
    return CountedHours(
        meter.counter,
        START_MS + end_h * HOUR_MS,
        hours,
        days,
        flow,
        behind,
        is_customers=meter.is_customers and not meter.behind,
    )


def counted_days(parents: Sequence[Seen], children: Sequence[Seen], day: int) -> CountedDays:
    end_h = 24 * (day + 1)
    supplied, used = [nan] * DAYS, [nan] * DAYS
    days = range(max(0, day + 1 - DAYS), day + 1)
    usual = [with_usual_days(one, days, end_h) for one in children]
    for at in days:
        if all(one.is_known(at, end_h) for one in parents):
            into = [one.days[at] for one in parents]
            out = [one[at] for one in usual]
            place = DAYS - 1 - (day - at)
            supplied[place] = sum(one - back for one, back in into) + sum(back for _, back, _ in out)
            total = sum(one for one, _, _ in out)
            used[place] = total if total > 0 and sum(guessed for _, _, guessed in out) <= total / 5 else nan
    return CountedDays(START_MS // DAY_MS + day, supplied, used)


def with_usual_days(seen: Seen, days: range, end_h: int) -> dict[int, tuple[float, float, float]]:
    """Day → what a meter used and fed in, and what of that is its usual day."""
    known = [day for day in days if seen.is_known(day, end_h) and not isnan(seen.days[day][0])]
    mean = sum(seen.days[day][0] for day in known) / len(known) if known else 0.0
    found = {}
    for day in days:
        since = [day - earlier for earlier in known if earlier <= day]
        if day in known:
            found[day] = (*seen.days[day], 0.0)
        elif not since:
            found[day] = (0.0, 0.0, 0.0)
        else:
            found[day] = (mean, sum(seen.back[24 * day : 24 * day + 24]), mean) if min(since) <= 35 else (nan, nan, nan)
    return found


def nights(made: Town) -> Iterator[Told]:
    """Let the engine judge each night."""
    bed = Bed(*(SHIPPED.by_name[name] for name in RULES))
    of = {meter.name: Seen(meter) for meter in made.meters}
    for name in of:
        bed.device(name, registered(name))
    inlets = [name for name in of if name.startswith("inlet") and name.endswith("0")]
    for day in range(made.days):
        now_ms = START_MS + (day + 1) * DAY_MS + 20 * 60_000
        for name, seen in of.items():
            bed.alarms.counted_hours(bed.devices[name], counted_hours(seen, of, day))
            if seen.meter.behind and not seen.meter.unregistered and (not seen.meter.shares_children or name in inlets):
                parents = [seen, of[name[:-1] + "1"]] if name in inlets else [seen]
                family = counted_days(parents, [of[child.name] for child in seen.meter.behind], day)
                bed.alarms.counted_days(bed.devices[name], family, now_ms)
        for change in bed.transitions():
            if change.change == "raised":
                yield Told(*change.key, day)


def judged(made: Town) -> Outcome:
    told = list(nights(made))
    explained, missing, late = set[Told](), [], []
    for fault in made.faults:
        own = [one for one in told if (one.rule, one.place) == (fault.rule, fault.place) and one.day >= fault.day]
        explained |= set(own)
        if not own:
            missing.append(fault)
        elif own[0].day > fault.due:
            late.append(fault)
    parents = {child.name: meter.name for meter in made.meters for child in meter.behind}
    stuck = {parents.get(fault.place) for fault in made.faults if fault.rule == "register_stuck"}
    false = [one for one in told if one not in explained and not (one.rule == "losses_high" and one.place in stuck)]
    again = [one for at, one in enumerate(told) if any(one[:2] == other[:2] for other in told[:at]) and one in explained]
    return Outcome(missing, late, false, again, made.days * len(made.meters))


def with_faults(seed: int, days: int, size: int) -> Town:
    """A town in which much goes wrong, each at a place of its own."""
    made = town(seed, days, size)
    by_name = {meter.name: meter for meter in made.meters}
    rng = made.rng
    for number in range(size):
        day = rng.randrange(22, days - 30)
        if number % 2:
            let_stand(made, by_name[f"bulk-{number}"], day, 4)
            let_steal(made, by_name[f"tx-{number}"], day, 0.15, 6)
            let_stand(made, by_name[f"road-{number}"], day, 4)
        else:
            let_leak(made, by_name[f"bulk-{number}"], day, 0.6, 6)
            let_stand(made, by_name[f"tx-{number}"], day, 4)
            let_stand(made, by_name[f"road-{number}"], day, 7)
    return made


def test_faults_of_a_town_are_told_in_their_time() -> None:
    found = judged(with_faults(3, 60, 2))
    assert (found.missing, found.late, found.again) == ([], [], [])
    assert len(found.false) <= found.device_days * MOST_FALSE, found.false


@pytest.mark.slow
def test_of_twenty_thousand_device_days_without_a_fault_hardly_an_alarm_is_told() -> None:
    outcomes = [judged(town(seed, 120, 3)) for seed in range(2)]
    false = [one for found in outcomes for one in found.false]
    device_days = sum(found.device_days for found in outcomes)
    assert device_days >= 20_000
    assert len(false) <= device_days * MOST_FALSE, false
