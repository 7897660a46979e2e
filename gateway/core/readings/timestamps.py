"""Timestamps: the forms in which devices write time → milliseconds since 1970 in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

YEAR_2020_MS: Final = 1577836800000
"""No reading is older than this; an older time comes from a clock that was never set."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-])([01]\d|2[0-3]):([0-5]\d))", re.ASCII
)
_USUAL = re.compile(r"[12]\d{3}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)
"""The usual form, which Python reads in agreement with RFC 3339."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LEAP_SECOND: Final = 60
MS_FROM: Final = 10**11
MS_TO: Final = 10**14
_MAGNITUDES: Final = ((MS_FROM, 1000, 1), (MS_TO, 1, 1), (10**17, 1, 1000), (10**20, 1, 1_000_000))
"""Below the limit: multiply, divide, to get milliseconds. The limits lie thousands of years from today in each unit."""


def epoch_ms(value: float) -> int | None:
    """Milliseconds of an epoch in s, ms, µs or ns, told apart by magnitude; None if it is none of them."""
    if isinstance(value, float):
        if value != value or abs(value) >= _MAGNITUDES[1][0]:  # noqa: PLR0124 - NaN is the number that differs from itself
            return None
        return round(value * 1000) if abs(value) < _MAGNITUDES[0][0] else round(value)
    for limit, times, divided_by in _MAGNITUDES:
        if -limit < value < limit:
            return value * times // divided_by
    return None


def rfc3339_ms(text: str) -> int | None:
    """Milliseconds of an RFC 3339 time with a zone; None if the text is not one. A leap second becomes the second after it."""
    if _USUAL.fullmatch(text) is None:
        return _rfc3339_ms_slow_path(text)
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:  # a leap second, or no such day
        return _rfc3339_ms_slow_path(text)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _rfc3339_ms_slow_path(text: str) -> int | None:
    """The same for every form, and for a leap second, which Python does not know."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, zone_h, zone_min = match.groups()
    leap = int(second) == _LEAP_SECOND
    try:
        instant = datetime(int(year), int(month), int(day), int(hour), int(minute), 59 if leap else int(second), tzinfo=UTC)
        offset = timedelta(hours=int(zone_h or 0), minutes=int(zone_min or 0))
        instant = instant + offset if sign == "-" else instant - offset
    except (ValueError, OverflowError):
        return None
    ms = int(f"{fraction or ''}000"[:3])
    return (int(instant.timestamp()) + leap) * 1000 + ms


def device_ms(ts: object) -> int | None:
    """The device's time in a native reading, or None when it is missing or unreadable."""
    if isinstance(ts, bool):
        return None
    if isinstance(ts, int | float):
        return epoch_ms(ts)
    return rfc3339_ms(ts) if isinstance(ts, str) else None


@dataclass(frozen=True, slots=True)
class TimeRules:
    """Limits in ms within which a device's time is believed, and beyond which a reading is historic."""

    max_past_ms: int
    max_future_ms: int
    late_after_ms: int
