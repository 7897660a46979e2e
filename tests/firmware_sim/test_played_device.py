"""A played device: what its knobs, conditions and actions do to the messages that leave it."""

import json

import pytest

from firmware_sim.technician.bench import hole_m3_h
from firmware_sim.technician.played import PlayedMessage, UnknownControl
from tests.firmware_sim.playing import NOW_MS, device, reading

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def test_a_register_follows_the_knob() -> None:
    played = device(interval_s=3600)
    played.set("flow", 1.5)
    (first,) = played.tick(NOW_MS)
    (second,) = played.tick(NOW_MS + HOUR_MS)
    assert reading(first)["flow_m3_h"] == 1.5
    assert reading(second)["volume_m3"] - reading(first)["volume_m3"] == pytest.approx(1.5, abs=0.002)


def test_a_leak_follows_the_root_of_the_pressure() -> None:
    assert hole_m3_h(10.0, 300.0) == pytest.approx(3.5)
    assert hole_m3_h(10.0, 75.0) == pytest.approx(1.75)
    assert hole_m3_h(10.0, -5.0) == 0.0


def test_a_leak_and_a_burst_add_to_the_flow_and_raise_the_meters_alarms() -> None:
    played = device(interval_s=1)
    played.set("flow", 1.0)
    played.set("pressure", 300.0)
    (sound,) = map(reading, played.tick(NOW_MS))
    played.switch("leak", on=True)
    (leaking,) = map(reading, played.tick(NOW_MS + 1000))
    played.switch("burst", on=True)
    (burst,) = map(reading, played.tick(NOW_MS + 2000))
    assert (sound["alarm_leak"], leaking["alarm_leak"], burst["alarm_burst"]) == (False, True, True)
    assert leaking["flow_m3_h"] == pytest.approx(1.35)  # a third more, at 300 kPa
    assert burst["flow_m3_h"] > 5
    assert burst["pressure_kpa"] < 150


def test_reverse_flow_counts_in_the_other_register() -> None:
    played = device(interval_s=3600)
    played.set("flow", 2.0)
    played.switch("reverse", on=True)
    (first,) = map(reading, played.tick(NOW_MS))
    (second,) = map(reading, played.tick(NOW_MS + HOUR_MS))
    assert second["flow_m3_h"] == -2.0
    assert second["volume_m3"] == first["volume_m3"]
    assert second["volume_reverse_m3"] == pytest.approx(2.0, abs=0.002)


def test_a_lost_phase_has_no_voltage_and_its_power_is_missing_in_the_total() -> None:
    played = device("power", interval_s=1)
    played.set("load", 30_000)
    (sound,) = map(reading, played.tick(NOW_MS))
    played.switch("phase", on=True)
    (lost,) = map(reading, played.tick(NOW_MS + 1000))
    assert sound["active_power_w"] == pytest.approx(30_000, rel=0.05)
    assert (lost["voltage_l2_v"], lost["current_l2_a"], lost["active_power_l2_w"]) == (0, 0, 0)
    assert lost["active_power_w"] == pytest.approx(lost["active_power_l1_w"] + lost["active_power_l3_w"], abs=1)
    assert lost["alarm_phase"] is True


def test_the_count_of_vehicles_is_that_of_the_time_since_the_last_message() -> None:
    played = device("traffic", interval_s=600)
    played.set("traffic", 1200)
    first, second = (reading(message) for at_s in (0, 600) for message in played.tick(NOW_MS + at_s * 1000))
    assert second["interval_s"] == 600
    assert second["vehicle_count"] == pytest.approx(200, abs=1)
    assert second["vehicle_count_total"] - first["vehicle_count_total"] == second["vehicle_count"]


def test_more_traffic_than_the_lane_carries_is_a_slow_queue() -> None:
    played = device("traffic", interval_s=600)
    played.set("traffic", 1200)
    (free,) = map(reading, played.tick(NOW_MS))
    played.set("traffic", 5000)
    (queued,) = map(reading, played.tick(NOW_MS + 600_000))
    assert (free["congested"], queued["congested"]) == (False, True)
    assert queued["mean_speed_km_h"] < free["mean_speed_km_h"] == 45.0
    assert queued["occupancy_pct"] > free["occupancy_pct"]


