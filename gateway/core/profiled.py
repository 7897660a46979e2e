"""The way of a message that a profile takes, up to where it is as any other: recognise → ask the codec → map.

A codec runs in another process. So the way stops there, with the question in the outcome, and goes on in
:meth:`ByProfile.decoded` when the answer has come.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from gateway.core.devices.device import NO_PARAMS, Device
from gateway.core.devices.streams import Streams, Unresolved
from gateway.core.evaluate import Evaluator, Observation
from gateway.core.message import Arrival, CodecAsk, Message, Outcome, SideEffects, Undecodable, WaitCause
from gateway.core.pending_decode import UNKNOWN, PendingDecode
from gateway.core.profiles.candidates import NO_PORTS, Frame, Ignored, Unnamed
from gateway.core.profiles.mapped import MappedReading, MappingContext, Window
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.readings.clock_trust import DOUBTED_FUTURE_MS
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.native import describe_drops
from gateway.core.readings.radio_copies import FRAME_WINDOW_MS, RecentFrames
from gateway.core.readings.timestamps import YEAR_2020_MS, device_ms
from gateway.core.rejecting import quarantined, reject, unresolved
from gateway.core.sparkplug.births import NAMESPACE, Address
from gateway.core.sparkplug.host import SparkplugHost
from schemas.quantities import Quality
from schemas.rejects import IgnoreCause, RejectReason

if TYPE_CHECKING:  # a gateway without profiles does not pay for their language at its start
    from gateway.core.fast_path import FastPath
    from gateway.core.profiles.language.profile import CompiledProfile

BIRTH: Final = "birth "
"""Before the key of a Sparkplug birth, where it is saved."""
BIRTH_PATIENCE_MS: Final = 600_000


@dataclass(slots=True)
class ByProfile:
    """The profile's way."""

    streams: Streams
    evaluator: Evaluator
    sparkplug: SparkplugHost = field(default_factory=SparkplugHost)

    def process(self, topic: ProfiledTopic, arrival: Arrival) -> Outcome:
        """Process a message on ``topic``, up to its readings or to the codec that must be asked first."""
        if topic.fast_path is not None and (outcome := topic.fast_path.take(arrival)) is not None:
            return outcome
        message = arrival.message
        said = topic.status(message.payload) if topic.has_states else None
        if said is not None:
            return self._said(said.device, arrival, online=said.online)
        try:
            if topic.address is not None:
                return self._sparkplug(topic, topic.address, arrival)
            frame = topic.recognise(message, self.streams.registry)
        except Unnamed as why:
            return unresolved(self.streams.unnamed(why.device, why.reason, why.detail), arrival)
        except Undecodable as why:
            return reject(Outcome(), arrival, "decode", why, self._alone(topic))
        outcome = self._recognised(frame, arrival)
        if isinstance(frame, Frame) and frame.ports != NO_PORTS and (outcome.readings or outcome.side_effects is not None):
            topic.fast_path = self._short_way(topic, frame, message.payload)
        return outcome

    def _short_way(self, topic: ProfiledTopic, frame: Frame, payload: bytes) -> "FastPath | None":
        """The short way of the frames that are like this one, where there is one."""
        point, device = frame.profile.plain_point, self.streams.admit(frame.device)
        likeness = topic.likeness(frame, payload) if point is not None else None
        if likeness is None or point is None or isinstance(device, Unresolved):
            return None
        site = (device.registered.site if device.registered is not None else None) or ""
        from gateway.core.fast_path import FastPath  # noqa: PLC0415

        return FastPath(self.evaluator, likeness, frame.profile, point, self.streams.series(device, point.measurement, site))

    def _alone(self, topic: ProfiledTopic) -> str:
        """The id of the device that a topic alone names; empty where it names none."""
        source = topic.device()
        return self.streams.id_of(source) if source else ""

    def look(self, topic: ProfiledTopic, message: Message) -> Frame | Ignored | None:
        """The frame in a message, as recognised now, with the device's id; None: nobody takes it. No state changes."""
        document = None
        try:
            if topic.address is not None:
                document = self.sparkplug.look(topic.address, message.payload)
                if document is None:
                    return None
            frame = topic.recognise(message, self.streams.registry, document)
        except Undecodable:
            return None
        if isinstance(frame, Frame):
            frame.device = self.streams.id_of(frame.device)
        return frame

    def _recognised(self, frame: Frame | Ignored, arrival: Arrival) -> Outcome:
        if isinstance(frame, Ignored):
            self._heard(frame.device, arrival)
            return Outcome(ignored=frame.cause)
        device = self.streams.admit(frame.device)
        if isinstance(device, Unresolved):
            self.streams.note_turned_away(device, arrival.message.topic)
            return unresolved(device, arrival)
        if not arrival.message.retain and arrival.now_ms > device.last_seen_ms:
            device.last_seen_ms = arrival.now_ms
        outcome = self._unfold(PendingDecode(frame, device, arrival))
        if device.last_message is not None:
            device.last_message = arrival, outcome
        return outcome

    def _sparkplug(self, topic: ProfiledTopic, address: Address, arrival: Arrival) -> Outcome:
        """Process a message of an edge node: the host knows what its births said, and what must happen beside the data.

        :raises Undecodable: it is no Sparkplug payload, or no profile takes it.
        """
        verdict = self.sparkplug.receive(address, arrival.message.payload, arrival.now_ms, replayed=arrival.replayed)
        self.evaluator.sequence_missing["unknown"] += verdict.missing
        for name, online in [*((name, True) for name in verdict.online), *((name, False) for name in verdict.offline)]:
            self._said(self._node_device(address, name), arrival, online=online)
        if verdict.document is not None:
            outcome = self._of_node(topic, address, verdict.document, arrival)
        else:
            outcome = Outcome(ignored=verdict.ignored)
        side_effects = outcome.side_effects or SideEffects()
        if verdict.wait is not None:
            expires_ms = arrival.now_ms + BIRTH_PATIENCE_MS
            device = self._alone(topic)
            waits = quarantined(arrival, WaitCause.NO_BIRTH, verdict.wait, expires_ms, device=device, domain=UNKNOWN)
            side_effects.waiting.append(waits)
        side_effects.released += verdict.released
        side_effects.keep |= {f"{BIRTH}{key}": text for key, text in verdict.save.items()}
        if verdict.rebirth is not None:
            side_effects.publish.append(verdict.rebirth)
        if side_effects != SideEffects():
            outcome.side_effects = side_effects
        return outcome

    def _of_node(self, topic: ProfiledTopic, address: Address, document: object, arrival: Arrival) -> Outcome:
        """Process the metrics of a node or of one of its devices."""
        try:
            return self._recognised(topic.recognise(arrival.message, self.streams.registry, document), arrival)
        except Unnamed as why:
            return unresolved(self.streams.unnamed(why.device, why.reason, why.detail), arrival)
        except Undecodable as why:
            if address.device or why.reason is not RejectReason.UNKNOWN_TOPIC:
                return reject(Outcome(), arrival, "decode", why)
            return Outcome(ignored=IgnoreCause.NOT_DATA)  # what a node says of itself need not interest a profile

    def _node_device(self, address: Address, name: str) -> str:
        """What a device of an edge node is called here: as the profile for its data calls it."""
        topic = (
            f"{NAMESPACE}/{address.group}/DDATA/{address.node}/{name}"
            if name
            else f"{NAMESPACE}/{address.group}/NDATA/{address.node}"
        )
        found = self.streams.profiles.topic(topic)
        return (found.device() if found else None) or ""

    def _unfold(self, pending: PendingDecode) -> Outcome:
        """Map a frame, or ask its codec first."""
        codec, document, registered = pending.frame.profile.codec, pending.frame.document, pending.device.registered
        if codec is None:
            return self._map(pending)
        if codec.prefer == "decoded" and document.get("decoded") is not None:
            return self.decoded(pending, document["decoded"], None)
        params = registered.params if registered else NO_PARAMS
        payload, port = codec.frame(document), document.get("port") or 0
        received_ms = device_ms(document.get("time")) or pending.arrival.now_ms
        ask = CodecAsk(codec.name, payload, port, received_ms, params, pending.device.name, pending)
        outcome = Outcome(pending.domain)
        outcome.side_effects = SideEffects(ask)
        return outcome

    def _said(self, name: str, arrival: Arrival, *, online: bool) -> Outcome:
        """Note that a device said that it is there, or its will that it is not."""
        device = self.streams.admit(name) if name else None
        if isinstance(device, Device):
            device.say(arrival.now_ms, online=online)
            if not arrival.message.retain and online and arrival.now_ms > device.last_seen_ms:
                device.last_seen_ms = arrival.now_ms
        return Outcome(ignored=IgnoreCause.STATUS)

    def _heard(self, source: str, arrival: Arrival) -> None:
        """Note a device that sent nothing but a sign of life. One that nobody knows is not let in for that."""
        if not source or arrival.message.retain or not self.streams.is_expected(source):
            return
        device = self.streams.admit(source)
        if isinstance(device, Device) and arrival.now_ms > device.last_seen_ms:
            device.last_seen_ms = arrival.now_ms

    def decoded(self, pending: PendingDecode, data: object, fault: str | None) -> Outcome:
        """Go on with a frame whose codec gave ``data``, or found a fault."""
        outcome = self._decoded(pending, data, fault)
        last = pending.device.last_message
        if last and last[0] is pending.arrival:
            pending.device.last_message = pending.arrival, outcome
        return outcome

    def _decoded(self, pending: PendingDecode, data: object, fault: str | None) -> Outcome:
        if fault is not None:
            detail = f"profile {pending.frame.profile.name}: its codec: {fault}"
            why = Undecodable(RejectReason.PROFILE_ERROR, detail)
            return reject(Outcome(pending.domain), pending.arrival, "decode", why, pending.device.name)
        if (outcome := pending.resume(data)) is not None:
            return outcome
        pending.frame.document = pending.frame.document | {"codec": data}
        return self._map(pending)

    def _map(self, pending: PendingDecode) -> Outcome:
        frame, device, profile, arrival = pending.frame, pending.device, pending.frame.profile, pending.arrival
        outcome = Outcome(pending.domain)
        contexts = self.contexts(frame, device, arrival)
        try:
            measured = [(mapped, context) for context in contexts for mapped in profile.map(context)]
            key = profile.dedup_key(contexts[0]) if profile.tells_copies and contexts else None
        except Undecodable as why:
            return reject(outcome, arrival, "decode", why, device.name)
        own_time_ms = _time_of(measured)
        if arrival.message.retain and not _retained_counts(profile.retained, own_time_ms):
            outcome.ignored = IgnoreCause.RETAINED
            return outcome
        if key is None and profile.envelope is not None and frame.document["payload"]:
            key = _radio_frame(frame.document)
        if key is not None:
            if device.seen_frames is None:
                device.seen_frames = RecentFrames()
            at_ms = own_time_ms or arrival.now_ms
            if device.seen_frames.see(key, at_ms, profile.dedup_window_ms or FRAME_WINDOW_MS):
                outcome.duplicates = max(1, len(measured))
                return outcome
        for mapped, context in measured:
            self._measured(mapped, pending, context, outcome)
        if not measured:
            outcome.ignored = IgnoreCause.RULE  # the profile wants nothing of it, as of a heartbeat
        if outcome.side_effects is not None and key is not None and device.seen_frames is not None:
            device.seen_frames.forget_newest()  # it comes again, when the device that it also speaks of is known
        return outcome

    def contexts(self, frame: Frame, device: Device, arrival: Arrival) -> list[MappingContext]:
        """Give what the profile of a frame may look at.

        Where a codec gave a list, once for each item, as if it stood alone. What the profile ignores is left out.
        """
        message, now_ms = arrival.message, arrival.now_ms
        params = device.registered.params if device.registered else NO_PARAMS
        properties = dict(message.user_properties) if message.user_properties else {}
        believes = _Belief(self.evaluator, device, now_ms)
        whole = MappingContext(
            frame.document, message.topic, frame.captures, params, now_ms, believes, properties, self.streams.params_of
        )
        if frame.profile.codec is None:
            return [whole]
        data = frame.document.get("codec")
        items = [replace(whole, document=frame.document | {"codec": item}) for item in data] if type(data) is list else [whole]
        return [context for context in items if frame.profile.wants(context)]

    def _measured(self, mapped: MappedReading, pending: PendingDecode, context: MappingContext, outcome: Outcome) -> None:
        """Make the point of one reading that the profile mapped, or refuse it."""
        device, arrival = pending.device, pending.arrival
        if mapped.device is not None and mapped.device != device.source:
            admitted = self.streams.admit(mapped.device, mapped.measurement)
            if isinstance(admitted, Unresolved):
                other = unresolved(admitted, arrival)
                outcome.refusals += other.refusals
                # The whole message waits; what is written of it now is a duplicate when it comes again.
                outcome.side_effects = outcome.side_effects or other.side_effects
                return
            device = admitted
        series = self.streams.series(device, mapped.measurement, _site(device, pending.frame.profile, context))
        outcome.dropped += mapped.dropped
        if not mapped.values:
            why = Undecodable(RejectReason.NO_QUANTITY, describe_drops(mapped.dropped))
            reject(outcome, arrival, "check", why, device.name, series.domain)
            return
        time_ms = mapped.time_ms
        if time_ms is None:
            if device.name not in pending.stamps:
                pending.stamps[device.name] = self.evaluator.stamp(device, arrival)
            time_ms, own_time, quality = pending.stamps[device.name]
        else:
            own_time = True
            quality = Quality.HISTORIC if time_ms < arrival.now_ms - self.evaluator.rules.late_after_ms else 0
        tags, text_tags = series.tags, ""
        if mapped.tags:
            own = device.allowed_tags(mapped.tags, outcome.dropped)
            tags, text_tags = tag_text(series.fixed_tags() + own), tag_text(own)
        quality |= mapped.quality
        observation = Observation(
            series, mapped.values, time_ms, own_time, quality, tags, text_tags, mapped.seq, mapped.counters
        )
        self.evaluator.point(observation, arrival, outcome)


