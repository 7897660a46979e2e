"""Times: the forms in which devices write them → milliseconds since 1970 in UTC; and trust in clocks, theirs and the gateway's.

All instants are integers, milliseconds since 1970 in UTC. Steady ones count from any instant: nobody sets that clock.
"""

import re
from bisect import bisect_left, insort
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

DOUBTED_FUTURE_MS: Final = 31 * 86400 * 1000
"""The most that a device may be ahead of a gateway that is behind, and still be believed."""

_REPLAYED_MS: Final = 60_000
_STEP_MS: Final = 1000
"""A clock that moves more than this against a steady one was set; less is a pause between the two readings."""

_HEARD_MAX: Final = 101
"""An odd number: the median is a device, not a mean of two."""

FEWEST_DEVICES: Final = 5
"""Devices that must agree before their median may cast doubt on the gateway: one wrong meter must not."""

_STAY_MS: Final = 15 * 60_000
"""For so long devices must stay behind by the same: what a broker held back is less late each minute."""

_ROUND_MS: Final = 5 * 60_000
_ROUND_MAX_MS: Final = 3 * 3_600_000
"""When a round in which too few devices spoke ends: what was said before it is too old to count."""

_ROUNDS: Final = 8
_SPANS_OF_A_ROUND: Final = 10_000_000
"""More than there are in a century, so that no span of a round is one of the next."""


class WrongClock(NamedTuple):
    """The clock of a device that is not near ours (:mod:`gateway.core.devices.clocks`).

    :ivar off_ms: the offset of its freshest readings from ours; below 0: they are behind.
    :ivar since_ms: the arrival since which it has been off.
    :ivar last_ms: the last arrival noted at which it was off by this; of a clock ahead, of a message before the newest one.
    :ivar near_ms: the offset of readings that may have waited for as long as the clock is ahead; None: the newest has not.
    :ivar near_since_ms: the arrival since which they have had it.
    :ivar waited_ms: the first and the last arrival between which such readings came; 0 and 0: there were none.
    """

    off_ms: int
    since_ms: int
    last_ms: int
    near_ms: int | None = None
    near_since_ms: int = 0
    waited_ms: tuple[int, int] = (0, 0)


