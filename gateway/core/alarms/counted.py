"""Alarms about what was counted over days: a register that stands still while something flows, and losses of a parent.

A register that stands still is no fault by itself: people travel, pumps rest. A witness must speak against it: its own flow, or
the meters behind it, with more than they ever said in a standstill before (so registers of whole cubic metres, instants of flow
and tanks are covered); or its habit, where there is neither. A limit of losses stays where it was when the alarm began: else a
leak would become usual.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import isnan
from statistics import fmean, stdev
from typing import Final, NamedTuple

from gateway.core.alarms.alarm import AlarmKey
from gateway.core.alarms.rules import Losses, Rules, Stuck
from gateway.core.alarms.states import Place, Sight, States
from gateway.core.alarms.watch import Scales
from gateway.core.readings.steps import HOUR_MS

DAYS: Final = 60
HOURS_BACK: Final = 14 * 24
"""Days and hours of which figures are asked for."""
_SILENT_HOURS: Final = 48  # at the end: many meters send once a day
_KNOWN_HOURS: Final = 72  # before a witness is asked
_SPEAKS_HOURS: Final = 3
_FAINT: Final = 0.1  # of what is usual while the register moves: less is a zero that wanders
_STEPS_LEAST: Final = 10  # of a register, before it is known how much lies between two of them
_SAME: Final = 1e-5  # hours that count the same lie between the same two readings
_HABIT_DAYS: Final = 14
_AWAY_DAYS: Final = 21
_NEVER_MS: Final = 1 << 62


class _Least(NamedTuple):
    """The least amounts for one counter, and times in hours.

    :ivar known: of a witness against a register whose steps are known, or ``unknown``; ``an_hour``: of one that never moved.
    :ivar rests_h: of a standstill against the habit of a register for many; ``pauses_h``: the most that its habit pauses;
        ``known_h``: before its habit is known.
    """

    known: float
    unknown: float
    an_hour: float
    rests_h: float
    pauses_h: float = HOURS_BACK
    known_h: float = 168


_LEAST: Final = {
    "volume_m3": _Least(0.2, 5.0, 0.01, 48, 6),
    "energy_import_kwh": _Least(1.0, 25.0, 0.02, 48, 6),
    "vehicle_count_total": _Least(50, 500, 1, 24),
    "people_in_total": _Least(20, 200, 1, 72, known_h=240),  # shops are shut at the new year
}


class CountedHours(NamedTuple):
    """Amounts of the main counter of a device by hour and day, the newest last. NaN: not known.

    :ivar end_ms: the end of the newest hour.
    :ivar flow: by hour, what its own flow, power or counts say; ``behind``: what the meters behind it counted. None: nothing.
    :ivar is_customers: people may be away who use what it counts.
    """

    counter: str
    end_ms: int
    used: Sequence[float]
    days: Sequence[float]
    flow: Sequence[float] | None = None
    behind: Sequence[float] | None = None
    is_customers: bool = True


class CountedDays(NamedTuple):
    """Amounts by day that a parent measured, and that the meters behind it did, up to the day ``newest``. NaN: not known."""

    newest: int
    supplied: Sequence[float]
    used: Sequence[float]


def _standstills(used: Sequence[float]) -> Iterator[range]:
    """Yield the hours or days in which a register stood still, the newest last; what is not known ends one."""
    first: int | None = None
    for at, value in enumerate((*used, 1.0)):
        if value == 0:
            first = at if first is None else first
        elif first is not None:
            yield range(first, at)
            first = None


def _known(figures: Sequence[float], silent_most: int) -> Sequence[float]:
    """The figures without what is not known yet at their end; empty: nothing is known of the last time."""
    length = max((at for at, value in enumerate(figures, start=1) if not isnan(value)), default=0)
    return figures[:length] if len(figures) - length <= silent_most else ()


def begun(used: Sequence[float]) -> list[float]:
    """The same amounts, of which those of hours between the same two readings stand in the first of these hours.

    A meter that sends once a day shows a straight line: it says nothing of an hour in which its parent had no supply.
    """
    found, first = list(used), 0
    for at in range(1, len(used)):
        if used[at] > 0 and abs(used[at] - used[at - 1]) <= _SAME:
            found[first] += used[at]
            found[at] = 0.0
        else:
            first = at
    return found


def judge_register(rules: Rules, states: States, place: Place, counted: CountedHours) -> None:
    """Judge if the register of a device is stuck, by all rules; the alarm ends when it moves."""
    used = _known(counted.used, _SILENT_HOURS)
    if not used or counted.counter not in _LEAST:
        return
    end_ms = counted.end_ms - (len(counted.used) - len(used)) * HOUR_MS
    *before, last = [range(0), *_standstills(used)]
    for rule, name, condition in rules.of(Stuck):
        state = states.find(AlarmKey(rule.name, place.name))
        standing = state.standing.get(name) if state is not None else None
        moved = (end_ms - (len(used) - at) * HOUR_MS for at, value in enumerate(used) if value > 0)
        since_ms = [at_ms for at_ms in moved if at_ms >= standing.last_ms] if standing is not None else []
        if since_ms:
            states.fall(rule, place.name, name, since_ms[0])
        elif last.stop == len(used) and (stands_h := _stuck_h(condition, counted, used, before, last)):
            sight = Sight(name, end_ms, float(stands_h), counted.counter, since_ms=end_ms - stands_h * HOUR_MS)
            states.stand(rule, place._replace(gap_ms=_NEVER_MS), sight)


def _stuck_h(condition: Stuck, counted: CountedHours, used: Sequence[float], before: Sequence[range], last: range) -> int:
    """The hours for which a register stands still although a witness speaks against it; 0: none does."""
    if condition.by == "habit":
        return _against_habit_h(condition.times, counted, used, before, last) if counted.flow is counted.behind is None else 0
    said, least = counted.flow if condition.by == "flow" else counted.behind, _LEAST[counted.counter]
    if said is None or sum(not isnan(value) for value in used) < _KNOWN_HOURS:
        return 0
    moving = [heard for heard, value in zip(said, used, strict=False) if value > 0 and not isnan(heard)]
    faint = max(_FAINT * fmean(moving), 0.0) if moving else least.an_hour
    heard = [[said[at] for at in hours if said[at] > faint] for hours in (*before, last)]
    steps = sum(value > 0 and abs(value - other) > _SAME for other, value in pairwise(used))
    most = max(condition.times * max(map(sum, heard[:-1])), least.known if steps >= _STEPS_LEAST else least.unknown)
    return len(last) if len(heard[-1]) >= _SPEAKS_HOURS and sum(heard[-1]) > most else 0


def _against_habit_h(times: float, counted: CountedHours, used: Sequence[float], before: Sequence[range], last: range) -> int:
    """The hours for which a register stands still longer than its habit lets expect; 0: it may rest."""
    least, pause_h = _LEAST[counted.counter], max(map(len, before))
    is_known = sum(not isnan(value) for value in used[: last.start]) >= least.known_h
    if not counted.is_customers and is_known and pause_h <= least.pauses_h:
        return len(last) if len(last) >= max(least.rests_h, times * pause_h) else 0
    days = _known(counted.days, 2)
    earlier = [range(0), range(0), *_standstills(days)]
    rest = earlier.pop()
    habit = days[max(rest.start - _HABIT_DAYS, 0) : rest.start]
    if rest.stop < len(days) or 0 in habit or sum(value > 0 for value in habit) < _HABIT_DAYS - 1 or last.start > 0:
        return 0
    return 24 * len(rest) if len(rest) >= max(_AWAY_DAYS, times * max(map(len, earlier))) else 0


_USUAL_DAYS: Final = 28
_USUAL_LEAST: Final = 14
_DEVIATIONS: Final = 4
_DEVIATION_LEAST: Final = 0.01
_CLEAR: Final = 0.9  # of the limit
_LATE_DAYS: Final = 3  # for which a day counts as the newest: its last readings may come a day later
_Loss = tuple[float, float, int]  # supplied, lost, on which day


def judge_losses(rules: Rules, states: States, place: Place, days: CountedDays, scales: Scales, now_ms: int) -> None:
    """Judge the newest days of a parent that are known, by all rules."""
    supplied = _known(days.supplied, _LATE_DAYS)
    figures = enumerate(zip(supplied, days.used, strict=False))
    known = [(into, into - out, at) for at, (into, out) in figures if not isnan(into - out)]
    for rule, name, condition in rules.of(Losses):
        newest = [day for day in known[-condition.days :] if day[2] >= len(supplied) - 2 * condition.days]
        if len(newest) < condition.days:
            continue
        state = states.find(AlarmKey(rule.name, place.name))
        frozen = state.nights if state is not None and condition.usual and name in state.standing else {}
        limit = min(frozen.values()) if frozen else _limit(condition, scales.scale(condition.of, ""), known[: -condition.days])
        share, lost = _share(newest), sum(lost for _, lost, _ in newest) / condition.days
        if limit is not None and share > limit and lost >= condition.least:
            sight = Sight(name, now_ms, 100 * share, "lost_pct")
            state = states.stand(rule, place._replace(gap_ms=_NEVER_MS), sight)
            state.nights |= {days.newest: limit} if condition.usual and not frozen else {}
            states.change(state)
        elif limit is not None and state is not None and share <= _CLEAR * limit:
            state.nights = {} if condition.usual else state.nights
            states.fall(rule, place.name, name, now_ms)


def _share(days: Sequence[_Loss]) -> float:
    supplied = sum(into for into, _, _ in days)
    return sum(lost for _, lost, _ in days) / supplied if supplied > 0 else 0.0


def _limit(condition: Losses, scale: float | None, before: Sequence[_Loss]) -> float | None:
    """The share above which losses are too high; None: it is not known what is usual."""
    usual, length = before[-_USUAL_DAYS:], condition.days
    if scale is None or not condition.usual:
        return None if scale is None else condition.above * scale
    if len(usual) < _USUAL_LEAST:
        return None
    together = [_share(usual[at : at + length]) for at in range(len(usual) - length + 1)]
    # Coarse registers vary from day to day, and hardly over some days; few days may seem to vary less than they do.
    varies = max(stdev(together), stdev(_share([day]) for day in usual) / length, _DEVIATION_LEAST)
    return max(condition.above * scale, condition.usual * _share(usual), _share(usual) + _DEVIATIONS * varies)
