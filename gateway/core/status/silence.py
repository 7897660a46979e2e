"""Silence: the one place that judges a device, for tiles, lists, coverage, metrics, health points and the verdict.

A device is silent when it said that it is offline, or when nothing came from it for longer than its ``silent_after``. Time in
which nobody could be heard, because the gateway or the broker was away, is left out. A registered device that was never heard
is new until its ``silent_after`` has passed since it was registered, and unknown from then on.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.status.membership import ALONE, Membership
from schemas.registry import RegisteredDevice

INTERVALS: Final = 3
"""Intervals without a message after which a device is silent, unless configured otherwise."""
WITHOUT_INTERVAL: Final = timedelta(hours=1)
"""The same for a device whose interval is not known."""

UNREGISTERED: Final = "unregistered"
"""In place of a presence, in lists: the registry does not name the device."""

_SPANS_MAX: Final = 100
_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000


class Presence(StrEnum):
    """State of a device: the contract's states of ``gateway_devices``, and ``new``."""

    ONLINE = "online"
    SILENT = "silent"
    NEW = "new"
    UNKNOWN = "unknown"


class Hearing:
    """The spans of time in which nobody could be heard; the newest hundred of them.

    :ivar began_ms: the time at which this run first heard the broker; None: not yet.
    """

    def __init__(self, deaf_since_ms: int | None = None) -> None:
        """Start deaf: since the end of the last run, if that is known."""
        self._spans_ms: deque[tuple[int, int]] = deque(maxlen=_SPANS_MAX)
        self._deaf_since_ms = deaf_since_ms
        self.began_ms: int | None = None

    def lose(self, now_ms: int) -> None:
        """Note that the broker is away."""
        if self._deaf_since_ms is None:
            self._deaf_since_ms = now_ms

    def regain(self, now_ms: int) -> None:
        """Note that the broker is back."""
        self.began_ms = self.began_ms or now_ms
        if self._deaf_since_ms is not None and now_ms > self._deaf_since_ms:
            self._spans_ms.append((self._deaf_since_ms, now_ms))
        self._deaf_since_ms = None

    def heard_ms(self, since_ms: int, now_ms: int) -> int:
        """The part of the time since then in which devices could have been heard."""
        deaf_ms = 0 if self._deaf_since_ms is None else max(0, now_ms - max(self._deaf_since_ms, since_ms))
        for begin_ms, end_ms in reversed(self._spans_ms):
            if end_ms <= since_ms:
                break
            deaf_ms += min(end_ms, now_ms) - max(begin_ms, since_ms)
        return now_ms - since_ms - deaf_ms


@lru_cache(maxsize=4096)
def _ms(own: timedelta | None, of_domain: timedelta | None, interval: timedelta | None) -> int:
    after = own or of_domain or (INTERVALS * interval if interval else WITHOUT_INTERVAL)
    return after // timedelta(milliseconds=1)


@dataclass(slots=True)
class Silence:
    """Judges devices.

    :ivar of_domain: ``silent_after`` of the domains that have one.
    :ivar membership: this gateway's part among those that share the devices.
    """

    of_domain: Mapping[str, timedelta] = field(default_factory=dict)
    hearing: Hearing = field(default_factory=Hearing)
    membership: Membership = ALONE

    def after_ms(self, device: Device) -> int:
        """The time without a message that makes it silent: its ``silent_after``, its domain's, three intervals, or an hour."""
        entry = device.registered
        of_domain = self.of_domain.get(device.measures or "")
        if isinstance(entry, RegisteredDevice):
            return _ms(entry.silent_after, of_domain, entry.interval)
        return _ms(None, of_domain, None)

    def presence(self, device: Device, now_ms: int) -> Presence:
        """Judge a device."""
        seen_ms, after_ms = self.membership.heard_ms(device), self.after_ms(device)
        if device.has_left and seen_ms <= device.goodbye_ms:
            return Presence.SILENT
        if not seen_ms:
            begin_ms = _expected_from_ms(device)
            is_new = not begin_ms or self._is_within(begin_ms, now_ms, after_ms)
            return Presence.NEW if is_new else Presence.UNKNOWN
        if self._is_within(seen_ms, self.membership.judged_ms(now_ms), after_ms):
            return Presence.ONLINE
        return Presence.SILENT if self.membership.knows(now_ms) else Presence.UNKNOWN

    def is_overdue(self, device: Device, now_ms: int, longer_ms: int = 0) -> bool:
        """Tell if a device that was heard before has now not been heard for its span of silence, and ``longer_ms`` more."""
        seen_ms = self.membership.heard_ms(device)
        judged_ms = self.membership.judged_ms(now_ms)
        return seen_ms > 0 and not self._is_within(seen_ms, judged_ms, self.after_ms(device) + longer_ms)

    def is_heard(self, device: Device, now_ms: int) -> bool:
        """Tell if a device was heard within its span of silence, whatever it said then."""
        return self.membership.heard_ms(device) > 0 and not self.is_overdue(device, now_ms)

    def _is_within(self, since_ms: int, now_ms: int, after_ms: int) -> bool:
        return now_ms - since_ms < after_ms or self.hearing.heard_ms(since_ms, now_ms) < after_ms


def _expected_from_ms(device: Device) -> int:
    """The time a device was registered, or installed if that is later; 0 if it is not known yet."""
    entry = device.registered
    installed = entry.installed if isinstance(entry, RegisteredDevice) else None
    if installed is None or not device.registered_ms:
        return device.registered_ms
    return max(device.registered_ms, (installed.toordinal() - _EPOCH_DAY) * _DAY_MS)
