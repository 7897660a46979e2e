"""Messages that a broker dropped before the gateway, by its own count and by gaps in the sequences of many devices.

Mosquitto confirms a message to its device and then drops it when the queue of a receiver is full; only its own count tells.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.rates import RecentCounts
from gateway.core.devices.device import Device

BROKER_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
"""Topic with Mosquitto's count of dropped messages since its start; other brokers publish nothing there."""

_DEVICES_LEAST: Final = 10
_WITHIN_MIN: Final = 2


@dataclass(slots=True)
class BrokerDrops:
    """The broker's count of dropped messages; ``total`` is the last, of this run or an earlier one; None before the first."""

    total: int | None = None
    dropped: int = 0
    last_ms: int = 0

    def told(self, payload: bytes, now_ms: int, *, retained: bool) -> int:
        """Take the broker's count; return the number of newly dropped messages. A smaller count: the broker restarted."""
        text = payload.strip()
        if not (text.isdigit() and len(text) < 20):  # noqa: PLR2004 - what 64 bits hold
            return 0
        total, before = int(text), self.total
        self.total = total
        if before is None:  # a count that was retained may be old; one that came live is of a broker that has just started
            before = total if retained else 0
        new = total - before if total >= before else total
        if new:
            self.dropped += new
            self.last_ms = now_ms
        return new


@dataclass(slots=True)
class SequenceGaps:
    """Devices whose sequences have new gaps. If half of all have one at once, the fault is not one device or its radio."""

    _new: Counter[str] = field(default_factory=Counter)
    _lately: RecentCounts = field(default_factory=lambda: RecentCounts(_WITHIN_MIN))

    def note(self, device: str, missing: int) -> None:
        """Note readings of a device that never arrived."""
        self._new[device] += missing

    def look(self, devices: Iterable[Device], now_ms: int) -> tuple[int, int] | None:
        """Count the devices that miss readings now, and the readings; None if they are too few to suspect the broker."""
        if not self._new:
            return None
        for device, missing in self._new.items():
            self._lately.count(device, now_ms / 1000, missing)
        self._new.clear()
        lately = self._lately.counts(now_ms / 1000)
        if len(lately) < _DEVICES_LEAST:
            return None
        since_ms = now_ms - _WITHIN_MIN * 60_000
        heard = sum(device.last_seen_ms >= since_ms for device in devices)
        return (len(lately), lately.total()) if 2 * len(lately) >= heard else None
