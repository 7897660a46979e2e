"""The last steps of every reading, native or by a profile: time, counters, duplicates, sequence, and the point it becomes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.core.devices.broker_drops import SequenceGaps
from gateway.core.devices.device import Device, Series
from gateway.core.message import Message, Outcome, Reading
from gateway.core.readings.clock_trust import DOUBTED_FUTURE_MS, ClockTrust
from gateway.core.readings.counters import CounterRule, CounterState
from gateway.core.readings.duplicates import NEW, DedupResult, DedupVerdict, RecentKeys, series_key
from gateway.core.readings.field_sets import FieldSet, FieldSets
from gateway.core.readings.line_protocol import tail
from gateway.core.readings.timestamps import MS_FROM, MS_TO, YEAR_2020_MS, TimeRules, device_ms
from gateway.core.readings.unit_jumps import UnitJumps
from gateway.core.rejecting import refusal_of
from schemas.quantities import Quality
from schemas.readings import NativeReading, Value
from schemas.rejects import RejectReason


@dataclass(slots=True)
class Evaluator:
    """What is known of time, and what is counted, while readings become points.

    :ivar unit_jumps: whether a firmware changed the unit of a whole make's registers.
    """

    rules: TimeRules
    trust: ClockTrust
    field_sets: FieldSets
    sequence_missing: Counter[str] = field(default_factory=Counter)
    unit_jumps: UnitJumps = field(default_factory=UnitJumps)
    gaps: SequenceGaps = field(default_factory=SequenceGaps)

    def time_of(self, device: Device, ts: object, message: Message, now_ms: int) -> tuple[int, bool, int]:
        """The time of a reading, whether it is the device's own, and the quality bits of it."""
        time_ms = ts if type(ts) is int and MS_FROM <= ts < MS_TO else device_ms(ts)
        if time_ms is not None and self.is_believed(device, time_ms, now_ms):
            return time_ms, True, Quality.HISTORIC if time_ms < now_ms - self.rules.late_after_ms else 0
        return self.stamp(device, message, now_ms)

    def stamp(self, device: Device, message: Message, now_ms: int) -> tuple[int, bool, int]:
        """The gateway's time for a reading, as :meth:`time_of` gives it."""
        quality = Quality.GATEWAY_TIME
        if self.trust.doubted:
            quality |= Quality.CLOCK_DOUBTED
        if message.duplicate:
            quality |= Quality.MAY_STAND_TWICE
        return device.stamp(now_ms, replayed=getattr(message, "replayed", False)), False, quality

    def is_believed(self, device: Device, time_ms: int, now_ms: int) -> bool:
        """Tell if the device's newest time is believed, and how its clock stands. One that is near, as it was, is no news."""
        rules, before_ms = self.rules, device.offset_ms
        device.offset_ms = offset_ms = time_ms - now_ms
        far_ms = rules.max_future_ms
        if -far_ms <= offset_ms <= far_ms and before_ms is not None and -far_ms <= before_ms <= far_ms:
            return time_ms >= YEAR_2020_MS
        self.trust.see_device(device.name, offset_ms, now_ms)
        past_ms, future_ms = rules.max_past_ms, far_ms
        if self.trust.doubted:
            past_ms += max(-self.trust.off_ms, 0)
            future_ms = max(DOUBTED_FUTURE_MS, self.trust.off_ms + far_ms)
        return -past_ms <= offset_ms <= future_ms and time_ms >= YEAR_2020_MS

    def _follow_sequence(self, series: Series, seq: object, time_ms: int) -> None:
        """Count what never arrived: a gap in ``seq``. A number that is not ahead is a reboot; an old reading tells nothing."""
        if not isinstance(seq, int):
            return
        device = series.device
        gap = seq - device.last_seq - 1
        if gap and device.recent is not None and time_ms < device.recent.newest_ms:
            return
        if 0 < gap < _GAP_MAX and device.last_seq >= 0:
            self.sequence_missing[series.domain] += gap
            device.seq_missing += gap
            self.gaps.note(device.name, gap)
        device.last_seq = seq

    def point(  # noqa: PLR0913, PLR0917 - all that is known of a reading, and it is called for each
        self,
        series: Series,
        tags: str,
        text_tags: str,
        values: NativeReading,
        time_ms: int,
        own_time: bool,  # noqa: FBT001
        quality: int,
        seq: object,
        rules: Mapping[str, CounterRule] | None,
        message: Message,
        now_ms: int,
        outcome: Outcome,
    ) -> None:
        """The last steps: counters, duplicates, sequence, line."""
        device, domain = series.device, series.domain
        quality |= device.quality
        names = tuple(values)
        field_set = self.field_sets.by_fields.get(names) or self.field_sets.of(names)
        numbers = field_set.values_of(values)
        if field_set.counters:
            quality |= _check_counters(device, field_set, numbers, text_tags, time_ms, rules)
            if quality & Quality.COUNTER_SUSPECT:
                self._look_for_jumps(device, field_set, numbers, text_tags, now_ms)
        seen = NEW
        if own_time:
            if device.recent is None:
                device.recent = RecentKeys()
            key = series.key if tags is series.tags else series_key(domain, tags)
            seen = device.recent.see(key, time_ms, numbers, field_set, quality, now_ms, self.field_sets)
        if seen is NEW:
            if seq is not None:
                self._follow_sequence(series, seq, time_ms)
            lines = field_set.lines(domain, tags, numbers, tail(quality, seq, time_ms))
            outcome.readings.append(Reading(lines, domain))
        elif seen.verdict is DedupVerdict.DUPLICATE:
            outcome.duplicates += 1
        elif seen.verdict is DedupVerdict.JOINS:
            self._follow_sequence(series, seq, time_ms)
            outcome.readings.append(Reading(self._joining(seen, domain, tags, values, time_ms), domain))
        else:
            detail = (
                f"another reading of {device.name} at {time_ms} ms has another {', '.join(seen.fields)}; the first one stands"
            )
            outcome.refusals.append(refusal_of(message, now_ms, "check", RejectReason.TIME_CONFLICT, detail, series))

    def _joining(self, seen: DedupResult, domain: str, tags: str, values: NativeReading, time_ms: int) -> str:
        """The lines of a reading that joins a point: what is new in it, and no sequence number, which is the first one's."""
        field_set = self.field_sets.of(seen.fields)
        return field_set.lines(domain, tags, field_set.values_of(values), tail(seen.quality, None, time_ms))

    def _look_for_jumps(
        self, device: Device, field_set: FieldSet, numbers: tuple[Value, ...], text_tags: str, now_ms: int
    ) -> None:
        """A register that is suddenly ten times as much is no fault of one device when others of its make do the same."""
        registered, counters = device.registered, device.counters
        make = (registered.model or registered.profile or "") if registered is not None else ""
        for at, name, _ in field_set.counters if make and counters is not None else ():
            before = counters.believed(name + text_tags) if counters is not None else None
            if before is not None:
                self.unit_jumps.see(make, device.name, before, float(numbers[at]), now_ms)


_GAP_MAX = 1_000_000
"""A jump wider than this is a counter that was set anew, not a million lost readings."""


def _check_counters(
    device: Device,
    field_set: FieldSet,
    numbers: tuple[Value, ...],
    text_tags: str,
    time_ms: int,
    rules: Mapping[str, CounterRule] | None,
) -> int:
    """The quality bit of a counter that took a step it cannot have taken."""
    counters = device.counters
    if counters is None:
        counters = device.counters = CounterState()
    quality = 0
    for at, name, rate_per_h in field_set.counters:
        rule = rules.get(name) if rules else None
        if counters.is_suspect(name + text_tags, rate_per_h, float(numbers[at]), time_ms, rule):
            quality = Quality.COUNTER_SUSPECT
    return quality
