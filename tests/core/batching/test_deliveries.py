"""The place of readings by their arrival: memory, journal or InfluxDB, and their delay on the way there."""

from gateway.core.batching.deliveries import Deliveries, ReadingPlace, SavedDeliveries, Whereabouts

HOUR_MS = 3_600_000
NOW_MS = 500_000 * HOUR_MS


def delivered(*spans: tuple[int, int], after_ms: int = 40) -> Deliveries:
    """Deliveries whose batches were written one after the other, each so long after its first reading."""
    found = Deliveries()
    for first_ms, last_ms in spans:
        found.post(first_ms, first_ms, last_ms)
        found.wrote(first_ms, first_ms + after_ms)
    return found


def test_a_reading_is_on_its_way_until_its_own_batch_is_confirmed() -> None:
    found = Deliveries()
    found.post("a", NOW_MS, NOW_MS + 10)
    found.post("b", NOW_MS + 20, NOW_MS + 30)
    found.wrote("b", NOW_MS + 60)
    assert found.find(NOW_MS + 5).place is ReadingPlace.MEMORY, "the batch behind it was quicker"
    assert found.find(NOW_MS + 25) == Whereabouts(ReadingPlace.WRITTEN, 40)
    found.wrote("a", NOW_MS + 90)
    assert found.find(NOW_MS + 5) == Whereabouts(ReadingPlace.WRITTEN, 90)
    assert found.find(NOW_MS + 500).place is ReadingPlace.MEMORY, "no batch with it has left the queue"


def test_a_reading_in_the_journal_is_written_when_its_row_is() -> None:
    found = Deliveries()
    for at, row in ((0, 7), (1000, 7), (2000, 8)):
        found.post(at, NOW_MS + at, NOW_MS + at)
        found.store(at, row)
    assert [found.find(NOW_MS + at).place for at in (0, 1000, 2000)] == [ReadingPlace.JOURNAL] * 3
    found.settle_row(7, NOW_MS + HOUR_MS, written=True)
    found.settle_row(8, NOW_MS + HOUR_MS, written=True)
    assert found.find(NOW_MS + 2000) == Whereabouts(ReadingPlace.WRITTEN, HOUR_MS)


def test_what_was_given_up_is_not_called_written() -> None:
    found = Deliveries()
    found.post("a", NOW_MS, NOW_MS)
    found.store("a", 1)
    found.settle_row(1, NOW_MS + 1, written=False)
    assert found.find(NOW_MS).place is ReadingPlace.GIVEN_UP


