"""What alarms want to know of closed periods: nights, days, and the usual hours of each device."""

from typing import Protocol

from gateway.reports.nights import LowestFlow
from gateway.reports.store import TimeSpan
from schemas.registry import RegisteredDevice


class Feeds(Protocol):
    """Whoever wants to know."""

    def night(self, device: RegisteredDevice, day: TimeSpan, night: LowestFlow, now_ms: int) -> None:
        """Take the lowest flow of a device's night."""
        ...

    def day(self, device: RegisteredDevice, day: TimeSpan, ratio: float, now_ms: int) -> None:
        """Take the share of its readings that arrived of a device's day."""
        ...
