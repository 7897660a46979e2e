"""The steps of every message, in order: the whole way of a reading through the core. Each step names the call that does it.

A native message (:meth:`Processor._process`):

1. resolve its topic: :meth:`Streams.resolve`;
2. refuse it if it is too large (:meth:`Processor.too_large`; the session hands on only the beginning of a much larger one);
3. decode it and check its values, by the decoder of the keys of the reading before it (:meth:`KeySet.read`), of any keys of its
   domain (:meth:`NativeDecoder.decode_plain`), or object by object (:meth:`NativeDecoder.decode_slow_path`);
4. choose its time: :meth:`Evaluator.time_of`;
5. complete its counts and take its tags: :func:`_complete_counts`, :meth:`Series.tagged`;
6. make the point.

An uplink, or another message that a profile takes (:meth:`Processor._of_profile`):

1. resolve its topic: :meth:`Streams.resolve`;
2. know the profile and the device of the frame before it again (:meth:`Recognition.frame`), or recognise the profile
   (:meth:`ProfiledTopic.recognise`) and admit the device (:meth:`Streams.admit`); the births of a Sparkplug node decode its
   messages first (:meth:`EdgeNodes.receive`);
3. where the profile names a maker's codec, take what the network server decoded or ask the codec: :meth:`ByProfile.ask_codec`.
   The way stops there until the answer comes to :meth:`Processor.resume`;
4. map it to canonical quantities, and choose the time among those that it tells: :meth:`ByProfile.finish`;
5. leave out copies of a radio frame: :meth:`RecentFrames.see`;
6. follow its frame counter: :meth:`Evaluator.follow_sequence`;
7. give a reading that tells no time the gateway's: :meth:`Evaluator.stamp`;
8. make the point.

Making the point is one for all (:meth:`Evaluator.point`): judge its counters (:meth:`Counting.judge`), find out if it is a
duplicate (:meth:`RecentKeys.see_key`), follow its sequence number, write its lines (:meth:`FieldSet.lines`), look at it for
alarms (:meth:`Alarms.reading`). The readings of a message that has several are compared with each other before
(:meth:`Evaluator.judge_together`).

Every fault of the data ends here as a value: a point, a dropped field, an ignored message, a refusal with its
reason, or a message that must wait. Nothing is stored, nothing outside is called, no clock is read. The outcome holds what the
shell must do for this message; what many messages tell together (changed alarms, gaps of sequences, late hours) stays in the
core until the shell asks for it.
"""

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.devices.device import Series
from gateway.core.devices.observation import Counting, Observation
from gateway.core.devices.streams import ProfiledStream, Stream, Streams, domain_of
from gateway.core.edge_nodes import EdgeNodes
from gateway.core.evaluate import Evaluator, MakePoint, PendingDecode, pending_decode
from gateway.core.gateways.tenures import OWN_TOPICS
from gateway.core.message import (
    REJECT_KEPT_BYTES,
    Arrival,
    CodecAsk,
    Message,
    NativeObjects,
    Outcome,
    Sender,
    SideEffects,
    Undecodable,
    Unresolved,
    WaitCause,
    addressed,
    internal_error,
    quarantined,
    reject,
    unresolved,
)
from gateway.core.profiled import ByProfile
from gateway.core.readings.clock_trust import ClockTrust, TimeRules, device_ms
from gateway.core.readings.native import Broken, Decoded, Drop, KeySet, NativeParts, clean, describe_drops
from gateway.core.readings.sums import FoundSum, StepToConfirm, StoredExchange, SumsMode
from gateway.core.sparkplug.births import Address
from schemas.quantities import QUANTITIES, Quality
from schemas.readings import NativeReading
from schemas.rejects import DropCause, IgnoreCause, RejectReason


