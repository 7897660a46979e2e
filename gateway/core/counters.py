"""Counters: a step that cannot be real is marked, never mended.

A meter's register only grows, and no faster than the pipe or the feeder allows. A step that breaks this is a reset, a roll-
over, an exchanged meter or one garbage frame; from one reading nobody can tell which. The value is stored as it stands with
quality bit 4, and the state moves to it only when two more readings confirm it: a garbage frame is forgotten, a reset
accepted.
"""

from dataclasses import dataclass
from typing import Final

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


class CounterState:
    """The last believed values of one device's counters."""

    __slots__ = ("_believed", "_candidates")

    def __init__(self) -> None:
        self._believed: dict[str, tuple[float, int]] = {}
        self._candidates: dict[str, _Candidate] = {}

    def is_suspect(self, name: str, rate_per_h: float, value: float, time_ms: int) -> bool:
        """Judge one value and remember it. ``name`` is the counter with its lane or channel, ``rate_per_h`` its bound.

        A value older than the state is historic: neither judged nor remembered.
        """
        known = self._believed.get(name)
        if known is None:
            if len(self._believed) >= _STATES_MAX:
                del self._believed[next(iter(self._believed))]
            self._believed[name] = (value, time_ms)
            return False
        if time_ms <= known[1]:
            return False
        if _is_possible(known[0], known[1], value, time_ms, rate_per_h):
            self._believed[name] = (value, time_ms)
            if self._candidates:
                self._candidates.pop(name, None)
            return False
        self._doubt(name, rate_per_h, value, time_ms)
        return True

    def _doubt(self, name: str, rate_per_h: float, value: float, time_ms: int) -> None:
        candidate = self._candidates.get(name)
        if candidate is None or not _is_possible(candidate.value, candidate.time_ms, value, time_ms, rate_per_h):
            self._candidates[name] = _Candidate(value, time_ms, 0)
            return
        candidate.value, candidate.time_ms = value, time_ms
        candidate.confirmations += 1
        if candidate.confirmations >= _CONFIRMATIONS:
            self._believed[name] = (value, time_ms)
            del self._candidates[name]


def _is_possible(before: float, before_ms: int, value: float, time_ms: int, rate_per_h: float) -> bool:
    return 0 <= value - before <= rate_per_h * (time_ms - before_ms) / _HOUR_MS
