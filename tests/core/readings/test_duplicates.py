"""Duplicates: the same point again is counted, a second half joins, other values of the same point are a conflict."""

import json
import sys
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.message import Outcome, StoredMessage
from gateway.core.process import Processor
from gateway.core.readings.duplicates import KEYS_MAX, WINDOW_S, DedupVerdict, RecentKeys
from gateway.core.readings.line_protocol import SHAPES_MAX, FieldSets, series_key
from schemas.quantities import QUANTITIES, Quality
from schemas.rejects import RejectReason
from tests.core.making import (
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    SECOND_MS,
    message,
    pipeline,
    points,
    process,
    refusal,
    registered_device,
    replace_registry,
    topic,
)
from tests.rows import each_row


def fate(outcome: Outcome) -> str:
    """Return the fate of a message of one reading."""
    if outcome.refusals:
        return outcome.refusals[0].reason.value
    return "duplicate" if outcome.duplicates else "written" if outcome.readings else "nothing"


def fates(*readings: dict[str, Any], into: Processor | None = None) -> list[str]:
    """Process readings of one device that arrive one after the other; return their fates."""
    into = into or pipeline()
    return [fate(into.process(message(reading, topic(domain="traffic")), NOW_MS)) for reading in readings]


FIRST = {"ts": NOW_MS, "mean_speed_km_h": 40.5, "queue_length_m": 7}


@each_row(
    ("second", "expected"),
    [
        pytest.param(FIRST, "duplicate", id="the-same"),
        pytest.param({**FIRST, "seq": 9}, "duplicate", id="sent-again-with-a-new-sequence-number"),
        pytest.param({**FIRST, "mean_speed_km_h": "40.5"}, "duplicate", id="the-same-value-as-text"),
        pytest.param({**FIRST, "unknown": 1}, "duplicate", id="an-unknown-key-makes-no-difference"),
        pytest.param({"ts": NOW_MS, "occupancy_pct": 12}, "written", id="no-field-in-common-joins"),
        pytest.param({"ts": NOW_MS, "battery_pct": 12}, "written", id="its-device-health-joins"),
        pytest.param({**FIRST, "queue_length_m": 8}, "time_conflict", id="another-value"),
        pytest.param({"ts": NOW_MS, "queue_length_m": 8, "occupancy_pct": 1}, "time_conflict", id="one-field-differs"),
        pytest.param({"ts": NOW_MS, "queue_length_m": 7}, "duplicate", id="a-part-of-it"),
        pytest.param({**FIRST, "occupancy_pct": 12}, "written", id="all-of-it-and-more"),
        pytest.param({"ts": NOW_MS, "queue_length_m": 7, "occupancy_pct": 12}, "written", id="a-part-of-it-and-more"),
        pytest.param({"ts": NOW_MS, "mean_gap_m": 40.5, "occupancy_pct": 7}, "written", id="the-same-numbers-in-other-fields"),
        pytest.param({**FIRST, "ts": NOW_MS + 1}, "written", id="another-time"),
        pytest.param({**FIRST, "ts": NOW_MS - 1}, "written", id="an-earlier-time"),
        pytest.param({**FIRST, "lane": "1"}, "written", id="another-lane"),
        pytest.param({**FIRST, "ts": NOW_MS * 1000}, "duplicate", id="the-same-time-in-another-unit"),
    ],
)
def test_a_second_reading_is_judged_by_its_point(second: dict[str, Any], expected: str) -> None:
    assert fates(FIRST, second) == ["written", expected]


def test_a_sequence_number_alone_makes_no_duplicate() -> None:
    assert fates({**FIRST, "seq": 5}, {**FIRST, "ts": NOW_MS + 1, "seq": 5}) == ["written", "written"]


def test_the_first_values_stand_whatever_comes_after() -> None:
    other = {**FIRST, "queue_length_m": 8}
    assert fates(FIRST, other, other, FIRST) == ["written", "time_conflict", "time_conflict", "duplicate"]


def test_both_halves_of_a_joined_point_are_known_again() -> None:
    half = {"ts": NOW_MS, "occupancy_pct": 12}
    assert fates(FIRST, half, half, FIRST) == ["written", "written", "duplicate", "duplicate"]


def test_readings_stamped_by_the_gateway_are_never_duplicates() -> None:
    """Their time is ours: nothing tells a copy from the next reading with the same value."""
    into = pipeline()
    assert fates({"queue_length_m": 7}, {"queue_length_m": 7}, into=into) == ["written", "written"]


