"""The result of resolving a topic, if it can be: a stream of one device, or a topic that profiles read."""

from dataclasses import dataclass
from typing import Final

from gateway.core.devices.device import Device, Series
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.profiles.recognition import Recognition
from gateway.core.readings.native import NO_KEYS

_UNKNOWN: Final = "unknown"
"""The domain of messages without a known measurement."""


class Stream(Series):
    """A native topic, resolved: its series, and the keys of its last regular reading."""

    __slots__ = ("key_set",)

    def __init__(self, site: str, device: Device, domain: str) -> None:
        super().__init__(site, device, domain)
        self.key_set = NO_KEYS


class StatusStream(Stream):
    """The status topic of a device, on which also its last will is published."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class ProfiledStream:
    """A topic that profiles read, resolved.

    :ivar recognition: recognises frames that are like the one before; None: each frame is recognised on its own.
    :ivar device: the device that sends those frames.
    :ivar domain: the domain of their outcomes while no measurement is known.
    :ivar series: the series of the one plain point in each of them; None: their points differ.
    """

    topic: ProfiledTopic
    device: Device | None = None
    domain: str = _UNKNOWN
    recognition: Recognition | None = None
    series: Series | None = None

    def keep(self, recognition: Recognition | None, device: Device, series: Series | None) -> None:
        """Keep what was recognised in a frame for the next; without a recognition, nothing of it holds."""
        self.recognition = recognition
        self.device = device if recognition is not None else None
        self.domain = domain_of(device)
        self.series = series


def domain_of(device: Device) -> str:
    """The domain of a device by the registry."""
    registered = device.registered
    return (registered.domain if registered is not None else None) or _UNKNOWN
