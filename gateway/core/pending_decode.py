"""A frame on its way, whose codec may have to be asked."""

from typing import TYPE_CHECKING, Final

from gateway.core.devices.device import Device
from gateway.core.message import Message, Outcome
from gateway.core.profiles.candidates import Frame, Way

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.profiles.envelope_fast import Row

UNKNOWN: Final = "unknown"
"""The domain of what no measurement is known of."""


class PendingDecode:
    """A frame, its device and its message.

    :ivar domain: what its outcome is counted under while no measurement is known.
    :ivar stamps: the gateway's time for what the frame holds of each device: what it measured at once has one time.
    """

    __slots__ = ("_frame", "_way", "device", "domain", "message", "stamps")

    def __init__(self, frame: Frame | None, device: Device, message: Message, way: "tuple[Way, Row] | None" = None) -> None:
        """Hold a frame; on the short way it is its row, and what is in it nobody asks, most often."""
        self._frame = frame
        self._way = way
        self.device = device
        self.message = message
        self.domain = (device.registered.domain if device.registered is not None else None) or UNKNOWN
        self.stamps: dict[str, tuple[int, bool, int]] = {}

    @property
    def frame(self) -> Frame:
        """The frame."""
        if self._frame is None:
            assert self._way is not None, "a frame without its way is given"  # noqa: S101
            way, row = self._way
            self._frame = way.frame(row, self.message)
        return self._frame

    def resume(self, data: object, now_ms: int) -> Outcome | None:
        """Go on along the short way with what the codec gave; None: the long way must be gone."""
        if self._way is None:
            return None
        way, row = self._way
        return way.go_on(data, row, self.message, now_ms)
