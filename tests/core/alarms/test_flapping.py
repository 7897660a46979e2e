"""Too many changes of one alarm are counted and told as one; nobody else's wait for that."""

from gateway.core.alarms.alarm import AlarmKey, AlarmTags, Change, Severity, Transition
from gateway.core.alarms.flapping import AT_ONCE, EVERY_MS, Flapping

HOUR_MS = 3_600_000
FLAPPER, OTHER = AlarmKey("hot", "d1"), AlarmKey("hot", "d2")


def change(kind: Change, at_ms: int, key: AlarmKey = FLAPPER, severity: Severity = Severity.WARNING) -> Transition:
    return Transition(kind, key, severity, AlarmTags(device=key.place), at_ms, at_ms, 1.0)


def flip(number: int) -> Change:
    return Change.CLEARED if number % 2 else Change.RAISED


def words(changes: list[Transition]) -> list[tuple[str, int, int]]:
    return [(one.change.value, one.at_ms, one.changes) for one in changes]


def used_up(now_ms: int = 0) -> Flapping:
    """One alarm has used up what is told at once; it stands as cleared."""
    flapping = Flapping()
    assert len(list(flapping.admit([change(flip(number), now_ms) for number in range(AT_ONCE)], now_ms))) == AT_ONCE
    return flapping


def test_the_first_changes_are_told_at_once_and_further_ones_are_kept_back() -> None:
    flapping = used_up()
    assert not flapping.keeps_back(FLAPPER)
    found = list(flapping.admit([change(Change.RAISED, 1), change(Change.RAISED, 1, OTHER)], 1))
    assert words(found) == [("raised", 1, 1)]
    assert found[0].key == OTHER
    assert (flapping.keeps_back(FLAPPER), flapping.keeps_back(OTHER)) == (True, False)


def test_what_was_kept_back_is_told_as_one_that_counts_it() -> None:
    flapping = used_up()
    assert list(flapping.admit([change(flip(number), number) for number in range(100)], 100)) == []
    assert list(flapping.due(EVERY_MS - 1)) == []
    assert words(list(flapping.due(EVERY_MS))) == [("raised", 98, 99), ("cleared", 99, 1)]
    assert (flapping.keeps_back(FLAPPER), list(flapping.due(EVERY_MS))) == (False, [])


def test_an_alarm_that_stands_is_told_by_its_raise_alone_and_one_that_ended_before_by_its_end() -> None:
    for kinds, told in (
        ([Change.RAISED], [("raised", 0, 1)]),
        ([Change.RAISED, Change.CLEARED, Change.RAISED], [("raised", 2, 3)]),
        ([Change.CLEARED], [("cleared", 0, 1)]),
    ):
        flapping = used_up()
        assert list(flapping.admit([change(kind, at_ms) for at_ms, kind in enumerate(kinds)], 5)) == []
        assert words(list(flapping.due(EVERY_MS))) == told


def test_the_weightiest_raise_is_told_whatever_came_after_it() -> None:
    flapping = used_up()
    some = [change(Change.RAISED, 1, severity=Severity.CRITICAL), change(Change.RAISED, 2, severity=Severity.INFO)]
    assert list(flapping.admit(some, 2)) == []
    assert [(one.severity.value, one.at_ms) for one in flapping.due(EVERY_MS)] == [("critical", 1), ("info", 2)]


def test_a_day_of_flapping_is_told_at_most_24_times_in_any_hour_and_counts_everything() -> None:
    flapping, told = Flapping(), list[tuple[int, Transition]]()
    tellings = []
    for number, now_ms in enumerate(range(0, 24 * HOUR_MS, 6171)):
        found = [*flapping.admit([change(flip(number), now_ms)], now_ms), *flapping.due(now_ms)]
        tellings += [now_ms] if found else []
        told += [(now_ms, one) for one in found]
    told += [(24 * HOUR_MS, one) for one in flapping.due(24 * HOUR_MS, everything=True)]
    assert sum(one.changes for _, one in told) == len(range(0, 24 * HOUR_MS, 6171)) == 14_001
    hours = [sum(start <= at_ms < start + HOUR_MS for at_ms in tellings) for start in range(0, 23 * HOUR_MS, EVERY_MS)]
    assert max(hours) <= 24
    assert min(hours) >= 11, "the state is never older than five minutes"


def test_what_a_person_did_is_told_at_once_behind_what_was_kept_back() -> None:
    flapping = used_up()
    found = list(flapping.admit([change(Change.RAISED, 1), change(Change.CHANGED, 2), change(Change.CLEARED, 3)], 3))
    assert words(found) == [("raised", 1, 1), ("changed", 2, 1)]
    assert words(list(flapping.due(3, everything=True))) == [("cleared", 3, 1)]


def test_a_clock_that_was_set_back_tells_nothing_twice_and_one_set_ahead_holds_nothing_for_long() -> None:
    flapping = used_up(10 * HOUR_MS)
    list(flapping.admit([change(Change.RAISED, 1)], 0))
    assert list(flapping.due(EVERY_MS - 1)) == []
    assert len(list(flapping.due(EVERY_MS))) == 1


def test_alarms_that_rest_are_forgotten() -> None:
    flapping = used_up()
    list(flapping.due(HOUR_MS + 1))
    assert flapping._told == {}  # noqa: SLF001 - a leak shows nowhere else
