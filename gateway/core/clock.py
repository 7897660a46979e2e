"""Time: what a device's time is worth, and what the gateway's own is.

All instants are integers, milliseconds since 1970 in UTC.
"""

import re
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

YEAR_2020_MS: Final = 1577836800000
"""No reading is older than this; what is, comes from a clock that was never set."""

DOUBTED_FUTURE_MS: Final = 31 * 86400 * 1000
"""How far ahead of a doubted gateway a device may stand and still be believed."""

_REPLAYED_MS: Final = 60_000
_STEP_MS: Final = 1000
"""A clock that moves more than this against a steady one was set; less is a pause between the two looks."""

_HEARD_MAX: Final = 101
"""An odd number: the median is a device, not a mean of two."""

FEWEST_DEVICES: Final = 5
"""Devices that must agree before their median may cast doubt on the gateway: one wrong meter must not."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(?:([Zz])|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_USUAL = re.compile(r"[12]\d{3}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:[0-5]\d)", re.ASCII)
"""As nearly every device writes it; this Python reads as RFC 3339 does."""
_LEAP_SECOND: Final = 60
MS_FROM: Final = 10**11
MS_TO: Final = 10**14
_MAGNITUDES: Final = ((MS_FROM, 1000, 1), (MS_TO, 1, 1), (10**17, 1, 1000), (10**20, 1, 1_000_000))
"""Below the limit: multiply, divide, to get milliseconds. The limits lie thousands of years from today in each unit."""


def epoch_ms(value: float) -> int | None:
    """Milliseconds of an epoch in s, ms, µs or ns, told apart by magnitude; None when it is none of them."""
    if isinstance(value, float):
        if value != value or abs(value) >= _MAGNITUDES[1][0]:  # noqa: PLR0124 - NaN is the number that differs from itself
            return None
        return round(value * 1000) if abs(value) < _MAGNITUDES[0][0] else round(value)
    for limit, times, divided_by in _MAGNITUDES:
        if -limit < value < limit:
            return value * times // divided_by
    return None


def rfc3339_ms(text: str) -> int | None:
    """Milliseconds of an RFC 3339 time with a zone; None when the text is not one. A leap second is the second after."""
    if _USUAL.fullmatch(text) is None:
        return _rfc3339_ms_patiently(text)
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return _rfc3339_ms_patiently(text)
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def _rfc3339_ms_patiently(text: str) -> int | None:
    """The same for every form there is; also for a leap second, which Python does not know."""
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
    """From which times to which a device is believed, and from when a reading is historic; all in ms."""

    max_past_ms: int
    max_future_ms: int
    late_after_ms: int


class ClockTrust:
    """Whether the gateway's own clock can be right, judged by what can be known without a network.

    A Raspberry Pi has no clock of its own: after a power cut without network it stands hours or years back. Doubt is raised by
    the build date, the newest time ever saved, the median of the devices, and the ``Date`` of InfluxDB's answers; each is
    a piece of evidence that is replaced when it comes again. When our clock is set, all of it stands as much further from us.
    """

    def __init__(self, *, not_before_ms: int, max_future_ms: int) -> None:
        """Trust it, unless it stands before ``not_before_ms``: the build date, or the newest time ever saved."""
        self._not_before_ms = not_before_ms
        self._max_future_ms = max_future_ms
        self._offsets_ms: dict[str, int] = {}
        self._in_order_ms: list[int] = []
        self._median_ms = 0
        self._influxdb_ms: int | None = None
        self._judged_ms = 0
        self._above_steady_ms: int | None = None
        self.doubted = False

    def judge(self, now_ms: int) -> bool:
        """Whether the clock is doubted at ``now_ms``; remembered in :attr:`doubted`."""
        self._judged_ms = now_ms
        self.doubted = now_ms < self._not_before_ms or abs(self.off_ms) > self._max_future_ms
        return self.doubted

    @property
    def off_ms(self) -> int:
        """How far the right time is ahead of ours, as far as we know."""
        return max(self._median_ms, self._influxdb_ms or 0, key=abs)

    def see_time(self, now_ms: int, steady_ms: int) -> None:
        """See whether our clock was set since the last time, by ``steady_ms`` of a clock that nobody sets."""
        above_ms, self._above_steady_ms = self._above_steady_ms, now_ms - steady_ms
        if above_ms is None or abs(step_ms := now_ms - steady_ms - above_ms) < _STEP_MS:
            return
        self._offsets_ms = {device: offset_ms - step_ms for device, offset_ms in self._offsets_ms.items()}
        self._in_order_ms = [offset_ms - step_ms for offset_ms in self._in_order_ms]
        self._weigh_devices()
        if self._influxdb_ms is not None:
            self._influxdb_ms -= step_ms
        self.judge(now_ms)

    def see_device(self, device: str, offset_ms: int, now_ms: int) -> None:
        """A device's time is ``offset_ms`` ahead of ours. The last 101 devices heard count, one time each.

        A message that arrived long before the last judgement comes out of quarantine or the rejects: it tells nothing of now.
        """
        if now_ms < self._judged_ms - _REPLAYED_MS:
            return
        offsets_ms, in_order_ms = self._offsets_ms, self._in_order_ms
        before_ms = offsets_ms.pop(device, None)
        if before_ms is None and len(offsets_ms) >= _HEARD_MAX:
            before_ms = offsets_ms.pop(next(iter(offsets_ms)))
        if before_ms is not None:
            del in_order_ms[bisect_left(in_order_ms, before_ms)]
        offsets_ms[device] = offset_ms
        insort(in_order_ms, offset_ms)
        self._weigh_devices()
        self.judge(now_ms)

    def _weigh_devices(self) -> None:
        in_order_ms, heard = self._in_order_ms, len(self._in_order_ms)
        enough = heard >= FEWEST_DEVICES
        self._median_ms = (in_order_ms[heard // 2] + in_order_ms[(heard - 1) // 2]) // 2 if enough else 0

    def see_influxdb(self, offset_ms: int, now_ms: int) -> None:
        """InfluxDB's ``Date`` is ``offset_ms`` ahead of ours (whole seconds; its own second is not our fault)."""
        self._influxdb_ms = offset_ms
        self.judge(now_ms)
