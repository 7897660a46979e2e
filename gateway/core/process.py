"""One message's way, step by step. Whoever has read this file knows what the gateway does with a reading.

    resolve the stream → decode → check time → check values → check counters → make the point → know its duplicate

Everything that can go wrong with data ends here as a value: a point, a dropped field, an ignored message or a refusal with its
reason. Nothing waits, nothing is stored, no clock is read.
"""

import traceback
from collections import Counter
from dataclasses import dataclass, field

from gateway.core.clock import DOUBTED_FUTURE_MS, MS_FROM, MS_TO, YEAR_2020_MS, ClockTrust, TimeRules, device_ms
from gateway.core.counters import CounterState
from gateway.core.duplicates import RecentKeys, Twin
from gateway.core.message import REJECT_KEPT_BYTES, Message, Outcome, Reading, Refusal
from gateway.core.native import Broken, Drop, Undecodable, clean, describe_drops
from gateway.core.points import tag_text, tail
from gateway.core.shapes import Shape
from gateway.core.streams import Device, Stream, Streams, Unresolved
from schemas.quantities import HEALTH, QUANTITIES, TEXT_TAGS, Quality
from schemas.readings import NativeReading, Value
from schemas.rejects import DropCause, IgnoreCause, RejectReason
from schemas.topics import parse_topic


@dataclass(slots=True)
class Processor:
    """The pure pipeline with its state: streams, devices, trust in the clock."""

    streams: Streams
    rules: TimeRules
    trust: ClockTrust
    payload_max_bytes: int = 262144
    sequence_missing: Counter[str] = field(default_factory=Counter)

    def process(self, message: Message, now_ms: int) -> Outcome:
        """What becomes of ``message``, arrived at ``now_ms``. Never raises: a bug here is the reject ``internal_error``."""
        try:
            return self._process(message, now_ms)
        except Exception:  # noqa: BLE001 - the one there is: a message that hits a bug must not come first again after every restart
            detail = f"a fault in the gateway; report it:\n{traceback.format_exc(limit=-6)}"
            parts = parse_topic(message.topic)
            device, domain = (parts.device, parts.domain) if parts else ("", "unknown")
            return refused(message, now_ms, "check", RejectReason.INTERNAL_ERROR, detail, device, domain)

    def too_large(self, message: Message, now_ms: int, size_bytes: int) -> Outcome:
        """A message of ``size_bytes``, of which ``message`` holds the beginning."""
        stream = self.streams.resolve(message.topic)
        device, domain = (
            (stream.device, stream.domain) if isinstance(stream, Unresolved) else (stream.device.name, stream.domain)
        )
        detail = f"{size_bytes} bytes; limits.payload_bytes is {self.payload_max_bytes}"
        return refused(message, now_ms, "intake", RejectReason.TOO_LARGE, detail, device, domain)

    def _process(self, message: Message, now_ms: int) -> Outcome:
        stream = self.streams.resolve(message.topic)
        if isinstance(stream, Unresolved):
            return refused(message, now_ms, "intake", stream.reason, stream.detail, stream.device, stream.domain)
        if len(message.payload) > self.payload_max_bytes:
            return self.too_large(message, now_ms, len(message.payload))
        if not message.retain and now_ms > stream.device.last_seen_ms:  # what was kept or replayed is no sign of life
            stream.device.last_seen_ms = now_ms
        if stream.is_status:
            return self._status(stream, message)
        outcome = Outcome(stream.decoder.domain)
        plain = stream.decoder.decode_plain(message.payload)
        if plain is None:
            return self._patiently(stream, message, now_ms, outcome)
        if message.retain and device_ms(plain.get("ts")) is None:
            outcome.ignored = IgnoreCause.RETAINED
        else:
            self._reading(stream, plain, None, message, now_ms, outcome)
        return outcome

    def _patiently(self, stream: Stream, message: Message, now_ms: int, outcome: Outcome) -> Outcome:
        """A payload with a fault or with several objects: what is sound in it goes on."""
        try:
            objects = stream.decoder.decode_patiently(message.payload)
        except Undecodable as why:
            return refused(message, now_ms, "decode", why.reason, why.detail, stream.device.name, stream.domain)
        if message.retain and all(isinstance(item, Broken) or device_ms(item.values.get("ts")) is None for item in objects):
            outcome.ignored = IgnoreCause.RETAINED
            return outcome
        for item in objects:
            if isinstance(item, Broken):
                refusal = _refusal(message, now_ms, "decode", item.why.reason, item.why.detail, stream, item.payload)
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
        device, domain = stream.device, stream.decoder.domain
        time_ms, own_time, quality = self._check_time(device, values.pop("ts", None), message.duplicate, now_ms)
        seq = values.pop("seq", None)
        quality |= device.quality
        if dropped or domain == "traffic":
            dropped = dropped or []
            quality |= _check_values(values, dropped, device)
            outcome.dropped += dropped
        tags, text_tags = _take_tags(stream, values)
        if not values:
            refusal = _refusal(message, now_ms, "check", RejectReason.NO_QUANTITY, describe_drops(dropped), stream)
            outcome.refusals.append(refusal)
            return
        shape = self.streams.shapes.of(tuple(values))
        numbers = tuple(values.values())
        if shape.counters:
            quality |= _check_counters(device, shape, numbers, text_tags, time_ms)
        twin = Twin.NEW
        if own_time:
            if device.recent is None:
                device.recent = RecentKeys()
            twin = device.recent.see((domain, tags), time_ms, numbers, shape, now_ms, self.streams.shapes)
        if twin is Twin.NEW:
            if seq is not None:
                self._follow_sequence(stream, seq, time_ms)
            lines = shape.lines(domain, tags, numbers, tail(quality, seq, time_ms))
            outcome.readings.append(Reading(lines, domain))
        elif twin is Twin.DUPLICATE:
            outcome.duplicates += 1
        else:
            detail = f"another reading of {device.name} at {time_ms} ms has other values; the first one stands"
            outcome.refusals.append(_refusal(message, now_ms, "check", RejectReason.TIME_CONFLICT, detail, stream))

    def _check_time(self, device: Device, ts: object, sent_before: bool, now_ms: int) -> tuple[int, bool, int]:  # noqa: FBT001
        """The time of a reading, whether it is the device's own, and the quality bits of it."""
        time_ms = ts if type(ts) is int and MS_FROM <= ts < MS_TO else device_ms(ts)
        if time_ms is not None and self._is_believed(device, time_ms, now_ms):
            return time_ms, True, Quality.HISTORIC if time_ms < now_ms - self.rules.late_after_ms else 0
        quality = Quality.GATEWAY_TIME
        if self.trust.doubted:
            quality |= Quality.CLOCK_DOUBTED
        if sent_before:
            quality |= Quality.MAY_STAND_TWICE
        return device.stamp(now_ms), False, quality

    def _is_believed(self, device: Device, time_ms: int, now_ms: int) -> bool:
        rules, before_ms = self.rules, device.offset_ms
        device.offset_ms = offset_ms = time_ms - now_ms
        far_ms = rules.max_future_ms
        if -far_ms <= offset_ms <= far_ms and before_ms is not None and -far_ms <= before_ms <= far_ms:
            return time_ms >= YEAR_2020_MS
        self.trust.see_device(device.name, offset_ms, now_ms)
        future_ms = DOUBTED_FUTURE_MS if self.trust.doubted else far_ms
        return -rules.max_past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS

    def _follow_sequence(self, stream: Stream, seq: object, time_ms: int) -> None:
        """Count what never arrived: a gap in ``seq``. A number that is not ahead is a reboot; an old reading tells nothing."""
        if not isinstance(seq, int):
            return
        device = stream.device
        gap = seq - device.last_seq - 1
        if gap and device.recent is not None and time_ms < device.recent.newest_ms:
            return
        if 0 < gap < _GAP_MAX and device.last_seq >= 0:
            self.sequence_missing[stream.domain] += gap
        device.last_seq = seq

    @staticmethod
    def _status(stream: Stream, message: Message) -> Outcome:
        stream.device.online = b'"offline"' not in message.payload
        return Outcome(stream.domain, IgnoreCause.STATUS)


