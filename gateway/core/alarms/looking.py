"""The close look at a reading with a value outside the gate, or of a device for which a condition stands; and nights and days.

The figures of nights and days come from the roll-ups once a day, and again after late readings changed them.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from msgspec import Struct

from gateway.core.alarms.alarm import AlarmKey
from gateway.core.alarms.rules import Completeness, CounterStep, Night, Rule, Rules
from gateway.core.alarms.states import Place, Sight, States
from gateway.core.alarms.views import View
from gateway.core.alarms.watch import FLOW, Check, Kept, Scales, Steps, Table, Verdict
from gateway.core.devices.device import Device
from gateway.core.readings.steps import CONFIRMATIONS, DAY_MS, RegisterStep
from schemas.quantities import Quality
from schemas.readings import Value

_OVERTAKEN_MS: Final = 60_000
"""A reading older than the newest of its device by more than this tells of the past. Parts of one message differ by less."""


class Look(Struct, gc=False):
    """A reading with its place.

    :ivar numbers: its values, in the order of the field set, and behind them the flow that was worked out, if any.
    :ivar text_tags: the channel, lane or class that it brought: conditions stand on each separately.
    """

    place: Place
    time_ms: int
    numbers: tuple[Value, ...]
    quality: int
    text_tags: str


def is_overtaken(device: Device, time_ms: int) -> bool:
    """Tell if a newer reading of the device came before."""
    return time_ms < device.newest_ms - _OVERTAKEN_MS


def look_closely(states: States, view: View, table: Table, look: Look, parent: View | None) -> None:
    """Judge each condition, and note if it is met or gone."""
    time_ms, place = look.time_ms, look.place
    for at, field in table.keeps:
        view.keep(field, Kept(time_ms, float(look.numbers[at])))
    parents, awaits = parent.kept if parent is not None else {}, False
    standing = states.at(place.name)
    for check in table.checks:
        at_first = check.places[0]
        if at_first is not None and not check.bounds[0].is_met(float(look.numbers[at_first])):
            state = standing.get(check.rule.name)
            if state is None or f"{check.name}{look.text_tags}" not in state.standing:
                continue  # it is not met, and does not stand
        verdict, first = check.judge(look.numbers, view.kept, parents, time_ms - place.gap_ms)
        _note(states, check, verdict, look, first)
        awaits = awaits or (verdict is Verdict.UNKNOWN and first is not None and check.bounds[0].is_met(first))
    for steps in table.steps:
        if steps[0].name in standing:
            _end_step(states, steps, look)
    view.watch(busy=awaits or view.is_parent or states.has(place.name))


def _note(states: States, check: Check, verdict: Verdict, look: Look, value: float | None) -> None:
    name = f"{check.name}{look.text_tags}"
    if verdict is Verdict.MET and value is not None:
        states.stand(check.rule, look.place, Sight(name, look.time_ms, value, check.bounds[0].field))
    elif verdict is not Verdict.UNKNOWN:
        states.fall(check.rule, look.place.name, name, look.time_ms, surely=verdict is Verdict.GONE)


def note_step(states: States, rules: Rules, place: Place, text_tags: str, time_ms: int, step: RegisterStep) -> None:
    """Raise the alarm of a step that enough messages confirm; prolong one that stands."""
    for rule, name, condition in rules.of(CounterStep):
        if step.readings >= min(condition.readings, 1 + CONFIRMATIONS):
            state = states.find(AlarmKey(rule.name, place.name))
            known = state.nights if state is not None else {}
            restarts = _restarts(known, step)
            if state is not None and step.is_restart and len(restarts) >= _RESTARTS:
                state.nights = restarts
                if len(known) < _RESTARTS:  # a step that was none of them goes on
                    states.rest(state, time_ms)
                states.change(state)
                continue
            sight = Sight(f"{name}{text_tags}", time_ms, 1.0, since_ms=step.first_ms)
            state = states.stand(rule, place, sight)
            state.nights = restarts
            states.change(state)  # how long it stands must outlive a restart


_RESTARTS: Final = 3
"""So many restarts at the same time of the day are the habit of a counter, and no alarm; it is forgotten in a week without."""
_HABIT_DAYS: Final = 7
_SAME_TIME_MS: Final = 75 * 60_000


def _restarts(known: Mapping[int, float], step: RegisterStep) -> dict[int, float]:
    """The days of the last week on which a counter restarted, with the time of the day, if this is one more of them."""
    day, at_ms = divmod(step.first_ms, DAY_MS)
    recent = {other: ms for other, ms in known.items() if 0 <= day - other <= _HABIT_DAYS}
    if not step.is_restart:
        return recent
    return {other: ms for other, ms in recent.items() if _apart_ms(ms, at_ms) <= _SAME_TIME_MS} | {day: float(at_ms)}


def _apart_ms(one: float, other: float) -> float:
    return min((one - other) % DAY_MS, (other - one) % DAY_MS)


def _end_step(states: States, steps: Steps, look: Look) -> None:
    """End the alarm of a step when its time has passed; not with a reading that is doubted, for it may be another step."""
    rule, number, condition = steps
    name = f"{number}{look.text_tags}"
    state = states.find(AlarmKey(rule.name, look.place.name))
    standing = state.standing.get(name) if state is not None else None
    if state is None or look.quality & Quality.COUNTER_SUSPECT:
        return
    if standing is not None and look.time_ms - standing.last_ms >= condition.hold_ms:
        states.fall(rule, look.place.name, name, look.time_ms)
        if state.nights and not state.standing:
            states.rest(state, look.time_ms)
    elif state.nights and not state.standing and look.time_ms // DAY_MS - max(state.nights) > _HABIT_DAYS:
        states.end(state, look.time_ms)


NIGHT_HOURS = 5
"""The first hours of a day count as its night: midnight to five."""


def judge_night(rules: Rules, states: States, place: Place, day: date, flow_m3_h: float, scales: Scales, now_ms: int) -> None:
    """Judge the lowest flow of a device's night by all rules."""
    for rule, name, condition in rules.of(Night):
        scale, sight = scales.scale(condition.of, FLOW), Sight(name, now_ms, flow_m3_h, FLOW)
        if scale is not None and flow_m3_h > max(condition.above * scale, condition.least_m3_h):
            _stand(states, rule, place, condition.nights, sight, day.toordinal())
        elif scale is not None:
            _fall(states, rule, place.name, sight, day.toordinal())


