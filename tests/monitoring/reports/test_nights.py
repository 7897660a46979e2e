"""Lowest flows of nights, outages and usual hours, from points in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import TypeVar

from gateway.ingest.database.store import StoredSeries, TimeSpan
from gateway.monitoring.reports.nights import LowestFlow, month_figures, night_flows, night_of, outages, usual_hours
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, VIETNAM, steady

T = TypeVar("T")
TODAY = TimeSpan(START, START + DAY)
QUARTER = timedelta(minutes=15)
METER = RegisteredDevice("m", domain="water", interval=QUARTER)
POWER = RegisteredDevice("p", domain="power", interval=QUARTER)


async def _all(answers: AsyncIterator[T]) -> list[T]:
    return [answer async for answer in answers]


def flows_of(lines: Iterable[str], *devices: RegisteredDevice) -> dict[StoredSeries, LowestFlow]:
    return asyncio.run(night_flows(MemoryStore(lines), Roster(devices), TODAY, VIETNAM, START + 2 * DAY))


def flow(device: str, time_ms: int, m3_h: float) -> str:
    return f"water,device={device},site=s flow_m3_h={m3_h},quality=0i {time_ms}"


def test_the_night_is_from_midnight_to_five_of_the_local_day() -> None:
    assert night_of(TODAY, VIETNAM) == TimeSpan(START, START + 5 * HOUR)


def test_the_lowest_flow_is_that_of_the_readings_of_the_night_with_the_share_of_those_that_came() -> None:
    times = range(START, START + 5 * HOUR, EVERY)
    sent = [flow("m", at, 3.0) for at in times if at != START + HOUR] + [flow("m", START + 2 * HOUR, 0.5)]
    found = flows_of([*sent, flow("m", START - 1, 0.1), flow("m", START + 5 * HOUR, 0.2), flow("strange", START, 0.0)], METER)
    assert found == {StoredSeries("m"): LowestFlow(0.5, 0.95)}
    lazy = RegisteredDevice("lazy", domain="water")
    assert flows_of([flow("lazy", at, 1.0) for at in times], lazy) == {}, "nobody knows how many readings there should be"


def test_a_meter_that_sends_no_flow_has_that_of_its_lowest_hour_if_all_are_known() -> None:
    quiet = steady("m", START - HOUR, START + 2 * HOUR) + steady("m", START + 2 * HOUR, START + 6 * HOUR)
    assert flows_of(quiet, METER) == {StoredSeries("m"): LowestFlow(0.5, 1.0)}, "four readings of an eighth in each hour"
    known = [*steady("m", START - HOUR, START + 6 * HOUR), *(flow("m", START + HOUR, 9.0),)]
    assert flows_of(known, METER)[StoredSeries("m")].flow_m3_h == 9.0, "what it sends goes first"
    only_late = steady("m", START + HOUR + EVERY, START + 6 * HOUR)
    assert flows_of(only_late, METER) == {}, "an hour is not covered"
    assert flows_of([], METER) == {}


def test_a_meter_whose_clock_is_wrong_in_the_night_is_left_out_of_it() -> None:
    """Its night is the afternoon: it would be the first in the list of leaks."""
    sent = [flow("m", at, 3.0) for at in range(START, START + 5 * HOUR, EVERY)]

    def wrong(from_ms: int, until_ms: int, *, over: int = 0) -> str:
        return f"event,device=m,kind=clock,site=s clock_from_ms={from_ms},clock_over={over},value=1 {until_ms}"

    assert flows_of([*sent, wrong(START - DAY, START + 2 * HOUR)], METER) == {}
    assert flows_of([*sent, wrong(START + 4 * HOUR, START + 23 * HOUR)], METER) == {}, "told later"
    for right in (wrong(START - DAY, START - HOUR, over=1), wrong(START + 5 * HOUR, START + 6 * HOUR)):
        assert flows_of([*sent, right], METER).keys() == {StoredSeries("m")}


def state(time_ms: int, *, out: bool) -> str:
    return f"power,device=p,site=s alarm_outage={str(out).lower()},quality=0i {time_ms}"


def outages_of(*told: tuple[int, bool]) -> dict[str, float]:
    lines = [state(START + after_ms, out=out) for after_ms, out in told]
    (found,) = asyncio.run(outages(MemoryStore(lines), Roster([POWER]), TODAY)).values()
    return found


def test_an_outage_lasts_to_the_next_reading_and_a_short_one_is_no_interruption() -> None:
    minute = 60_000
    told = [(0, False), (HOUR, True), (HOUR + 5 * minute, False), (2 * HOUR, True), (2 * HOUR + 6 * minute, False)]
    assert outages_of(*told) == {"outage_s": 660.0, "interruption_s": 360.0, "interruptions": 1.0, "momentary": 1.0}
    assert outages_of((0, False), (HOUR, False)) == {
        "outage_s": 0.0,
        "interruption_s": 0.0,
        "interruptions": 0.0,
        "momentary": 0.0,
    }


def test_an_outage_over_midnight_counts_within_the_day_and_began_on_the_day_of_its_begin() -> None:
    before = outages_of((-HOUR, True), (HOUR, True), (2 * HOUR, False))
    assert before == {"outage_s": 7200.0, "interruption_s": 7200.0, "interruptions": 0.0, "momentary": 0.0}
    beyond = outages_of((DAY - HOUR, True), (DAY + HOUR, False))
    assert beyond == {"outage_s": 3600.0, "interruption_s": 3600.0, "interruptions": 1.0, "momentary": 0.0}
    assert outages_of((0, True), (HOUR, False))["interruptions"] == 1.0, "the first instant is of the day"
    assert outages_of((DAY, True), (DAY + HOUR, False))["interruptions"] == 0.0
    assert outages_of((HOUR, True), (2 * HOUR, True))["outage_s"] == 3600.0, "as far as is known"


def test_customers_are_counted_and_neither_a_transformer_nor_what_is_behind_a_customers_meter() -> None:
    devices = (
        RegisteredDevice("transformer", domain="power"),
        RegisteredDevice("house", domain="power", parent="transformer"),
        RegisteredDevice("block", domain="power", parent="transformer", role="use"),
        RegisteredDevice("stairs", domain="power", parent="block"),
        RegisteredDevice("flat", domain="power", parent="stairs", role="use"),
        RegisteredDevice("alone", domain="power"),
    )
    assert Roster(devices).customers() == {"house", "block", "alone"}


def test_only_outages_of_registered_power_meters_are_told() -> None:
    lines = [f"power,device={name},site=s alarm_outage=true {START}" for name in ("x", "m", "p")]
    assert set(asyncio.run(outages(MemoryStore(lines), Roster([POWER, METER]), TODAY))) == {StoredSeries("p")}


def test_a_month_has_its_lowest_night_and_all_its_outages() -> None:
    lines = [
        f"daily,device=m,site=s flow_night_min_m3_h=0.5,outage_s=60,interruptions=1 {START}",
        f"daily,device=m,site=s flow_night_min_m3_h=0.25 {START + 3}",
        f"daily,device=m,site=s flow_night_min_m3_h=0.75,outage_s=30,interruptions=2 {START + DAY}",
        f"daily,device=m,site=s volume_used_m3=5 {START + 2 * DAY}",
        f"daily,device=strange,site=s outage_s=30 {START}",
        f"daily,device=bare,site=s volume_used_m3=5 {START}",
    ]
    roster = Roster([METER, RegisteredDevice("bare", domain="water")])
    found = asyncio.run(month_figures(MemoryStore(lines), roster, TimeSpan(START, START + 31 * DAY)))
    assert found == {StoredSeries("m"): {"flow_night_min_m3_h": 0.25, "outage_s": 30.0, "interruptions": 2.0}}


def hours_of(lines: Iterable[str], *fields: str) -> dict[str, dict[str, list[float | None]]]:
    roster = Roster([METER, POWER])
    told = usual_hours(MemoryStore(lines), roster, fields, START, VIETNAM)
    return {device: {name: list(hours) for name, hours in found.items()} for device, found in asyncio.run(_all(told))}


def hourly(days_ago: int, hour: int, fields: str, late_ms: int = 0) -> str:
    return f"hourly,device=m,site=s {fields} {START - days_ago * DAY + hour * HOUR + late_ms}"


def test_what_is_usual_is_the_mean_of_three_days_at_least_of_the_last_fourteen() -> None:
    lines = [hourly(day, 7, f"pressure_mean_kpa={300 + day}") for day in (1, 2, 3, 14)]
    lines += [hourly(day, 8, "pressure_mean_kpa=300") for day in (1, 2)]
    lines += [hourly(15, 7, "pressure_mean_kpa=9000"), hourly(0, 7, "pressure_mean_kpa=9000")]
    lines += [hourly(1, 7, "pressure_mean_kpa=321", late_ms=2)]
    hours = hours_of(lines, "pressure_kpa")["m"]["pressure_kpa"]
    assert hours[7] == (321 + 302 + 303 + 314) / 4, "of an hour that was written twice the newest counts"
    assert [place for place, mean in enumerate(hours) if mean is not None] == [7]
    assert len(hours) == 24
    assert hours_of(lines, "voltage_l1_v") == {}


def test_the_flow_of_a_meter_that_sends_none_is_what_it_used_in_an_hour() -> None:
    used = [hourly(day, 7, "volume_used_m3=2") for day in (1, 2, 3)]
    assert hours_of(used, "flow_m3_h")["m"]["flow_m3_h"][7] == 2.0
    both = [hourly(day, 7, "volume_used_m3=2,flow_mean_m3_h=5") for day in (1, 2, 3)]
    assert hours_of(both, "flow_m3_h")["m"]["flow_m3_h"][7] == 5.0
    assert hours_of([], "flow_m3_h") == {}
