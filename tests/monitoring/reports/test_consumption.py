"""Consumption, totals and balance from points in real databases: the same figures from each."""

from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta

import pytest

from gateway.ingest.database.store import Store, SumPoint, TimeSpan
from gateway.monitoring.reports.balance import ParentBalance, balance
from gateway.monitoring.reports.boundaries import ReportStep, Uncovered, periods
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse, ReportGroup, consumption, totals
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.conftest import VICTORIA_METRICS_IS_SLOW
from tests.monitoring.reports.points import DAY, FIRST, HOUR, START, VIETNAM, point, steady
from tests.monitoring.reports.stores import Filled

pytestmark = pytest.mark.real

LATER = START + 1000 * DAY


def meter(name: str, area: str | None = None, parent: str | None = None) -> RegisteredDevice:
    return RegisteredDevice(name, domain="water", interval=timedelta(minutes=15), area=area, parent=parent)


def days(number: int, first: date = FIRST) -> list[TimeSpan]:
    return list(periods(first, first + timedelta(days=number - 1), ReportStep.DAY, VIETNAM))


def used(
    filled: Filled, devices: Sequence[RegisteredDevice], spans: Sequence[TimeSpan], now_ms: int = LATER
) -> dict[str, list[CounterUse]]:
    """Return the uses of each device, period by period."""
    found: dict[str, list[CounterUse]] = {}
    for period in filled.every(lambda store: consumption(store, Roster(devices), "water", spans, now_ms)):
        for use in period.uses:
            found.setdefault(f"{use.series.device} {use.series.channel}".strip(), []).append(use)
    return found


def m3(uses: Sequence[CounterUse]) -> list[float | None]:
    return [None if use.used is None else use.used / 1_000_000 for use in uses]


@VICTORIA_METRICS_IS_SLOW
def test_days_add_up_to_their_month_and_hours_to_their_day(filled: Filled) -> None:
    filled.write(steady("m", START - 7 * 60_000, START + 31 * DAY, per_reading=0.123457))
    month = list(periods(FIRST, date(2026, 9, 30), ReportStep.MONTH, VIETNAM))
    hours = list(periods(FIRST, FIRST, ReportStep.HOUR, VIETNAM))
    in_days = used(filled, [meter("m")], days(30))["m"]
    (in_month,) = used(filled, [meter("m")], month)["m"]
    in_hours = used(filled, [meter("m")], hours)["m"]
    assert sum(use.used or 0 for use in in_days) == in_month.used
    assert sum(use.used or 0 for use in in_hours) == in_days[0].used
    assert m3([in_month]) == [pytest.approx(30 * 96 * 0.123457, abs=1e-5)]
    assert not in_month.is_estimated


def test_an_exchange_is_nothing_to_the_sum_and_the_rows_name_both_registers(filled: Filled) -> None:
    lines = [point("m", START, 900.5, 900.5), point("m", START + DAY, 0.25, 905.75)]
    filled.write([*lines, point("m", START + 2 * DAY, 10.25, 915.75)])
    first, second = used(filled, [meter("m")], days(2))["m"]
    assert m3([first, second]) == [5.25, 10]
    assert (first.first.reading, first.last.reading) == (SumPoint(START, 900.5, 900.5), SumPoint(START + DAY, 905.75, 0.25))


def test_a_boundary_in_a_gap_is_interpolated_and_marked(filled: Filled) -> None:
    filled.write(steady("m", START - HOUR, START + DAY - 6 * HOUR) + steady("m", START + DAY + 6 * HOUR, START + 3 * DAY))
    uses = used(filled, [meter("m")], days(3))["m"]
    assert m3(uses[:2]) == [12, 12]
    assert [use.is_estimated for use in uses] == [True, True, False]
    assert uses[2].uncovered is Uncovered.NOTHING_AFTER


def test_what_is_not_covered_says_so_from_the_first_period_on(filled: Filled) -> None:
    filled.write(steady("new", START + DAY + HOUR, START + 3 * DAY + HOUR) + steady("old", START - HOUR, START + DAY + HOUR))
    filled.write([f"water,device=gauge,site=s pressure_kpa=300,quality=0i {START + DAY}"])
    uses = used(filled, [meter("new"), meter("old"), meter("never"), meter("gauge")], days(3))
    assert m3(uses["new"]) == [None, None, 12]
    assert [use.uncovered for use in uses["new"]] == [Uncovered.NOTHING_BEFORE, Uncovered.NOTHING_BEFORE, None]
    assert m3(uses["old"]) == [12, None, None]
    assert [use.uncovered for use in uses["never"]] == [Uncovered.NO_READING] * 3
    assert "gauge" not in uses


