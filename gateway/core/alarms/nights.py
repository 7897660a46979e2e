"""Rules about nights and days. Their figures come from the roll-ups once a day, and again after late readings changed them."""

from datetime import date
from typing import NamedTuple

from gateway.core.alarms.alarm import AlarmKey, AlarmState
from gateway.core.alarms.rules import NIGHT_COVERAGE, Completeness, Night, Rule, Rules
from gateway.core.alarms.states import Place, Sight, States
from gateway.core.alarms.watch import FLOW, Scales

NIGHT_HOURS = 5
"""The first hours of a day count as its night: midnight to five."""


class NightFlow(NamedTuple):
    """The lowest flow of one night.

    :ivar coverage: the share of its readings that arrived.
    """

    day: date
    flow_min_m3_h: float
    coverage: float


def judge_night(rules: Rules, states: States, place: Place, night: NightFlow, scales: Scales, now_ms: int) -> None:
    """Judge a night of a device by all rules. A night that lacks readings does not count."""
    if night.coverage < NIGHT_COVERAGE:
        return
    for rule, name, condition in rules.conditions():
        if isinstance(condition, Night):
            scale = scales.scale(condition.of, FLOW)
            if scale is not None:
                limit_m3_h = max(condition.above * scale, condition.least_m3_h)
                _judge(states, rule, place, _Row(name, condition.nights, night.flow_min_m3_h > limit_m3_h), night, now_ms)


class _Row(NamedTuple):
    """One condition on nights; ``above``: the night meets it, so the row goes on."""

    name: str
    nights: int
    above: bool


def _judge(states: States, rule: Rule, place: Place, row: _Row, night: NightFlow, now_ms: int) -> None:
    state, day = states.find(AlarmKey(rule.name, place.name)), night.day.toordinal()
    if row.above:
        sight = Sight(row.name, now_ms, night.flow_min_m3_h, FLOW)
        known = [] if state is None else [other for other in state.nights if abs(other - day) < 2 * row.nights]
        enough = len({*known, day}) >= row.nights
        state = states.stand(rule, place._replace(gap_ms=2 * row.nights * _DAY_MS), sight, enough=enough)
        state.nights = {other: state.nights[other] for other in known} | {day: night.flow_min_m3_h}
        states.change(state)
    elif state is not None and state.nights and row.name in state.standing:  # the row of another condition goes on
        _fall(states, state, rule, row.name, day, now_ms)


def _fall(states: States, state: AlarmState, rule: Rule, name: str, day: int, now_ms: int) -> None:
    """End the row: nights before this one no longer count."""
    state.nights = {other: flow for other, flow in state.nights.items() if other > day}
    if state.nights:
        states.change(state)
    else:
        states.fall(rule, state.key.place, name, now_ms)


_DAY_MS = 86_400_000


def judge_day(rules: Rules, states: States, place: Place, completeness: float, now_ms: int) -> None:
    """Judge the completeness of a device's newest day by all rules."""
    for rule, name, condition in rules.conditions():
        if isinstance(condition, Completeness):
            if completeness < condition.below:
                states.stand(rule, place._replace(gap_ms=_DAY_MS), Sight(name, now_ms, 100 * completeness, "completeness_pct"))
            else:
                states.fall(rule, place.name, name, now_ms)
