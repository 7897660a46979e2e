"""A frame of an admitted device on its way to points."""

from collections.abc import Hashable, Iterable

from msgspec import Struct

from gateway.core.devices.device import Device, Series
from gateway.core.devices.observation import Observation
from gateway.core.evaluate import ChosenTime, Evaluator
from gateway.core.message import Arrival, CodecAsk, Outcome
from gateway.core.profiles.recognition import Frame


class PendingDecode(Struct, eq=False):
    """A frame of an admitted device on its way to points. Here it waits if its codec has to be asked.

    :ivar domain: the domain of its outcome while no measurement is known.
    :ivar series: the series of its point, if it is like the frame before it and gives one plain point.
    :ivar stamps: the gateway's time for each device in the frame, or in an item of the codec's list: values measured together
        share one time.
    """

    frame: Frame
    device: Device
    arrival: Arrival
    domain: str
    series: Series | None = None
    stamps: dict[Hashable, ChosenTime] | None = None

    def stamp(self, device: Device, evaluator: Evaluator, item: int = 0) -> ChosenTime:
        """The gateway's time for all that an item of the frame holds of a device."""
        if self.stamps is None:
            self.stamps = {}
        key = (item, device.name) if item else device.name
        if key not in self.stamps:
            self.stamps[key] = evaluator.stamp(device, self.arrival)
        return self.stamps[key]

    def keep_time(self, outcome: Outcome, evaluator: Evaluator, observations: Iterable[Observation] = ()) -> None:
        """Keep the gateway's time of the frame with what is kept of it: no other reading has it when the frame is replayed."""
        if self.arrival.replayed:
            return
        if not self.stamps and self.device.last_stamp_ms:
            self.stamp(self.device, evaluator)
        if self.stamps:
            stamp_ms = min(time_ms for time_ms, _, _ in self.stamps.values())
            waiting = outcome.side_effects.waiting if outcome.side_effects is not None else ()
            for kept in (*outcome.refusals, *waiting):
                kept.arrival_ms = stamp_ms
        for observation in observations:
            if not observation.own_time:
                evaluator.remember(observation, observation.quality | observation.series.pattern.quality, self.arrival.now_ms)


def pending_decode(ask: CodecAsk) -> PendingDecode:
    """The message that waits for the answer of a codec."""
    assert isinstance(ask.pending, PendingDecode), "the core asked"  # noqa: S101
    return ask.pending