def test_a_day_that_has_not_ended_is_not_covered(filled: Filled) -> None:
    filled.write(steady("m", START, START + DAY + 6 * HOUR))
    uses = used(filled, [meter("m")], days(2), now_ms=START + DAY + 6 * HOUR)["m"]
    assert m3(uses) == [12, None]
    assert uses[1].uncovered is Uncovered.NOT_OVER


def test_a_sum_that_goes_back_is_not_taken_for_consumption(filled: Filled) -> None:
    filled.write([point("m", START, 50, 50), point("m", START + DAY, 40, 40)])
    (use,) = used(filled, [meter("m")], days(1))["m"]
    assert (use.used, use.uncovered) == (None, Uncovered.WENT_BACK)


def test_channels_are_rows_of_their_own_and_an_eui_may_be_written_as_on_the_label(filled: Filled) -> None:
    filled.write(steady("24e124136d000001", START - HOUR, START + 2 * DAY, 0.5, ",channel=1"))
    filled.write(steady("24e124136d000001", START - HOUR, START + 2 * DAY, 0.25, ",channel=2"))
    uses = used(filled, [meter("24-E1-24-13-6D-00-00-01")], days(1))
    assert {name: m3(of) for name, of in uses.items()} == {
        "24-E1-24-13-6D-00-00-01 1": [48],
        "24-E1-24-13-6D-00-00-01 2": [24],
    }


def test_suspect_readings_are_counted_in_their_period(filled: Filled) -> None:
    filled.write(steady("m", START - HOUR, START + 3 * DAY))
    filled.write([point("m", START + offset, 9999.5, None, quality=4) for offset in (1, HOUR + 1, DAY)])
    uses = used(filled, [meter("m")], days(2))["m"]
    assert [use.suspect for use in uses] == [2, 1]
    assert m3(uses) == [12, 12]


def test_totals_say_how_many_devices_they_leave_out(filled: Filled) -> None:
    filled.write(steady("a", START - HOUR, START + 2 * DAY, 0.5) + steady("b", START - HOUR, START + 2 * DAY, 0.25))
    roster = Roster([meter("a", area="A1"), meter("b", area="A1"), meter("c", area="A1"), meter("d")])

    async def by_area(store: Store) -> AsyncIterator[tuple[str, int, int, int]]:
        period: PeriodUse
        async for period in consumption(store, roster, "water", days(1), LATER):
            for total in totals(period, "water", ReportGroup.AREA, roster):
                yield total.group, total.used, len(total.covered), len(total.uncovered)

    assert filled.every(by_area) == [("", 0, 0, 1), ("A1", 72_000_000, 2, 1)]


def test_a_balance_is_what_went_in_less_what_the_children_measured(filled: Filled) -> None:
    filled.write(steady("main", START - HOUR, START + 3 * DAY, 1.0))
    filled.write(steady("a", START - HOUR, START + 3 * DAY, 0.5) + steady("b", START - HOUR, START + DAY + 12 * HOUR, 0.25))
    devices = [meter("main"), meter("a", parent="main"), meter("b", parent="main"), meter("alone")]

    def rows() -> list[ParentBalance]:
        return filled.every(lambda store: balance(store, Roster(devices), "water", days(2), VIETNAM, START + 3 * DAY - HOUR))

    first, second = rows()
    assert (first.inflow, first.outflow, first.lost, first.share) == (96_000_000, 72_000_000, 24_000_000, 0.25)
    assert (first.completeness_in, first.completeness_out, first.uncovered) == (1, 1, None)
    assert (second.inflow, second.outflow, second.lost) == (96_000_000, None, None)
    assert (second.uncovered, second.uncovered_children, second.children) == (Uncovered.CHILD_MISSING, 1, 2)
    assert (second.completeness_in, second.completeness_out) == (1, 0.75)


def test_what_ran_back_is_taken_off_a_balance_and_a_child_without_a_register_takes_no_part(filled: Filled) -> None:
    """A roof feeds half a unit into its line in each interval; a gauge on the same main measures no volume."""
    filled.write(steady("main", START - HOUR, START + 2 * DAY, 1.0) + steady("a", START - HOUR, START + 2 * DAY, 1.25))
    filled.write(line.replace("volume_", "volume_reverse_") for line in steady("roof", START - HOUR, START + 2 * DAY, 0.5))
    filled.write([f"water,device=gauge pressure_kpa=300,quality=0i {START + HOUR}"])
    devices = [meter("main"), *(meter(name, parent="main") for name in ("a", "roof", "gauge"))]
    (row,) = filled.every(lambda store: balance(store, Roster(devices), "water", days(1), VIETNAM, LATER))
    assert (row.inflow, row.outflow, row.lost) == (96_000_000, 72_000_000, 24_000_000)
    assert (row.uncovered, row.uncovered_children, row.children) == (None, 0, 2)
