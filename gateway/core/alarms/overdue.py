"""Overdue alarms: nobody acknowledged them in the time that their rule allows. People are told again whenever it has passed."""

from collections.abc import Iterator
from typing import Final

from gateway.core.alarms.rules import Rules
from gateway.core.alarms.states import States

_TOGETHER: Final = 200
"""Alarms looked at between two pauses of the caller."""


def remind(rules: Rules, states: States, now_ms: int) -> Iterator[None]:
    """Tell of alarms that became overdue, or are for one time more; pause after every few."""
    for number, state in enumerate(list(states)):
        if number % _TOGETHER == 0:
            yield
        if not state.is_active or state.acknowledged is not None or states.find(state.key) is not state:
            continue
        within_ms = rules.by_name[state.key.alarm].acknowledge_ms
        times = (now_ms - state.raised_ms) // within_ms if within_ms else 0
        if times > state.overdue:
            states.remind(state, times, now_ms)
