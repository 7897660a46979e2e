"""Registers of one make that all took the same step, by ten or a thousand: a firmware that counts in another unit.

A payload does not say that its unit changed, and one device alone could be broken. Several devices of a make with the same step
show a firmware. Nothing is corrected: the values are stored unchanged, marked as suspect steps, and people are told.
"""

from dataclasses import dataclass, field
from math import isfinite, log10
from typing import Final

DEVICES_MIN: Final = 3
"""Devices of a make that must take the same step before people are told."""

WINDOW_MS: Final = 86_400_000
"""Time within which they must do so; a roll-out of a firmware takes hours."""

MAKES_MAX: Final = 64
"""Most makes and steps followed at a time."""

_TOLERANCE: Final = 0.01
"""Tolerance around a power of ten: the register has moved on in between."""

_POWER_MAX: Final = 6
_TOLD_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class UnitJump:
    """Several devices of a make whose registers show ``factor`` times what they did before, and the first of them."""

    make: str
    factor: float
    devices: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    since_ms: int
    devices: list[str] = field(default_factory=list)
    told: bool = False


class UnitJumps:
    """The suspect steps of a fleet's registers, as far as they are powers of ten."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, int], _Seen] = {}
        self._told: list[tuple[int, UnitJump]] = []

    def told(self, now_ms: int) -> list[UnitJump]:
        """The jumps reported within the last day."""
        self._told = [(at_ms, jump) for at_ms, jump in self._told[-_TOLD_MAX:] if now_ms - at_ms <= WINDOW_MS]
        return [jump for _, jump in self._told]

    def see(self, make: str, device: str, before: float, value: float, now_ms: int) -> UnitJump | None:
        """Note a step of a register; return a jump of its make (the model or profile of one firmware), at most once a day."""
        power = power_of_ten(before, value)
        if not power:
            return None
        key = (make, power)
        seen = self._seen.get(key)
        if seen is None or now_ms - seen.since_ms > WINDOW_MS:
            self._seen.pop(key, None)
            if len(self._seen) >= MAKES_MAX:
                del self._seen[next(iter(self._seen))]
            seen = self._seen[key] = _Seen(now_ms)
        if device not in seen.devices and not seen.told:
            seen.devices.append(device)
        if seen.told or len(seen.devices) < DEVICES_MIN:
            return None
        seen.told = True
        jump = UnitJump(make, 10.0**power, tuple(seen.devices))
        self._told.append((now_ms, jump))
        return jump


def power_of_ten(before: float, value: float) -> int:
    """The power of ten by which a register was multiplied; 0 if it was not."""
    if not (isfinite(before) and isfinite(value)) or before <= 0 or value <= 0:
        return 0
    power = round(log10(value) - log10(before))
    if abs(power) > _POWER_MAX or abs(value / before / 10.0**power - 1) > _TOLERANCE:
        return 0
    return power
