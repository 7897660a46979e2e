"""Estimates and corrections that people tell: spread over their days, in every figure, and taken back as easily."""

import asyncio

import pytest

from gateway.ingest.database.store import StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.boundaries import SumBoundary, Uncovered
from gateway.monitoring.reports.consumption import CounterUse, consumption
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.stored_counters import amount_line
from gateway.monitoring.reports.told_events import AmountKind, ToldAmount, taken_in, told_amounts
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, HOUR, START, steady
from tests.monitoring.reports.stores import Filled

METER = RegisteredDevice(id="m1", domain="water", site="s")
OTHER = RegisteredDevice(id="m2", domain="water", site="s")
NOW = START + 40 * DAY
MILLION = 1_000_000


def days(first: int, end: int) -> TimeSpan:
    return TimeSpan(START + first * DAY, START + end * DAY)


def estimate(first: int, end: int, amount: float) -> ToldAmount:
    return ToldAmount(AmountKind.ESTIMATE, days(first, end), round(amount * MILLION))


def correct(first: int, end: int, amount: float) -> ToldAmount:
    return ToldAmount(AmountKind.CORRECT, days(first, end), round(amount * MILLION))


def said(filled: Filled, told: ToldAmount, at_ms: int, *, undone: bool = False) -> None:
    filled.write([amount_line(METER, StoredSeries("m1"), "volume_m3", told, at_ms, is_undone=undone)])


def used(filled: Filled, *spans: TimeSpan) -> list[CounterUse]:
    async def question(store: object) -> list[CounterUse]:
        found = consumption(store, Roster([METER, OTHER]), "water", spans, NOW)  # type: ignore[arg-type]
        return [next(use for use in period.uses if use.series.device == "m1") async for period in found]

    return filled.ask(question)


def test_shares_of_hours_add_up_to_the_amount_whatever_it_is() -> None:
    told = estimate(0, 3, 0.000007)
    hours = [TimeSpan(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(-2, 80)]
    assert sum(map(told.within, hours)) == 7
    assert sum(map(correct(0, 3, -0.000007).within, hours)) == -7
    assert {told.within(hours[0]), told.within(hours[-1])} == {0}


@pytest.mark.real
def test_an_estimate_stands_where_the_register_is_silent_and_days_add_up_to_the_month(filled: Filled) -> None:
    filled.write(steady("m1", START - HOUR, START + 10 * DAY + 12 * HOUR, 1.0))  # 96 m3 a day; it died on the 11th at noon
    month, by_day = days(0, 30), [days(day, day + 1) for day in range(30)]
    assert used(filled, month)[0].uncovered is Uncovered.NOTHING_AFTER
    said(filled, estimate(11, 30, 190), NOW - 9)
    (whole,) = used(filled, month)
    # Until the last reading at a quarter to twelve of the 11th: 10 days and 11.75 hours.
    assert whole.used == (960 + 47 + 190) * MILLION
    assert whole.is_estimated
    assert whole.marks.measured == pytest.approx(1007 / 1197)
    each = used(filled, *by_day)
    assert sum(use.used or 0 for use in each) == whole.used
    assert [use.used for use in each[9:13]] == [96 * MILLION, 47 * MILLION, 10 * MILLION, 10 * MILLION]
    measured = [use.marks.measured for use in each[9:13]]
    assert measured == [1.0, pytest.approx(11.75 / 24), 0.0, 0.0], "of the 11th the register tells until a quarter to twelve"
    assert used(filled, days(11, 12))[0].used == 10 * MILLION


@pytest.mark.real
def test_an_estimate_goes_on_before_a_register_that_counts_again(filled: Filled) -> None:
    filled.write(steady("m1", START - HOUR, START + 5 * DAY, 1.0) + steady("m1", START + 8 * DAY, START + 31 * DAY, 1.0))
    said(filled, estimate(5, 8, 30), NOW - 9)
    # Five days of 96, less the quarter before the gap whose reading is missing; 22 days behind it; 30 in between.
    (whole,) = used(filled, days(0, 30))
    assert whole.used == (5 * 96 + 30 + 22 * 96) * MILLION


@pytest.mark.real
def test_a_correction_is_added_to_the_days_that_it_names_and_may_be_less_than_nothing(filled: Filled) -> None:
    filled.write(steady("m1", START - HOUR, START + 31 * DAY, 1.0))
    said(filled, correct(3, 5, -12), NOW - 9)
    found = used(filled, *(days(day, day + 1) for day in range(2, 6)))
    assert [use.used for use in found] == [96 * MILLION, 90 * MILLION, 90 * MILLION, 96 * MILLION]
    assert [use.is_estimated for use in found] == [False, True, True, False]
    hours = [TimeSpan(START + 3 * DAY + hour * HOUR, START + 3 * DAY + (hour + 1) * HOUR) for hour in range(24)]
    assert {use.used for use in used(filled, *hours)} == {3_750_000}


@pytest.mark.real
def test_the_last_word_counts_and_what_is_taken_back_leaves_nothing(filled: Filled) -> None:
    filled.write(steady("m1", START - HOUR, START + 31 * DAY, 1.0))
    said(filled, correct(3, 5, -12), NOW - 9)
    said(filled, correct(3, 5, 8), NOW - 8)
    assert used(filled, days(0, 30))[0].used == (30 * 96 + 8) * MILLION
    said(filled, correct(3, 5, 8), NOW - 7, undone=True)
    (whole,) = used(filled, days(0, 30))
    assert (whole.used, whole.is_estimated, whole.told) == (30 * 96 * MILLION, False, None)
    said(filled, estimate(3, 6, 5), NOW - 6)
    said(filled, estimate(5, 8, 7), NOW - 5)
    assert used(filled, days(0, 30))[0].used == (27 * 96 + 7) * MILLION, "the later of two estimates that overlap"


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [
        (SumBoundary(0, None, Uncovered.NO_READING, is_estimated=False, reading=None), None, Uncovered.NO_READING),
        (SumBoundary(0, 900, None, is_estimated=False, reading=None), None, Uncovered.WENT_BACK),
    ],
)
def test_an_amount_does_not_hide_that_the_rest_is_not_known(first: SumBoundary, last: None, why: Uncovered) -> None:
    ends = SumBoundary(4 * DAY, 400, None, is_estimated=False, reading=None)
    told = ToldAmount(AmountKind.ESTIMATE, TimeSpan(2 * DAY, 4 * DAY), 50)
    found = taken_in(first, last or ends, [told], lambda at_ms: ends._replace(at_ms=at_ms))
    assert found is not None
    assert (found.used, found.uncovered) == (None, why)


