"""Counters: a step that cannot be real is marked, never mended.

A meter's register only grows, and no faster than the pipe or the feeder allows. A step that breaks this is a reset, a roll-
over, an exchanged meter or one garbage frame; from one reading nobody can tell which. The value is stored as it is with
quality bit 4, and the state moves to it only when two more readings confirm it: a garbage frame is forgotten, a reset
accepted. Where the width of the register is known, a step that rolling over explains is marked too, and believed at once.
"""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from math import isnan, nan
from typing import Final, NamedTuple, Self, cast

from schemas.quantities import QUANTITIES, Kind


class CounterRule(NamedTuple):
    """Rule that a profile gives for a counter, in the field's own unit.

    :ivar rate_per_h: the most it can grow in an hour; None: the table's bound.
    :ivar modulus: the value at which the register starts again from 0; None: not known.
    """

    rate_per_h: float | None = None
    modulus: float | None = None


_HOUR_MS: Final = 3_600_000
_CONFIRMATIONS: Final = 2
_STATES_MAX: Final = 64
"""Most counters remembered for one device, its lanes and channels included."""

_FLOW: Final = {"volume_m3": 50_000.0, "volume_reverse_m3": 5_000.0}
_ENERGY_PER_H: Final = 1e8 / 1000
"""The bound of active or reactive power, in kWh or kvarh per hour."""

RATE_PER_H: Final[dict[str, float]] = {
    quantity.field: _ENERGY_PER_H if "energy" in quantity.field else _FLOW.get(quantity.field, float("inf"))
    for domain, quantities in QUANTITIES.items()
    if domain != "device_health"  # a LoRaWAN join restarts the frame counter: normal, and no fault of a register
    for quantity in quantities.values()
    if quantity.kind is Kind.COUNTER
}
"""Counter → the most it can grow in an hour: the bound of the flow or power that belongs to it."""


@dataclass(slots=True)
class _Unconfirmed:
    value: float
    time_ms: float
    confirmations: int


class Register(NamedTuple):
    """State of one counter, for those who store it.

    :ivar value: the last believed value; NaN: the meter was exchanged at ``time_ms`` and its successor has not been read yet.
    :ivar doubt: value, time in ms and confirmations of a step that is not believed yet.
    """

    name: str
    value: float
    time_ms: float
    doubt: tuple[float, float, int] | None = None


