"""Roll-ups, balances and their points, from points in memory."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.balance import ParentBalance, balance
from gateway.monitoring.reports.boundaries import Marks, ReportStep, Uncovered, hours
from gateway.monitoring.reports.completeness import PeriodCompleteness
from gateway.monitoring.reports.consumption import ReportGroup, consumption, totals
from gateway.monitoring.reports.network import MeterNetwork, TankLevels
from gateway.monitoring.reports.rollup_points import (
    RollupPoint,
    area_tags,
    balance_point,
    completeness_point,
    device_tags,
    interruption_point,
)
from gateway.monitoring.reports.rollups import AreaTotals, rolled
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, VIETNAM, steady

T = TypeVar("T")
LATER = START + 100 * DAY
SOUND = Marks()._asdict()


def meter(name: str, parent: str | None = None, area: str | None = "north", domain: str = "water") -> RegisteredDevice:
    made = RegisteredDevice(name, interval=timedelta(minutes=15), parent=parent, area=area, site="s")
    return replace(made, domain=domain)  # type: ignore[arg-type]


MAIN, LEFT, RIGHT = meter("main"), meter("left", "main"), meter("right", "main")


async def _all(answers: AsyncIterator[T]) -> list[T]:
    return [answer async for answer in answers]


def balances(store: MemoryStore, *devices: RegisteredDevice, spans: list[TimeSpan]) -> list[ParentBalance]:
    return asyncio.run(_all(balance(store, Roster(devices), "water", spans, VIETNAM, LATER)))


def test_children_stand_behind_parents_of_their_domain_whatever_the_spelling() -> None:
    eui = meter("70B3D5E75E000001")
    child, other = meter("c", "70b3d5e75e000001"), meter("o", "p")
    strange, lost = meter("p", domain="power"), meter("l", "nobody")
    devices = Roster([eui, child, other, strange, lost]).of_domain("water")
    assert MeterNetwork(devices, "water", devices).families() == {"70B3D5E75E000001": (["70B3D5E75E000001"], ["c"])}


def test_a_balance_is_what_came_in_less_what_went_out_with_how_much_of_each_is_known() -> None:
    store = MemoryStore(
        steady("main", START, START + 2 * DAY + HOUR, 0.5) + steady("left", START, START + 2 * DAY + HOUR, 0.125)
    )
    store.write(steady("right", START, START + DAY + HOUR, 0.25))
    store.write(line for line in steady("right", START + DAY + 2 * HOUR, START + 2 * DAY + HOUR, 0.25))
    first, second = balances(
        store, MAIN, LEFT, RIGHT, spans=[TimeSpan(START, START + DAY), TimeSpan(START + DAY, START + 2 * DAY)]
    )
    assert (first.inflow, first.outflow, first.lost, first.share) == (48_000_000, 36_000_000, 12_000_000, 0.25)
    assert (first.children, first.uncovered_children, first.uncovered, first.marks) == (2, 0, None, Marks())
    assert (first.completeness_in, first.completeness_out) == (1.0, 1.0)
    assert second.flows.period == TimeSpan(START + DAY, START + 2 * DAY)
    assert second.completeness_in == 1.0
    assert second.completeness_out == (96 + 92) / 192
    point = balance_point(first, ReportStep.DAY)
    assert point is not None
    tags = "area=north,device=main,domain=water,site=s,step=day"
    shown = "used_m3=36.0,supplied_m3=48.0,lost_m3=12.0,estimated=0.0,suspect=0.0,measured=1.0"
    assert point.line(0) == f"balance,{tags} in=48.0,out=36.0,completeness_in=1.0,completeness_out=1.0,{shown} {START}"


def test_without_a_child_or_the_parent_there_is_no_balance() -> None:
    spans = [TimeSpan(START, START + DAY)]
    store = MemoryStore(steady("main", START, START + DAY + HOUR) + steady("left", START, START + DAY + HOUR))
    (found,) = balances(store, MAIN, LEFT, RIGHT, spans=spans)
    assert (found.inflow, found.outflow, found.lost, found.share) == (12_000_000, None, None, None)
    assert (found.uncovered, found.uncovered_children) == (Uncovered.CHILD_MISSING, 1)
    assert balance_point(found, ReportStep.DAY) is None
    (other,) = balances(MemoryStore(steady("left", START, START + DAY + HOUR)), MAIN, LEFT, spans=spans)
    assert (other.inflow, other.outflow, other.lost) == (None, 12_000_000, None)
    assert (other.uncovered, other.completeness_in, other.completeness_out) == (Uncovered.NO_READING, 0.0, 1.0)
    assert balance_point(other, ReportStep.DAY) is None
    assert balances(store, MAIN, spans=spans) == []


def test_the_points_of_a_period_have_what_was_used_and_the_spread_of_each_gauge() -> None:
    spans = list(hours(TimeSpan(START, START + 2 * HOUR)))
    store = MemoryStore(steady("main", START - HOUR, START + 3 * HOUR))
    store.write(f"water,device=main,site=s pressure_kpa={300 + at} {START + at * EVERY}" for at in range(4))
    store.write(
        [f"water,device=main,site=s,channel=c2 pressure_kpa=200 {START}", f"water,device=x,site=s pressure_kpa=1 {START}"]
    )
    roster = Roster([MAIN, LEFT])
    first, second = asyncio.run(_all(rolled(store, roster, "water", spans, LATER)))
    found = {point.tags: dict(point.fields) for point in first.points(roster, ReportStep.HOUR)}
    own, channel = (device_tags(MAIN, StoredSeries("main", channel)) for channel in ("", "c2"))
    pressures = {"pressure_min_kpa": 300.0, "pressure_mean_kpa": 301.5, "pressure_max_kpa": 303.0}
    assert found == {
        own: {"volume_used_m3": 0.5, **pressures, **SOUND},
        channel: {"pressure_min_kpa": 200.0, "pressure_mean_kpa": 200.0, "pressure_max_kpa": 200.0, **SOUND},
    }
    assert not list(first.points(roster, ReportStep.HOUR, only={"left"}))
    more = {StoredSeries("main"): {"outage_s": 5.0}, StoredSeries("left"): {"outage_s": 6.0}}
    beside = [
        (point.measurement, point.start_ms, dict(point.fields)) for point in second.points(roster, ReportStep.DAY, more=more)
    ]
    assert beside == [
        ("daily", START + HOUR, {"outage_s": 6.0, **SOUND}),
        ("daily", START + HOUR, {"volume_used_m3": 0.5, "outage_s": 5.0, **SOUND}),
    ]


def test_areas_have_their_devices_and_their_hours_the_place_in_the_local_day() -> None:
    spans = list(hours(TimeSpan(START + 7 * HOUR, START + 9 * HOUR)))
    bare = meter("bare", area=None)
    roster = Roster([MAIN, LEFT, bare])
    store = MemoryStore(steady("main", START, START + 10 * HOUR) + steady("bare", START, START + 10 * HOUR))
    store.write([f"water,device=main,site=s flow_m3_h=2 {START + 7 * HOUR}"])
    areas = AreaTotals("water")
    for part in asyncio.run(_all(rolled(store, roster, "water", spans, LATER))):
        areas.add(part, roster)
    asyncio.run(areas.settle(roster, TankLevels(store, roster)))
    first, second = areas.points(ReportStep.HOUR)
    assert (first.measurement, first.tags, first.start_ms) == ("hourly_area", area_tags("north", "water"), START + 7 * HOUR)
    about = {"volume_used_m3": 0.5, "supplied": 0.5, "supplied_m3": 0.5, "devices": 2.0, "uncovered": 1.0, **SOUND}
    about |= {f"supplied_{mark}": share for mark, share in SOUND.items()}
    assert first.fields == about | {"flow_min_m3_h": 2.0, "flow_mean_m3_h": 2.0, "flow_max_m3_h": 2.0}
    assert second.fields == about
    used = {"volume_used_m3": 0.5, "supplied_m3": 0.5, **SOUND}
    peaks = [(point.measurement, point.tags, dict(point.fields)) for point in areas.hours_of_day(VIETNAM)]
    assert peaks == [("hour_of_day", area_tags("north", "water", hour), used) for hour in ("07", "08")]


def test_hours_inside_a_gap_are_estimated_and_hours_with_a_suspect_step_say_so() -> None:
    # Readings until 2:00 and from 6:00 on: 4 hours of 2 each lie between.
    read = [line for line in steady("main", START, START + 9 * HOUR, 0.5) if not 2 < (int(line.split()[-1]) - START) / HOUR < 6]
    store = MemoryStore([*read, f"water,device=main,site=s volume_m3=9,quality=4i {START + 7 * HOUR + 1}"])
    roster, span = Roster([MAIN]), TimeSpan(START + HOUR, START + 8 * HOUR)
    rolled_hours = asyncio.run(_all(rolled(store, roster, "water", list(hours(span)), LATER)))
    found = [dict(point.fields) for hour in rolled_hours for point in hour.points(roster, ReportStep.HOUR)]
    assert [fields["volume_used_m3"] for fields in found] == [2.0] * 7
    assert [fields["estimated"] for fields in found] == [0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    assert [fields["measured"] for fields in found] == [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    assert [fields["suspect"] for fields in found] == [0.0] * 6 + [1.0]
    day = TimeSpan(START, START + 8 * HOUR)  # 16 of which the gap holds none of its own: both edges are read
    (whole,) = asyncio.run(_all(rolled(store, roster, "water", [day], LATER)))
    (point,) = whole.points(roster, ReportStep.DAY)
    assert (point.fields["volume_used_m3"], point.fields["estimated"], point.fields["measured"]) == (16.0, 0.0, 1.0)
    cut = TimeSpan(START, START + 4 * HOUR)  # 8, of which half lies between the last reading and the edge
    (half,) = asyncio.run(_all(rolled(store, roster, "water", [cut], LATER)))
    (point,) = half.points(roster, ReportStep.DAY)
    assert (point.fields["volume_used_m3"], point.fields["estimated"], point.fields["measured"]) == (8.0, 1.0, 0.5)


def test_what_is_a_count_without_a_register_has_a_peak_too() -> None:
    roster = Roster([meter("t", domain="traffic")])
    store = MemoryStore([f"traffic,device=t,site=s vehicle_count=12,mean_speed_km_h=30 {START}"])
    areas = AreaTotals("traffic")
    for part in asyncio.run(_all(rolled(store, roster, "traffic", [TimeSpan(START, START + HOUR)], LATER))):
        areas.add(part, roster)
    (peak,) = areas.hours_of_day(VIETNAM)
    assert set(peak.fields) == {"vehicle_count_mean", *SOUND}


def test_points_about_a_day_of_a_device() -> None:
    device = RegisteredDevice("70B3D5E75E000001", domain="power", area="north", site="s")
    figures = PeriodCompleteness(96.0, 1.0, 95.0, 94.0, 2, 3, 1800.0, 900.0)
    tags = tag_text([("area", "north"), ("device", "70b3d5e75e000001"), ("domain", "power"), ("site", "s")])
    counted = (
        "expected=96.0,missing=1.0,received=95.0,on_time=94.0,estimated=2.0,suspect=3.0,longest_gap_s=1800.0,interval_s=900.0"
    )
    assert completeness_point(device, figures, START).line(0) == f"completeness{tags} {counted} {START}"
    some = [{"interruption_s": 60.0, "interruptions": 1.0}, {"interruption_s": 40.0, "interruptions": 2.0, "outage_s": 7.0}]
    point = interruption_point(device, some, START)
    assert point.line(3) == f"completeness{tags} interruption_s=100.0,interruptions=3.0 {START + 3}", "its third writing"
    assert RollupPoint("m", "", {"a b": 1.5}, 7).line(0) == "m a\\ b=1.5 7"
    exchanged = RegisteredDevice("70B3D5E75E000001", source="70B3D5E75E000002")
    assert device_tags(exchanged) == ",device=70B3D5E75E000001", "as it stands there since the exchange"


def test_a_total_leaves_out_a_device_of_which_any_part_is_missing_and_names_what_is_estimated_or_suspect() -> None:
    gap = [
        line
        for line in steady("right", START - HOUR, START + DAY + HOUR)
        if not START - HOUR < int(line.split()[-1]) < START + HOUR
    ]
    lines = [*steady("main", START, START + DAY + HOUR), *gap, *steady("left", START + HOUR, START + DAY + HOUR)]
    lines += [f"water,device=main,site=s volume_m3=1,quality=4i {START + HOUR + 1}"]
    roster, spans = Roster([MAIN, LEFT, RIGHT, meter("far", area="south")]), [TimeSpan(START, START + DAY)]
    (period,) = asyncio.run(_all(consumption(MemoryStore(lines), roster, "water", spans, LATER)))
    south, north = sorted(totals(period, "water", ReportGroup.AREA, roster), key=lambda total: total.group, reverse=True)
    assert (north.group, north.covered, north.uncovered) == ("north", {"main", "right"}, {"left"})
    assert (north.used, north.estimated, north.suspect) == (24_000_000, {"right"}, 1)
    assert (south.group, south.covered, south.uncovered, south.used) == ("south", set(), {"far"}, 0)
    groups = {by: [total.group for total in totals(period, "water", by, roster)] for by in ReportGroup}
    assert groups[ReportGroup.DEVICE] == ["far", "left", "main", "right"]
    assert groups[ReportGroup.SITE] == ["s"]
    assert groups[ReportGroup.DOMAIN] == ["water"]
    assert groups[ReportGroup.PARENT] == ["", "main"]