@dataclass(slots=True)
class Processor:
    """The pure pipeline with its state: streams, devices, trust in the clock; ``sums`` is where the sums come from."""

    streams: Streams
    rules: TimeRules
    trust: ClockTrust
    payload_max_bytes: int = 262144
    sums: SumsMode = SumsMode.OFF
    alarms: Alarms | None = None
    evaluator: Evaluator = field(init=False)
    profiled: ByProfile = field(init=False)
    edge_nodes: EdgeNodes = field(init=False)

    def __post_init__(self) -> None:
        counting = Counting(self.sums)
        field_sets, tenures = self.streams.field_sets, self.streams.tenures
        self.evaluator = Evaluator(self.rules, self.trust, field_sets, counting, alarms=self.alarms, tenures=tenures)
        self.profiled = ByProfile(self.streams, self.evaluator)
        self.edge_nodes = EdgeNodes(self.profiled)

    def process(
        self,
        message: Message,
        now_ms: int,
        *,
        replayed: bool = False,
        steps: list[object] | None = None,
        go_on: Callable[[], Outcome] | None = None,
    ) -> Outcome:
        """Process ``message``, arrived at ``now_ms``, or ``go_on``. Never raises: a bug is the reject ``internal_error``."""
        arrival = Arrival(message, now_ms, replayed, steps)
        try:
            return self._process(arrival) if go_on is None else go_on()
        except Exception:  # noqa: BLE001 - the one there is: a message that hits a bug must not come first again after every restart
            outcome = internal_error(arrival, traceback.format_exc(limit=-6))
            return self.profiled.noted(outcome.refusals[0].device, arrival, outcome)

    def resume(self, ask: CodecAsk, data: object, fault: str | None) -> Outcome:
        """Go on with a message whose codec has answered, with an object or a fault."""
        pending = pending_decode(ask)
        arrival, go_on = pending.arrival, partial(self.profiled.decoded, pending, data, fault)
        return self.process(arrival.message, arrival.now_ms, replayed=arrival.replayed, go_on=go_on)

    def restore_sums(
        self,
        device: str,
        found: Mapping[str, FoundSum],
        exchanges: Iterable[StoredExchange] = (),
        steps: Iterable[StepToConfirm] = (),
    ) -> None:
        """Give a device that awaits them the sums that stand in InfluxDB: counter, with its lane or channel → the newest.

        A counter that is not among them is new. ``exchanges`` are those that stand there, the oldest first; ``steps`` are those
        that people must confirm, or said were used.
        """
        known = self.streams.devices.get(device)
        if known is not None and known.counters is not None and known.counters.awaits:
            known.counters.take_over(found, exchanges, steps)

    def wait_for_codec(self, ask: CodecAsk) -> Outcome:
        """Put a message whose codec is suspended into quarantine, until the codec is corrected."""
        pending = pending_decode(ask)
        outcome = Outcome(pending.domain)
        name, domain = pending.device.name, pending.domain
        waits = quarantined(pending.arrival, WaitCause.CODEC, ask.codec, device=name, domain=domain)
        outcome.side_effects = SideEffects(waiting=[waits])
        pending.keep_time(outcome, self.evaluator)
        pending.device.note(outcome, pending.arrival)
        return outcome

    def too_large(self, message: Message, now_ms: int, size_bytes: int) -> Outcome:
        """Refuse a message of ``size_bytes``, of which ``message`` holds the beginning."""
        device, domain = addressed(message.topic)
        detail = f"{size_bytes} bytes; limits.payload_bytes is {self.payload_max_bytes}"
        why = Undecodable(RejectReason.TOO_LARGE, detail)
        return reject(Outcome(domain), Arrival(message, now_ms), "intake", why, device)

    def _process(self, arrival: Arrival) -> Outcome:
        message, now_ms = arrival.message, arrival.now_ms
        topic, payload, streams = message.topic, message.payload, self.streams
        stream, size_bytes = streams.native.get(topic) or streams.resolve(topic), len(payload)
        if size_bytes > self.payload_max_bytes:
            return self.too_large(message, now_ms, size_bytes)
        if type(stream) is not Stream:
            if isinstance(stream, ProfiledStream):
                return self._of_profile(stream, arrival)
            return self._no_reading(stream, arrival)
        device, outcome, key_set, retained = stream.device, Outcome(stream.pattern.domain), stream.key_set, message.retain
        device.last_message = arrival if size_bytes <= device.keeps_bytes else None
        if not retained and now_ms > device.last_seen_ms:  # a retained or replayed message is no sign of life
            device.last_seen_ms = now_ms
        is_plain = not retained and arrival.steps is None
        parts = key_set.read(payload) if is_plain else None
        if parts is not None:
            observation = self._observation(stream, key_set, parts, 0, arrival, outcome)
        else:
            plain = self.streams.decoders[stream.domain].decode_plain(payload) if is_plain else None
            if plain is None:
                self._slow_path(stream, arrival, outcome)
                device.note(outcome, arrival)
                return outcome
            values, stream.key_set = plain
            observation = self._completed(stream, values, stream.key_set, None, arrival, outcome)
        if observation is not None:
            self.evaluator.point(observation, arrival, outcome)
        if device.is_noted or not outcome.readings:
            device.note(outcome, arrival)
        return outcome

    def _no_reading(self, stream: Series | Unresolved, arrival: Arrival) -> Outcome:
        """Process a message on a topic without readings: a status, or one that nobody reads."""
        if isinstance(stream, Unresolved):
            arrival.record(Sender(stream.device))
            if arrival.message.topic == BROKER_DROPPED or arrival.message.topic.startswith(OWN_TOPICS):
                return Outcome(ignored=IgnoreCause.STATUS)
            return unresolved(stream, arrival)
        device = stream.device
        arrival.record(Sender(device.name, native=True))
        if not arrival.message.retain and arrival.now_ms > device.last_seen_ms:
            device.last_seen_ms = arrival.now_ms
        device.say(arrival.now_ms, online=b'"offline"' not in arrival.message.payload)
        return Outcome(stream.domain, IgnoreCause.STATUS)

    def _of_profile(self, stream: ProfiledStream, arrival: Arrival) -> Outcome:
        """Process a message that a profile takes, most often an uplink of a network server."""
        device, recognition = stream.device, stream.recognition
        if recognition is not None and device is not None:
            frame = recognition.frame(arrival.message.payload)
            if frame is not None:
                if arrival.steps is not None:
                    arrival.steps.extend((frame, Sender(device.name)))
                return self._frame(PendingDecode(frame, device, arrival, stream.domain, stream.series))
        status = self.profiled.status(stream.topic, arrival)
        if status is not None:
            return status
        if stream.topic.address is not None:
            return self._of_edge_node(stream, stream.topic.address, arrival)
        return self._unknown_frame(stream, arrival, None)

    def _of_edge_node(self, stream: ProfiledStream, address: Address, arrival: Arrival) -> Outcome:
        """Process a message of a Sparkplug node: what its births said decodes it."""
        try:
            verdict = self.edge_nodes.receive(address, arrival)
        except Undecodable as why:
            return reject(Outcome(), arrival, "decode", why, self.profiled.of_topic(stream.topic))
        if verdict.document is None:
            arrival.record(Sender(self.profiled.of_topic(stream.topic)))
            outcome = Outcome(ignored=verdict.ignored)
        else:
            outcome = self._unknown_frame(stream, arrival, verdict.document)
        return self.edge_nodes.add_side_effects(verdict, stream.topic, arrival, outcome)

    def _unknown_frame(self, stream: ProfiledStream, arrival: Arrival, document: object | None) -> Outcome:
        """Recognise the profile and the device of a frame that is not like the one before, and process it."""
        frame = self.profiled.recognise(stream.topic, arrival, document)
        if isinstance(frame, Outcome):
            return frame
        arrival.record(frame)
        arrival.record(Sender(self.streams.id_of(frame.device)))
        device = self.profiled.admit(stream, frame, arrival)
        if isinstance(device, Outcome):
            return device
        self.streams.meet_again(device, arrival.message.topic)
        return self._frame(PendingDecode(frame, device, arrival, domain_of(device)))

    def _frame(self, pending: PendingDecode) -> Outcome:
        """Process the frame of an admitted device: ask its codec first, if it has one."""
        device, arrival = pending.device, pending.arrival
        if not arrival.message.retain and arrival.now_ms > device.last_seen_ms:
            device.last_seen_ms = arrival.now_ms
        outcome = self.profiled.ask_codec(pending) if pending.frame.profile.codec is not None else None
        if outcome is None:
            outcome = self.profiled.finish(pending)
        device.keep(arrival)
        if device.is_noted or not outcome.readings or outcome.refusals or outcome.dropped:
            device.note(outcome, arrival)
        return outcome

    def _slow_path(self, stream: Stream, arrival: Arrival, outcome: Outcome) -> None:
        """Process a payload with a fault, one with several objects, whose valid parts go on, or one that is retained."""
        device, name = stream.device, stream.device.name
        arrival.record(Sender(name, native=True))
        try:
            objects = self.streams.decoders[stream.domain].decode_slow_path(arrival.message.payload, device.raised_bounds)
        except Undecodable as why:
            reject(outcome, arrival, "decode", why, name)
            return
        if arrival.steps is not None:
            seen = NativeObjects([item.payload if isinstance(item, Broken) else dict(item.values) for item in objects])
            arrival.steps.append(seen)
        untimed = (isinstance(item, Broken) or device_ms(item.values.get("ts")) is None for item in objects)
        if arrival.message.retain and all(untimed):
            outcome.ignored = IgnoreCause.RETAINED
            return
        observed = self._observed(stream, objects, arrival, outcome)
        point: MakePoint = self.evaluator.point
        if len(observed) > 1:
            point = self.evaluator.judge_together(observed, outcome, apart=arrival)
        for observation, item in observed.items():
            known = len(outcome.refusals)
            point(observation, arrival, outcome)
            if len(outcome.refusals) > known:
                _without_neighbours(outcome, item)

    def _observed(
        self, stream: Stream, objects: list[Decoded | Broken], arrival: Arrival, outcome: Outcome
    ) -> dict[Observation, Decoded]:
        """Return the observation of each object that is a reading, with the object; refuse the others."""
        observed = {}
        for item in objects:
            if isinstance(item, Broken):
                reject(outcome, arrival, "decode", item.why, stream.device.name, payload=item.payload)
                continue
            key_set = self.streams.decoders[stream.domain].key_set_of(tuple(item.values))
            observation = self._completed(stream, item.values, key_set, item.dropped, arrival, outcome)
            if observation is not None:
                observed[observation] = item
            else:
                _without_neighbours(outcome, item)
        return observed

    def _completed(
        self,
        stream: Stream,
        values: NativeReading,
        key_set: KeySet,
        dropped: list[Drop] | None,
        arrival: Arrival,
        outcome: Outcome,
    ) -> Observation | None:
        """Complete the counts of one object; None: it is refused."""
        quality = 0
        if dropped or key_set.lacking:
            dropped = dropped or []
            quality = _complete_counts(values, key_set, dropped, stream)
            outcome.dropped += dropped
            key_set = self.streams.decoders[stream.domain].key_set_of(tuple(values))
        return self._observation(stream, key_set, key_set.parts(values), quality, arrival, outcome, dropped)

    def _observation(
        self,
        stream: Stream,
        key_set: KeySet,
        parts: NativeParts,
        quality: int,
        arrival: Arrival,
        outcome: Outcome,
        dropped: list[Drop] | None = None,
    ) -> Observation | None:
        """Choose the time of one object, and the series of its tags; None: it is refused."""
        ts, seq, tags, numbers = parts
        time_ms, own_time, told = self.evaluator.time_of(stream.device, ts, arrival)
        series = stream.tagged(tags, outcome.dropped) if tags else stream
        if not numbers:
            why = Undecodable(RejectReason.NO_QUANTITY, describe_drops(dropped))
            reject(outcome, arrival, "check", why, stream.device.name)
            if not own_time:
                outcome.refusals[-1].arrival_ms = time_ms  # its own: replayed it is no other reading of the same millisecond
            return None
        return Observation(series, key_set.field_set, numbers, time_ms, own_time, quality | told, seq)


def _without_neighbours(outcome: Outcome, item: Decoded) -> None:
    """Keep of the newest refusal only the bytes of its own object."""
    if item.source is not None:
        outcome.refusals[-1].payload = item.payload()[:REJECT_KEPT_BYTES]


def _complete_counts(values: NativeReading, key_set: KeySet, dropped: list[Drop], stream: Stream) -> int:
    """Give counts the interval that the registry has for them, or drop them; return the quality bit of all that was dropped."""
    for count, needed in key_set.lacking:
        default = clean(QUANTITIES[stream.domain][needed], stream.device.params.get(needed))
        if isinstance(default, float):
            values[needed] = default
        else:
            del values[count]
            dropped.append((count, DropCause.NO_INTERVAL))
    return Quality.VALUE_DROPPED if any(cause is not DropCause.UNKNOWN_KEY for _, cause in dropped) else 0
