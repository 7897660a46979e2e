"""One message's way, step by step. Whoever has read this file knows what the gateway does with a reading.

    resolve the topic → decode → map → check time → check values → check counters → make the point → know its duplicate

A native topic is decoded by its domain's validator, and nothing needs mapping. Any other is taken by a profile
(:mod:`gateway.core.profiled`): unwrapped, decoded by the maker's codec where the profile names one, mapped to canonical
quantities. From the check of time on the way is the same (:mod:`gateway.core.evaluate`).

Everything that can go wrong with data ends here as a value: a point, a dropped field, an ignored message, a refusal with its
reason, or a message that must wait. Nothing is stored, nothing is asked of the outside, no clock is read: what the outside must
do is in the outcome.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Stream, Streams, Unresolved
from gateway.core.evaluate import Evaluator
from gateway.core.message import REJECT_KEPT_BYTES, CodecAsk, Message, Outcome, SideEffects, Undecodable, WaitCause
from gateway.core.pending_decode import PendingDecode
from gateway.core.profiled import BIRTH, ByProfile
from gateway.core.profiles.candidates import Frame, Ignored
from gateway.core.profiles.mapped import MappingContext
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.native import Broken, Drop, clean, describe_drops
from gateway.core.readings.timestamps import TimeRules, device_ms
from gateway.core.rejecting import addressed, internal_error, refusal_of, refused, unresolved, waiting
from schemas.quantities import COUNTING, QUANTITIES, REQUIRES, TEXT_TAGS, Quality
from schemas.readings import NativeReading
from schemas.rejects import DropCause, IgnoreCause, RejectReason


class Answer(NamedTuple):
    """What a codec gave for a frame that was held, or what is wrong with it."""

    held: PendingDecode
    data: object
    fault: str | None


@dataclass(slots=True)
class Processor:
    """The pure pipeline with its state: streams, devices, trust in the clock."""

    streams: Streams
    rules: TimeRules
    trust: ClockTrust
    payload_max_bytes: int = 262144
    judge: Evaluator = field(init=False)
    _profiled: ByProfile = field(init=False)

    def __post_init__(self) -> None:
        self.judge = Evaluator(self.rules, self.trust, self.streams.field_sets)
        self._profiled = ByProfile(self.streams, self.judge)

    def process(self, message: Message, now_ms: int, answer: Answer | None = None) -> Outcome:
        """What becomes of ``message``, arrived at ``now_ms``. Never raises: a bug here is the reject ``internal_error``.

        :param answer: the codec's, when the message has been here before and had to ask it.
        """
        try:
            if answer is not None:
                return self._profiled.decoded(answer.held, answer.data, answer.fault, now_ms)
            return self._process(message, now_ms)
        except Exception:  # noqa: BLE001 - the one there is: a message that hits a bug must not come first again after every restart
            return internal_error(message, now_ms, traceback.format_exc(limit=-6))

    def resume(self, ask: CodecAsk, data: object, fault: str | None) -> Outcome:
        """Go on with a message whose codec has answered: with the object it gave, or with what is wrong."""
        held: PendingDecode = ask.resume
        return self.process(held.message, ask.arrival_ms, Answer(held, data, fault))

    def look(self, topic: ProfiledTopic, message: Message) -> Frame | Ignored | None:
        """Which profile takes a message, and what it sees; None: none does. For those who explain it: no state changes."""
        return self._profiled.look(topic, message)

    def contexts(self, frame: Frame, device: Device, message: Message, now_ms: int) -> list[MappingContext]:
        """What the profile of a frame may look at, for those who explain it."""
        return self._profiled.contexts(frame, device, message, now_ms)

    def restore_births(self, saved: Mapping[str, str]) -> list[str]:
        """Take the Sparkplug births that were saved; the names of those that are of no more use."""
        useless = self._profiled.sparkplug.restore({name.removeprefix(BIRTH): text for name, text in saved.items()})
        return [BIRTH + key for key in useless]

    def wait_for_codec(self, ask: CodecAsk) -> Outcome:
        """The outcome of a message whose codec is suspended: it waits in quarantine for a mended one."""
        held: PendingDecode = ask.resume
        outcome = Outcome(held.domain)
        name = held.device.name
        waits = waiting(WaitCause.CODEC, ask.codec, None, held.message, ask.arrival_ms, name, held.domain)
        outcome.side_effects = SideEffects(waiting=[waits])
        return outcome

    def too_large(self, message: Message, now_ms: int, size_bytes: int) -> Outcome:
        """A message of ``size_bytes``, of which ``message`` holds the beginning."""
        device, domain = addressed(message.topic)
        detail = f"{size_bytes} bytes; limits.payload_bytes is {self.payload_max_bytes}"
        return refused(message, now_ms, "intake", RejectReason.TOO_LARGE, detail, device, domain)

    def _process(self, message: Message, now_ms: int) -> Outcome:
        stream = self.streams.resolve(message.topic)
        if len(message.payload) > self.payload_max_bytes:
            return self.too_large(message, now_ms, len(message.payload))
        if type(stream) is not Stream:
            return self._not_plain(stream, message, now_ms)
        if not message.retain and now_ms > stream.device.last_seen_ms:  # what was kept or replayed is no sign of life
            stream.device.last_seen_ms = now_ms
        outcome = Outcome(stream.domain)
        if stream.device.last_message is not None:
            stream.device.last_message = message, now_ms, outcome
        plain = stream.decoder.decode_plain(message.payload)
        if plain is None:
            return self._slow_path(stream, message, now_ms, outcome)
        if message.retain and device_ms(plain.get("ts")) is None:
            outcome.ignored = IgnoreCause.RETAINED
        else:
            self._reading(stream, plain, None, message, now_ms, outcome)
        return outcome

    def _not_plain(self, stream: Stream | ProfiledTopic | Unresolved, message: Message, now_ms: int) -> Outcome:
        """What is no native reading: a status, a profile's message, or nobody's."""
        if isinstance(stream, ProfiledTopic):
            return self._profiled.process(stream, message, now_ms)
        if isinstance(stream, Unresolved):
            if message.topic == BROKER_DROPPED:
                return Outcome(ignored=IgnoreCause.STATUS)
            return unresolved(stream, message, now_ms)
        if not message.retain and now_ms > stream.device.last_seen_ms:
            stream.device.last_seen_ms = now_ms
        stream.device.say(now_ms, online=b'"offline"' not in message.payload)
        return Outcome(stream.domain, IgnoreCause.STATUS)

    def _slow_path(self, stream: Stream, message: Message, now_ms: int, outcome: Outcome) -> Outcome:
        """A payload with a fault or with several objects: what is sound in it goes on."""
        try:
            objects = stream.decoder.decode_slow_path(message.payload, stream.device.raised_bounds)
        except Undecodable as why:
            return refused(message, now_ms, "decode", why.reason, why.detail, stream.device.name, stream.domain)
        if message.retain and all(isinstance(item, Broken) or device_ms(item.values.get("ts")) is None for item in objects):
            outcome.ignored = IgnoreCause.RETAINED
            return outcome
        for item in objects:
            if isinstance(item, Broken):
                refusal = refusal_of(message, now_ms, "decode", item.why.reason, item.why.detail, stream, item.payload)
                outcome.refusals.append(refusal)
            else:
                known = len(outcome.refusals)
                self._reading(stream, item.values, item.dropped, message, now_ms, outcome)
                if item.source is not None and len(outcome.refusals) > known:
                    outcome.refusals[-1].payload = item.payload()[:REJECT_KEPT_BYTES]  # without its neighbours
        return outcome

    def _reading(
        self,
        stream: Stream,
        values: NativeReading,
        dropped: list[Drop] | None,
        message: Message,
        now_ms: int,
        outcome: Outcome,
    ) -> None:
        device = stream.device
        time_ms, own_time, quality = self.judge.time_of(device, values.pop("ts", None), message, now_ms)
        seq = values.pop("seq", None)
        if dropped or stream.domain in COUNTING:
            dropped = dropped or []
            quality |= _check_values(values, dropped, stream)
            outcome.dropped += dropped
        tags, text_tags = _take_tags(stream, values, outcome)
        if not values:
            refusal = refusal_of(message, now_ms, "check", RejectReason.NO_QUANTITY, describe_drops(dropped), stream)
            outcome.refusals.append(refusal)
            return
        self.judge.point(stream, tags, text_tags, values, time_ms, own_time, quality, seq, None, message, now_ms, outcome)


def _check_values(values: NativeReading, dropped: list[Drop], stream: Stream) -> int:
    """Complete or drop counts without their interval; the quality bit of all that was dropped."""
    registered = stream.device.registered
    for count, needed in REQUIRES.items():
        if count not in values or needed in values:
            continue
        default = clean(QUANTITIES[stream.domain][needed], registered.params.get(needed) if registered else None)
        if isinstance(default, float):
            values[needed] = default
        else:
            del values[count]
            dropped.append((count, DropCause.NO_INTERVAL))
    return Quality.VALUE_DROPPED if any(cause is not DropCause.UNKNOWN_KEY for _, cause in dropped) else 0


def _take_tags(stream: Stream, values: NativeReading, outcome: Outcome) -> tuple[str, str]:
    """The tags of a point, and those of them that the reading itself brought."""
    if not ("lane" in values or "direction" in values or "vehicle_class" in values or "channel" in values):
        return stream.tags, ""
    given: list[tuple[str, str]] = [(tag, str(values.pop(tag))) for tag in TEXT_TAGS if tag in values]
    own = stream.device.allowed_tags(given, outcome.dropped)
    return tag_text(stream.fixed_tags() + own), tag_text(own)