def test_an_array_that_holds_one_reading_twice_holds_one_duplicate() -> None:
    outcome = pipeline().process(message([FIRST, FIRST], topic(domain="traffic")), NOW_MS)
    assert (len(outcome.readings), outcome.duplicates, outcome.refusals) == (1, 1, [])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(topic(site="s1"), topic(site="s2"), id="two-sites"),
        pytest.param(topic(domain="water"), topic(domain="power"), id="two-domains"),
        pytest.param(topic("d1"), topic("d2"), id="two-devices"),
    ],
)
def test_points_of_other_series_are_no_twins(one: str, other: str) -> None:
    """Measurement and all tags belong to the key: these are different points of the database, with a field of one name."""
    into = pipeline()
    for value in (True, False):
        outcomes = [into.process(message({"ts": NOW_MS + value, "alarm_tamper": value}, on), NOW_MS) for on in (one, other)]
        assert [fate(outcome) for outcome in outcomes] == ["written", "written"]


def test_a_point_that_moved_to_another_area_is_another_point() -> None:
    into = pipeline({"d1": registered_device(area="old")})
    assert fates(FIRST, into=into) == ["written"]
    replace_registry(into.streams, {"d1": registered_device(area="new")})
    assert fates(FIRST, into=into) == ["written"]


def test_a_conflict_keeps_the_object_and_says_which_time() -> None:
    into = pipeline()
    into.process(message(FIRST, topic(domain="traffic")), NOW_MS)
    other = {**FIRST, "queue_length_m": 8}
    outcome = into.process(message([other, {**FIRST, "ts": NOW_MS + 1}], topic(domain="traffic")), NOW_MS)
    (refused,) = outcome.refusals
    assert refused.reason is RejectReason.TIME_CONFLICT
    assert str(NOW_MS) in refused.detail
    assert b'"queue_length_m":8' in refused.payload
    assert b'"queue_length_m":7' not in refused.payload
    assert len(points(outcome)) == 1


def test_minus_one_and_minus_two_are_other_values() -> None:
    """They have one hash in Python: a fingerprint must tell them apart all the same."""
    into = pipeline()
    outcomes = [into.process(message({"ts": NOW_MS, "level_m": level}), NOW_MS) for level in (-1, -2, -1)]
    assert [fate(outcome) for outcome in outcomes] == ["written", "time_conflict", "duplicate"]


EMU: tuple[dict[str, object], ...] = (
    {"energy_import_kwh": 1234.5, "active_power_w": 310, "voltage_l1_v": 231.5},
    {"energy_import_kwh": 1234.5, "voltage_l1_v": 231.5, "voltage_l2_v": 230, "battery_pct": 80},
    {"voltage_l2_v": 230, "frequency_hz": 50, "alarm_tamper": False},
)
"""A power meter that sends one instant in several messages, each with something of the others."""


def test_the_messages_of_one_instant_become_one_point() -> None:
    """Each writes only what the others did not, without its sequence number; the first one's stays."""
    into = pipeline()
    first, second, third = (
        points(process({"ts": NOW_MS, "seq": seq, **reading}, "power", into=into)) for seq, reading in enumerate(EMU)
    )
    assert [point.fields for point in first] == [
        {"energy_import_kwh": 1234.5, "active_power_w": 310.0, "voltage_l1_v": 231.5, "quality": 0, "seq": 0}
    ]
    assert [(point.measurement, point.fields) for point in second] == [
        ("power", {"voltage_l2_v": 230.0, "quality": 0}),
        ("device_health", {"battery_pct": 80.0, "quality": 0}),
    ]
    assert [point.fields for point in third] == [{"frequency_hz": 50.0, "alarm_tamper": False, "quality": 0}]
    assert {point.time_ms for point in (*first, *second, *third)} == {NOW_MS}
    assert into.evaluator.sequence_missing.total() == 0


def test_whatever_repeats_a_part_of_a_joined_point_is_a_duplicate() -> None:
    parts = [{"ts": NOW_MS, **reading} for reading in EMU]
    across = {"ts": NOW_MS, "active_power_w": 310, "frequency_hz": 50, "battery_pct": 80}
    everything = {key: value for part in parts for key, value in part.items()}
    into = pipeline()
    outcomes = [process(reading, "power", into=into) for reading in (*parts, *parts, across, everything)]
    assert [fate(outcome) for outcome in outcomes] == ["written"] * 3 + ["duplicate"] * 5


@pytest.mark.parametrize("field", ["active_power_w", "voltage_l2_v", "alarm_tamper", "battery_pct"])
def test_a_conflict_with_a_joined_point_names_the_field(field: str) -> None:
    into = pipeline()
    for reading in EMU:
        process({"ts": NOW_MS, **reading}, "power", into=into)
    other = {"alarm_tamper": True}.get(field, 81)
    refused = refusal(process({"ts": NOW_MS, field: other, "current_l1_a": 2, "frequency_hz": 50}, "power", into=into))
    assert (refused.reason, field in refused.detail) == (RejectReason.TIME_CONFLICT, True)
    assert "frequency_hz" not in refused.detail
    again = process({"ts": NOW_MS, "current_l1_a": 2}, "power", into=into)
    assert fate(again) == "written", "nothing of a reading that was refused is known"


