"""The way of a message that a profile takes, up to where it is as any other: recognise → ask the codec → map.

A codec runs in another process. So the way stops there, with the question in the outcome, and goes on in
:meth:`ByProfile.decoded` when the answer has come.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from gateway.core.devices.device import NO_PARAMS, Device
from gateway.core.devices.streams import Streams, Unresolved
from gateway.core.evaluate import Evaluator
from gateway.core.message import CodecAsk, Message, Outcome, SideEffects, Undecodable, WaitCause
from gateway.core.pending_decode import PendingDecode
from gateway.core.profiles.candidates import NO_PORTS, Frame, Ignored, Unnamed
from gateway.core.profiles.mapped import MappedReading, MappingContext, Window
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.readings.clock_trust import DOUBTED_FUTURE_MS
from gateway.core.readings.line_protocol import tag_text
from gateway.core.readings.native import describe_drops
from gateway.core.readings.radio_copies import FRAME_WINDOW_MS, RecentFrames
from gateway.core.readings.timestamps import YEAR_2020_MS, device_ms
from gateway.core.rejecting import refusal_of, refused, unresolved, waiting
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
    judge: Evaluator
    sparkplug: SparkplugHost = field(default_factory=SparkplugHost)

    def process(self, topic: ProfiledTopic, message: Message, now_ms: int) -> Outcome:
        """What becomes of a message on ``topic``, or which codec must be asked first."""
        if topic.fast_path is not None and (outcome := topic.fast_path.take(message, now_ms)) is not None:
            return outcome
        said = topic.status(message.payload) if topic.has_states else None
        if said is not None:
            return self._said(said.device, message, now_ms, online=said.online)
        try:
            if topic.address is not None:
                return self._sparkplug(topic, topic.address, message, now_ms)
            frame = topic.recognise(message, self.streams.registry)
        except Unnamed as why:
            return unresolved(self.streams.unnamed(why.device, why.reason, why.detail), message, now_ms)
        except Undecodable as why:
            return refused(message, now_ms, "decode", why.reason, why.detail, self._alone(topic))
        outcome = self._recognised(frame, message, now_ms)
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

        return FastPath(self.judge, likeness, frame.profile, point, self.streams.series(device, point.measurement, site))

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

    def _recognised(self, frame: Frame | Ignored, message: Message, now_ms: int) -> Outcome:
        if isinstance(frame, Ignored):
            self._heard(frame.device, message, now_ms)
            return Outcome(ignored=frame.cause)
        device = self.streams.admit(frame.device)
        if isinstance(device, Unresolved):
            self.streams.note_turned_away(device, message.topic)
            return unresolved(device, message, now_ms)
        if not message.retain and now_ms > device.last_seen_ms:
            device.last_seen_ms = now_ms
        outcome = self._unfold(PendingDecode(frame, device, message), now_ms)
        if device.last_message is not None:
            device.last_message = message, now_ms, outcome
        return outcome

    def _sparkplug(self, topic: ProfiledTopic, address: Address, message: Message, now_ms: int) -> Outcome:
        """A message of an edge node: the host knows what its births said, and what must happen beside the data.

        :raises Undecodable: it is no Sparkplug payload, or no profile takes it.
        """
        answer = self.sparkplug.receive(address, message.payload, now_ms, replayed=getattr(message, "replayed", False))
        self.judge.sequence_missing["unknown"] += answer.missing
        for name, online in [*((name, True) for name in answer.online), *((name, False) for name in answer.offline)]:
            self._said(self._node_device(address, name), message, now_ms, online=online)
        if answer.document is not None:
            try:
                frame = topic.recognise(message, self.streams.registry, answer.document)
                outcome = self._recognised(frame, message, now_ms)
            except Unnamed as why:
                outcome = unresolved(self.streams.unnamed(why.device, why.reason, why.detail), message, now_ms)
            except Undecodable as why:
                if address.device or why.reason is not RejectReason.UNKNOWN_TOPIC:
                    outcome = refused(message, now_ms, "decode", why.reason, why.detail)
                else:
                    outcome = Outcome(ignored=IgnoreCause.NOT_DATA)  # what a node says of itself need not interest a profile
        else:
            outcome = Outcome(ignored=answer.ignored)
        side_effects = outcome.side_effects or SideEffects()
        if answer.wait is not None:
            expires_ms = now_ms + BIRTH_PATIENCE_MS
            side_effects.waiting.append(
                waiting(WaitCause.NO_BIRTH, answer.wait, expires_ms, message, now_ms, self._alone(topic), "unknown")
            )
        side_effects.released += answer.released
        side_effects.keep |= {f"{BIRTH}{key}": text for key, text in answer.save.items()}
        if answer.rebirth is not None:
            side_effects.publish.append(answer.rebirth)
        if side_effects.waiting or side_effects.released or side_effects.keep or side_effects.publish or side_effects.ask:
            outcome.side_effects = side_effects
        return outcome

    def _node_device(self, address: Address, name: str) -> str:
        """What a device of an edge node is called here: as the profile for its data calls it."""
        topic = (
            f"{NAMESPACE}/{address.group}/DDATA/{address.node}/{name}"
            if name
            else f"{NAMESPACE}/{address.group}/NDATA/{address.node}"
        )
        found = self.streams.profiles.topic(topic)
        return (found.device() if found else None) or ""

    def _unfold(self, held: PendingDecode, now_ms: int) -> Outcome:
        """Map a frame, or ask its codec first."""
        codec, document, registered = held.frame.profile.codec, held.frame.document, held.device.registered
        if codec is None:
            return self._map(held, held.message, now_ms)
        if codec.prefer == "decoded" and document.get("decoded") is not None:
            return self.decoded(held, document["decoded"], None, now_ms)
        params = registered.params if registered else NO_PARAMS
        outcome = Outcome(held.domain)
        frame, port, received_ms = codec.frame(document), document.get("port") or 0, device_ms(document.get("time")) or now_ms
        outcome.side_effects = SideEffects(
            CodecAsk(codec.name, frame, port, now_ms, received_ms, params, held.device.name, held)
        )
        return outcome

    def _said(self, name: str, message: Message, now_ms: int, *, online: bool) -> Outcome:
        """A device said that it is there, or its will that it is not."""
        device = self.streams.admit(name) if name else None
        if isinstance(device, Device):
            device.say(now_ms, online=online)
            if not message.retain and online and now_ms > device.last_seen_ms:
                device.last_seen_ms = now_ms
        return Outcome(ignored=IgnoreCause.STATUS)

    def _heard(self, source: str, message: Message, now_ms: int) -> None:
        """A device sent nothing but a sign of life. One that nobody knows is not let in for that."""
        if not source or message.retain or not self.streams.is_expected(source):
            return
        device = self.streams.admit(source)
        if isinstance(device, Device) and now_ms > device.last_seen_ms:
            device.last_seen_ms = now_ms

    def decoded(self, held: PendingDecode, data: object, fault: str | None, now_ms: int) -> Outcome:
        """What becomes of a frame whose codec gave ``data``, or found a fault."""
        outcome = self._decoded(held, data, fault, now_ms)
        last = held.device.last_message
        if last and last[0] is held.message:
            held.device.last_message = held.message, now_ms, outcome
        return outcome

    def _decoded(self, held: PendingDecode, data: object, fault: str | None, now_ms: int) -> Outcome:
        if fault is not None:
            detail = f"profile {held.frame.profile.name}: its codec: {fault}"
            name, domain = held.device.name, held.domain
            return refused(held.message, now_ms, "decode", RejectReason.PROFILE_ERROR, detail, name, domain)
        if (outcome := held.resume(data, now_ms)) is not None:
            return outcome
        held.frame.document = held.frame.document | {"codec": data}
        return self._map(held, held.message, now_ms)

    def _map(self, held: PendingDecode, message: Message, now_ms: int) -> Outcome:
        frame, device, profile = held.frame, held.device, held.frame.profile
        outcome = Outcome(held.domain)
        contexts = self.contexts(frame, device, message, now_ms)
        try:
            measured = [(one, context) for context in contexts for one in profile.map(context)]
            key = profile.dedup_key(contexts[0]) if profile.tells_copies and contexts else None
        except Undecodable as why:
            return refused(message, now_ms, "decode", why.reason, why.detail, device.name, outcome.domain)
        own_time_ms = _time_of(measured)
        if message.retain and not _retained_counts(profile.retained, own_time_ms):
            outcome.ignored = IgnoreCause.RETAINED
            return outcome
        if key is None and profile.envelope is not None and frame.document["payload"]:
            key = _radio_frame(frame.document)
        if key is not None:
            if device.seen_frames is None:
                device.seen_frames = RecentFrames()
            if device.seen_frames.see(key, own_time_ms or now_ms, profile.dedup_window_ms or FRAME_WINDOW_MS):
                outcome.duplicates = max(1, len(measured))
                return outcome
        for one, context in measured:
            self._measured(one, held, context, message, now_ms, outcome)
        if not measured:
            outcome.ignored = IgnoreCause.RULE  # the profile wants nothing of it, as of a heartbeat
        if outcome.side_effects is not None and key is not None and device.seen_frames is not None:
            device.seen_frames.forget_newest()  # it comes again, when the device that it also speaks of is known
        return outcome

    def contexts(self, frame: Frame, device: Device, message: Message, now_ms: int) -> list[MappingContext]:
        """What the profile of a frame may look at.

        Where a codec gave a list, once for each item, as if it stood alone. What the profile ignores is left out.
        """
        params = device.registered.params if device.registered else NO_PARAMS
        properties = dict(message.user_properties) if message.user_properties else {}
        believes = _Belief(self.judge, device, now_ms)
        whole = MappingContext(
            frame.document, message.topic, frame.captures, params, now_ms, believes, properties, self.streams.params_of
        )
        if frame.profile.codec is None:
            return [whole]
        data = frame.document.get("codec")
        items = [replace(whole, document=frame.document | {"codec": item}) for item in data] if type(data) is list else [whole]
        return [context for context in items if frame.profile.wants(context)]

    def _measured(
        self, one: MappedReading, held: PendingDecode, context: MappingContext, message: Message, now_ms: int, outcome: Outcome
    ) -> None:
        device = held.device
        if one.device is not None and one.device != device.source:
            admitted = self.streams.admit(one.device, one.measurement)
            if isinstance(admitted, Unresolved):
                other = unresolved(admitted, message, now_ms)
                outcome.refusals += other.refusals
                outcome.side_effects = (
                    outcome.side_effects or other.side_effects
                )  # the whole message waits; what is written now is a duplicate then
                return
            device = admitted
        series = self.streams.series(device, one.measurement, _site(device, held.frame.profile, context))
        outcome.dropped += one.dropped
        if not one.values:
            detail = describe_drops(one.dropped)
            outcome.refusals.append(refusal_of(message, now_ms, "check", RejectReason.NO_QUANTITY, detail, series))
            return
        quality, time_ms = one.quality, one.time_ms
        if time_ms is None:
            if device.name not in held.stamps:
                held.stamps[device.name] = self.judge.stamp(device, message, now_ms)
            time_ms, own_time, of_time = held.stamps[device.name]
        else:
            own_time, of_time = True, Quality.HISTORIC if time_ms < now_ms - self.judge.rules.late_after_ms else 0
        tags, text_tags = series.tags, ""
        if one.tags:
            own = device.allowed_tags(one.tags, outcome.dropped)
            tags, text_tags = tag_text(series.fixed_tags() + own), tag_text(own)
        self.judge.point(
            series,
            tags,
            text_tags,
            one.values,
            time_ms,
            own_time,
            quality | of_time,
            one.seq,
            one.counters,
            message,
            now_ms,
            outcome,
        )


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

    __slots__ = ("_device", "_judge", "_newest_ms", "_now_ms")

    def __init__(self, judge: Evaluator, device: Device, now_ms: int) -> None:
        self._judge = judge
        self._device = device
        self._now_ms = now_ms
        self._newest_ms = 0

    def __call__(self, time_ms: int, window: Window) -> bool:
        """Tell if a time is believed."""
        judge = self._judge
        rules, offset_ms = judge.rules, time_ms - self._now_ms
        if time_ms > self._newest_ms:
            self._newest_ms = time_ms
            believed = judge.is_believed(self._device, time_ms, self._now_ms)
            if window == _USUAL:
                return believed
        past_ms = rules.max_past_ms if window.max_past_ms is None else window.max_past_ms
        future_ms = rules.max_future_ms if window.max_future_ms is None else window.max_future_ms
        if judge.trust.doubted:
            future_ms = max(future_ms, DOUBTED_FUTURE_MS)
        return -past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS

    def latest_ms(self, window: Window) -> int:
        """The latest time that a window lets pass, by a clock that is not doubted."""
        future_ms = self._judge.rules.max_future_ms if window.max_future_ms is None else window.max_future_ms
        return self._now_ms + future_ms


def _retained_counts(policy: str, own_time_ms: int | None) -> bool:
    """Tell if a retained message is data: it may be the last word of a meter that died long ago."""
    return policy == "accept" or (policy != "drop" and own_time_ms is not None)


def _radio_frame(document: dict[str, Any]) -> Hashable:
    """What makes two messages the same radio frame, heard by two gateways or sent once more, where the profile does not say."""
    return document["port"], document["frame_counter"], document["payload"]
