"""Points with sums: behind each counter, from the message to the line."""

from datetime import timedelta

import pytest

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, pack_kept, unpack, unpack_kept
from gateway.core.message import Outcome
from gateway.core.process import Processor
from gateway.core.readings.line_protocol import FieldSets
from gateway.core.readings.sums import FoundSum, SumsMode
from schemas.quantities import Quality
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, message, pipeline, point, points, process, registered_device, topic

Payload = dict[str, float | str]


def counting(mode: SumsMode = SumsMode.FROM_ZERO, interval: timedelta | None = None) -> Processor:
    return pipeline({"d1": registered_device(id="d1", interval=interval)}, sums=mode)


def sent(into: Processor, hour: float, domain: str = "water", **values: float | str) -> Outcome:
    """A message of d1 with the time of some hour, which arrives then."""
    time_ms = NOW_MS + round(hour * HOUR_MS)
    return process({"ts": time_ms, **values}, domain, time_ms, into)


def wanted(outcome: Outcome) -> list[str]:
    return outcome.side_effects.sums_wanted if outcome.side_effects is not None else []


def kept(outcome: Outcome) -> str | None:
    return outcome.side_effects.keep.get("sums d1") if outcome.side_effects is not None else None


def device_of(into: Processor) -> Device:
    return into.streams.devices["d1"]


def test_a_sum_stands_directly_behind_its_counter_and_is_the_same_text() -> None:
    values: Payload = {"energy_import_kwh": 0.1, "energy_import_t1_kwh": 1e9, "voltage_l1_v": 230}
    outcome = process({"ts": NOW_MS, **values, "battery_v": 3.6}, "power", into=counting())
    water, health = outcome.readings[0].lines.split("\n")
    fields = "voltage_l1_v=230.0,energy_import_kwh=0.1,energy_import_sum_kwh=0.1"
    fields += ",energy_import_t1_kwh=1000000000.0,energy_import_t1_sum_kwh=1000000000.0,quality=0i"
    assert water == f"power,device=d1,site=s1 {fields} {NOW_MS}"
    assert health == f"device_health,device=d1,site=s1 battery_v=3.6,quality=0i {NOW_MS}"


def test_after_a_step_a_sum_has_six_decimals() -> None:
    into = counting()
    for hour, value in enumerate((500.1, 0.0, 0.1, 0.2)):
        outcome = sent(into, hour, volume_m3=value)
    assert "volume_m3=0.2,volume_sum_m3=500.3," in outcome.readings[0].lines


def test_a_reading_that_is_not_believed_has_its_mark_and_no_sum() -> None:
    into = counting()
    sent(into, 0, volume_m3=1.387)
    got = point(sent(into, 1, volume_m3=15430.611, ph=7))
    assert got.fields == {"volume_m3": 15430.611, "ph": 7.0, "quality": Quality.COUNTER_SUSPECT}
    assert point(sent(into, 2, volume_m3=1.387)).fields["volume_sum_m3"] == 1.387


def stamped(into: Processor, second: int, volume_m3: float, *, again: bool = False) -> float | None:
    """The sum of a reading of d1 that has no time of its own; ``again``: the broker delivers it once more."""
    found = into.process(message({"volume_m3": volume_m3}, topic(), duplicate=again), NOW_MS + second * 1000)
    return point(found).fields.get("volume_sum_m3")


def test_older_readings_that_come_again_without_a_time_are_no_reset_of_the_register() -> None:
    """Three would confirm a step, and the sum would count once more what the meter had counted since."""
    into = counting()
    assert [stamped(into, number, 100.0 + number) for number in range(5)] == [100, 101, 102, 103, 104]
    assert [stamped(into, 5 + number, 100.0 + number, again=True) for number in range(4)] == [None] * 4
    assert stamped(into, 10, 105.0) == 105
    assert stamped(into, 11, 106.0, again=True) == 106, "one that shows more goes on"


def test_a_register_that_was_reset_while_readings_came_again_is_believed_afterwards() -> None:
    into = counting()
    stamped(into, 0, 100.0)
    assert [stamped(into, 1 + number, 0.5 * number, again=True) for number in range(3)] == [None] * 3
    assert [stamped(into, 10 + number, 2 + 0.5 * number) for number in range(4)] == [None, None, 101.0, 101.5]


