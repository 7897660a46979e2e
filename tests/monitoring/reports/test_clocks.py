"""Events about wrong clocks, and what reports read from them."""

import asyncio
from datetime import timedelta

import pytest

from gateway.core.devices.device import Device
from gateway.core.readings.replay import LateReadings
from gateway.core.readings.steps import HOUR_MS as UTC_HOUR_MS
from gateway.core.status.silence import Silence
from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.told_events import stands_wrongly, wrong_clocks
from gateway.runtime.jobs.own_points import ClockEvents
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, RULES, tell_time
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, HOUR, START, steady

BEHIND_MS = -7 * HOUR_MS
TAGS = "event,area=A1,device=m1,kind=clock,site=s1"
ENTRY = RegisteredDevice("m1", domain="water", site="s1", area="A1")
FIRST_MS = NOW_MS + BEHIND_MS


def told(offsets_ms: dict[int, int], minutes: int) -> tuple[list[str], LateReadings]:
    """The points of so many rounds of a minute, with a meter that begins a new offset at some minutes."""
    device, late, offset_ms = Device("m1", ENTRY), LateReadings(), 0
    late.close(NOW_MS)
    events, found = ClockEvents(Silence(), RULES, late), list[str]()
    for minute in range(minutes):
        offset_ms = offsets_ms.get(minute, offset_ms)
        if minute % 15 == 0:
            tell_time(device, offset_ms, NOW_MS + minute * MINUTE_MS)
        found += events.due([device])
    return found, late


def point(from_ms: int, at_ms: int, *, over: bool = False) -> str:
    return f"{TAGS} clock_from_ms={float(from_ms)!r},clock_over={float(over)!r},value=1.0 {at_ms}"


def test_a_clock_that_is_behind_is_told_each_hour_and_at_its_end() -> None:
    lines, late = told({0: BEHIND_MS, 210: 0}, 300)
    assert lines == [
        point(FIRST_MS, FIRST_MS + HOUR_MS),
        point(FIRST_MS, FIRST_MS + 2 * HOUR_MS),
        point(FIRST_MS, FIRST_MS + 3 * HOUR_MS),
        point(FIRST_MS, FIRST_MS + 195 * MINUTE_MS, over=True),
    ]
    assert late.drain() == {"m1": set(range(FIRST_MS // UTC_HOUR_MS, -(-NOW_MS // UTC_HOUR_MS)))}, "closed before it was known"


def test_a_right_clock_and_one_that_is_ahead_are_not_told() -> None:
    for offset_ms in (0, -30 * MINUTE_MS, 7 * HOUR_MS, -50 * DAY_MS):
        lines, late = told({0: offset_ms}, 300)
        assert (lines, late.drain()) == ([], {})


def test_what_waited_of_a_clock_that_is_ahead_is_told_once() -> None:
    """It is filed by arrival, hours after it was measured."""
    lines, _ = told({0: 7 * HOUR_MS, 60: 5 * HOUR_MS, 75: 7 * HOUR_MS}, 300)
    assert lines == [], (
        "a device that speaks each quarter of an hour has no readings that waited for two hours: its clock was set"
    )
    device = Device("m1", ENTRY)
    events, begin_ms, end_ms = ClockEvents(Silence(), RULES, LateReadings()), NOW_MS, NOW_MS + 3 * HOUR_MS
    tell_time(device, 7 * HOUR_MS, begin_ms)
    for second, offset_ms in enumerate((4 * HOUR_MS, 5 * HOUR_MS, 6 * HOUR_MS, 7 * HOUR_MS)):
        tell_time(device, offset_ms, end_ms + second * 1000)
    found = [line for _ in range(3) for line in events.due([device])]
    assert found == [point(begin_ms, end_ms + 2000, over=True)]


def read(lines: list[str], window: TimeSpan) -> dict[str, list[TimeSpan]]:
    return dict(asyncio.run(wrong_clocks(MemoryStore(lines), window, {"m1"})))


def test_a_clock_counts_as_wrong_until_its_next_event_is_due_or_it_is_over() -> None:
    window = TimeSpan(FIRST_MS, FIRST_MS + DAY_MS)
    going_on = [point(FIRST_MS, FIRST_MS + HOUR_MS), point(FIRST_MS, FIRST_MS + 2 * HOUR_MS)]
    assert read(going_on, window) == {"m1": [TimeSpan(FIRST_MS, FIRST_MS + 4 * HOUR_MS)]}
    over = [*going_on, point(FIRST_MS, FIRST_MS + 150 * MINUTE_MS, over=True)]
    assert read(over, window) == {"m1": [TimeSpan(FIRST_MS, FIRST_MS + 150 * MINUTE_MS + 1)]}
    assert read(over, TimeSpan(FIRST_MS - DAY_MS, FIRST_MS)) == {}
    assert read(going_on, TimeSpan(FIRST_MS - HOUR_MS, FIRST_MS + 1)).keys() == {"m1"}, "its event stands behind the window"


@pytest.mark.parametrize(
    ("times_ms", "wrong"), [((0, 90), False), ((0, 100), True), ((199, 300), True), ((200, 300), False), ((0, 300), False)]
)
def test_a_figure_is_wrong_where_a_boundary_of_it_is(times_ms: tuple[int, int], wrong: bool) -> None:  # noqa: FBT001
    """A day that begins and ends by a right clock is right, whatever its hours are."""
    assert stands_wrongly([TimeSpan(100, 200)], *times_ms) is wrong


def test_hours_of_a_wrong_clock_are_suspect_and_a_day_that_begins_and_ends_right_is_not() -> None:
    """It was behind from three to six o'clock of the first day, by its own time."""
    meters = [RegisteredDevice(name, domain="water", interval=timedelta(minutes=15)) for name in ("m1", "m2")]
    readings = [line for meter in meters for line in steady(meter.id, START - HOUR, START + DAY + HOUR)]
    wrong = f"event,device=m1,kind=clock,site=s clock_from_ms={START + 3 * HOUR},clock_over=1,value=1 {START + 6 * HOUR}"
    store = MemoryStore([*readings, wrong])

    async def suspects(spans: list[TimeSpan]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        async for period in consumption(store, Roster(meters), "water", spans, START + 9 * DAY):
            for use in period.uses:
                found.setdefault(use.series.device, []).append(use.marks.suspect)
        return found

    hours = [TimeSpan(START + hour * HOUR, START + (hour + 1) * HOUR) for hour in range(9)]
    assert asyncio.run(suspects(hours)) == {"m1": [0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0], "m2": [0.0] * 9}
    assert asyncio.run(suspects([TimeSpan(START, START + DAY)])) == {"m1": [0.0], "m2": [0.0]}
