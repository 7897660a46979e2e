"""The steps of a message that a profile takes: recognise → admit its device → ask the codec → map → leave out copies → points.

:mod:`gateway.core.process` calls them in this order. A codec runs in another process. So the way stops there, with the question
in the outcome, and goes on in :meth:`ByProfile.decoded` when the answer has come.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from gateway.core.devices.device import Device, Series
from gateway.core.devices.observation import Observation
from gateway.core.devices.streams import ProfiledStream, Streams
from gateway.core.evaluate import Evaluator, PendingDecode
from gateway.core.message import Arrival, CodecAsk, Outcome, Sender, SideEffects, Undecodable, Unresolved, reject, unresolved
from gateway.core.profiles.mapped import MappedReading, MappingContext, Window
from gateway.core.profiles.matching import ProfiledTopic
from gateway.core.profiles.recognition import Frame, Ignored, Unnamed
from gateway.core.readings.clock_trust import YEAR_2020_MS, device_ms, rfc3339_ms
from gateway.core.readings.duplicates import FRAME_WINDOW_MS, RecentFrames
from gateway.core.readings.native import describe_drops
from schemas.quantities import Quality
from schemas.rejects import IgnoreCause, RejectReason


class Mapped(Struct, eq=False, gc=False):
    """The readings that a profile finds in a frame.

    :ivar time_ms: the first time that the message tells itself.
    :ivar key: the key that a copy of it has too; None: it has no copies.
    :ivar observations: those that are not refused. Each is worked out when it is asked for, so a copy admits no device and
        takes no stamp.
    :ivar frame_counter: the counter of the radio frame, unless its readings have numbers of their own; a gap shows lost frames.
    """

    time_ms: int | None
    key: Hashable | None
    count: int
    observations: Iterable[Observation]
    frame_counter: object = None


@dataclass(slots=True)
class ByProfile:
    """The steps of a message that a profile takes."""

    streams: Streams
    evaluator: Evaluator

    def status(self, topic: ProfiledTopic, arrival: Arrival) -> Outcome | None:
        """Note a device's status message or last will; None: the message is neither."""
        status = topic.status(arrival.message.payload)
        if status is None:
            return None
        device, online = status
        if device:
            arrival.record(Sender(self.streams.id_of(device)))
        return self.said(device, arrival, online=online)

    def said(self, name: str, arrival: Arrival, *, online: bool) -> Outcome:
        """Note that a device is online or offline, as its status message or last will says."""
        device = self.streams.admit(name) if name else None
        if isinstance(device, Device):
            self.streams.meet_again(device, arrival.message.topic)
            device.say(arrival.now_ms, online=online)
            if not arrival.message.retain and online and arrival.now_ms > device.last_seen_ms:
                device.last_seen_ms = arrival.now_ms
        return Outcome(ignored=IgnoreCause.STATUS)

    def recognise(self, topic: ProfiledTopic, arrival: Arrival, document: object | None = None) -> Frame | Outcome:
        """Find the profile that takes a message; else return the outcome of a message that none takes or that is not data."""
        try:
            found = topic.recognise(arrival.message, self.streams.registry, document)
        except Unnamed as why:
            arrival.record(Sender(self.of_topic(topic)))
            unnamed = self.streams.unnamed(why.device, why.reason, why.detail)
            return self.noted(unnamed.device, arrival, unresolved(unnamed, arrival))
        except Undecodable as why:
            return self.unreadable(topic, why, arrival)
        if isinstance(found, Ignored):
            arrival.record(Sender(self.streams.id_of(found.device) if found.device else self.of_topic(topic)))
            self._heard(found.device, arrival)
            return Outcome(ignored=found.cause)
        return found

    def unreadable(self, topic: ProfiledTopic, why: Undecodable, arrival: Arrival) -> Outcome:
        """Refuse a message that no profile could read or takes."""
        device, address = self.of_topic(topic), topic.address
        arrival.record(Sender(device))
        if address is None:
            return self.noted(device, arrival, reject(Outcome(), arrival, "decode", why, device))
        if address.device or why.reason is not RejectReason.UNKNOWN_TOPIC:
            return reject(Outcome(), arrival, "decode", why)
        return Outcome(ignored=IgnoreCause.NOT_DATA)  # a node's messages about itself need no profile

    def admit(self, stream: ProfiledStream, frame: Frame, arrival: Arrival) -> Device | Outcome:
        """Find the device of a frame and keep both for the next one; else return the outcome of a refused device."""
        device = self.streams.admit(frame.device)
        if isinstance(device, Unresolved):
            self.streams.note_turned_away(device, arrival.message.topic)
            return unresolved(device, arrival)
        self.streams.remember(stream, frame, device, arrival.message.payload)
        return device

    def noted(self, device: str, arrival: Arrival, outcome: Outcome) -> Outcome:
        """Note the outcome of a message that was not admitted, if its device is known all the same."""
        met = self.streams.devices.get(device)
        if met is not None:
            met.keep(arrival)
            met.note(outcome, arrival)
        return outcome

    def of_topic(self, topic: ProfiledTopic) -> str:
        """The id of the device that a topic alone names; empty where it names none."""
        source = topic.device()
        return self.streams.id_of(source) if source else ""

    def _heard(self, source: str, arrival: Arrival) -> None:
        """Note a device that sent only a sign of life. An unknown device is not admitted for that."""
        if not source or arrival.message.retain or not self.streams.is_expected(source):
            return
        device = self.streams.admit(source)
        if isinstance(device, Device):
            device.last_seq = -1  # its frame had a number too, which nobody has read: the next one is no gap
            device.last_seen_ms = max(device.last_seen_ms, arrival.now_ms)

    def ask_codec(self, pending: PendingDecode) -> Outcome | None:
        """Return the outcome that asks the codec of a frame; None: the frame can be finished.

        It can where the network server has decoded it already, unless the profile wants its codec always.
        """
        frame, codec = pending.frame, pending.frame.profile.codec
        if codec is None or (frame.repeated is not None and frame.repeated.read):
            return None
        payload, port, time, decoded = frame.for_codec(codec.frame)
        if codec.prefer == "decoded" and decoded is not None:
            frame.answered(decoded)
            return None
        device, received_ms = pending.device, device_ms(time) or pending.arrival.now_ms
        ask = CodecAsk(codec.name, payload, port, received_ms, device.params, device.name, pending)
        return Outcome(pending.domain, side_effects=SideEffects(ask))

    def decoded(self, pending: PendingDecode, data: object, fault: str | None) -> Outcome:
        """Go on with a frame whose codec gave ``data``, or found a fault."""
        frame, device, arrival = pending.frame, pending.device, pending.arrival
        if fault is None:
            frame.answered(data)
            outcome = self.finish(pending)
        else:
            why = Undecodable(RejectReason.PROFILE_ERROR, f"profile {frame.profile.name}: its codec: {fault}")
            outcome = reject(Outcome(pending.domain), arrival, "decode", why, device.name)
            pending.keep_time(outcome, self.evaluator)
        device.note(outcome, arrival)
        return outcome

    def finish(self, pending: PendingDecode) -> Outcome:
        """Map a frame, leave it out if it is a copy of one that came before, and make its points."""
        frame, device, arrival = pending.frame, pending.device, pending.arrival
        profile, outcome = frame.profile, Outcome(pending.domain)
        try:
            mapped = self._plain(pending) or self._mapped(pending, outcome)
        except Undecodable as why:
            reject(outcome, arrival, "decode", why, device.name)
            pending.keep_time(outcome, self.evaluator)
            return outcome
        key, count = mapped.key, mapped.count
        if arrival.message.retain and profile.retained != "accept" and (profile.retained == "drop" or mapped.time_ms is None):
            # It may be the last message of a meter that failed long ago.
            outcome.ignored = IgnoreCause.RETAINED
            return outcome
        if key is not None:
            if device.seen_frames is None:
                device.seen_frames = RecentFrames()
            at_ms, window_ms = mapped.time_ms or arrival.now_ms, profile.dedup_window_ms or FRAME_WINDOW_MS
            is_copy = device.seen_frames.see(key, at_ms, window_ms)
            if is_copy and not (arrival.replayed and device.seen_frames.knows((_IN_PART, key), at_ms, window_ms)):
                outcome.duplicates = max(1, count)
                return outcome
        observations = self._points(mapped, pending, outcome)
        if not count:
            outcome.ignored = IgnoreCause.RULE  # the profile uses nothing of it, as with a heartbeat
        waits = outcome.side_effects is not None and outcome.side_effects.waiting
        if waits or outcome.refusals:
            if key is not None and device.seen_frames is not None:
                if waits:  # it comes again once the other device in it is registered
                    device.seen_frames.forget_newest()
                else:
                    device.seen_frames.see((_IN_PART, key), at_ms, window_ms)
            pending.keep_time(outcome, self.evaluator, observations)
        return outcome

    def _points(self, mapped: Mapped, pending: PendingDecode, outcome: Outcome) -> Iterable[Observation]:
        """Follow the frame counter of a frame that is no copy, and make its points."""
        evaluator, arrival, observations = self.evaluator, pending.arrival, mapped.observations
        device, number = pending.device, mapped.frame_counter
        if number == device.last_seq + 1 and not arrival.message.retain:
            device.last_seq = number
        elif number is not None and not arrival.message.retain:
            evaluator.follow_sequence(device, device.measures or pending.domain, number, mapped.time_ms or arrival.now_ms)
        if mapped.count == 1:
            for observation in observations:
                evaluator.point(observation, arrival, outcome)
            return observations
        observations = list(observations)
        point = evaluator.judge_together(observations, outcome)
        for observation in observations:
            point(observation, arrival, outcome)
        return observations

    def _plain(self, pending: PendingDecode) -> Mapped | None:
        """Fast path: map a frame like the one before it, whose profile wants plain fields only."""
        frame, series = pending.frame, pending.series
        repeated = frame.repeated
        if series is None or repeated is None:
            return None
        device, now_ms = pending.device, pending.arrival.now_ms
        _, payload, _, port, frame_counter, time, _ = repeated.row
        read, point = repeated.read, repeated.point
        if read is None and (frame.profile.codec is None or type(repeated.answer) is dict):
            read = point.read(frame.document, frame.captures, device.params)
        time_ms = rfc3339_ms(time) if type(time) is str else None
        if not read or not payload or time_ms is None:
            return None
        quality = self.evaluator.believe(device, time_ms, now_ms)
        if quality is None:
            return None
        names, numbers = read
        field_set, own_time = self.evaluator.field_sets.of(names), True
        observation = Observation(series, field_set, numbers, time_ms, own_time, quality, None, point.rules)
        return Mapped(time_ms, (port, frame_counter, payload), 1, (observation,), frame_counter)

    def _mapped(self, pending: PendingDecode, outcome: Outcome) -> Mapped:
        """Map a frame with all steps of its profile."""
        frame, profile = pending.frame, pending.frame.profile
        contexts = self.contexts(frame, pending.device, pending.arrival)
        readings = []
        for item, context in enumerate(contexts):
            site = profile.site(context) or ""
            for reading in profile.map(context):
                reading.item = item
                readings.append((reading, site))
        key = profile.dedup_key(contexts[0]) if contexts else None
        if key is None and profile.envelope is not None and frame.document["payload"]:  # two gateways may have heard it
            key = frame.document["port"], frame.document["frame_counter"], frame.document["payload"]
        is_numbered = any(reading.seq is not None for reading, _ in readings)
        frame_counter = None if is_numbered or profile.envelope is None else frame.document["frame_counter"]
        time_ms = next((reading.time_ms for reading, _ in readings if reading.time_ms is not None), None)
        return Mapped(time_ms, key, len(readings), self._observations(readings, pending, outcome), frame_counter)

    def contexts(self, frame: Frame, device: Device, arrival: Arrival) -> list[MappingContext]:
        """Return the contexts in which the profile maps a frame.

        If a codec gave a list, there is one for each item, as if it came alone. Items that the profile ignores are left out.
        """
        message, now_ms = arrival.message, arrival.now_ms
        properties = dict(message.user_properties) if message.user_properties else {}
        believes = _ClockBelief(self.evaluator, device, now_ms)
        said_ms, document, captures = device.shows_too_much_ms, frame.document, frame.captures
        offset_ms = frame.profile.clock_offset_ms if said_ms is None else said_ms
        whole = MappingContext(
            document, message.topic, captures, device.params, now_ms, believes, properties, self.streams.params_of, offset_ms
        )
        if frame.profile.codec is None:
            return [whole]
        data = frame.document.get("codec")
        items = [replace(whole, document=frame.document | {"codec": item}) for item in data] if type(data) is list else [whole]
        return [context for context in items if frame.profile.wants(context)]

    def _observations(
        self, readings: list[tuple[MappedReading, str]], pending: PendingDecode, outcome: Outcome
    ) -> Iterator[Observation]:
        """Give each reading its device, its series and its time, or refuse it."""
        arrival = pending.arrival
        for reading, site in readings:
            device = pending.device
            if reading.device is not None and reading.device != device.source:
                admitted = self.streams.admit(reading.device, reading.measurement)
                if isinstance(admitted, Unresolved):
                    other = unresolved(admitted, arrival)
                    outcome.refusals += other.refusals
                    # The whole message waits; readings of it that are written now are duplicates when it comes again.
                    outcome.side_effects = outcome.side_effects or other.side_effects
                    continue
                device = admitted
            series = self.streams.series(device, reading.measurement, site)
            if reading.dropped:
                outcome.dropped += reading.dropped
            if reading.values:
                yield self._observation(reading, series, pending, outcome)
            else:
                if readings[-1][0].item:  # each item of a list has a stamp of its own; replayed, this one finds its own free
                    pending.stamp(device, self.evaluator, reading.item)
                why = Undecodable(RejectReason.NO_QUANTITY, describe_drops(reading.dropped))
                reject(outcome, arrival, "check", why, device.name, series.domain)

    def _observation(self, reading: MappedReading, series: Series, pending: PendingDecode, outcome: Outcome) -> Observation:
        """Give a reading its time and its tags."""
        device, now_ms, time_ms = series.device, pending.arrival.now_ms, reading.time_ms
        if time_ms is None:
            time_ms, own_time, quality = pending.stamp(device, self.evaluator, reading.item)
        else:
            own_time = True
            quality = Quality.HISTORIC if time_ms < now_ms - self.evaluator.rules.late_after_ms else 0
        if reading.tags:
            series = series.tagged(reading.tags, outcome.dropped)
        field_set = self.evaluator.field_sets.of(tuple(reading.values))
        numbers, quality = field_set.values_of(reading.values), quality | reading.quality
        return Observation(series, field_set, numbers, time_ms, own_time, quality, reading.seq, reading.counters)


