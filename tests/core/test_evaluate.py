"""The last steps of a reading: its time, its sequence, its counters, and what becomes of several for one point."""

from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import Rules
from gateway.core.message import Outcome
from gateway.core.status.silence import Silence
from schemas.quantities import Quality
from schemas.rejects import RejectReason
from tests.core.alarms.alarming import ZONE, above, rule
from tests.core.making import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    RULES,
    doubted_clock,
    message,
    pipeline,
    points,
    process,
    quality,
    registered_device,
    topic,
)

YEAR_2020_MS = 1_577_836_800_000


def fates(outcome: Outcome) -> tuple[int, int, list[RejectReason]]:
    """Readings, duplicates, and the reasons of the others."""
    return len(outcome.readings), outcome.duplicates, [refusal.reason for refusal in outcome.refusals]


def test_a_time_of_the_device_is_believed_within_the_window_and_marked_when_it_is_late() -> None:
    def told(ts: int) -> tuple[int, int]:
        (found,) = points(process({"ts": ts, "ph": 7}))
        return found.time_ms - NOW_MS, int(found.fields["quality"])

    assert told(NOW_MS - HOUR_MS) == (-HOUR_MS, 0)
    assert told(NOW_MS - HOUR_MS - 1) == (-HOUR_MS - 1, Quality.HISTORIC)
    assert told(NOW_MS - 40 * DAY_MS) == (-40 * DAY_MS, Quality.HISTORIC)
    assert told(NOW_MS - 40 * DAY_MS - 1) == (0, Quality.GATEWAY_TIME)
    assert told(NOW_MS + 5 * MINUTE_MS) == (5 * MINUTE_MS, 0)
    assert told(NOW_MS + 5 * MINUTE_MS + 1) == (0, Quality.GATEWAY_TIME)


def test_no_time_before_2020_is_believed_however_near_it_is() -> None:
    for ts, quality_of in ((YEAR_2020_MS, 0), (YEAR_2020_MS - 1, Quality.GATEWAY_TIME)):
        (found,) = points(process({"ts": ts, "ph": 7}, now_ms=YEAR_2020_MS + MINUTE_MS))
        assert found.fields["quality"] == quality_of, ts


def test_a_stamp_of_a_doubted_clock_and_of_a_message_that_came_before_is_marked() -> None:
    into = pipeline(trust=doubted_clock())
    assert quality(process({"ph": 7}, into=into)) == Quality.GATEWAY_TIME | Quality.CLOCK_DOUBTED
    again = pipeline().process(message({"ph": 7}, duplicate=True), NOW_MS)
    assert quality(again) == Quality.GATEWAY_TIME | Quality.MAY_STAND_TWICE


def test_while_the_clock_is_doubted_a_device_is_believed_that_lies_further_off() -> None:
    far = {"ts": NOW_MS + 20 * DAY_MS, "ph": 7}
    assert points(process(far, into=pipeline(trust=doubted_clock())))[0].time_ms == NOW_MS + 20 * DAY_MS
    assert quality(process(far)) == Quality.GATEWAY_TIME


def test_missing_numbers_are_counted_and_a_reboot_or_an_old_reading_is_no_gap() -> None:
    into = pipeline()

    def numbered(seq: object, ts: int = 0) -> int:
        process({"ts": NOW_MS + ts, "ph": 7, "seq": seq}, into=into)
        return into.streams.devices["d1"].seq_missing

    assert [numbered(5), numbered(6, 1), numbered(9, 2)] == [0, 0, 2]
    assert numbered(20, -HOUR_MS) == 2, "an old reading tells nothing"
    assert numbered(10, 3) == 2
    assert numbered(0, 4) == 2, "a reboot"
    assert numbered(1_000_000, 5) == 2 + 999_999, "a gap that may be"
    assert numbered(2_000_001, 6) == 2 + 999_999, "a counter that was set"
    assert numbered(2_000_003, 7) == 2 + 999_999 + 1
    assert into.evaluator.sequence_missing == {"water": 2 + 999_999 + 1}


