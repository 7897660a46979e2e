"""Rules over nights and days, whose figures come from the roll-ups."""

from datetime import date, timedelta

import pytest

from gateway.core.alarms.rules import Completeness, Night, Param, Usual
from gateway.core.status.silence import Membership, NewestReadings, Silence
from tests.core.alarms.alarming import Bed, registered, rule
from tests.core.making import DAY_MS, NOW_MS

FIRST = date(2026, 11, 1)


def nights(bed: Bed, *flows_m3_h: float | None, name: str = "d1") -> list[list[str]]:
    """The changes after each night, of which one that is None lacks readings."""
    device, found = bed.devices[name], []
    for number, flow_m3_h in enumerate(flows_m3_h):
        coverage = 0.79 if flow_m3_h is None else 0.8
        night = FIRST + timedelta(number)
        bed.alarms.night(device, night, 9 if flow_m3_h is None else flow_m3_h, coverage, NOW_MS + number * DAY_MS)
        found.append(bed.told())
    return found


def bench(night: Night) -> Bed:
    bed = Bed(rule(night, name="leak"))
    bed.device(entry=registered(params={"night_m3_h": 2}))
    return bed


RAISED, CLEARED = ["raised leak@d1"], ["cleared leak@d1"]


def test_a_flow_in_three_nights_in_a_row_is_a_leak_until_a_night_without_it() -> None:
    assert nights(bench(Night(0.1)), 0.2, 0.2, 0.1, 0.2, 0.2, 0.2, 0.2, 0.1) == [[], [], [], [], [], RAISED, [], CLEARED]


def test_a_night_that_lacks_readings_does_not_count() -> None:
    assert nights(bench(Night(0.1)), 0.2, None, 0.2, None, 0.2, None, 0.0) == [[], [], [], [], RAISED, [], CLEARED]


def test_nights_too_far_apart_are_not_in_a_row() -> None:
    gap = [None] * 7
    assert nights(bench(Night(0.1)), 0.2, 0.2, *gap, 0.2, 0.2, 0.2)[-3:] == [[], [], RAISED]


def test_a_night_that_is_worked_out_again_counts_once() -> None:
    bed = bench(Night(0.1))
    for flow_m3_h in (0.2, 0.3, 0.4):
        bed.alarms.night(bed.devices["d1"], FIRST, flow_m3_h, 1, NOW_MS)
    assert bed.told() == []
    assert nights(bed, 0.2, 0.2, 0.2) == [[], [], RAISED]


def test_a_night_that_late_readings_change_ends_only_what_came_before_it() -> None:
    bed = bench(Night(0.1))
    assert nights(bed, 0.2, 0.2, 0.2)[-1] == RAISED
    bed.alarms.night(bed.devices["d1"], FIRST, 0.0, 1, NOW_MS + 3 * DAY_MS)
    assert bed.told() == [], "the nights since then still flow"


def test_a_limit_may_be_a_parameter_of_the_device() -> None:
    bed = bench(Night(1, nights=1, of=Param("night_m3_h")))
    bed.device("d2", registered("d2"))
    assert nights(bed, 1.9, 2.1) == [[], RAISED]
    assert nights(bed, 1000, name="d2") == [[]], "nobody said what flows there at night"


def test_a_limit_that_is_not_passed_leaves_the_row_of_another_limit_alone() -> None:
    bed = Bed(rule(Night(1.25, of=Usual.HOUR), Night(1, of=Param("night_m3_h")), name="leak"))
    bed.device(entry=registered(params={"night_m3_h": 2}))
    bed.alarms.usual("d1", {"flow_m3_h": [3.0] * 24})
    assert nights(bed, 3, 3, 3, 1) == [[], [], RAISED, CLEARED]


def test_a_limit_may_be_a_multiple_of_the_lowest_usual_hour_of_the_night() -> None:
    bed = bench(Night(1.5, nights=1, of=Usual.HOUR, least_m3_h=0.5))
    assert nights(bed, 1000) == [[]], "nothing is usual yet"
    bed.alarms.usual("d1", {"flow_m3_h": [3, 2, 3, 3, 3, *[0.1] * 19]})
    assert nights(bed, 3, 3.1) == [[], RAISED]
    bed.alarms.usual("d1", {"flow_m3_h": [9.0] * 24})
    assert nights(bed, 3.1, 3) == [[], CLEARED], "a leak does not become what is usual"
    bed.alarms.usual("d1", {"flow_m3_h": [0.1] * 24})
    assert nights(bed, 0.5) == [[]], "less is no leak, whatever is usual"