@lru_cache(maxsize=4096)
def _joined(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names and one more; devices with the same counters share the tuple."""
    return (*names[-_STATES_MAX + 1 :], name)


class CounterState(array):  # type: ignore[type-arg] # it is its numbers: an object around them would cost every device 100 bytes
    """The last believed values of one device's counters: value and time, in ms, of each in turn; ``_names`` says whose."""

    __slots__ = ("_candidates", "_names")
    _names: tuple[str, ...]
    _candidates: dict[str, _Unconfirmed] | None

    def __new__(cls) -> Self:
        """No counter met yet."""
        state = cast("Self", super().__new__(cls, "d"))
        state._names = ()  # noqa: SLF001 - its own
        state._candidates = None  # noqa: SLF001
        return state

    def is_suspect(self, name: str, rate_per_h: float, value: float, time_ms: int, rule: CounterRule | None = None) -> bool:
        """Judge one value and remember it.

        A value older than the state is historic: neither judged nor remembered.

        :param name: the counter with its lane or channel.
        :param rate_per_h: the most it can grow in an hour, by the table.
        :param rule: what a profile knows better.
        """
        if name not in self._names:
            self._begin(name, value, time_ms)
            return False
        at = 2 * self._names.index(name)
        before, before_ms = self[at], self[at + 1]
        if time_ms <= before_ms:
            return False
        if rule is not None and rule.rate_per_h is not None:
            rate_per_h = rule.rate_per_h
        if 0 <= value - before <= rate_per_h * (time_ms - before_ms) / _HOUR_MS:  # written out: it is so nearly every time
            self[at], self[at + 1] = value, time_ms
            if self._candidates:
                self._candidates.pop(name, None)
            return False
        modulus = rule.modulus if rule is not None else None
        exchanged = isnan(before)
        if exchanged or _rolled_over(before, before_ms, value, time_ms, rate_per_h, modulus):
            self._believe(at, name, value, time_ms)
        elif self._is_confirmed(name, rate_per_h, value, time_ms):
            self[at], self[at + 1] = value, time_ms
        return not exchanged

    def exchange(self, field: str | None, at_ms: int) -> list[str]:
        """The meter was exchanged at ``at_ms``: the next reading after that is the first of its successor.

        :param field: the counter, with all its lanes and channels; None: all counters of the device.
        :returns: the counters that start again.
        """
        anew = [name for name in self._names if field is None or name == field or name.startswith(f"{field},")]
        for name in anew:
            self._believe(2 * self._names.index(name), name, nan, at_ms)
        return anew

    def registers(self) -> list[Register]:
        """All that is known, in an order in which :meth:`restore` takes it."""
        doubts = self._candidates or {}
        found = []
        for at, name in enumerate(self._names):
            doubt = doubts.get(name)
            about = (doubt.value, doubt.time_ms, doubt.confirmations) if doubt else None
            found.append(Register(name, self[2 * at], self[2 * at + 1], about))
        return found

    def believed(self, name: str) -> float | None:
        """The last believed value of a counter; None when it was never met."""
        return self[2 * self._names.index(name)] if name in self._names else None

    def restore(self, register: Register) -> None:
        """Take back what was known of a counter that was not met since."""
        if register.name in self._names:
            return
        self._begin(register.name, register.value, register.time_ms)
        if register.doubt is not None:
            self._candidates = self._candidates or {}
            self._candidates[register.name] = _Unconfirmed(*register.doubt)

    def _begin(self, name: str, value: float, time_ms: float) -> None:
        if len(self._names) >= _STATES_MAX:
            del self[:2]
            if self._candidates:
                self._candidates.pop(self._names[0], None)
        self._names = _joined(self._names, name)
        self.extend((value, time_ms))

    def _believe(self, at: int, name: str, value: float, time_ms: int) -> None:
        self[at], self[at + 1] = value, time_ms
        if self._candidates:
            self._candidates.pop(name, None)

    def _is_confirmed(self, name: str, rate_per_h: float, value: float, time_ms: int) -> bool:
        """Remember a step that cannot be; whether enough readings have now confirmed it."""
        if self._candidates is None:
            self._candidates = {}
        candidate = self._candidates.get(name)
        if candidate is not None and time_ms <= candidate.time_ms:
            return False  # a copy of the same frame, or an older one: it confirms nothing
        if candidate is None or not _is_possible(candidate.value, candidate.time_ms, value, time_ms, rate_per_h):
            self._candidates[name] = _Unconfirmed(value, time_ms, 0)
            return False
        candidate.value, candidate.time_ms = value, time_ms
        candidate.confirmations += 1
        if candidate.confirmations < _CONFIRMATIONS:
            return False
        del self._candidates[name]
        return True


def _is_possible(before: float, before_ms: float, value: float, time_ms: int, rate_per_h: float) -> bool:
    return 0 <= value - before <= rate_per_h * (time_ms - before_ms) / _HOUR_MS


def _rolled_over(before: float, before_ms: float, value: float, time_ms: int, rate_per_h: float, modulus: float | None) -> bool:
    """Tell if a step back is a roll-over: possible, and shorter than the step back that it seems to be.

    The second keeps a counter without a bound of its rate from taking every step back for a roll-over.
    """
    if modulus is None or not 0 <= value < before <= modulus:
        return False
    grown = value + modulus - before
    return grown < before - value and _is_possible(0.0, before_ms, grown, time_ms, rate_per_h)
