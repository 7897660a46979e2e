"""Figures of roll-ups beside sums and gauges, without a database."""

from collections.abc import Mapping, Sequence

import pytest

from gateway.ingest.database.store import Counter, StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, ReportStep, SumBoundary
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse
from gateway.monitoring.reports.rollups import AreaTotals, RolledPeriod, unbalance
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice

HOUR = TimeSpan(0, 3_600_000)
FAMILIES = {"works": ["zone"], "zone": ["house", "shop"]}


def used(device: str, amount: int | None) -> CounterUse:
    begin = SumBoundary(0, 0, None, is_estimated=False, reading=None)
    end = SumBoundary(HOUR.end_ms, None if amount is None else amount * MILLIONTHS, None, is_estimated=False, reading=None)
    return CounterUse(StoredSeries(device), Counter("water", "volume_m3"), begin, end, 0)


def flows(amounts: dict[str, int | None], families: Mapping[str, Sequence[str]] = FAMILIES) -> dict[str, float]:
    roster = Roster(RegisteredDevice(id=name, domain="water", area="north") for name in amounts)
    areas = AreaTotals("water", families)
    areas.add(RolledPeriod("water", PeriodUse(HOUR, [used(*row) for row in amounts.items()]), {}), roster)
    (point,) = areas.points(ReportStep.HOUR)
    return {name: point.fields[name] for name in ("supplied", "demand") if name in point.fields}


def test_supply_is_of_first_meters_and_demand_of_last_ones_so_nothing_counts_twice() -> None:
    assert flows({"works": 100, "zone": 90, "house": 30, "shop": 40}) == {"supplied": 100.0, "demand": 70.0}
    assert flows({"works": 100, "house": None}) == {"supplied": 100.0}
    assert flows({"works": 100, "house": 30, "alone": 5}) == {"supplied": 100.0, "demand": 30.0}


def test_without_any_parent_all_meters_are_demand() -> None:
    assert flows({"one": 5, "other": 6}, {}) == {"demand": 11.0}


def test_a_gauge_of_an_area_is_the_lowest_and_highest_of_all_and_the_mean_of_its_devices_however_often_they_send() -> None:
    spreads = {
        StoredSeries(name): {"pressure_kpa": spread}
        for name, spread in {"a": (250.0, 300.0, 350.0), "b": (200.0, 310.0, 320.0), "c": (280.0, 350.0, 400.0)}.items()
    }
    areas = AreaTotals("water", {})
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
