"""Counters: a step that cannot be real is marked, never mended.

A meter's register only grows, and no faster than the pipe or the feeder allows. A step that breaks this is a reset, a roll-
over, an exchanged meter or one garbage frame; from one reading nobody can tell which. The value is stored as it stands with
quality bit 4, and the state moves to it only when two more readings confirm it: a garbage frame is forgotten, a reset
accepted.
"""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self, cast

from schemas.quantities import QUANTITIES, Kind

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
class _Candidate:
    value: float
    time_ms: int
    confirmations: int


@lru_cache(maxsize=4096)
def _joined(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    """Names and one more; devices with the same counters share the tuple."""
    return (*names[-_STATES_MAX + 1 :], name)


class CounterState(array):  # type: ignore[type-arg] # it is its numbers: an object around them would cost every device 100 bytes
    """The last believed values of one device's counters: value and time, in ms, of each in turn; ``_names`` says whose."""

    __slots__ = ("_candidates", "_names")
    _names: tuple[str, ...]
    _candidates: dict[str, _Candidate] | None

    def __new__(cls) -> Self:
        """No counter met yet."""
        state = cast("Self", super().__new__(cls, "d"))
        state._names = ()  # noqa: SLF001 - its own
        state._candidates = None  # noqa: SLF001
        return state

    def is_suspect(self, name: str, rate_per_h: float, value: float, time_ms: int) -> bool:
        """Judge one value and remember it. ``name`` is the counter with its lane or channel, ``rate_per_h`` its bound.

        A value older than the state is historic: neither judged nor remembered.
        """
        if name not in self._names:
            self._begin(name, value, time_ms)
            return False
        at = 2 * self._names.index(name)
        if time_ms <= self[at + 1]:
            return False
        if _is_possible(self[at], self[at + 1], value, time_ms, rate_per_h):
            self[at], self[at + 1] = value, time_ms
            if self._candidates:
                self._candidates.pop(name, None)
            return False
        if self._is_confirmed(name, rate_per_h, value, time_ms):
            self[at], self[at + 1] = value, time_ms
        return True

    def _begin(self, name: str, value: float, time_ms: int) -> None:
        if len(self._names) >= _STATES_MAX:
            del self[:2]
            if self._candidates:
                self._candidates.pop(self._names[0], None)
        self._names = _joined(self._names, name)
        self.extend((value, time_ms))

    def _is_confirmed(self, name: str, rate_per_h: float, value: float, time_ms: int) -> bool:
        """Remember a step that cannot be; whether enough readings have now confirmed it."""
        if self._candidates is None:
            self._candidates = {}
        candidate = self._candidates.get(name)
        if candidate is not None and time_ms <= candidate.time_ms:
            return False  # a copy of the same frame, or an older one: it confirms nothing
        if candidate is None or not _is_possible(candidate.value, candidate.time_ms, value, time_ms, rate_per_h):
            self._candidates[name] = _Candidate(value, time_ms, 0)
            return False
        candidate.value, candidate.time_ms = value, time_ms
        candidate.confirmations += 1
        if candidate.confirmations < _CONFIRMATIONS:
            return False
        del self._candidates[name]
        return True


def _is_possible(before: float, before_ms: float, value: float, time_ms: int, rate_per_h: float) -> bool:
    return 0 <= value - before <= rate_per_h * (time_ms - before_ms) / _HOUR_MS