class DeviceClocks:
    """The evidence of the devices' times about the gateway's clock.

    Nothing is sent before it is measured: devices that are ahead show at once that the gateway is behind. Devices that are
    behind show nothing by themselves, since a broker may have held back what they sent. Only when they stay behind by the same
    is the gateway ahead. They speak in rounds of some minutes, so that what they said has an age. They count once half as many
    have spoken as in the round before: the few that speak first may be those whose clocks are wrong.

    :ivar origin_ms: an offset and this, divided by :attr:`span_ms`, is the span of the offset. A device that stays in its span
        tells nothing new: a clock of another time zone stands in the middle of one. With each round the origin moves, and with
        it every span, so that each device speaks again.
    :ivar off_ms: the offset of the right time from the gateway's, by the median of the devices; None: they do not tell.
    """

    def __init__(self, max_future_ms: int) -> None:
        self._max_future_ms = self.origin_ms = max_future_ms
        self.span_ms = 2 * max_future_ms + 1
        self.off_ms: int | None = None
        self._offsets_ms: dict[str, int] = {}
        self._in_order_ms: list[int] = []
        self._round = 0
        self._enough = FEWEST_DEVICES
        self._began_ms: int | None = None
        self._behind: tuple[int, int] | None = None
        """Since when, of the steady clock, they have been behind, and by how much then."""

    def pass_time(self, steady_ms: int) -> None:
        """Begin a new round once this one has lasted and enough devices spoke in it, or once it is too old."""
        if self._began_ms is None:
            self._began_ms = steady_ms
        lasted_ms = steady_ms - self._began_ms
        heard = len(self._in_order_ms)
        if lasted_ms < _ROUND_MS or (heard < self._enough and lasted_ms < _ROUND_MAX_MS):
            return
        self._enough = max(FEWEST_DEVICES, heard // 2)
        if lasted_ms >= _ROUND_MAX_MS:
            self.off_ms = self._behind = None
        self._began_ms = steady_ms
        self._round = (self._round + 1) % _ROUNDS
        self.origin_ms = self._max_future_ms + self._round * _SPANS_OF_A_ROUND * self.span_ms
        self._offsets_ms.clear()
        self._in_order_ms.clear()

    def see(self, device: str, offset_ms: int, steady_ms: int) -> None:
        """A device's time is ``offset_ms`` ahead of ours. The last 101 devices of a round count, one time each."""
        offsets_ms, in_order_ms = self._offsets_ms, self._in_order_ms
        before_ms = offsets_ms.get(device)
        if before_ms is not None and offset_ms < min(before_ms, -self._max_future_ms):
            return  # a reading that waited says less than the fresher one before it
        if before_ms is not None:
            del offsets_ms[device]
        elif len(offsets_ms) >= _HEARD_MAX:
            before_ms = offsets_ms.pop(next(iter(offsets_ms)))
        if before_ms is not None:
            del in_order_ms[bisect_left(in_order_ms, before_ms)]
        offsets_ms[device] = offset_ms
        insort(in_order_ms, offset_ms)
        if len(in_order_ms) >= self._enough:
            self._weigh(steady_ms)

    def _weigh(self, steady_ms: int) -> None:
        in_order_ms, heard = self._in_order_ms, len(self._in_order_ms)
        median_ms = (in_order_ms[heard // 2] + in_order_ms[(heard - 1) // 2]) // 2
        if median_ms >= -self._max_future_ms:
            self.off_ms, self._behind = median_ms, None
            return
        if self._behind is None or abs(median_ms - self._behind[1]) > self._max_future_ms:
            self._behind = steady_ms, median_ms
        self.off_ms = median_ms if steady_ms - self._behind[0] >= _STAY_MS else None

    def shift(self, step_ms: int, steady_ms: int) -> None:
        """The gateway's clock was set by ``step_ms``: what was known of the right time stays known."""
        self._offsets_ms = {device: offset_ms - step_ms for device, offset_ms in self._offsets_ms.items()}
        self._in_order_ms = [offset_ms - step_ms for offset_ms in self._in_order_ms]
        self._behind = None
        if self.off_ms is not None:
            self.off_ms -= step_ms
            if self.off_ms < -self._max_future_ms:
                self._behind = steady_ms - _STAY_MS, self.off_ms


class ClockTrust:
    """Judgement of the gateway's own clock by evidence that needs no network.

    A Raspberry Pi has no clock of its own: after a power cut without network it is hours or years behind. Evidence comes from
    the build date, the newest time ever saved, the devices, and the ``Date`` of InfluxDB's answers; newer replaces older. When
    the gateway's clock is set, all evidence shifts by as much.

    :ivar doubted: the gateway's clock is behind or ahead.
    :ivar behind: it is behind, so that right devices are ahead of it.
    """

    def __init__(self, *, not_before_ms: int, max_future_ms: int) -> None:
        """Trust it, unless it is before ``not_before_ms``: the build date, or the newest time ever saved."""
        self._not_before_ms = not_before_ms
        self._max_future_ms = max_future_ms
        self._influxdb_ms: int | None = None
        self._judged_ms = 0
        self._above_steady_ms: int | None = None
        self.devices = DeviceClocks(max_future_ms)
        self.doubted = self.behind = False

    def judge(self, now_ms: int) -> bool:
        """Judge the clock at ``now_ms``; the result is :attr:`doubted`."""
        self._judged_ms = now_ms
        offsets_ms = self.devices.off_ms or 0, self._influxdb_ms or 0
        self.behind = now_ms < self._not_before_ms or max(offsets_ms) > self._max_future_ms
        self.doubted = self.behind or min(offsets_ms) < -self._max_future_ms
        return self.doubted

    @property
    def off_ms(self) -> int:
        """The offset of the right time from the gateway's, as far as it is known."""
        return max(self.devices.off_ms or 0, self._influxdb_ms or 0, key=abs)

    def widen(self, past_ms: int, future_ms: int) -> tuple[int, int]:
        """Return how far before and after this doubted clock a time may lie, given the two of a clock that is right."""
        off_ms = self.off_ms
        return past_ms + max(-off_ms, 0), max(DOUBTED_FUTURE_MS, off_ms + future_ms) if self.behind else future_ms

    def see_time(self, now_ms: int, steady_ms: int) -> None:
        """Find out if the gateway's clock was set since the last call, by ``steady_ms`` of a monotonic clock."""
        self.devices.pass_time(steady_ms)
        above_ms, self._above_steady_ms = self._above_steady_ms, now_ms - steady_ms
        if above_ms is None or abs(step_ms := now_ms - steady_ms - above_ms) < _STEP_MS:
            return
        self.devices.shift(step_ms, steady_ms)
        if self._influxdb_ms is not None:
            self._influxdb_ms -= step_ms
        self.judge(now_ms)

    def is_past(self, arrival_ms: int) -> bool:
        """Tell if a message comes out of quarantine or the rejects: it tells nothing of the present."""
        return arrival_ms < self._judged_ms - _REPLAYED_MS

    def see_device(self, device: str, offset_ms: int, now_ms: int) -> None:
        """A device's time is ``offset_ms`` ahead of ours."""
        if now_ms < self._judged_ms - _REPLAYED_MS:  # as in is_past: each reading of many devices comes here
            return
        self.devices.see(device, offset_ms, now_ms - (self._above_steady_ms or 0))
        self.judge(now_ms)

    def see_influxdb(self, offset_ms: int, now_ms: int) -> None:
        """InfluxDB's ``Date`` is ``offset_ms`` ahead of the gateway's clock (whole seconds, so one of them is tolerated)."""
        self._influxdb_ms = offset_ms
        self.judge(now_ms)


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
