"""The last steps of every reading, native or by a profile: time, counters, duplicates, sequence, and the point it becomes.

A frame that a profile takes waits here for its points while its codec is asked (:class:`PendingDecode`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Final

from msgspec import Struct

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.broker_drops import SequenceGaps
from gateway.core.devices.clocks import follow_clock, is_known_as_wrong
from gateway.core.devices.device import Device, Series
from gateway.core.devices.observation import Counting, Observation, later_ones, point_of, share_points
from gateway.core.gateways.tenures import Tenures
from gateway.core.message import Arrival, CodecAsk, Outcome, Reading, Undecodable, reject
from gateway.core.profiles.recognition import Frame
from gateway.core.readings.clock_trust import MS_FROM, MS_TO, YEAR_2020_MS, ClockTrust, TimeRules, device_ms
from gateway.core.readings.duplicates import NEW, DedupResult, DedupVerdict, MessageKeys
from gateway.core.readings.line_protocol import FieldSets, value_texts
from gateway.core.readings.replay import LateReadings
from gateway.core.readings.steps import RegisterStep
from gateway.core.readings.unit_jumps import UnitJumps
from schemas.quantities import Quality
from schemas.rejects import RejectReason

ChosenTime = tuple[int, bool, int]
"""The time of a reading in ms, True when it is the device's own, and the quality bits that follow from it."""
MakePoint = Callable[[Observation, Arrival, Outcome], None]


