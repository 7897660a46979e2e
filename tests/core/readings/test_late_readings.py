"""Readings of hours that were worked out are noted, each hour once; nothing is late while nobody works hours out."""

from gateway.core.readings.replay import LateReadings, merged, runs_of
from tests.core.making import HOUR_MS, NOW_MS, pipeline, process

HOUR = NOW_MS // HOUR_MS


def reading(ms_ago: int, flow_m3_h: float = 1.0) -> dict[str, object]:
    return {"ts": NOW_MS - ms_ago, "flow_m3_h": flow_m3_h}


def test_a_late_reading_marks_its_hour_and_a_duplicate_or_one_refused_does_not() -> None:
    into = pipeline()
    late = into.evaluator.late
    late.close(HOUR * HOUR_MS)
    process(reading(0), into=into)
    assert late.drain() == {}
    process(reading(3 * HOUR_MS), into=into)
    process(reading(3 * HOUR_MS + 251), into=into)
    assert late.drain() == {"d1": {HOUR - 3, HOUR - 4}}
    process(reading(3 * HOUR_MS), into=into)
    assert process(reading(3 * HOUR_MS, flow_m3_h=2.0), into=into).refusals
    assert late.drain() == {}
    process(reading(3 * HOUR_MS) | {"ph": 7}, into=into)
    assert late.drain() == {"d1": {HOUR - 3}}


def test_nothing_is_late_while_nobody_works_hours_out() -> None:
    into = pipeline()
    process(reading(30 * HOUR_MS), into=into)
    assert into.evaluator.late.drain() == {}


def test_what_changed_since_a_time_marks_all_closed_hours_since() -> None:
    late = LateReadings()
    late.close(HOUR * HOUR_MS)
    late.note_since("d1", HOUR * HOUR_MS - 2 * HOUR_MS + 1)
    late.note_since("d2", HOUR * HOUR_MS + 1)
    assert late.drain() == {"d1": {HOUR - 2, HOUR - 1}}


def test_what_changed_until_now_marks_the_hours_that_go_on_too_once_any_is_closed() -> None:
    late = LateReadings()
    late.note_since("d1", HOUR * HOUR_MS, (HOUR + 1) * HOUR_MS)
    assert late.drain() == {}, "nobody works hours out"
    late.close(HOUR * HOUR_MS)
    late.note_since("d1", (HOUR - 1) * HOUR_MS, (HOUR + 1) * HOUR_MS + 1)
    late.note_since("d2", (HOUR + 1) * HOUR_MS, (HOUR + 1) * HOUR_MS + 1)
    assert late.drain() == {"d1": {HOUR - 1, HOUR, HOUR + 1}, "d2": {HOUR + 1}}


def test_hours_remembered_of_a_device_are_bounded() -> None:
    late = LateReadings()
    late.close(HOUR * HOUR_MS)
    for hour in range(HOUR - 3000, HOUR):
        late.note("d1", hour * HOUR_MS)
    assert len(late.drain()["d1"]) == 1000


def test_of_written_points_those_in_closed_hours_are_noted() -> None:
    late = LateReadings()
    lines = [f"water,area=a,device=d{hours} flow_m3_h=1,quality=0i {(HOUR - hours) * HOUR_MS + 900}" for hours in (0, 1, 2)]
    late.note_written(lines)
    assert late.drain() == {}, "nobody works hours out"
    late.close(HOUR * HOUR_MS)
    late.note_written([*lines, "gateway live=1 5", "no point"])
    assert late.drain() == {"d1": {HOUR - 1}, "d2": {HOUR - 2}}


def test_hours_that_follow_each_other_are_one_run() -> None:
    assert runs_of({7, 3, 1, 2}) == [(1, 4), (7, 8)]
    assert runs_of([]) == []
    assert merged([(5, 9), (1, 3), (3, 4), (6, 7), (10, 11)]) == [(1, 4), (5, 9), (10, 11)]


def test_what_is_closed_stays_closed_and_the_hour_itself_is_still_open() -> None:
    late = LateReadings()
    late.close(HOUR * HOUR_MS)
    late.close(5)
    assert late.closed_ms == HOUR * HOUR_MS
    late.note_written([f"water,device=d1 ph=7 {HOUR * HOUR_MS}", f"water,device=d1 ph=7 {HOUR * HOUR_MS - 1}"])
    late.note_since("d2", HOUR * HOUR_MS)
    late.note_since("d3", HOUR * HOUR_MS - 1)
    assert late.drain() == {"d1": {HOUR - 1}, "d3": {HOUR - 1}}
    late.close(HOUR * HOUR_MS + 1)
    late.note_since("d1", HOUR * HOUR_MS)
    assert late.drain() == {"d1": {HOUR}}, "an hour that is closed in part"


def test_a_time_of_another_age_costs_no_more_than_the_hours_that_are_worked_out_again() -> None:
    late = LateReadings()
    late.close(HOUR * HOUR_MS)
    late.note_since("d1", -62_135_622_390_000)  # the year 1, as a date that is being typed
    hours = late.drain()["d1"]
    assert (min(hours), max(hours), len(hours)) == (HOUR - 10_000, HOUR - 1, 10_000)
