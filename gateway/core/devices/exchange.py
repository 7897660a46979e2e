"""The exchange of a device's meter as people tell it: what of it cannot be, and what seems to be a mistake."""

from math import isfinite, isnan
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.readings.exchanges import ToldExchange
from gateway.core.readings.steps import usual
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