@dataclass(slots=True)
class Evaluator:
    """Makes points of readings: time, counters, duplicates, sequence.

    :ivar alarms: looks at each new reading, except for replayed ones, which tell of the past; None: there are no alarms.
    :ivar parity: of the stamps in this term of a machine that has a standby; the term before has the other one. None: alone.
    :ivar unit_jumps: detects a firmware that changed the unit of a whole make's registers.
    """

    rules: TimeRules
    trust: ClockTrust
    field_sets: FieldSets
    counting: Counting = field(default_factory=Counting)
    sequence_missing: Counter[str] = field(default_factory=Counter)
    unit_jumps: UnitJumps = field(default_factory=UnitJumps)
    gaps: SequenceGaps = field(default_factory=SequenceGaps)
    late: LateReadings = field(default_factory=LateReadings)
    alarms: Alarms | None = None
    tenures: Tenures = field(default_factory=Tenures)
    parity: int | None = None
    _replaying: Arrival | None = field(default=None, init=False)
    _replays: int = field(default=0, init=False)

    def time_of(self, device: Device, ts: object, arrival: Arrival) -> ChosenTime:
        """Choose the time of a reading: the device's own if it is believed, else the gateway's."""
        time_ms = ts if type(ts) is int and MS_FROM <= ts < MS_TO else device_ms(ts)
        if time_ms is not None:
            if device.shows_too_much_ms:
                time_ms -= device.shows_too_much_ms
            quality = self.believe(device, time_ms, arrival.now_ms)
            if quality is not None:
                return time_ms, True, quality
        return self.stamp(device, arrival)

    def stamp(self, device: Device, arrival: Arrival) -> ChosenTime:
        """Give a reading the gateway's time."""
        quality = Quality.GATEWAY_TIME
        if self.trust.doubted:
            quality |= Quality.CLOCK_DOUBTED
        message, parity = arrival.message, self.parity
        if self.tenures.by_name:
            parity = self.tenures.parity(message.topic)
        if message.duplicate or (self.tenures.by_name and self.tenures.may_come_twice(message.topic)):
            quality |= Quality.MAY_STAND_TWICE
        if not arrival.replayed:
            return device.stamp(arrival.now_ms, parity=parity), False, quality
        if arrival is not self._replaying:
            self._replaying, self._replays = arrival, self._replays + 1
        device.begin_replay(arrival, self._replays)
        return device.stamp(arrival.now_ms, replayed=True, parity=parity), False, quality

    def believe(self, device: Device, time_ms: int, now_ms: int) -> int | None:
        """Return the quality bits of a time of the device, None if it is not plausible; note the offset of its clock.

        An offset in the same span as the one before tells nothing new of the clocks (:class:`DeviceClocks`).
        """
        rules, trust = self.rules, self.trust
        past_ms, future_ms = rules.max_past_ms, rules.max_future_ms
        offset_ms = time_ms - now_ms
        span = (offset_ms + trust.devices.origin_ms) // trust.devices.span_ms
        if span != device.clock_span or trust.doubted:
            device.clock_span = span
            clock = None if device.seldom is None else device.clock
            if clock is None or not is_known_as_wrong(device, rules):
                trust.see_device(device.name, offset_ms, now_ms)
            if trust.doubted:
                past_ms, future_ms = trust.widen(past_ms, future_ms)
            elif (clock is not None or not -rules.late_after_ms <= offset_ms <= future_ms) and not (
                trust.is_past(now_ms) or follow_clock(device, offset_ms, now_ms, rules)
            ):
                past_ms = future_ms = -1  # it is filed by arrival
        device.offset_ms, device.timed_ms = offset_ms, now_ms
        if -past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS:
            return Quality.HISTORIC if offset_ms < -rules.late_after_ms else 0
        return None

    def follow_sequence(self, device: Device, domain: str, seq: object, time_ms: int) -> None:
        """Count missing readings by gaps in ``seq``. A number that is not ahead is a reboot; an old reading tells nothing.

        The next number is no news; whoever has it at hand only notes it.
        """
        if not isinstance(seq, int):
            return
        gap = seq - device.last_seq - 1
        if gap and time_ms < device.newest_ms:
            return
        if 0 < gap < _GAP_MAX and device.last_seq >= 0:
            self.sequence_missing[domain] += gap
            device.seq_missing += gap
            self.gaps.note(device.name, gap)
        device.last_seq = seq

    def point(self, observation: Observation, arrival: Arrival, outcome: Outcome, seen: DedupResult = NEW) -> None:
        """Make the point of a reading, ``seen`` as this in its message: counters, duplicates, sequence, and its lines."""
        series, field_set = observation.series, observation.field_set
        numbers, time_ms = observation.numbers, observation.time_ms
        device, pattern = series.device, series.pattern
        quality = observation.quality | pattern.quality
        if field_set.counters:
            suspect, texts = observation.judged or self.counting.judge(observation, outcome)
            if suspect:
                quality |= Quality.COUNTER_SUSPECT
                self._look_for_jumps(observation, arrival.now_ms)
        else:
            texts = value_texts(numbers)
        if observation.own_time:
            seen = device.see_key(pattern.key, time_ms, numbers, field_set, quality, arrival.now_ms, self.field_sets)
        else:
            seen = self.remember(observation, quality, arrival.now_ms, seen) if arrival.replayed else seen
        if seen is not NEW and seen.verdict is not DedupVerdict.JOINS:
            _leave_out(observation, seen, arrival, outcome)
            return
        seq, domain = observation.seq, pattern.domain
        if seq == device.last_seq + 1:
            device.last_seq = seq
        elif seq is not None:
            self.follow_sequence(device, domain, seq, time_ms)
        if seen is NEW:
            lines = field_set.lines(pattern, device.name, texts, quality, seq, time_ms)
        else:
            lines = self._joining(seen, observation, texts)
        outcome.readings.append(Reading(lines, domain))
        if time_ms < self.late.closed_ms:
            self.late.note(device.name, time_ms)
        if self.alarms is not None and not arrival.replayed:
            self.alarms.reading(series, time_ms, field_set, numbers, quality, observation.step)

    def remember(self, observation: Observation, quality: int, now_ms: int, seen: DedupResult = NEW) -> DedupResult:
        """Remember a reading that the gateway stamped and whose message is replayed, or may be; tell what it is then."""
        device, field_set = observation.series.device, observation.field_set
        key, numbers, time_ms = observation.series.pattern.key, observation.numbers, observation.time_ms
        newest_ms, device.newest_ms = device.newest_ms, max(device.newest_ms, time_ms)
        known = device.see_key(key, time_ms, numbers, field_set, quality, now_ms, self.field_sets)
        device.newest_ms = newest_ms  # its time is none that the device told
        return seen if known is NEW else known

    def judge_together(
        self, observations: Collection[Observation], outcome: Outcome, *, apart: Arrival | None = None
    ) -> MakePoint:
        """Judge the counters of the readings of one message, the oldest first; their points come in the message's order.

        A step is confirmed once by all of them: an array of garbage is one message, not many. The newest of its series tells of
        it, for the older ones may be historic. Of several that are for one point the first is judged; what the others are shows
        when their turn comes.

        :param apart: arrival of a message whose readings are stamped apart.
        """
        together, later, make_point = object(), _NONE, self.point
        if share_points(observations, _series_of if apart is None else _time_of):
            if apart is not None:
                self._stamp_apart(observations, apart)
            later, keys = later_ones(observations)
            make_point = partial(self._point_among, keys)
        ordered = sorted(observations, key=_time_of)
        stepped: list[tuple[Observation, RegisterStep]] = []
        for observation in ordered:
            observation.together = together
            if observation.field_set.counters and not (later and observation in later):
                observation.judged = self.counting.judge(observation, outcome)
                if observation.step is not None:
                    stepped.append((observation, observation.step))
        for older, step in stepped:
            newest = next(one for one in reversed(ordered) if one.judged is not None and _place(one) == _place(older))
            if newest is not older:
                older.step = None
                newest.tell(step)
        return make_point

    def _stamp_apart(self, observations: Collection[Observation], arrival: Arrival) -> None:
        """Stamp no reading with a time that the device told for another one of the message."""
        told = {observation.time_ms for observation in observations if observation.own_time}
        for observation in observations:
            while not observation.own_time and observation.time_ms in told:
                observation.time_ms = self.stamp(observation.series.device, arrival)[0]

    def _point_among(self, keys: MessageKeys, observation: Observation, arrival: Arrival, outcome: Outcome) -> None:
        """Make the point of a reading of a message in which several are for one point: the first stays."""
        point, pattern = point_of(observation), observation.series.pattern
        if point not in keys:
            self.point(observation, arrival, outcome)
            return
        values = dict(zip(observation.field_set.names, observation.numbers, strict=True))
        seen = keys.compare(point, values, observation.quality | pattern.quality)
        if seen.verdict is DedupVerdict.DUPLICATE or seen.verdict is DedupVerdict.CONFLICT:
            _leave_out(observation, seen, arrival, outcome)
            return
        if observation.field_set.counters:
            observation.judged = observation.judged or self.counting.judge(observation, outcome)
            observation.quality |= Quality.COUNTER_SUSPECT if observation.judged[0] else 0
        refused = len(outcome.refusals)
        self.point(observation, arrival, outcome, seen)
        if len(outcome.refusals) == refused:
            keys.keep(point, values, observation.quality | pattern.quality)

    def _joining(self, seen: DedupResult, observation: Observation, texts: Sequence[str]) -> str:
        """The lines of a reading that joins a point: its new fields; the sequence number stays the first reading's."""
        field_set, series = self.field_sets.of(seen.fields), observation.series
        of_field = dict(zip(observation.field_set.names, texts, strict=True))
        new = [of_field[field] for field in field_set.names]
        quality = seen.quality | observation.quality
        return field_set.lines(series.pattern, series.device.name, new, quality, None, observation.time_ms)

    def _look_for_jumps(self, observation: Observation, now_ms: int) -> None:
        """Note a register that suddenly shows ten times as much: a firmware's fault if others of its make do the same."""
        series, device = observation.series, observation.series.device
        registered, counters = device.registered, device.counters
        make = (registered.model or registered.profile or "") if registered is not None else ""
        if not make or counters is None:
            return
        for at, name, _, _ in observation.field_set.counters:
            before = counters.believed(name + series.pattern.text_tags)
            if before is not None:
                self.unit_jumps.see(make, device.name, before, float(observation.numbers[at]), now_ms)