def test_what_joins_carries_the_quality_of_all() -> None:
    """InfluxDB keeps the last quality written to a point: it must say what is wrong with any part of it."""
    into = pipeline()
    (dropped,) = points(process({"ts": NOW_MS, "ph": 7, "level_m": 1e9}, into=into))
    (joined,) = points(process({"ts": NOW_MS, "ph": 7, "flow_m3_h": 1}, into=into))
    assert (dropped.fields["quality"], joined.fields) == (Quality.VALUE_DROPPED, {"flow_m3_h": 1.0, "quality": 2})


def test_what_joins_counts_as_one_reading() -> None:
    into = pipeline()
    process({"ts": NOW_MS, "ph": 7}, into=into)
    outcome = process({"ts": NOW_MS, "ph": 7, "flow_m3_h": 1, "battery_pct": 80}, into=into)
    assert (len(outcome.readings), outcome.duplicates, outcome.refusals) == (1, 0, [])


def test_the_parts_of_an_instant_take_one_place_in_the_window() -> None:
    into = pipeline()
    for at in range(33):
        for reading in EMU:
            assert fate(process({"ts": NOW_MS + at, **reading}, "power", into=into)) == "written"
    recent = into.streams.devices["d1"]
    assert len(list(recent.young_keys(NOW_MS, into.streams.field_sets))) == KEYS_MAX
    outcomes = [process({"ts": NOW_MS + at, **EMU[1]}, "power", into=into) for at in range(1, 33)]
    assert {fate(outcome) for outcome in outcomes} == {"duplicate"}


def test_a_replayed_message_joins_what_came_after_it() -> None:
    """It waited in quarantine, and its own time of arrival is long before that of the other half."""
    into = pipeline()
    assert fate(process({"ts": NOW_MS, "ph": 7, "flow_m3_h": 1}, into=into)) == "written"
    earlier_ms = NOW_MS - 5 * MINUTE_MS
    for payload, expected in (
        ({"ph": 7, "level_m": 2}, "written"),
        ({"level_m": 2}, "duplicate"),
        ({"ph": 6}, "time_conflict"),
    ):
        replayed = StoredMessage(topic(), json.dumps({"ts": NOW_MS, **payload}).encode())
        assert fate(into.process(replayed, earlier_ms, replayed=True)) == expected


def test_replayed_messages_do_not_push_what_is_younger_out() -> None:
    into = pipeline()
    process({"ts": NOW_MS, "ph": 7}, into=into)
    for at in range(5):
        replayed = StoredMessage(topic(), json.dumps({"ts": NOW_MS - HOUR_MS + at, "ph": 7}).encode())
        into.process(replayed, NOW_MS - HOUR_MS, replayed=True)
    assert fate(process({"ts": NOW_MS, "ph": 7}, into=into)) == "duplicate"


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "level_m": st.sampled_from([-2.0, -1.0, 0.0, 1.0]),
    "ph": st.sampled_from([7.0, 7.000001]),
    "valve_open": st.booleans(),
    "volume_m3": st.sampled_from([1234.567, 1234.568, 1e8]),
    "battery_pct": st.sampled_from([0, 1]),
}
READINGS = st.fixed_dictionaries(
    {"ts": st.integers(NOW_MS, NOW_MS + 3)}, optional={**VALUES, "channel": st.sampled_from(["1", "2"])}
).filter(lambda reading: reading.keys() & VALUES.keys())


@given(st.lists(st.one_of(READINGS, st.none()), max_size=40))
def test_any_readings_end_as_a_dictionary_of_fields_would_have_it(readings: list[dict[str, Any] | None]) -> None:
    """The model: point → fields, of which the first value is kept. None is a restart with a clean stop."""
    into = pipeline()
    stored: dict[tuple[int, str | None], dict[str, Any]] = {}
    for reading in readings:
        if reading is None:
            into = restarted(into)
            continue
        fields = {name: value for name, value in reading.items() if name in VALUES}
        known = stored.setdefault((reading["ts"], reading.get("channel")), {})
        contradicts = any(known.get(name, value) != value for name, value in fields.items())
        new = {} if contradicts else {name: value for name, value in fields.items() if name not in known}
        outcome = process(reading, into=into)
        expected = "time_conflict" if contradicts else "written" if new else "duplicate"
        assert fate(outcome) == expected
        written = {name: value for point in points(outcome) for name, value in point.fields.items() if name != "quality"}
        assert written == new
        known |= new


