"""Duplicates: the same point again is counted, a second half joins, other values of the same point are a conflict."""

import sys
from typing import Any

import pytest

from gateway.core.duplicates import WINDOW_S, RecentKeys, Twin, series_key
from gateway.core.message import Outcome
from gateway.core.process import Processor
from gateway.core.shapes import SHAPES_MAX, Shapes
from schemas.rejects import RejectReason
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS, Registered, message, pipeline, points, topic


def fate(outcome: Outcome) -> str:
    """What became of a message of one reading."""
    if outcome.refusals:
        return outcome.refusals[0].reason.value
    return "duplicate" if outcome.duplicates else "written" if outcome.readings else "nothing"


def fates(*readings: dict[str, Any], into: Processor | None = None) -> list[str]:
    """What becomes of readings of one device that arrive one after the other."""
    into = into or pipeline()
    return [fate(into.process(message(reading, topic(domain="traffic")), NOW_MS)) for reading in readings]


FIRST = {"ts": NOW_MS, "mean_speed_km_h": 40.5, "queue_length_m": 7}


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param(FIRST, "duplicate", id="the-same"),
        pytest.param({**FIRST, "seq": 9}, "duplicate", id="sent-again-with-a-new-sequence-number"),
        pytest.param({**FIRST, "mean_speed_km_h": "40.5"}, "duplicate", id="the-same-value-as-text"),
        pytest.param({**FIRST, "unknown": 1}, "duplicate", id="an-unknown-key-makes-no-difference"),
        pytest.param({"ts": NOW_MS, "occupancy_pct": 12}, "written", id="no-field-in-common-joins"),
        pytest.param({"ts": NOW_MS, "battery_pct": 12}, "written", id="its-device-health-joins"),
        pytest.param({**FIRST, "queue_length_m": 8}, "time_conflict", id="another-value"),
        pytest.param({"ts": NOW_MS, "queue_length_m": 8, "occupancy_pct": 1}, "time_conflict", id="one-field-in-common"),
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
    into = pipeline({"d1": Registered(area="old")})
    assert fates(FIRST, into=into) == ["written"]
    into.streams.replace_registry({"d1": Registered(area="new")})
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


class Window:
    """The window of one device, fed by time and value."""

    def __init__(self) -> None:
        self.shapes = Shapes()
        self.keys = RecentKeys()

    def see(self, time_ms: int, value: float = 7.0, now_ms: int = NOW_MS) -> Twin:
        """Judge one reading with one value."""
        return self.keys.see(series_key("water", ",device=d"), time_ms, (value,), self.shapes.of(("ph",)), now_ms, self.shapes)


def test_the_last_32_keys_are_known() -> None:
    window = Window()
    for number in range(33):
        assert window.see(NOW_MS + number) is Twin.NEW
    assert [window.see(NOW_MS + number) for number in range(1, 33)] == [Twin.DUPLICATE] * 32
    assert window.see(NOW_MS) is Twin.NEW


def test_duplicates_do_not_push_keys_out() -> None:
    window = Window()
    window.see(NOW_MS - 1)
    window.see(NOW_MS)
    for _ in range(64):
        assert window.see(NOW_MS) is Twin.DUPLICATE
    assert window.see(NOW_MS - 1) is Twin.DUPLICATE


@pytest.mark.parametrize(
    ("later_ms", "twin"),
    [
        pytest.param(48 * SECOND_MS, Twin.DUPLICATE, id="48-seconds"),
        pytest.param(10 * MINUTE_MS, Twin.DUPLICATE, id="ten-minutes"),
        pytest.param(10 * MINUTE_MS + SECOND_MS, Twin.NEW, id="later"),
        pytest.param(HOUR_MS, Twin.NEW, id="an-hour"),
    ],
)
def test_keys_are_known_for_ten_minutes(later_ms: int, twin: Twin) -> None:
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS, now_ms=NOW_MS + later_ms) is twin


def test_the_same_reading_ten_minutes_later_is_written_again_whatever_its_values() -> None:
    """It overwrites itself; only within the window can the gateway know."""
    window = Window()
    window.see(NOW_MS)
    assert window.see(NOW_MS, 8.0, NOW_MS + (WINDOW_S + 1) * SECOND_MS) is Twin.NEW


def test_the_window_of_one_device_is_small() -> None:
    window = Window()
    for number in range(1000):
        window.see(NOW_MS + number)
    assert sys.getsizeof(window.keys) < 800


def test_a_device_that_reports_once_an_hour_holds_one_key() -> None:
    window = Window()
    for hour in range(100):
        window.see(NOW_MS + hour * HOUR_MS, now_ms=NOW_MS + hour * HOUR_MS)
    assert len(window.keys) <= 3


def test_a_flood_of_field_sets_is_served_but_not_remembered() -> None:
    shapes = Shapes()
    for number in range(SHAPES_MAX + 100):
        assert shapes.of((f"field_{number}",)).fields == {f"field_{number}"}
    assert shapes.of(("field_1",)) is shapes.of(("field_1",))
    assert shapes.of((f"field_{SHAPES_MAX + 50}",)).number == 0


def test_a_reading_of_too_many_field_sets_is_still_known_again() -> None:
    shapes, keys = Shapes(), RecentKeys()
    for number in range(SHAPES_MAX):
        shapes.of((f"field_{number}",))

    def see(value: float) -> Twin:
        return keys.see(series_key("water", ",device=d"), NOW_MS, (value,), shapes.of(("ph",)), NOW_MS, shapes)

    assert [see(7.0), see(7.0), see(8.0)] == [Twin.NEW, Twin.DUPLICATE, Twin.CONFLICT]