_GAP_MAX = 1_000_000
"""A jump wider than this is a counter that was set anew, not a million lost readings."""


def _check_values(values: NativeReading, dropped: list[Drop], device: Device) -> int:
    """What hangs together among the values, and the quality bit of what had to be dropped."""
    if "vehicle_count" in values and "interval_s" not in values:
        given = device.registered.params.get("interval_s") if device.registered else None
        default = clean(QUANTITIES["traffic"]["interval_s"], given)
        if isinstance(default, float):
            values["interval_s"] = default
            for key in [key for key in values if key in QUANTITIES[HEALTH]]:
                values[key] = values.pop(key)  # a shape has device health last
        else:
            del values["vehicle_count"]
            dropped.append(("vehicle_count", DropCause.NO_INTERVAL))
    return Quality.VALUE_DROPPED if any(cause is not DropCause.UNKNOWN_KEY for _, cause in dropped) else 0


def _take_tags(stream: Stream, values: NativeReading) -> tuple[str, str]:
    """The tags of a point, and those of them that the reading itself brought."""
    if not ("lane" in values or "direction" in values or "vehicle_class" in values or "channel" in values):
        return stream.tags, ""
    own: list[tuple[str, str]] = [(tag, str(values.pop(tag))) for tag in TEXT_TAGS if tag in values]
    return tag_text(stream.fixed_tags() + own), tag_text(own)


def _check_counters(device: Device, shape: Shape, numbers: tuple[Value, ...], text_tags: str, time_ms: int) -> int:
    """The quality bit of a counter that took a step it cannot have taken."""
    if device.counters is None:
        device.counters = CounterState()
    quality = 0
    for at, name, rate_per_h in shape.counters:
        if device.counters.is_suspect(name + text_tags, rate_per_h, float(numbers[at]), time_ms):
            quality = Quality.COUNTER_SUSPECT
    return quality


def _refusal(
    message: Message,
    now_ms: int,
    stage: str,
    reason: RejectReason,
    detail: str,
    stream: Stream,
    payload: bytes | None = None,
) -> Refusal:
    kept = (message.payload if payload is None else payload)[:REJECT_KEPT_BYTES]
    return Refusal(reason, detail, message.topic, kept, stage, now_ms, stream.device.name, stream.domain)


def refused(
    message: Message,
    now_ms: int,
    stage: str,
    reason: RejectReason,
    detail: str,
    device: str = "",
    domain: str = "unknown",
) -> Outcome:
    """The outcome of a message that is refused as a whole."""
    outcome = Outcome(domain)
    kept = message.payload[:REJECT_KEPT_BYTES]
    outcome.refusals.append(Refusal(reason, detail, message.topic, kept, stage, now_ms, device, domain))
    return outcome