@pytest.mark.parametrize(("completeness", "told"), [(0.94, ["raised some@d1"]), (0.95, [])])
def test_a_day_with_too_few_readings_is_an_alarm_until_one_with_enough(completeness: float, told: list[str]) -> None:
    bed = Bed(rule(Completeness(0.95)))
    device = bed.device(entry=registered())
    device.last_seen_ms = NOW_MS
    bed.alarms.day(device, completeness, NOW_MS)
    assert bed.told() == told
    bed.alarms.day(device, 1.0, NOW_MS + DAY_MS)
    assert bed.told() == ["cleared some@d1"] * len(told)


@pytest.mark.parametrize(
    ("completeness", "longest_gap_s", "told"),
    [
        pytest.param(0.75, 6 * 3600, 0, id="the-gap-is-all-that-is-missing"),
        pytest.param(0.4, 6 * 3600, 1, id="half-of-the-rest-is-missing-too"),
        pytest.param(0.9, 1800, 1, id="a-gap-that-is-no-silence"),
        pytest.param(0.05, 22 * 3600, 0, id="hardly-anything-is-left-to-judge"),
    ],
)
def test_silence_that_was_told_is_not_told_again_as_missing_readings(
    completeness: float, longest_gap_s: float, told: int
) -> None:
    bed = Bed(rule(Completeness(0.95)))
    device = bed.device(entry=registered())
    device.last_seen_ms = NOW_MS
    bed.alarms.day(device, completeness, NOW_MS, longest_gap_s=longest_gap_s)
    assert len(bed.told()) == told


def test_a_device_never_heard_lacks_no_readings() -> None:
    bed = Bed(rule(Completeness(0.95)))
    bed.alarms.day(bed.device(entry=registered()), 0.0, NOW_MS)
    assert bed.told() == []


def test_a_device_that_only_another_gateway_heard_lacks_readings_too() -> None:
    elsewhere = NewestReadings()
    elsewhere.take({"d1": NOW_MS}, {"d1"}, NOW_MS)
    bed = Bed(rule(Completeness(0.95)), silence=Silence(membership=Membership(elsewhere)))
    bed.alarms.day(bed.device(entry=registered()), 0.5, NOW_MS)
    assert bed.told() == ["raised some@d1"]


def test_nights_of_twice_the_number_count_as_a_row_and_those_before_do_not() -> None:
    flows = [0.2, 0.2, *[None] * 3, 0.2]
    assert nights(bench(Night(0.1)), *flows)[-1] == RAISED, "five days after the first"
    assert nights(bench(Night(0.1)), *flows[:2], None, *flows[2:])[-1] == [], "six days after it"


def test_a_night_that_changes_is_stored_at_once() -> None:
    bed = bench(Night(0.1))
    nights(bed, 0.2, 0.2, 0.2)
    for day, kept in ((0, 2), (1, 1)):
        bed.alarms.night(bed.devices["d1"], FIRST + timedelta(day), 0.0, 1, NOW_MS + 3 * DAY_MS)
        (state,) = bed.alarms.states.drain().states.values()
        assert state is not None
        assert len(state.nights) == kept


def test_the_lowest_flow_and_the_completeness_are_told_as_values() -> None:
    bed = Bed(rule(Night(0.1, nights=1), name="leak"), rule(Completeness(0.9), name="missing"))
    device = bed.device(entry=registered())
    device.last_seen_ms = NOW_MS
    bed.alarms.night(device, FIRST, 0.25, 1, NOW_MS)
    bed.alarms.day(device, 0.5, NOW_MS)
    told = {change.key.alarm: (change.value, change.field, change.at_ms) for change in bed.transitions()}
    assert told == {"leak": (0.25, "flow_m3_h", NOW_MS), "missing": (50.0, "completeness_pct", NOW_MS)}