def test_off_there_are_no_sums_and_nobody_is_asked() -> None:
    outcome = sent(counting(SumsMode.OFF), 0, volume_m3=5)
    assert point(outcome).fields == {"volume_m3": 5.0, "quality": 0}
    assert outcome.side_effects is None


def test_counters_of_device_health_have_no_sum() -> None:
    assert point(sent(counting(), 0, frame_counter=5)).fields == {"frame_counter": 5.0, "quality": 0}


def test_each_lane_has_a_sum_of_its_own() -> None:
    into = counting()
    for hour, total in enumerate((900.0, 5.0, 5.0, 6.0)):
        first = point(sent(into, hour, "traffic", lane="1", vehicle_count_total=total))
        second = point(sent(into, hour, "traffic", lane="2", vehicle_count_total=10.0 * hour))
    assert (first.fields["vehicle_count_sum"], second.fields["vehicle_count_sum"]) == (901.0, 30.0)


def test_a_reading_that_joins_brings_the_sums_of_its_new_counters() -> None:
    into = counting()
    sent(into, 0, volume_m3=5)
    got = point(sent(into, 0, volume_m3=5, volume_reverse_m3=2))
    assert got.fields == {"volume_reverse_m3": 2.0, "volume_reverse_sum_m3": 2.0, "quality": 0}


def test_a_message_is_judged_oldest_first() -> None:
    """Its first object is the present register, its log comes behind."""
    log = [{"ts": NOW_MS - back * HOUR_MS, "volume_m3": 100.0 - back} for back in range(5)]
    got = points(process(log, into=counting()))
    assert [(one.values["volume_m3"], one.fields["volume_sum_m3"]) for one in got] == [(v, v) for v in (100, 99, 98, 97, 96)]


def test_an_array_of_garbage_readings_invents_nothing() -> None:
    into = counting()
    sent(into, 0, volume_m3=10)
    garbage = [{"ts": NOW_MS + HOUR_MS + n, "volume_m3": 9e5 + n} for n in range(3)]
    got = points(process(garbage, now_ms=NOW_MS + HOUR_MS, into=into))
    assert [(one.values, one.fields["quality"]) for one in got] == [({"volume_m3": 9e5 + n}, 4) for n in range(3)]
    assert point(sent(into, 2, volume_m3=11)).fields["volume_sum_m3"] == 11.0


def test_a_duplicate_confirms_nothing() -> None:
    into = counting()
    sent(into, 0, volume_m3=500)
    for _ in range(5):
        outcome = sent(into, 1, volume_m3=5)
    assert outcome.duplicates == 1
    assert device_of(into).counters is not None
    assert "volume_sum_m3" not in point(sent(into, 2, volume_m3=5)).fields


def test_a_step_is_kept_before_its_message_is_acknowledged() -> None:
    """Doubt, confirmations and offset: each is saved at once, and gives the counters back as they are."""
    into = counting()
    assert kept(sent(into, 0, volume_m3=500)) is None
    for hour, value in ((1, 5.0), (2, 5.5), (3, 6.0)):
        line = kept(sent(into, hour, volume_m3=value))
        assert line is not None
        again = Device("d1", None)
        unpack_kept(line, again)
        assert again.counters is not None
        assert again.counters.registers() == device_of(into).counters.registers()  # type: ignore[union-attr]
    assert kept(sent(into, 4, volume_m3=6.5)) is None


def test_of_a_snapshot_and_a_kept_step_the_newer_counts() -> None:
    into, lines = counting(), []
    for hour, value in enumerate((500.0, 5.0, 5.5, 6.0, 6.5)):
        sent(into, hour, volume_m3=value)
        lines.append((pack(device_of(into), FieldSets()), pack_kept(device_of(into))))
    for snapshot, step in ((0, 3), (4, 2), (4, 3)):
        again = Device("d1", None)
        unpack(lines[snapshot][0], again, FieldSets(), NOW_MS)
        unpack_kept(lines[step][1], again)
        assert again.counters is not None
        (register,) = again.counters.registers()
        assert (register.value, register.offset) == ((6.5, 495.0) if snapshot else (6.0, 495.0))