_IN_PART: Final = -1
"""Before the key of a frame of which something was refused: replayed it is no copy of itself."""


_USUAL: Final = Window()


class _ClockBelief(Struct, eq=False):
    """Judges the times of one message; the newest of them tells how the device's clock stands."""

    evaluator: Evaluator
    device: Device
    now_ms: int
    newest_ms: int = 0

    def __call__(self, time_ms: int, window: Window) -> bool:
        """Tell if a time is believed."""
        evaluator = self.evaluator
        rules, offset_ms = evaluator.rules, time_ms - self.now_ms
        if time_ms > self.newest_ms:
            self.newest_ms = time_ms
            quality = evaluator.believe(self.device, time_ms, self.now_ms)
            if window == _USUAL:
                return quality is not None
        past_ms = rules.max_past_ms if window.max_past_ms is None else window.max_past_ms
        future_ms = self.latest_ms(window) - self.now_ms
        if evaluator.trust.doubted:
            past_ms, future_ms = evaluator.trust.widen(past_ms, future_ms)
        elif self.device.clock is not None and self.device.clock.off_ms > future_ms:
            return False  # however near it seems: it may have waited
        return -past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS

    def latest_ms(self, window: Window) -> int:
        """The latest time that a window lets pass, by a clock that is not doubted."""
        future_ms = self.evaluator.rules.max_future_ms if window.max_future_ms is None else window.max_future_ms
        return self.now_ms + future_ms
