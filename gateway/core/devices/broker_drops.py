"""Messages that a broker dropped before the gateway: as it says itself, and as gaps in the sequences of many devices show.

Mosquitto confirms a message to its device and then drops it when the queue of a receiver is full; only its own count tells.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.delivery.rates import RecentCounts
from gateway.core.devices.device import Device

BROKER_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
"""Where Mosquitto tells how many messages it dropped since its start; other brokers are silent there."""

_DEVICES_LEAST: Final = 10
_WITHIN_MIN: Final = 2


@dataclass(slots=True)
class BrokerDrops:
    """The broker's count of dropped messages.

    :ivar total: as last told, by this run or an earlier one; None: never.
    :ivar dropped: those that were news to this run.
    :ivar last_ms: when news last came.
    """

    total: int | None = None
    dropped: int = 0
    last_ms: int = 0

    def told(self, payload: bytes, now_ms: int, *, retained: bool) -> int:
        """Take the broker's count; the number of messages that are new in it.

        The first count ever says nothing of when they were dropped, if the broker remembered it; if it came live, the broker
        has only just started. A count smaller than the last is that of a broker that started again.
        """
        text = payload.strip()
        if not (text.isdigit() and len(text) < 20):  # noqa: PLR2004 - what 64 bits hold
            return 0
        total, before = int(text), self.total
        self.total = total
        if before is None:
            before = total if retained else 0
        new = total - before if total >= before else total
        if new:
            self.dropped += new
            self.last_ms = now_ms
        return new


@dataclass(slots=True)
class SequenceGaps:
    """Devices whose sequences have new gaps. Where it is half of all at once, it is no fault of one device or its radio."""

    _new: Counter[str] = field(default_factory=Counter)
    _lately: RecentCounts[str] = field(default_factory=lambda: RecentCounts(_WITHIN_MIN))

    def note(self, device: str, missing: int) -> None:
        """So many readings of a device never arrived."""
        self._new[device] += missing

    def look(self, devices: Iterable[Device], now_ms: int) -> tuple[int, int] | None:
        """Count the devices that miss readings now, and the readings; None if they are too few to suspect the broker.

        Asks nothing of the devices unless there are new gaps in enough of them.
        """
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