def test_an_outage_of_weeks_takes_little_memory_and_ends_when_the_journal_is_empty() -> None:
    found = Deliveries()
    seconds = 40 * 24 * 3600
    for at in range(0, seconds, 20):
        found.post(at, NOW_MS + 1000 * at, NOW_MS + 1000 * at)
        found.store(at, 1 + at // 20)
    assert len(found.saved.stored) <= 1000
    assert found.find(NOW_MS).place is found.find(NOW_MS + 1000 * (seconds - 20)).place is ReadingPlace.JOURNAL
    found.drained(NOW_MS + 1000 * seconds)
    assert found.find(NOW_MS + 1000 * (seconds - 20)).place is ReadingPlace.WRITTEN


def test_earlier_hours_keep_their_greatest_delay_and_weeks_are_forgotten() -> None:
    found = delivered((NOW_MS, NOW_MS + 5), (NOW_MS + HOUR_MS, NOW_MS + HOUR_MS))
    for at in range(1000):
        found.post(at, NOW_MS + 2 * HOUR_MS + at, NOW_MS + 2 * HOUR_MS + at)
        found.wrote(at, NOW_MS + 2 * HOUR_MS + at + at % 7)
    assert found.find(NOW_MS) == Whereabouts(ReadingPlace.WRITTEN, 40)
    assert found.find(NOW_MS + 2 * HOUR_MS) == Whereabouts(ReadingPlace.WRITTEN, 6)
    far = delivered(*[(NOW_MS + hour * HOUR_MS, NOW_MS + hour * HOUR_MS) for hour in range(500)])
    assert far.find(NOW_MS) == Whereabouts(ReadingPlace.WRITTEN, None)
    assert len(far.saved.slots) < 200


def test_a_new_run_knows_what_the_last_one_wrote_and_what_it_left_in_the_journal() -> None:
    before = delivered((NOW_MS, NOW_MS + 5))
    before.post("b", NOW_MS + 1000, NOW_MS + 1000)
    before.store("b", 3)
    found = Deliveries(before.saved)
    assert found.find(NOW_MS) == Whereabouts(ReadingPlace.WRITTEN, 40)
    assert found.find(NOW_MS + 1000).place is ReadingPlace.JOURNAL
    assert found.find(NOW_MS + 2000).place is ReadingPlace.UNKNOWN, "this run has written nothing yet"
    found.settle_row(3, NOW_MS + 5000, written=True)
    assert found.find(NOW_MS + 1000) == Whereabouts(ReadingPlace.WRITTEN, 4000)


def test_a_clock_that_is_set_back_does_not_make_all_later_readings_written() -> None:
    found = delivered((NOW_MS + HOUR_MS, NOW_MS + HOUR_MS), (NOW_MS, NOW_MS))
    assert found.find(NOW_MS + 1000).place is ReadingPlace.MEMORY
    assert SavedDeliveries().slots is not SavedDeliveries().slots


def test_an_arrival_belongs_to_the_batch_whose_times_hold_it_within_five_milliseconds() -> None:
    found = delivered((NOW_MS, NOW_MS + 100), (NOW_MS + 1000, NOW_MS + 1000), after_ms=10)
    found.post("late", NOW_MS + 2000, NOW_MS + 2000)
    found.wrote("late", NOW_MS + 2099)
    late_ms = [found.find(NOW_MS + at).late_ms for at in (-6, -5, 105, 106, 1005, 1006)]
    assert late_ms == [None, 10, 10, 99, 10, 99], "the others have the greatest delay of their hour, if anything came in it"
    assert [found.find(NOW_MS + at).place for at in (2005, 2006)] == [ReadingPlace.WRITTEN, ReadingPlace.MEMORY]


def test_the_last_256_batches_are_known_exactly_and_a_week_by_the_hour() -> None:
    found = delivered((NOW_MS, NOW_MS), after_ms=10)
    for at in range(1, 256):
        found.post(at, NOW_MS + 100 * at, NOW_MS + 100 * at)
        found.wrote(at, NOW_MS + 100 * at + 99)
    assert found.find(NOW_MS) == Whereabouts(ReadingPlace.WRITTEN, 10)
    found.post("one more", NOW_MS + 30_000, NOW_MS + 30_000)
    found.wrote("one more", NOW_MS + 30_000)
    assert found.find(NOW_MS) == Whereabouts(ReadingPlace.WRITTEN, 99)
    assert found.find(NOW_MS + 30_000) == Whereabouts(ReadingPlace.WRITTEN, 1), "no delay is no time at all"
    hours = delivered(*[(NOW_MS + hour * HOUR_MS, NOW_MS + hour * HOUR_MS) for hour in range(200)])
    assert len(hours.saved.slots) == 168


def test_a_batch_that_left_the_queue_a_little_later_than_a_newer_one_changes_nothing() -> None:
    found = delivered((NOW_MS + 30_000, NOW_MS + 30_000), (NOW_MS, NOW_MS))
    assert found.find(NOW_MS + 30_000).place is ReadingPlace.WRITTEN
    assert found.saved.newest_ms == NOW_MS + 30_000
    flying = Deliveries()
    flying.post("a", NOW_MS, NOW_MS)
    flying.post("a", NOW_MS + 9000, NOW_MS + 9000)
    assert flying.saved.newest_ms == NOW_MS, "it has left already"
    assert flying.find(NOW_MS + 9000).place is ReadingPlace.MEMORY
    flying.gave_up("a")
    assert flying.find(NOW_MS).place is ReadingPlace.WRITTEN
    flying.wrote("never posted", NOW_MS)
    flying.store("never posted", 1)
    assert flying.saved.stored == []


def test_batches_of_a_minute_in_rows_that_follow_each_other_are_one_span_until_the_last_row_is_settled() -> None:
    found = Deliveries()
    for at_ms, row in ((0, 7), (60_000, 8), (60_001, 9), (70_000, 11), (69_000, 11)):
        found.post(at_ms, NOW_MS + at_ms, NOW_MS + at_ms)
        found.store(at_ms, row)
    spans = [(span.first_ms - NOW_MS, span.last_ms - NOW_MS, span.first_row, span.last_row) for span in found.saved.stored]
    assert spans == [(0, 60_000, 7, 8), (60_001, 60_001, 9, 9), (70_000, 70_000, 11, 11), (69_000, 69_000, 11, 11)]
    found.settle_row(7, NOW_MS, written=True)
    assert found.find(NOW_MS).place is ReadingPlace.JOURNAL
    found.settle_row(8, NOW_MS + 70_000, written=False)
    assert found.find(NOW_MS).place is ReadingPlace.GIVEN_UP, "a part of it was"
    found.settle_row(99, NOW_MS, written=True)
    assert len(found.saved.stored) == 3, "no span has this row"
    wide = Deliveries()
    wide.post("a", NOW_MS, NOW_MS + 500)
    wide.store("a", 1)
    assert [wide.find(NOW_MS + at).place is ReadingPlace.JOURNAL for at in (-6, -5, 505, 506)] == [False, True, True, False]
