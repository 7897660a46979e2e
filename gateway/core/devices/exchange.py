"""The exchange of a device's meter and its steps as people tell them: what cannot be, and what seems to be a mistake."""

from math import isfinite, isnan
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.readings.steps import CounterRule, CounterValue, usual
from gateway.core.readings.sums import NO_PAST, StepState, StepToConfirm, ToldExchange
from schemas.quantities import COUNTERS, GROWTH

_SHOWN: Final = 80


def exchange_fault(device: Device, told: ToldExchange, now_ms: int) -> str:
    """Say why an exchange cannot be noted; empty where it can."""
    counters = device.counters.registers() if device.counters is not None else []
    names = [register.name for register in counters]
    concerned = [name for name in names if told.concerns(name)]
    given = {"final": told.final, "register": told.register}
    values = {option: value for option, value in given.items() if value is not None}
    if told.at_ms > now_ms:
        return "--at: this time has not come yet; an exchange is told when it was made"
    if not concerned and (told.field is not None or values):
        wanted = "no register" if told.field is None else f"no register {told.field[:_SHOWN]!r}"
        return f"{device.name} has {wanted}; it has {', '.join(names) or 'none'}"
    if values and len(concerned) > 1:
        return f"--{next(iter(values))}: {device.name} has several registers; name one with --field: {', '.join(concerned)}"
    for option, value in values.items():
        field = concerned[0].partition(",")[0]
        most = device.raised_bounds.get(field, COUNTERS[field].maximum)
        if not isfinite(value) or not 0 <= value <= most:
            return f"--{option}: {value:g} is no register; {field} lies between 0 and {most:.15g}"
    return ""


def exchange_doubt(device: Device, told: ToldExchange) -> str:
    """Say what seems to be a mistake in an exchange; empty if nothing does."""
    counters = device.counters.registers() if device.counters is not None else []
    register = next((register for register in counters if told.concerns(register.name)), None)
    if told.final is None or register is None or isnan(register.value) or register.time_ms > told.at_ms:
        return ""
    grown = told.final - register.value
    if grown < 0:
        return f"--final: {told.final:.15g} is less than the last register that was read, {register.value:.15g}"
    size = register.size_per_h or GROWTH[register.name.partition(",")[0]].usual_per_h
    if grown <= usual(size, None, told.at_ms - register.time_ms):
        return ""
    return f"--final: the last register that was read is {register.value:.15g}: {grown:.15g} more is not usual in this time"


def step_said(device: Device, first_ms: int, counter: str | None, *, is_used: bool) -> StepToConfirm | str:
    """Find the step that a person means, by the time of its first reading; or say why that cannot be said of it."""
    past = device.counters.past if device.counters is not None else NO_PAST
    steps = [one for one in past.steps if one.state and counter in (None, one.name)]
    step = next((one for one in steps if one.from_ms < first_ms <= one.first_ms), None)
    if step is None:
        return f"{device.name} has no step to confirm at that time"
    if step.state is StepState.USED and is_used:
        return f"{device.name}: the step was said to be used already"
    if step.state is StepState.OPEN and not is_used:
        return f"{device.name}: the step stands to be confirmed already"
    if not step.held_out:
        return f"{device.name}: the register went back from {step.before:.15g} to {step.after:.15g}: tell its exchange"
    rule = past.rules.get(step.name, CounterRule())
    value = CounterValue(step.name, step.after, step.first_ms, GROWTH[step.name.partition(",")[0]], rule)
    if not value.is_possible_after(step.before, step.from_ms):
        return f"{device.name}: {step.held_out:.15g} is more than can have flowed in that time: tell its exchange"
    return step