def _stand(states: States, rule: Rule, place: Place, nights: int, sight: Sight, day: int) -> None:
    """Note a night that is one more of a row; so many of them raise the alarm."""
    state = states.find(AlarmKey(rule.name, place.name))
    known = [] if state is None else [other for other in state.nights if abs(other - day) < 2 * nights]
    enough = len({*known, day}) >= nights
    state = states.stand(rule, place._replace(gap_ms=2 * nights * DAY_MS), sight, enough=enough)
    state.nights = {other: state.nights[other] for other in known} | {day: sight.value}
    states.change(state)


def _fall(states: States, rule: Rule, place: str, sight: Sight, day: int) -> None:
    """End a row: nights before this one no longer count. The row of another condition goes on."""
    state = states.find(AlarmKey(rule.name, place))
    if state is None or not state.nights or sight.name not in state.standing:
        return
    state.nights = {other: flow for other, flow in state.nights.items() if other > day}
    if state.nights:
        states.change(state)
    else:
        states.fall(rule, place, sight.name, sight.time_ms)


def judge_day(rules: Rules, states: States, place: Place, completeness: float, now_ms: int) -> None:
    """Judge the completeness of a device's newest day by all rules."""
    for rule, name, condition in rules.of(Completeness):
        if completeness < condition.below:
            states.stand(rule, place._replace(gap_ms=DAY_MS), Sight(name, now_ms, 100 * completeness, "completeness_pct"))
        else:
            states.fall(rule, place.name, name, now_ms)