def restarted(into: Processor) -> Processor:
    """A new process that was given what the old one remembered of its device at the stop."""
    again = pipeline()
    again.streams.field_sets.of(("orp_mv",))  # so that field sets have other numbers
    for name, device in into.streams.devices.items():
        new = again.streams.devices[name] = Device(name, None)
        unpack(pack(device, into.streams.field_sets, NOW_MS), new, again.streams.field_sets, NOW_MS)
    return again


class Window:
    """The window of one device, fed by time and value."""

    def __init__(self) -> None:
        self.field_sets = FieldSets()
        self.keys = RecentKeys()

    def see(self, time_ms: int, value: float = 7.0, now_ms: int = NOW_MS) -> DedupVerdict:
        """Judge one reading with one value."""
        key = series_key("water", ",device=d")
        return self.keys.see_key(key, time_ms, (value,), self.field_sets.of(("ph",)), 0, now_ms, self.field_sets).verdict


def test_the_last_32_keys_are_known() -> None:
    window = Window()
    for number in range(33):
        assert window.see(NOW_MS + number) is DedupVerdict.NEW
    assert [window.see(NOW_MS + number) for number in range(1, 33)] == [DedupVerdict.DUPLICATE] * 32
    assert window.see(NOW_MS) is DedupVerdict.NEW


def test_duplicates_do_not_push_keys_out() -> None:
    window = Window()
    window.see(NOW_MS - 1)
    window.see(NOW_MS)
    for _ in range(64):
        assert window.see(NOW_MS) is DedupVerdict.DUPLICATE
    assert window.see(NOW_MS - 1) is DedupVerdict.DUPLICATE


@pytest.mark.parametrize(
    ("later_ms", "verdict"),
    [
        pytest.param(48 * SECOND_MS, DedupVerdict.DUPLICATE, id="48-seconds"),
        pytest.param(10 * MINUTE_MS, DedupVerdict.DUPLICATE, id="ten-minutes"),
        pytest.param(10 * MINUTE_MS + SECOND_MS, DedupVerdict.NEW, id="later"),
        pytest.param(HOUR_MS, DedupVerdict.NEW, id="an-hour"),
    ],
)
def test_keys_are_known_for_ten_minutes(later_ms: int, verdict: DedupVerdict) -> None:
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS, now_ms=NOW_MS + later_ms) is verdict


def test_the_same_reading_ten_minutes_later_is_written_again_whatever_its_values() -> None:
    """It overwrites itself; only within the window can the gateway know."""
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS, 8.0, NOW_MS + (WINDOW_S + 1) * SECOND_MS) is DedupVerdict.NEW


def test_the_window_of_one_device_is_small() -> None:
    window = Window()
    for number in range(1000):
        window.see(NOW_MS + number)
    assert sys.getsizeof(window.keys.window) < 700


def test_a_device_that_reports_once_an_hour_holds_one_key() -> None:
    window = Window()
    for hour in range(100):
        window.see(NOW_MS + hour * HOUR_MS, now_ms=NOW_MS + hour * HOUR_MS)
    one = Window()
    one.see(NOW_MS)
    assert len(window.keys.window) == len(one.keys.window)


def test_a_flood_of_field_sets_is_served_but_not_remembered() -> None:
    field_sets = FieldSets()
    for number in range(SHAPES_MAX + 100):
        assert field_sets.of((f"field_{number}",)).fields == {f"field_{number}"}
    assert field_sets.of(("field_1",)) is field_sets.of(("field_1",))
    assert field_sets.of((f"field_{SHAPES_MAX + 50}",)).number == 0


def test_the_order_in_which_fields_come_makes_no_other_field_set() -> None:
    field_sets = FieldSets()
    field_set = field_sets.of(("battery_pct", "ph", "volume_m3"))
    assert field_set is field_sets.of(("volume_m3", "battery_pct", "ph"))
    assert field_set.values_of({"ph": 7.0, "battery_pct": 80.0, "volume_m3": 5.0}) == (5.0, 7.0, 80.0)


def test_a_flood_of_orders_is_served_but_not_remembered() -> None:
    field_sets = FieldSets()
    fields = list(QUANTITIES["power"])[:7]
    found = {id(field_sets.of(order)) for order in permutations(fields)}
    assert len(found) == 1
    assert len(field_sets.by_fields) == SHAPES_MAX


def test_a_reading_of_too_many_field_sets_is_still_known_again() -> None:
    field_sets, keys = FieldSets(), RecentKeys()
    for number in range(SHAPES_MAX):
        field_sets.of((f"field_{number}",))

    def see(value: float) -> DedupVerdict:
        return keys.see_key(
            series_key("water", ",device=d"), NOW_MS, (value,), field_sets.of(("ph",)), 0, NOW_MS, field_sets
        ).verdict

    assert [see(7.0), see(7.0), see(8.0)] == [DedupVerdict.NEW, DedupVerdict.DUPLICATE, DedupVerdict.CONFLICT]
