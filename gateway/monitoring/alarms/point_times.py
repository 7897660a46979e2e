"""The times of points of alarms: the time of the change, by its reading, but never before an earlier point of the alarm.

A reading may be minutes old when it ends an alarm, and the alarm may have been written as active since. The point of its end
must be newer than that, or the newest point would show it as active for ever.
"""

from collections.abc import Iterable
from typing import Final

from gateway.core.alarms.alarm import AlarmKey

_REMEMBERED_MS: Final = 86_400_000
"""The time after which an ended alarm is forgotten; readings that decide are at most an hour late."""


class PointTimes:
    """The newest point of each alarm."""

    def __init__(self) -> None:
        self._newest_ms: dict[AlarmKey, int] = {}

    def of_change(self, key: AlarmKey, at_ms: int, now_ms: int) -> int:
        """The time of the point of a change."""
        self._newest_ms[key] = time_ms = max(min(at_ms, now_ms), self._newest_ms.get(key, 0) + 1)
        return time_ms

    def repeat(self, keys: Iterable[AlarmKey], now_ms: int) -> None:
        """Note that these alarms are written as active now, or may have been just before by an earlier run."""
        recent = {key: time_ms for key, time_ms in self._newest_ms.items() if now_ms - time_ms < _REMEMBERED_MS}
        self._newest_ms = recent | {key: max(now_ms, recent.get(key, 0)) for key in keys}
