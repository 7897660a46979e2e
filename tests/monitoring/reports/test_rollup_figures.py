"""Figures of roll-ups beside sums and gauges, without a database."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from gateway.ingest.database.store import Counter, StoredSeries, SumPoint, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, ReportStep, SumBoundary, Uncovered
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse
from gateway.monitoring.reports.network import TankLevels
from gateway.monitoring.reports.rollups import AreaTotals, RolledPeriod, unbalance
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore

HOUR = TimeSpan(0, 3_600_000)


def used(device: str, amount: int | None) -> CounterUse:
    begin = SumBoundary(0, 0, None, is_estimated=False, reading=None)
    end = SumBoundary(HOUR.end_ms, None if amount is None else amount * MILLIONTHS, None, is_estimated=False, reading=None)
    return CounterUse(StoredSeries(device), Counter("water", "volume_m3"), begin, end, 0)


def areas_of(meters: Sequence[RegisteredDevice], amounts: dict[str, int | None]) -> dict[str, Mapping[str, float]]:
    roster, areas = Roster(meters), AreaTotals("water")
    areas.add(RolledPeriod("water", PeriodUse(HOUR, [used(*row) for row in amounts.items()]), {}), roster)
    asyncio.run(areas.settle(roster, TankLevels(MemoryStore(), roster)))
    return {point.tags: point.fields for point in areas.points(ReportStep.HOUR)}


def meter(id_: str, parent: str | None = None, area: str = "north") -> RegisteredDevice:
    return RegisteredDevice(id=id_, parent=parent, area=area, domain="water")


CHAIN = [meter("works"), meter("zone", "works", "south"), meter("house", "zone", "south"), meter("shop", "works")]


def test_areas_say_what_was_used_supplied_and_lost_and_counters_keep_what_they_meant() -> None:
    found = areas_of(CHAIN, {"works": 100, "zone": 60, "house": 50, "shop": 30})
    north = {"used_m3": 30.0, "supplied_m3": 40.0, "lost_m3": 10.0, "supplied": 40.0, "demand": 30.0, "volume_used_m3": 130.0}
    south = {"used_m3": 50.0, "supplied_m3": 60.0, "lost_m3": 10.0, "supplied": 60.0, "demand": 50.0, "volume_used_m3": 110.0}
    sound = {"estimated": 0.0, "suspect": 0.0, "measured": 1.0, "devices": 2.0, "uncovered": 0.0}
    sound |= {
        f"{figure}_{mark}": sound[mark] for figure in ("used", "supplied") for mark in ("estimated", "suspect", "measured")
    }
    assert found == {",area=north,domain=water": north | sound, ",area=south,domain=water": south | sound}


def test_without_any_meter_of_what_comes_in_an_area_has_a_use_alone() -> None:
    (found,) = areas_of([meter("one"), meter("other")], {"one": 5, "other": None}).values()
    left = {"used_m3": 5.0, "demand": 5.0, "volume_used_m3": 5.0, "devices": 2.0, "uncovered": 1.0}
    marks = {"estimated": 0.0, "suspect": 0.0, "measured": 0.5}
    assert found == left | marks | {f"used_{mark}": share for mark, share in marks.items()}


def test_a_meter_whose_first_sums_come_between_two_hours_is_left_out_of_the_hour_without_them() -> None:
    roster, areas = Roster(CHAIN), AreaTotals("water")
    amounts = {"works": 100, "zone": 60, "house": 50, "shop": 30}
    later = TimeSpan(HOUR.end_ms, 2 * HOUR.end_ms)
    for hour, there in ((HOUR, ["works", "zone", "house"]), (later, amounts)):
        uses = [used(name, amounts[name]) for name in there]
        areas.add(RolledPeriod("water", PeriodUse(hour, uses), {}), roster)
    asyncio.run(areas.settle(roster, TankLevels(MemoryStore(), roster)))
    first, second = (point.fields for point in areas.points(ReportStep.HOUR) if "area=north" in point.tags)
    assert ("used_m3" in first, "lost_m3" in first, first["supplied_m3"]) == (False, False, 40.0)
    assert (second["used_m3"], second["lost_m3"]) == (30.0, 10.0)


def test_only_the_areas_that_were_asked_about_whole_are_written() -> None:
    roster, areas = Roster(CHAIN), AreaTotals("water")
    amounts = {"works": 100, "zone": 60, "shop": 30}  # the house behind the zone was not asked about
    uses = [used(*row) for row in amounts.items()]
    areas.add(RolledPeriod("water", PeriodUse(HOUR, uses), {}), Roster(CHAIN[:2] + CHAIN[3:]))
    asyncio.run(areas.settle(roster, TankLevels(MemoryStore(), roster), {"north"}))
    (point,) = areas.points(ReportStep.HOUR)
    assert (point.tags, point.fields["lost_m3"]) == (",area=north,domain=water", 10.0)


def test_rain_on_an_area_is_the_mean_of_its_gauges() -> None:
    gauges = [RegisteredDevice(id=name, domain="urban", area="north") for name in "abc"]
    roster, areas, rain = Roster(gauges), AreaTotals("urban"), Counter("urban", "rain_mm")
    for name, fell in (("a", 2), ("b", 4), ("c", None)):
        use = used(name, fell)._replace(counter=rain)
        areas.add(RolledPeriod("urban", PeriodUse(HOUR, [use]), {}), roster)
    (point,) = areas.points(ReportStep.HOUR)
    assert (point.fields["rain_used_mm"], point.fields["uncovered"]) == (3.0, 1.0)


def test_a_month_is_shown_until_its_last_reading_and_an_hour_is_not() -> None:
    end = SumBoundary(HOUR.end_ms, None, Uncovered.NOTHING_AFTER, is_estimated=False, reading=SumPoint(900_000, 3.0, 3.0))
    use = used("m", 0)._replace(last=end)
    part, roster = RolledPeriod("water", PeriodUse(HOUR, [use]), {}), Roster([meter("m")])
    assert not list(part.points(roster, ReportStep.HOUR))
    (point,) = part.points(roster, ReportStep.MONTH)
    assert point.fields == {"volume_used_m3": 3.0, "estimated": 0.0, "suspect": 0.0, "measured": 0.25}


def test_a_gauge_of_an_area_is_the_lowest_and_highest_of_all_and_the_mean_of_its_devices_however_often_they_send() -> None:
    spreads = {
        StoredSeries(name): {"pressure_kpa": spread}
        for name, spread in {"a": (250.0, 300.0, 350.0), "b": (200.0, 310.0, 320.0), "c": (280.0, 350.0, 400.0)}.items()
    }
    areas = AreaTotals("water")
    areas.add(
        RolledPeriod("water", PeriodUse(HOUR, []), spreads), Roster([RegisteredDevice(id=n, area="north") for n in "abc"])
    )
    (point,) = areas.points(ReportStep.HOUR)
    named = {name: point.fields[f"pressure_{name}_kpa"] for name in ("min", "mean", "max")}
    assert named == {"min": 200.0, "mean": 320.0, "max": 400.0}


def test_unbalance_is_the_farthest_phase_from_the_mean_of_all_three() -> None:
    volts = {f"voltage_l{phase}_v": (0.0, mean, 999.0) for phase, mean in ((1, 210.0), (2, 220.0), (3, 230.0))}
    assert dict(unbalance(volts)) == {"voltage_unbalance_pct": pytest.approx(100 * 10 / 220)}
    assert dict(unbalance({"voltage_l1_v": (0.0, 220.0, 230.0)})) == {}
    assert dict(unbalance({f"current_l{phase}_a": (0.0, 0.0, 0.0) for phase in (1, 2, 3)})) == {}
