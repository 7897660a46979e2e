"""Places for devices: one for each registered device, a limited number for all others together.

Names can be invented by the million, so an unregistered device is admitted only while places are left. Once the limit is
reached, those that were not heard for an hour make room, a few a minute and the longest unheard first: a device that is not
registered yet finds a place again after a flood, and a lasting flood creates few new series.
"""

from collections import Counter
from collections.abc import Iterable
from heapq import nsmallest
from typing import Final

from gateway.core.devices.device import TAG_VALUES_MAX, Device
from schemas.registry import device_key

UNHEARD_MS: Final = 3_600_000
"""Silence after which an unregistered device makes room."""

_AGE_SHARE: Final = 1000
"""At the limit, one place in this many is freed a minute, at least one."""

_WRITINGS_MAX: Final = 4
"""Spellings of an EUI, beside those in the registry, that have a registered place: it can be written in thousands of ways."""

_TOPICS_EACH: Final = 4
"""Topics that every unregistered device may use; further ones share a limit of all such devices."""

_ORIGINS_MAX: Final = 100


def topic_prefix(topic: str, device: str) -> str:
    """The levels of a topic above the device, by which floods are told apart; of one that does not name it, the first level."""
    head = topic[:200]
    before, found, _ = head.lower().partition(device.lower()) if device else ("", "", "")
    if found:
        return head[: head.rfind("/", 0, len(before)) + 1]
    first, slash, _ = head.partition("/")
    return first + slash if slash else ""


class Origins:
    """Counts of messages by where they come from, as topic prefixes; of many origins only the first level."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def note(self, prefix: str, number: int = 1) -> None:
        """Count messages from an origin."""
        counts = self._counts
        if prefix not in counts and len(counts) >= _ORIGINS_MAX:
            prefix = prefix[: prefix.find("/") + 1]
            if prefix not in counts and len(counts) >= 2 * _ORIGINS_MAX:
                prefix = ""
        counts[prefix] += number

    def take(self) -> Counter[str]:
        """Return the counts since the last call, and reset them."""
        taken, self._counts = self._counts, Counter()
        return taken


class Places:
    """Counts unregistered devices, and decides which must leave; ``turned_away``: messages of those without a place."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self.turned_away = Origins()
        self._spare_topics = 0
        self._writings: Counter[str] = Counter()

    @property
    def full(self) -> bool:
        """True when the limit is reached."""
        return self.taken >= self.most

    def take(self, device: Device, *, as_written: bool) -> None:
        """Give a device its place: its own, or one of the others'; ``as_written``: the registry has its id in this writing."""
        device.reserved = self.reserved(device.name, registered=device.registered is not None, as_written=as_written)
        if not device.reserved:
            self.taken += 1
        elif not as_written:
            self._writings[device_key(device.name)] += 1

    def reserved(self, name: str, *, registered: bool, as_written: bool) -> bool:
        """Tell if a device has a place of its own."""
        return registered and (as_written or self._writings[device_key(name)] < _WRITINGS_MAX)

    # Topics.

    def may_speak_on_another(self, device: Device) -> bool:
        """Tell if one more topic of a device may be kept."""
        if device.streams >= TAG_VALUES_MAX:
            return False
        return device.reserved or device.streams < _TOPICS_EACH or self._spare_topics < self.most

    def topic_taken(self, device: Device) -> None:
        """Count one more topic of a device."""
        device.streams += 1
        self._spare_topics += not device.reserved and device.streams > _TOPICS_EACH

    # Ageing.

    def leaving(self, devices: Iterable[Device], now_ms: int) -> list[Device]:
        """Return the unregistered devices that make room now; called once a minute."""
        wanted = max(1, self.most // _AGE_SHARE) - (self.most - self.taken)
        if wanted <= 0:
            return []
        unheard = [device for device in devices if not device.reserved and now_ms - device.last_sign_ms >= UNHEARD_MS]
        return nsmallest(wanted, unheard, key=lambda device: device.last_sign_ms)

    def left(self, device: Device) -> None:
        """Free the place of an unregistered device that is forgotten."""
        self.taken -= 1
        self._spare_topics -= max(0, device.streams - _TOPICS_EACH)
