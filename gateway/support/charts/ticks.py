"""Round places for the marks of an axis."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil, floor, log10
from typing import Final

_ROUND: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_HAIR: Final = 1e-9
"""Part of a step by which a value may miss a mark and still lie on it."""
_AROUND: Final = 0.05
"""Part of one lonely value that is shown on both sides of it."""
_JUST_ABOVE: Final = 1.01
_SECOND_MS: Final = 1000
_MINUTE_MS: Final = 60 * _SECOND_MS
_HOUR_MS: Final = 60 * _MINUTE_MS
_DAY_MS: Final = 24 * _HOUR_MS
_STEPS_MS: Final = (
    *(count * _SECOND_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _MINUTE_MS for count in (1, 2, 5, 10, 15, 30)),
    *(count * _HOUR_MS for count in (1, 2, 3, 6, 12)),
    *(count * _DAY_MS for count in (1, 2, 5, 10, 30, 60, 180, 365)),
)


def number_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round numbers, evenly spaced, the first at ``low`` or below and the last at ``high`` or above.

    :param most: number of intervals that are not exceeded.
    """
    if high - low <= _HAIR * max(abs(low), abs(high)):  # equal but for the last digits: no step lies between them
        around = _AROUND * abs(low)
        low, high = (low - around, high + around) if around else (0.0, 1.0)
    step = _round_step((high - low) / most)
    first, last = floor(low / step + _HAIR), ceil(high / step - _HAIR)
    while last - first > most:  # the ends did not fall on the step
        step = _round_step(step * _JUST_ABOVE)
        first, last = floor(low / step + _HAIR), ceil(high / step - _HAIR)
    return [round(count * step, 12) for count in range(first, last + 1)]


def _round_step(least: float) -> float:
    scale = 10.0 ** floor(log10(least))
    return next(step for step in _ROUND if step * scale >= least * (1 - _HAIR)) * scale


def time_ticks(start_ms: int, end_ms: int, zone: tzinfo, most: int = 5) -> list[int]:
    """Round local times between two instants: full minutes, hours or days of the zone.

    :param most: number of marks that is not exceeded.
    """
    length_ms = max(1, end_ms - start_ms)
    step_ms = next((step for step in _STEPS_MS if length_ms <= step * most), _STEPS_MS[-1])
    return [at_ms for at_ms in _round_times(start_ms, end_ms, step_ms, zone) if start_ms <= at_ms <= end_ms][:most]


def _round_times(start_ms: int, end_ms: int, step_ms: int, zone: tzinfo) -> Iterator[int]:
    """Local times that are multiples of a step since the midnight before the start; the clock may be changed between them."""
    local = datetime.fromtimestamp(start_ms / _SECOND_MS, zone)
    at = datetime(local.year, local.month, local.day)  # noqa: DTZ001 - the wall clock's time
    while (at_ms := int(at.replace(tzinfo=zone).astimezone(UTC).timestamp() * _SECOND_MS)) <= end_ms:
        yield at_ms
        at += timedelta(milliseconds=step_ms)