def _site(device: Device, profile: "CompiledProfile", context: MappingContext) -> str:
    """Where a device stands: as the registry says, else as the profile reads it from the message, else nowhere."""
    if device.registered is not None and device.registered.site is not None:
        return device.registered.site
    return profile.site(context) or ""


def _time_of(measured: list[tuple[MappedReading, MappingContext]]) -> int | None:
    """The first time that a message tells itself."""
    for one, _ in measured:
        if one.time_ms is not None:
            return one.time_ms
    return None


_USUAL: Final = Window()


class _Belief:
    """Judges the times of one message; the newest of them tells how the device's clock stands."""

    __slots__ = ("_device", "_evaluator", "_newest_ms", "_now_ms")

    def __init__(self, evaluator: Evaluator, device: Device, now_ms: int) -> None:
        self._evaluator = evaluator
        self._device = device
        self._now_ms = now_ms
        self._newest_ms = 0

    def __call__(self, time_ms: int, window: Window) -> bool:
        """Tell if a time is believed."""
        evaluator = self._evaluator
        rules, offset_ms = evaluator.rules, time_ms - self._now_ms
        if time_ms > self._newest_ms:
            self._newest_ms = time_ms
            believed = evaluator.is_believed(self._device, time_ms, self._now_ms)
            if window == _USUAL:
                return believed
        past_ms = rules.max_past_ms if window.max_past_ms is None else window.max_past_ms
        future_ms = rules.max_future_ms if window.max_future_ms is None else window.max_future_ms
        if evaluator.trust.doubted:
            future_ms = max(future_ms, DOUBTED_FUTURE_MS)
        return -past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS

    def latest_ms(self, window: Window) -> int:
        """The latest time that a window lets pass, by a clock that is not doubted."""
        future_ms = self._evaluator.rules.max_future_ms if window.max_future_ms is None else window.max_future_ms
        return self._now_ms + future_ms


def _retained_counts(policy: str, own_time_ms: int | None) -> bool:
    """Tell if a retained message is data: it may be the last word of a meter that died long ago."""
    return policy == "accept" or (policy != "drop" and own_time_ms is not None)


def _radio_frame(document: dict[str, Any]) -> Hashable:
    """What makes two messages the same radio frame, heard by two gateways or sent once more, where the profile does not say."""
    return document["port"], document["frame_counter"], document["payload"]
