"""The short way of a radio frame that is like the one before it on its topic.

Nearly every device behind a network server has a topic of its own, and what was found out for one of its frames holds for the
next: how the message is read, which profile takes it, which device it is and where its points go. So this is kept, as it is for
a native topic. A frame that differs in any way, and one in which anything needs thought, is left to the long way
(:mod:`gateway.core.profiled`), which comes to the same where both could go.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from gateway.core.decoders.plain import may_be_unbounded
from gateway.core.devices.device import NO_PARAMS, Device, Series
from gateway.core.evaluate import Evaluator, Observation
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, SideEffects
from gateway.core.pending_decode import UNKNOWN, PendingDecode
from gateway.core.profiles.candidates import Frame, Recognition
from gateway.core.profiles.envelope_fast import EnvelopeRow
from gateway.core.profiles.language.fields import read_fields
from gateway.core.profiles.language.mapping import Point
from gateway.core.profiles.language.profile import CodecUse, CompiledProfile
from gateway.core.profiles.language.sources import Cursor
from gateway.core.readings.native import Drop
from gateway.core.readings.radio_copies import FRAME_WINDOW_MS, RecentFrames
from gateway.core.readings.timestamps import device_ms, rfc3339_ms
from schemas.quantities import Quality
from schemas.readings import NativeReading

_NO_CAPTURES: Final[Mapping[str, str]] = MappingProxyType({})


class FastPath:
    """The frames of one device on its topic."""

    __slots__ = ("_codec", "_evaluator", "_fields", "_likeness", "_numbers", "_params", "_profile", "_rules", "_series")

    def __init__(
        self, evaluator: Evaluator, likeness: Recognition, profile: CompiledProfile, point: Point, series: Series
    ) -> None:
        registered = series.device.registered
        self._evaluator = evaluator
        self._likeness = likeness
        self._profile = profile
        self._codec = profile.codec
        self._fields = point.fields
        self._rules = point.rules
        self._numbers = point.numbers_in("decoded" if profile.codec is None else "codec")
        self._params = registered.params if registered is not None else NO_PARAMS
        self._series = series

    @property
    def device(self) -> Device:
        """The device."""
        return self._series.device

    def take(self, arrival: Arrival) -> Outcome | None:
        """What becomes of a message; None: it must go the long way."""
        message, now_ms = arrival.message, arrival.now_ms
        plain, name, model, ports, _ = self._likeness
        row = plain.row(message.payload)
        if row is None or message.retain:
            return None
        its_name, payload, decoded, port, _, _, its_model = row
        if its_name != name or its_model != model or (ports is not None and port not in ports) or not payload:
            return None
        if port == 0 and not decoded:  # commands of the network
            return None
        if self._codec is not None and not (decoded and self._codec.prefer == "decoded"):
            outcome = self._ask(self._codec, row, arrival)
        else:
            outcome = self.go_on(decoded, row, arrival)
        device = self._series.device
        if outcome is not None and now_ms > device.last_seen_ms:
            device.last_seen_ms = now_ms
        if outcome is not None and device.last_message is not None:
            device.last_message = arrival, outcome
        return outcome

    def frame(self, row: EnvelopeRow, message: Message) -> Frame:
        """The frame of a message that waits for its codec."""
        document = self._likeness.plain.document(row, message.payload)
        return Frame(self._profile, _NO_CAPTURES, document, self._series.device.name, self._likeness.why)

    def _ask(self, codec: CodecUse, row: EnvelopeRow, arrival: Arrival) -> Outcome | None:
        _, payload, decoded, port, _, time, _ = row
        if payload is None or (decoded and type(decoded) is not dict) or may_be_unbounded(arrival.message.payload):
            return None
        pending = PendingDecode(None, self._series.device, arrival, (self, row))
        outcome = Outcome(pending.domain)
        received_ms = device_ms(time) or arrival.now_ms
        ask = CodecAsk(codec.name, payload, port or 0, received_ms, self._params, pending.device.name, pending)
        outcome.side_effects = SideEffects(ask)
        return outcome

    def go_on(self, decoded: object, row: EnvelopeRow, arrival: Arrival) -> Outcome | None:
        """What becomes of a message that is like the one before, with the object that a codec made of its frame."""
        message, now_ms = arrival.message, arrival.now_ms
        _, payload, _, port, frame_counter, time, _ = row
        if type(decoded) is not dict or type(time) is not str or not (values := self._values(decoded, row, message)):
            return None
        time_ms, device = rfc3339_ms(time), self._series.device
        if time_ms is None or not self._evaluator.is_believed(device, time_ms, now_ms):
            return None
        outcome = Outcome((device.registered.domain if device.registered is not None else None) or UNKNOWN)
        if device.seen_frames is None:
            device.seen_frames = RecentFrames()
        if device.seen_frames.see((port, frame_counter, payload), time_ms, FRAME_WINDOW_MS):
            outcome.duplicates = 1
            return outcome
        quality = Quality.HISTORIC if time_ms < now_ms - self._evaluator.rules.late_after_ms else 0
        series = self._series
        observation = Observation(series, values, time_ms, True, quality, series.tags, rules=self._rules)  # noqa: FBT003
        self._evaluator.point(observation, arrival, outcome)
        return outcome

    def _values(self, decoded: dict[str, Any], row: EnvelopeRow, message: Message) -> NativeReading:
        """The values of a frame; none when one of them is not as usual."""
        values: NativeReading = {}
        if self._numbers is None:
            document = self._likeness.plain.document(row, message.payload)
            if document is None:
                return values
            if self._codec is not None:
                document["codec"] = decoded
            dropped: list[Drop] = []
            found = read_fields(self._fields, Cursor(document, _NO_CAPTURES, self._params), dropped)
            return values if dropped else found
        for field, key, low, high in self._numbers:
            value: Any = decoded.get(key)
            kind = type(value)
            if (kind is float or kind is int) and low <= value <= high:
                values[field] = float(value)
            elif value is not None:
                return {}
        return values