def test_a_line_of_a_version_before_sums_is_read() -> None:
    line = f'{{"seen":{NOW_MS},"counters":[[5,{{"volume_m3":7.5,"pulse_count":null}}]],"doubts":[["volume_m3",900.0,2,1]]}}'
    device = Device("d1", None)
    unpack(line, device, FieldSets(), NOW_MS)
    assert device.counters is not None
    assert not device.counters.awaits
    (register,) = device.counters.registers()
    assert (register.name, register.value, register.offset) == ("volume_m3", 7.5, 0.0)
    assert register.doubt is not None
    assert register.doubt[:5] == (900.0, NOW_MS - 2, 1, 900.0, NOW_MS - 2)


def test_a_device_that_no_run_has_met_awaits_its_sums() -> None:
    into = counting(SumsMode.ASKED)
    first, second = sent(into, 0, volume_m3=5), sent(into, 1, volume_m3=6)
    assert (wanted(first), wanted(second)) == (["d1"], [])
    assert "volume_sum_m3" not in point(second).fields
    into.restore_sums("d1", {"volume_m3": FoundSum(4.0, 1004.0, NOW_MS - HOUR_MS)})
    third = sent(into, 2, volume_m3=7)
    assert (point(third).fields["volume_sum_m3"], wanted(third)) == (1007.0, [])


def test_an_answer_that_is_late_or_of_nobody_alters_nothing() -> None:
    into = counting(SumsMode.ASKED)
    into.restore_sums("d1", {})
    sent(into, 0, volume_m3=5)
    into.restore_sums("d1", {})
    into.restore_sums("d1", {"volume_m3": FoundSum(4.0, 1004.0, NOW_MS)})
    assert point(sent(into, 2, volume_m3=7)).fields["volume_sum_m3"] == 7.0


@pytest.mark.parametrize("waits", [True, False])
def test_after_a_restart_only_a_device_that_awaits_its_sums_is_asked_for(*, waits: bool) -> None:
    into = counting(SumsMode.ASKED)
    sent(into, 0, volume_m3=5)
    if not waits:
        into.restore_sums("d1", {})
    line = pack(device_of(into), FieldSets())
    again = counting(SumsMode.ASKED)
    met = again.streams.meet("d1")
    assert isinstance(met, Device)
    unpack(line, met, FieldSets(), NOW_MS)
    assert wanted(sent(again, 1, volume_m3=6)) == (["d1"] if waits else [])


@pytest.mark.parametrize("mode", [SumsMode.ASKED, SumsMode.MOVING])
def test_a_moving_device_that_was_away_for_three_intervals_is_asked_for_again(mode: SumsMode) -> None:
    into = counting(mode, timedelta(minutes=15))
    sent(into, 0, volume_m3=5)
    into.restore_sums("d1", {})
    assert wanted(sent(into, 0.7, volume_m3=6)) == []
    away = sent(into, 1.6, volume_m3=7)
    assert (wanted(away), "volume_sum_m3" in point(away).fields) == ((["d1"], False) if mode is SumsMode.MOVING else ([], True))


def test_who_was_heard_without_sums_is_asked_for_once_there_are_some() -> None:
    """As after a share of the readings in an earlier release: other gateways may have written sums meanwhile."""
    into = counting(SumsMode.OFF)
    sent(into, 0, volume_m3=5)
    line = pack(device_of(into), FieldSets())
    again = counting(SumsMode.ASKED)
    met = again.streams.meet("d1")
    assert isinstance(met, Device)
    unpack(line, met, FieldSets(), NOW_MS)
    assert wanted(sent(again, 1, volume_m3=6)) == ["d1"]


def test_the_reject_of_one_reading_of_an_array_holds_no_neighbour() -> None:
    """Judged in the order of time, each refusal keeps the bytes of its own reading."""
    payload = [{"ts": NOW_MS, "ph": 7}, {"ts": NOW_MS - MINUTE_MS, "ph": 6}, {"ts": NOW_MS, "ph": 8}]
    outcome = counting().process(message(payload, topic()), NOW_MS)
    assert [refusal.payload for refusal in outcome.refusals] == [b'{"ts":%d,"ph":8}' % NOW_MS]
