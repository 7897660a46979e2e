"""Silence: the one place that judges a device, for tiles, lists, coverage, metrics, health points and the verdict.

A device is silent when it said that it is offline, or when nothing came from it for longer than its ``silent_after``. Time in
which nobody could be heard, because the gateway or the broker was away, is left out. A registered device that was never heard
is new until its ``silent_after`` has passed since it was registered, and unknown from then on. So is one of several gateways'
devices while it is not known what its gateway hears (:mod:`gateway.core.status.membership`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.status.members import Reception
from gateway.core.status.membership import ALONE, Membership

INTERVALS: Final = 3
"""Intervals without a message after which a device is silent, unless configured otherwise."""
WITHOUT_INTERVAL: Final = timedelta(hours=1)
"""The same for a device whose interval is not known."""

UNREGISTERED: Final = "unregistered"
"""In place of a presence, in lists: the registry does not name the device."""

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000


class Presence(StrEnum):
    """State of a device: the contract's states of ``gateway_devices``, and ``new``."""

    ONLINE = "online"
    SILENT = "silent"
    NEW = "new"
    UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def _ms(own: timedelta | None, of_domain: timedelta | None, interval: timedelta | None) -> int:
    after = own or of_domain or (INTERVALS * interval if interval else WITHOUT_INTERVAL)
    return after // timedelta(milliseconds=1)


@dataclass(slots=True)
class Silence:
    """Judges devices, by the ``silent_after`` of domains that have one, as one of the gateways that share them."""

    of_domain: Mapping[str, timedelta] = field(default_factory=dict)
    reception: Reception = field(default_factory=Reception)
    membership: Membership = ALONE

    def after_ms(self, device: Device) -> int:
        """The time without a message that makes it silent: its ``silent_after``, its domain's, three intervals, or an hour."""
        entry, of_domain = device.registered, self.of_domain.get(device.measures or "")
        return _ms(entry.silent_after, of_domain, entry.interval) if entry is not None else _ms(None, of_domain, None)

    def presence(self, device: Device, now_ms: int) -> Presence:
        """Judge a device."""
        seen_ms, after_ms = self.membership.heard_ms(device), self.after_ms(device)
        if device.has_left and seen_ms <= device.goodbye_ms:
            return Presence.SILENT
        if not seen_ms:
            begin_ms = _expected_from_ms(device)
            is_new = not begin_ms or self._is_within(begin_ms, now_ms, after_ms)
            return Presence.NEW if is_new else Presence.UNKNOWN
        membership, judged_ms = self.membership, self.membership.judged_ms(now_ms)
        if self._is_within(seen_ms, judged_ms, after_ms):
            return Presence.ONLINE
        if not membership.knows_of(device, now_ms):
            return Presence.UNKNOWN
        home = membership.home_of(device)
        judged_ms = home.told_ms(judged_ms)
        if self._is_within(seen_ms, judged_ms, after_ms):
            return Presence.ONLINE
        return Presence.SILENT if home.has_listened(seen_ms, judged_ms, after_ms) else Presence.UNKNOWN

    def is_overdue(self, device: Device, now_ms: int, longer_ms: int = 0) -> bool:
        """Tell if a device that was heard before has not been heard for its span of silence, and ``longer_ms`` more."""
        seen_ms, least_ms = self.membership.heard_ms(device), self.after_ms(device) + longer_ms
        judged_ms = self.membership.judged_ms(now_ms)
        if not seen_ms or self._is_within(seen_ms, judged_ms, least_ms):
            return False
        home = self.membership.home_of(device)
        judged_ms = home.told_ms(judged_ms)  # until then it is known what its gateway heard
        return not self._is_within(seen_ms, judged_ms, least_ms) and home.has_listened(seen_ms, judged_ms, least_ms)

    def is_heard(self, device: Device, now_ms: int) -> bool:
        """Tell if a device was heard within its span of silence, whatever it said then."""
        return self.membership.heard_ms(device) > 0 and not self.is_overdue(device, now_ms)

    def is_in_doubt(self, device: Device, now_ms: int) -> bool:
        """Tell if a device was heard before, and it is not known now whether others hear it."""
        membership = self.membership
        is_alone = membership.elsewhere is None or not membership.heard_ms(device)
        return not is_alone and self.presence(device, now_ms) is Presence.UNKNOWN

    def _is_within(self, since_ms: int, now_ms: int, after_ms: int) -> bool:
        return now_ms - since_ms < after_ms or self.reception.heard_ms(since_ms, now_ms) < after_ms


def _expected_from_ms(device: Device) -> int:
    """The time a device was registered, or installed if that is later; 0 if it is not known yet."""
    installed = device.registered.installed if device.registered is not None else None
    if installed is None or not device.registered_ms:
        return device.registered_ms
    return max(device.registered_ms, (installed.toordinal() - _EPOCH_DAY) * _DAY_MS)
