"""Figures of groups from points in memory: a silent meter stands with its usual day, and the marks say for how much."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Uncovered
from gateway.monitoring.reports.consumption import PeriodUse, ReportGroup
from gateway.monitoring.reports.flows import GroupFlows, group_figures
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.silent_meters import SilentMeters
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, FIRST, HOUR, START, VIETNAM, point, steady

LATER = START + 100 * DAY
EDGES = [START + at * DAY for at in (20, 21, 22)]
DAYS = [TimeSpan(*pair) for pair in pairwise(EDGES)]


def meter(id_: str, parent: str | None = None, **keys: object) -> RegisteredDevice:
    made = {"interval": timedelta(minutes=15), "domain": "water", "area": "A", **keys}
    return RegisteredDevice(id_, parent=parent, **made)  # type: ignore[arg-type]


def asked(store: MemoryStore, *devices: RegisteredDevice, spans: list[TimeSpan]) -> list[GroupFlows]:
    async def all_() -> list[GroupFlows]:
        found = group_figures(store, Roster(devices), "water", spans, VIETNAM, LATER, ReportGroup.AREA)
        return [row async for row in found if isinstance(row, GroupFlows)]

    return asyncio.run(all_())


def silent_from(end_ms: int, first_ms: int = START) -> MemoryStore:
    """A bulk meter of 48 m³ a day, a house of 24 that goes on, and one of 12 that sends no more."""
    until = START + 57 * DAY
    store = MemoryStore(steady("bulk", START, until, 0.5) + steady("h1", START, until, 0.25))
    store.write(steady("h2", first_ms, end_ms + 1, 0.125))
    return store


THREE = [meter("bulk"), meter("h1", "bulk"), meter("h2", "bulk")]


def test_a_silent_meter_stands_with_its_usual_day_and_the_marks_say_for_how_much() -> None:
    first, second = asked(silent_from(EDGES[0] + 6 * HOUR), *THREE, spans=DAYS)
    # 12 a day: a quarter of the first day is read, then none; the losses stay 48 - 24 - 12.
    for row in (first, second):
        assert (row.used.millionths, row.supplied.millionths) == (36 * MILLIONTHS, 48 * MILLIONTHS)
        assert (row.lost.millionths, row.left_out) == (12 * MILLIONTHS, 0)
    assert first.used.marks == pytest.approx((9 / 36, 0.0, 27 / 36))
    assert second.used.marks == pytest.approx((12 / 36, 0.0, 24 / 36))
    assert second.lost.marks.measured == pytest.approx(24 / 36)
    assert second.supplied.marks.estimated == 0.0


def test_an_estimate_follows_the_usual_hours_where_there_are_some() -> None:
    # All of its day flows from 7 to 8: its hourly roll-ups say so.
    store = silent_from(EDGES[0])
    for at in range(10, 20):
        for hour in range(24):
            store.write(
                [f"hourly,device=h2,site=s volume_used_m3={12.0 if hour == 7 else 0.0} {START + at * DAY + hour * HOUR}"]
            )
    spans = [TimeSpan(EDGES[0] + hour * HOUR, EDGES[0] + (hour + 1) * HOUR) for hour in (6, 7)]
    six, seven = asked(store, *THREE, spans=spans)
    assert (six.used.millionths, seven.used.millionths) == (1 * MILLIONTHS, 13 * MILLIONTHS)


@pytest.mark.parametrize(("days", "is_known"), [pytest.param(35, True, id="35"), pytest.param(36, False, id="longer")])
def test_an_estimate_holds_for_35_days(days: int, *, is_known: bool) -> None:
    end = START + 20 * DAY
    (row,) = asked(silent_from(end), *THREE, spans=[TimeSpan(end + (days - 1) * DAY, end + days * DAY)])
    if is_known:
        assert (row.used.millionths, row.lost.millionths) == (36 * MILLIONTHS, 12 * MILLIONTHS)
    else:
        assert (row.used.millionths, row.lost.cause, row.left_out) == (24 * MILLIONTHS, Uncovered.CHILD_MISSING, 1)
        assert row.used.marks.measured == 0.5


def test_a_meter_known_for_less_than_three_days_is_not_estimated() -> None:
    end = START + 20 * DAY
    (row,) = asked(silent_from(end + EVERY, end - 2 * DAY), *THREE, spans=[TimeSpan(end, end + DAY)])
    assert (row.lost.cause, row.left_out) == (Uncovered.CHILD_MISSING, 1)


def test_a_meter_that_was_put_up_in_the_period_counts_from_its_first_reading() -> None:
    store = MemoryStore(steady("bulk", START, START + 9 * DAY, 0.5) + steady("h1", START + 3 * DAY, START + 9 * DAY, 0.25))
    span = TimeSpan(START + 2 * DAY, START + 4 * DAY)
    (known,) = asked(store, meter("bulk"), meter("h1", "bulk", installed=FIRST + timedelta(days=3)), spans=[span])
    assert (known.used.millionths, known.lost.millionths) == (24 * MILLIONTHS, 72 * MILLIONTHS)
    (unknown,) = asked(store, meter("bulk"), meter("h1", "bulk"), spans=[span])
    assert (unknown.used.cause, unknown.lost.cause) == (Uncovered.NOTHING_BEFORE, Uncovered.CHILD_MISSING)


def test_behind_a_tank_a_day_is_less_what_it_took_in_and_an_hour_is_not_measured() -> None:
    store = silent_from(START + 40 * DAY)
    for at, level in ((EDGES[0] - HOUR, 2.0), (EDGES[0] + HOUR, 2.2), (EDGES[1], 2.5)):
        store.write([f"water,device=tank,site=s level_m={level},quality=0i {at}"])
    tank = meter("tank", "bulk", params={"tank_area_m2": 20})
    (day,) = asked(store, *THREE, tank, spans=[DAYS[0]])
    # From 2.1 m at midnight to 2.5 m: 0.4 m on 20 m² are 8 of the 12 m³.
    assert (day.lost.millionths, day.supplied.millionths) == (4 * MILLIONTHS, 48 * MILLIONTHS)
    (hour,) = asked(store, *THREE, tank, spans=[TimeSpan(EDGES[0], EDGES[0] + HOUR)])
    assert (hour.lost.cause, hour.used.millionths) == (Uncovered.TANK_BY_HOUR, 1_500_000)
    (without,) = asked(store, *THREE, tank, spans=[DAYS[1]])
    assert without.lost.cause is Uncovered.TANK_UNKNOWN


def test_of_things_that_are_counted_nothing_is_estimated() -> None:
    """Vehicles have no counter of what runs back: a closed hour of theirs asks for estimates all the same."""
    silent = SilentMeters(MemoryStore([]), Roster([meter("t1", domain="traffic")]), "traffic", VIETNAM)
    assert asyncio.run(silent.estimates(PeriodUse(DAYS[0], []))) == {}


def test_a_gap_through_which_nothing_seems_to_flow_marks_its_group() -> None:
    """An exchange behind a gap is held out, so the line through the gap is flat: one of two customers is not known."""
    until = START + 30 * DAY
    store = MemoryStore(steady("bulk", START, until, 0.5) + steady("h1", START, until, 0.25))
    ended = 100 + 20 * 96 * 0.125
    store.write(steady("h2", START, EDGES[0] + 1, 0.125))
    store.write([point("h2", at_ms, ended, ended) for at_ms in range(EDGES[-1] + HOUR, until, EVERY)])
    _, row = asked(store, *THREE, spans=DAYS)
    assert row.used.millionths == 24 * MILLIONTHS
    assert row.used.marks == pytest.approx((0.5, 0.0, 0.5))
    assert row.lost.marks.measured == pytest.approx(0.5)
