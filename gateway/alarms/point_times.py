"""The times of points of alarms: that of the change, which is its reading's, but never before an earlier point of the alarm.

A reading may be minutes old when it ends an alarm, and the alarm may have been written as active since: its end must lie behind
that, or the newest point would say for ever that it stands.
"""

from collections.abc import Iterable
from typing import Final

from gateway.core.alarms.alarm import AlarmKey

_REMEMBERED_MS: Final = 86_400_000
"""An alarm that ended is forgotten after so long; readings that decide are an hour late at most."""


class PointTimes:
    """The newest point of each alarm."""

    def __init__(self) -> None:
        self._newest_ms: dict[AlarmKey, int] = {}

    def of_change(self, key: AlarmKey, at_ms: int, now_ms: int) -> int:
        """The time of the point of a change."""
        self._newest_ms[key] = time_ms = max(min(at_ms, now_ms), self._newest_ms.get(key, 0) + 1)
        return time_ms

    def repeat(self, keys: Iterable[AlarmKey], now_ms: int) -> None:
        """These alarms are written as active now, or may have been a moment ago by an earlier run."""
        recent = {key: time_ms for key, time_ms in self._newest_ms.items() if now_ms - time_ms < _REMEMBERED_MS}
        self._newest_ms = recent | {key: max(now_ms, recent.get(key, 0)) for key in keys}