def test_a_reading_of_a_closed_hour_is_noted_if_it_is_new_and_no_other_is() -> None:
    into = pipeline()
    into.evaluator.late.close(NOW_MS)
    process({"ts": NOW_MS, "ph": 7}, into=into)
    assert into.evaluator.late.drain() == {}
    process({"ts": NOW_MS - HOUR_MS, "ph": 7}, into=into)
    assert into.evaluator.late.drain() == {"d1": {(NOW_MS - HOUR_MS) // HOUR_MS}}
    process({"ts": NOW_MS - HOUR_MS, "ph": 7}, into=into)
    assert into.evaluator.late.drain() == {}, "it is a duplicate"
    process({"ts": NOW_MS - HOUR_MS, "flow_m3_h": 1}, into=into)
    assert into.evaluator.late.drain() == {"d1": {(NOW_MS - HOUR_MS) // HOUR_MS}}, "its new field is written"


def test_a_second_reading_of_a_time_is_a_duplicate_a_conflict_or_brings_new_fields() -> None:
    into = pipeline()
    process({"ts": NOW_MS, "ph": 7, "seq": 1}, into=into)
    assert fates(process({"ts": NOW_MS, "ph": 7, "seq": 1}, into=into)) == (0, 1, [])
    other = process({"ts": NOW_MS, "ph": 6, "seq": 1}, into=into)
    assert fates(other) == (0, 0, [RejectReason.TIME_CONFLICT])
    assert other.refusals[0].detail == f"another reading of d1 at {NOW_MS} ms has another ph; the first one is kept"
    assert (other.refusals[0].device, other.refusals[0].domain, other.refusals[0].stage) == ("d1", "water", "check")
    more = process({"ts": NOW_MS, "ph": 7, "flow_m3_h": 2, "seq": 4}, into=into)
    assert (points(more)[0].values, fates(more)) == ({"flow_m3_h": 2.0}, (1, 0, []))
    assert "seq" not in points(more)[0].fields, "the first one's stays"
    assert into.streams.devices["d1"].last_seq == 4


def registers(*values: float) -> list[dict[str, object]]:
    return [{"ts": NOW_MS + at, "volume_m3": value} for at, value in enumerate(values)]


def test_the_counters_of_one_message_are_judged_oldest_first_and_one_message_confirms_no_step() -> None:
    into = pipeline()
    process(registers(100.0), into=into)
    found = process(list(reversed(registers(100.0, 1000.0, 1001.0)[1:])), into=into)
    assert [(point.values["volume_m3"], point.fields["quality"]) for point in points(found)] == [
        (1001.0, Quality.COUNTER_SUSPECT),
        (1000.0, Quality.COUNTER_SUSPECT),
    ]


def test_registers_of_one_make_that_all_take_the_same_step_are_noted() -> None:
    names = ["d1", "d2", "d3"]
    into = pipeline({name: registered_device(id=name, model="M") for name in names} | {"d4": registered_device(id="d4")})
    for name in [*names, "d4"]:
        for at, value in enumerate((100.0, 1000.0)):
            into.process(message({"ts": NOW_MS + at, "volume_m3": value}, topic(name)), NOW_MS + at)
    (jump,) = into.evaluator.unit_jumps.told(NOW_MS + 5)
    assert (jump.make, jump.factor, jump.devices) == ("M", 10, ("d1", "d2", "d3"))


def test_several_readings_of_a_message_for_one_point_are_compared_with_the_first() -> None:
    same = {"ts": NOW_MS, "ph": 7.0}
    assert fates(process([same, same])) == (1, 1, [])
    assert fates(process([same, {**same, "ph": 6}, {**same, "ph": 7}])) == (1, 1, [RejectReason.TIME_CONFLICT])
    joined = process([same, {"ts": NOW_MS, "flow_m3_h": 2}])
    assert [point.values for point in points(joined)] == [{"ph": 7.0}, {"flow_m3_h": 2.0}]
    apart = process([{"ph": 7}, {"ph": 6}, {"ts": NOW_MS, "ph": 5}])
    assert fates(apart) == (3, 0, [])
    assert len({point.time_ms for point in points(apart)}) == 3, "a stamp is no time that another one told"


def test_a_counter_among_several_for_one_point_keeps_its_mark() -> None:
    into = pipeline()
    process(registers(100.0), into=into)
    later = NOW_MS + 1000
    found = process([{"ts": later, "ph": 7}, {"ts": later, "volume_m3": 99_999.0}], now_ms=later, into=into)
    assert [int(point.fields["quality"]) for point in points(found)] == [0, Quality.COUNTER_SUSPECT]


def test_new_readings_are_looked_at_for_alarms_and_replayed_ones_are_not() -> None:
    into = pipeline()
    into.evaluator.alarms = alarms = Alarms(Rules((rule(above("alarm_leak", 0)),)), Silence(), RULES, ZONE)
    into.process(message({"alarm_leak": True}), NOW_MS, replayed=True)
    assert alarms.states.drain().transitions == []
    process({"alarm_leak": True}, into=into)
    assert len(alarms.states.drain().transitions) == 1


def test_a_replayed_reading_is_known_when_it_is_replayed_again() -> None:
    into = pipeline()
    waiting = message({"ph": 7})
    assert fates(into.process(waiting, NOW_MS, replayed=True)) == (1, 0, [])
    assert fates(into.process(waiting, NOW_MS, replayed=True)) == (0, 1, []), "whoever replays it again finds it written"
    assert fates(into.process(waiting, NOW_MS)) == (1, 0, []), "one that comes by itself is another reading"
