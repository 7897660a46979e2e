"""A frame on its way, whose codec may have to be asked."""

from typing import TYPE_CHECKING, Final

from gateway.core.devices.device import Device
from gateway.core.evaluate import ChosenTime
from gateway.core.message import Arrival, CodecAsk, Outcome
from gateway.core.profiles.candidates import Frame, Way

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.profiles.envelope_fast import EnvelopeRow

UNKNOWN: Final = "unknown"
"""The domain of what no measurement is known of."""


class PendingDecode:
    """A frame, its device and its arrival.

    :ivar domain: what its outcome is counted under while no measurement is known.
    :ivar stamps: the gateway's time for what the frame holds of each device: what it measured at once has one time.
    """

    __slots__ = ("_frame", "_way", "arrival", "device", "domain", "stamps")

    def __init__(
        self, frame: Frame | None, device: Device, arrival: Arrival, way: "tuple[Way, EnvelopeRow] | None" = None
    ) -> None:
        """Hold a frame; on the fast path it is its row, and most often nobody asks for what is in it."""
        self._frame = frame
        self._way = way
        self.device = device
        self.arrival = arrival
        self.domain = (device.registered.domain if device.registered is not None else None) or UNKNOWN
        self.stamps: dict[str, ChosenTime] = {}

    @property
    def frame(self) -> Frame:
        """The frame."""
        if self._frame is None:
            assert self._way is not None, "a frame without its way is given"  # noqa: S101
            way, row = self._way
            self._frame = way.frame(row, self.arrival.message)
        return self._frame

    def resume(self, data: object) -> Outcome | None:
        """Go on along the fast path with what the codec gave; None: take the slow path."""
        if self._way is None:
            return None
        way, row = self._way
        return way.go_on(data, row, self.arrival)


def pending_decode(ask: CodecAsk) -> PendingDecode:
    """The message that waits for the answer to a question."""
    assert isinstance(ask.pending, PendingDecode), "the core asked"  # noqa: S101
    return ask.pending
