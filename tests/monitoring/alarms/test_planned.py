"""Planned work: where and until when nobody is told."""

from datetime import timedelta

from gateway.core.alarms.alarm import AlarmTags
from gateway.ingest.storage.alarms import PlannedWork
from gateway.monitoring.alarms.planned_work import AHEAD_MAX_MS, NAME_MAX, NOTE_MAX, PlannedWorks, work_document

OF_SITE, OF_DEVICE, OF_ALL = (
    PlannedWork(0, 3000, "Lan", "", site="s1"),
    PlannedWork(0, 1000, "Lan", "", site="s9", device="m1"),
    PlannedWork(0, 2000, "Lan", ""),
)


def planned(*works: PlannedWork) -> PlannedWorks:
    return PlannedWorks(enumerate(works, start=1))


def test_the_first_work_to_end_is_waited_for_and_one_that_is_over_not_at_all() -> None:
    works = planned(OF_SITE, OF_DEVICE)
    assert [works.left_ms(now_ms) for now_ms in (400, 1000, 2500)] == [600, 0, 0]
    assert works.drop_over(1000)
    assert not works.drop_over(1000)
    assert (works.left_ms(1000), [number for number, _ in works.going_on(1000)]) == (2000, [1])
    del works[1]
    assert works.left_ms(1000) is None


def test_work_is_at_a_site_or_at_one_device_or_everywhere() -> None:
    here, elsewhere = AlarmTags(device="m1", site="s1"), AlarmTags(device="m2", site="s2")
    for work, covered in ((OF_SITE, (True, False)), (OF_DEVICE, (True, False)), (OF_ALL, (True, True))):
        works = planned(work)
        assert (works.cover(here, 0), works.cover(elsewhere, 0)) == covered
        assert not works.cover(here, work.until_ms)
    assert not planned(OF_DEVICE).cover(AlarmTags(device="m2", site="s9"), 0)


def test_a_document_of_planned_work_says_all_of_it_and_no_work_is_planned_for_longer_than_a_year() -> None:
    work = PlannedWork(1, 2, "Lan", "a new pump", site="s1", device="m1")
    assert work_document(7, work) == {
        "number": 7,
        "site": "s1",
        "device": "m1",
        "since_ms": 1,
        "until_ms": 2,
        "by": "Lan",
        "note": "a new pump",
    }
    assert (timedelta(milliseconds=AHEAD_MAX_MS), NAME_MAX, NOTE_MAX) == (timedelta(days=366), 100, 1000)