def _leave_out(observation: Observation, seen: DedupResult, arrival: Arrival, outcome: Outcome) -> None:
    """Count a duplicate; refuse another reading of the time of a point that there is."""
    if seen.verdict is DedupVerdict.DUPLICATE:
        outcome.duplicates += 1
        return
    device, domain, time_ms = observation.series.device, observation.series.domain, observation.time_ms
    fields = ", ".join(seen.fields)
    detail = f"another reading of {device.name} at {time_ms} ms has another {fields}; the first one is kept"
    reject(outcome, arrival, "check", Undecodable(RejectReason.TIME_CONFLICT, detail), device.name, domain)


def _place(observation: Observation) -> tuple[str, str]:
    """The device of a reading, with its lane or channel."""
    series = observation.series
    return series.device.name, series.pattern.text_tags


_time_of: Final[Callable[[Observation], int]] = attrgetter("time_ms")
_series_of: Final[Callable[[Observation], int]] = attrgetter("series.key")
_NONE: Final[Collection[Observation]] = ()
_GAP_MAX = 1_000_000
"""A wider jump means that the counter was set to a new value, not that a million readings were lost."""


class PendingDecode(Struct, eq=False):
    """A frame of an admitted device on its way to points. Here it waits if its codec has to be asked.

    :ivar domain: the domain of its outcome while no measurement is known.
    :ivar series: the series of its point, if it is like the frame before it and gives one plain point.
    :ivar stamps: the gateway's time by device in the frame, or in an item of the codec's list: measured together, one time.
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