def test_a_stopped_clock_repeats_its_last_time_and_one_that_is_off_is_a_day_off() -> None:
    played = device(interval_s=0)

    def time_sent(at_ms: int) -> int:
        played.do("send")
        (message,) = played.tick(at_ms)
        return int(reading(message)["ts"])

    assert time_sent(NOW_MS) == NOW_MS
    played.switch("clock_stopped", on=True)
    assert [time_sent(NOW_MS + 10), time_sent(NOW_MS + 20)] == [NOW_MS, NOW_MS]
    played.switch("day_ahead", on=True)  # a device has one clock
    assert time_sent(NOW_MS + 30) == NOW_MS + 30 + DAY_MS
    played.switch("day_behind", on=True)
    assert time_sent(NOW_MS + 40) == NOW_MS + 40 - DAY_MS
    played.switch("day_behind", on=False)
    assert time_sent(NOW_MS + 50) == NOW_MS + 50


def test_a_battery_that_drains_is_low_then_silent_and_a_new_one_speaks_again() -> None:
    played = device(interval_s=1)
    played.switch("battery", on=True)
    (full,) = map(reading, played.tick(NOW_MS))
    (low,) = map(reading, played.tick(NOW_MS + 57_000))
    assert (full["battery_low"], low["battery_low"]) == (False, True)
    assert low["battery_pct"] < 10
    assert played.tick(NOW_MS + 61_000) == []
    assert not played.is_connected(NOW_MS + 61_000)
    played.switch("battery", on=False)
    assert len(played.tick(NOW_MS + 62_000)) == 1


def test_without_network_readings_are_stored_and_come_together_before_the_next_one() -> None:
    played = device(interval_s=1)
    played.tick(NOW_MS)
    played.switch("network", on=True)
    sent: list[PlayedMessage] = [message for at in range(1, 4) for message in played.tick(NOW_MS + 1000 * at)]
    assert (sent, len(played.stored)) == ([], 3)
    played.switch("network", on=False)
    stored, present = played.tick(NOW_MS + 4000)
    assert [each["seq"] for each in json.loads(stored.payload)] == [1, 2, 3]
    assert (stored.kind, stored.readings, present.kind) == ("stored", 3, "reading")
    assert [stored.number, present.number] == [2, 3]


def test_garbage_that_was_stored_goes_out_as_it_is() -> None:
    played = device(interval_s=0)
    played.switch("network", on=True)
    for action in ("send", "garbage", "send"):
        played.do(action)
        played.tick(NOW_MS)
    played.switch("network", on=False)
    assert [message.kind for message in played.tick(NOW_MS + 1)] == ["stored", "garbage", "stored"]


def test_actions_send_once_and_each_garbage_is_another() -> None:
    played = device(interval_s=0)
    assert played.tick(NOW_MS) == []  # it sends only when told
    for action in ("ten", "garbage", "garbage", "bad_value"):
        played.do(action)
    sent = played.tick(NOW_MS)
    assert [message.kind for message in sent] == ["reading"] * 10 + ["garbage"] * 2 + ["bad_value"]
    assert [reading(message)["seq"] for message in sent[:10]] == list(range(10))
    assert len({reading(message)["ts"] for message in sent[:10]}) == 10
    assert sent[10].fault != sent[11].fault
    assert sent[12].fault == "flow_m3_h above its bound"


def test_a_repeat_is_the_same_bytes_and_a_reboot_begins_the_sequence_again() -> None:
    played = device(interval_s=0)
    played.do("repeat")  # there is nothing yet
    assert played.tick(NOW_MS) == []
    for action in ("send", "send"):
        played.do(action)
    _, last = played.tick(NOW_MS)
    played.do("repeat")
    played.do("reboot")
    again, booted = played.tick(NOW_MS + 5)
    assert (again.payload, again.kind) == (last.payload, "repeat")
    assert reading(booted)["seq"] == 0
    assert played.boots == 1


def test_a_control_that_a_device_lacks_is_refused_with_those_it_has() -> None:
    played = device("traffic")
    with pytest.raises(UnknownControl, match=r"sim-T-1 has no 'leak'; it has clock_stopped, .*, reboot"):
        played.switch("leak", on=True)
    with pytest.raises(UnknownControl, match="has no 'flow'; it has traffic"):
        played.set("flow", 1.0)


@pytest.mark.parametrize("kind", ["water", "power", "traffic", "urban", "water-meter", "power-house"])
def test_every_kind_writes_native_readings(kind: str) -> None:
    played = device(kind, interval_s=1)
    for knob in played.knobs:
        played.set(knob.name, played.positions[knob.name])
    (message,) = played.tick(NOW_MS)
    assert message.topic == f"iot/v1/test/{kind.partition('-')[0]}/{played.name}/readings"
    assert len(reading(message)) > 3
