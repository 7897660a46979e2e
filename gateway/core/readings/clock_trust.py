"""Trust in clocks: the devices' and the gateway's own.

All instants are integers, milliseconds since 1970 in UTC.
"""

from bisect import bisect_left, insort
from typing import Final

DOUBTED_FUTURE_MS: Final = 31 * 86400 * 1000
"""How far ahead of a doubted gateway a device's clock may be and still be believed."""

_REPLAYED_MS: Final = 60_000
_STEP_MS: Final = 1000
"""A clock that moves more than this against a steady one was set; less is a pause between the two readings."""

_HEARD_MAX: Final = 101
"""An odd number: the median is a device, not a mean of two."""

FEWEST_DEVICES: Final = 5
"""Devices that must agree before their median may cast doubt on the gateway: one wrong meter must not."""


class ClockTrust:
    """Judgement of the gateway's own clock by evidence that needs no network.

    A Raspberry Pi has no clock of its own: after a power cut without network it is hours or years behind. Doubt is raised by
    the build date, the newest time ever saved, the median of the devices, and the ``Date`` of InfluxDB's answers; each is
    a piece of evidence that is replaced when it comes again. When the gateway's clock is set, all evidence shifts by as much.
    """

    def __init__(self, *, not_before_ms: int, max_future_ms: int) -> None:
        """Trust it, unless it is before ``not_before_ms``: the build date, or the newest time ever saved."""
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
        """Judge the clock at ``now_ms``; the result is :attr:`doubted`."""
        self._judged_ms = now_ms
        self.doubted = now_ms < self._not_before_ms or abs(self.off_ms) > self._max_future_ms
        return self.doubted

    @property
    def off_ms(self) -> int:
        """The offset of the right time from the gateway's, as far as it is known."""
        return max(self._median_ms, self._influxdb_ms or 0, key=abs)

    def see_time(self, now_ms: int, steady_ms: int) -> None:
        """Find out if the gateway's clock was set since the last call, by ``steady_ms`` of a monotonic clock."""
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

        A message that arrived long before the last judgement comes out of quarantine or the rejects, and tells nothing about
        the present.
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
        """InfluxDB's ``Date`` is ``offset_ms`` ahead of the gateway's clock (whole seconds, so one of them is tolerated)."""
        self._influxdb_ms = offset_ms
        self.judge(now_ms)