@pytest.mark.parametrize(
    ("later", "is_said"),
    [
        pytest.param(SumPoint(START + 35 * DAY, 130.0, 130.0), True, id="its register was read again"),
        pytest.param(SumPoint(START + 35 * DAY, 100.5, 0.5), False, id="its meter was exchanged"),
        pytest.param(SumPoint(START + 10 * DAY + HOUR, 101.0, 101.0), False, id="it died on the first day of the estimate"),
        pytest.param(None, False, id="it is silent still"),
    ],
)
def test_an_estimate_whose_register_tells_by_itself_what_was_used_is_said(later: SumPoint | None, is_said: bool) -> None:  # noqa: FBT001
    dead = SumPoint(START + 10 * DAY - HOUR, 100.0, 100.0)
    span, told = days(10, 30), estimate(10, 30, 20)
    first = SumBoundary(span.start_ms, 100 * MILLION, None, is_estimated=True, reading=dead, after=later)
    last = SumBoundary(span.end_ms, None, Uncovered.NOTHING_AFTER, is_estimated=False, reading=dead)
    if later is not None:
        is_behind = later.time_ms > span.end_ms
        last = last._replace(reading=dead if is_behind else later, after=later if is_behind else None)
    found = taken_in(first, last, [told], lambda _: first)
    assert found is not None
    assert (found.used, found.is_read_again) == (20 * MILLION, is_said)


def test_what_was_told_of_another_age_or_beyond_measure_stands_nowhere() -> None:
    slips = [
        ToldAmount(AmountKind.ESTIMATE, TimeSpan(-62_135_622_390_000, START), 4 * MILLION),
        ToldAmount(AmountKind.CORRECT, TimeSpan(START - 401 * DAY, START), 4 * MILLION),
        ToldAmount(AmountKind.CORRECT, days(3, 4), 10**300),
    ]
    told = [*slips, estimate(1, 2, 4.5)]
    lines = [amount_line(METER, StoredSeries("m1"), "volume_m3", one, NOW - at, is_undone=False) for at, one in enumerate(told)]
    found = asyncio.run(told_amounts(MemoryStore(lines), Roster([METER]), "water", NOW))
    assert found == {(StoredSeries("m1"), "volume_m3"): [estimate(1, 2, 4.5)]}
