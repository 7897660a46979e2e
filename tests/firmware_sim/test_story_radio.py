"""Readings on their way: lost, late, spoilt, or stamped by a wrong clock; and what their rows promise."""

import json
from itertools import pairwise
from typing import Any

import pytest

from firmware_sim.firmware import MEMORY, Firmware
from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.scenarios.loader import scenario
from firmware_sim.stories.cast import Role
from firmware_sim.stories.story import Incident
from schemas.quantities import Quality
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S, role_of

TICKS = 192


def _sent(role: Role, ticks: int = TICKS) -> list[OutgoingMessage]:
    firmware = Firmware(role.device, scenario("normal"), 1, radio=role.radio)
    messages = []
    for tick in range(ticks):
        instant_s = BEGIN_S + tick * INTERVAL_S
        messages += firmware.measure(instant_s, round(instant_s * 1000))
    return messages + firmware.flush()


def _rows(messages: list[OutgoingMessage]) -> list[dict[str, Any]]:
    return [json.loads(row) for message in messages for row in message.rows]


def _during(incident: Incident, seq: int) -> bool:
    return incident.active(BEGIN_S + seq * INTERVAL_S)


@pytest.mark.parametrize("name", ["silent", "site_silent"])
def test_a_silent_device_sends_nothing_and_its_sequence_tells_that_readings_are_missing(name: str) -> None:
    role, incident = role_of(name, "water-meter")
    seqs = [row["seq"] for row in _rows(_sent(role))]
    assert seqs == [seq for seq in range(TICKS) if not _during(incident, seq)]


def test_a_lossy_radio_loses_each_second_reading() -> None:
    role, incident = role_of("lossy", "water-meter")
    seqs = [row["seq"] for row in _rows(_sent(role, ticks=300))]
    kept = [seq for seq in seqs if _during(incident, seq)]
    assert len(kept) == pytest.approx((incident.end_s - BEGIN_S - 12 * 3_600) / INTERVAL_S / 2, abs=2)
    assert {later - earlier for earlier, later in pairwise(kept)} == {2}


def test_a_late_log_comes_behind_the_present_reading_and_nothing_is_missing() -> None:
    role, incident = role_of("late", "water-meter")
    seqs = [row["seq"] for row in _rows(_sent(role))]
    first = seqs.index(next(seq for seq in range(TICKS) if _during(incident, seq)))
    assert not _during(incident, seqs[first - 1])
    assert BEGIN_S + seqs[first - 1] * INTERVAL_S >= incident.end_s
    assert sorted(seqs) == list(range(TICKS))


def test_a_log_that_was_not_sent_before_the_end_is_sent_then() -> None:
    role, _ = role_of("late", "water-meter")
    assert sorted(row["seq"] for row in _rows(_sent(role, ticks=60))) == list(range(60))


def test_one_garbage_frame_is_nonsense_in_its_registers_and_true_in_all_else() -> None:
    role, incident = role_of("garbage", "water-meter")
    garbage = [row for row in _rows(_sent(role)) if row["f"]["volume_m3"] > _true_m3(role, row) + 1_000]
    (row,) = garbage
    assert 0 <= BEGIN_S + row["seq"] * INTERVAL_S - incident.begin_s < INTERVAL_S
    assert row["q"] == Quality.SIMULATED


def test_three_garbage_readings_come_in_one_array_and_differ() -> None:
    role, _ = role_of("garbage_array", "water-meter")
    (message,) = [message for message in _sent(role) if len(message.rows) > 1]
    values = [row["f"]["volume_m3"] for row in _rows([message])]
    assert len(set(values)) == 3
    assert all(value > 5_000 for value in values)
    assert [reading["volume_m3"] for reading in json.loads(message.payload)] == values


def test_a_clock_a_day_ahead_is_not_promised_to_be_believed() -> None:
    role, incident = role_of("clock_wrong", "water-meter")
    for message in _sent(role):
        ((row,), reading) = (_rows([message]), json.loads(message.payload))
        if _during(incident, row["seq"]):
            assert reading["ts"] == round((BEGIN_S + row["seq"] * INTERVAL_S + 86_400) * 1000)
            assert (row["ts"], row["q"]) == (None, Quality.SIMULATED | Quality.GATEWAY_TIME)
        else:
            assert (row["ts"], row["q"]) == (reading["ts"], Quality.SIMULATED)


def _true_m3(role: Role, row: dict[str, Any]) -> float:
    return float(role.witness.source.true(BEGIN_S + row["seq"] * INTERVAL_S, row["seq"]).values["volume_m3"])


def test_a_last_gasp_is_one_reading_that_tells_of_the_outage() -> None:
    role, incident = role_of("last_gasp")
    during = [row for row in _rows(_sent(role)) if _during(incident, row["seq"])]
    assert [row["f"]["alarm_outage"] for row in during] == [True]
    assert during[0]["f"]["voltage_l1_v"] == 0


def test_a_restart_begins_the_numbers_anew_and_loses_no_reading() -> None:
    role, incident = role_of("reboots", "traffic-junction")
    rows = _rows(_sent(role))
    first = next(number for number, row in enumerate(rows) if row["ts"] >= incident.begin_s * 1000)
    assert [row["seq"] for row in rows] == [*range(first), *range(TICKS - first)]
    assert [row["tags"]["lane"] for row in rows[first - 4 : first]] == [row["tags"]["lane"] for row in rows[first : first + 4]]


def test_a_clock_without_battery_counts_from_1970_until_it_is_set() -> None:
    role, incident = role_of("clock_lost", "water-meter")
    for message in _sent(role):
        (row,), sent = _rows([message]), json.loads(message.payload)
        began = sent["ts"] < 10 * 86_400_000
        assert began is (row["ts"] is None) is bool(row["q"] & Quality.GATEWAY_TIME)
    shown = [json.loads(message.payload)["ts"] for message in _sent(role)]
    assert sum(ts < 10 * 86_400_000 for ts in shown) == (incident.end_s - incident.begin_s) // INTERVAL_S


def test_a_clock_that_drifts_is_off_by_ten_seconds_after_a_day() -> None:
    role, incident = role_of("clock_drifts", "water-meter", lasts_s=86_400.0)
    off_ms = [row["ts"] % 900_000 for row in _rows(_sent(role)) if row["ts"] >= incident.begin_s * 1000]
    assert max(off_ms) == pytest.approx(10_000, rel=0.05)
    assert off_ms[-1] == 0, "it was set"


def test_a_memory_that_is_full_loses_the_oldest_readings() -> None:
    role, _ = role_of("network_lost", "urban-air", lasts_s=40 * 86_400.0)
    seqs = [row["seq"] for row in _rows(_sent(role, ticks=3_200))]
    assert len(seqs) < 3_200
    before = seqs.index(max(seq for seq in range(200) if seq in seqs and seq + 1 not in seqs)) + 1
    assert len(seqs) - before == MEMORY
    assert seqs[-1] == 3_199
