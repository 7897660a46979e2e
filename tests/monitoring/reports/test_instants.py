"""The instants of devices that completeness is counted from, of a database in memory."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from gateway.ingest.database.store import Counter, Side, StoredSeries, TimeSpan
from gateway.monitoring.reports.completeness import AROUND_MS, PeriodCompleteness, completeness, floored_pct
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.roster import (
    Roster,
    both,
    counters_of,
    devices_in,
    interval_ms,
    nearest_heard,
    nearest_points,
    newest_points,
    stored_periods,
)
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.memory import MemoryStore
from tests.monitoring.reports.points import DAY, EVERY, HOUR, START, VIETNAM, point, steady

TODAY = TimeSpan(START, START + DAY)
METER = RegisteredDevice("m", domain="water", interval=timedelta(minutes=15))
LONG_THERE = RegisteredDevice("m", domain="water", interval=timedelta(minutes=15), installed=date(2025, 1, 1))
EUI = RegisteredDevice("70B3D5E75E000001", domain="water", interval=timedelta(minutes=15))


def heard(time_ms: int, quality: int = 0, device: str = "m", tags: str = "") -> str:
    return f"water,device={device},site=s{tags} flow_m3_h=1,quality={quality}i {time_ms}"


def of(
    lines: Iterable[str],
    device: RegisteredDevice = METER,
    spans: tuple[TimeSpan, ...] = (TODAY,),
    now_ms: int = START + 9 * DAY,
) -> list[PeriodCompleteness | None]:
    async def found() -> list[PeriodCompleteness | None]:
        rows = completeness(MemoryStore(lines), Roster([device]), spans, VIETNAM, now_ms)
        return [figures async for row in rows for figures in row.periods]

    return asyncio.run(found())


def one(lines: Iterable[str], device: RegisteredDevice = METER, now_ms: int = START + 9 * DAY) -> PeriodCompleteness:
    (figures,) = of(lines, device, now_ms=now_ms)
    assert figures is not None
    return figures


def test_beyond_a_day_around_a_period_the_nearest_reading_on_each_side_counts() -> None:
    noon = START + 12 * HOUR
    for before_ms in (START - AROUND_MS - 1, START - AROUND_MS, START - 5 * DAY):
        for after_ms in (START + DAY + AROUND_MS, START + DAY + AROUND_MS - 1, START + 6 * DAY):
            found = one([heard(before_ms), heard(noon), heard(after_ms)])
            assert found.longest_gap_s == (after_ms - noon) / 1000, "the month begins with this day: a gap ends there"
    lonely = one([heard(noon)])
    assert (lonely.longest_gap_s, lonely.received) == (12 * 3600, 1), "the edges of the day stand for neighbours"


def test_a_gap_reaches_over_days_and_ends_with_its_month() -> None:
    days = tuple(TimeSpan(START + day * DAY, START + (day + 1) * DAY) for day in range(-1, 31))
    lines = [heard(START - 12 * HOUR), heard(START + 3 * DAY), heard(START + 40 * DAY)]
    found = [one.longest_gap_s / 3600 for one in of(lines, LONG_THERE, days, START + 50 * DAY) if one is not None]
    (month,) = of(lines, LONG_THERE, (TimeSpan(START, START + 30 * DAY),), START + 50 * DAY)
    assert found[0] == 30 * 24 + 12, "August, in which it was installed: from its first day to the reading at noon"
    assert found[1:5] == [72, 72, 72, 27 * 24], "of a gap that goes on into September what lies there, likewise at its end"
    assert month is not None
    assert month.longest_gap_s / 3600 == max(found[1:31]) == 27 * 24, "a month of 720 hours has no gap of 960"


def test_a_device_without_a_day_of_installation_counts_from_its_first_reading() -> None:
    began = START + DAY + 6 * HOUR
    spans = (TODAY, TimeSpan(START + DAY, START + 2 * DAY), TimeSpan(START + 2 * DAY, START + 3 * DAY))
    first, second, third = of(steady("m", began, START + 4 * DAY), METER, spans)
    assert first is None, "the day before its first reading"
    assert second is not None
    assert third is not None
    assert (second.expected, second.received, second.longest_gap_s) == (72, 72, 900)
    assert (third.expected, third.received) == (96, 96)
    (_, offset, _) = of(steady("m", began + 100_000, START + 4 * DAY), METER, spans)
    assert offset is not None
    assert (offset.expected, offset.received) == (72, 72), "whole readings, whatever the minute of the first one"
    assert of([heard(START + 300 * DAY)], now_ms=START + 301 * DAY) == [None], "it began long after"
    for before_ms in (START - 2 * DAY, START - 90 * DAY, START - 3000 * DAY):
        silent = one([heard(before_ms), heard(began)])
        assert (silent.expected, silent.received) == (96, 0), "it was heard before: it was silent"
    never = one([])
    assert (never.expected, never.received) == (96, 0), "never heard"


def test_only_who_has_no_neighbour_near_is_looked_for_far_away() -> None:
    asked: list[tuple[Side, set[str]]] = []

    class Asked(MemoryStore):
        async def heard(self, *question: Any) -> AsyncIterator[tuple[str, int]]:  # noqa: ANN401
            """Note who is asked about."""
            asked.append((question[1], set(question[4])))
            async for answer in super().heard(*question):
                yield answer

    def looked_for(*times: int) -> dict[Side, bool]:
        asked.clear()

        async def story() -> None:
            store = Asked([heard(time_ms) for time_ms in times])
            async for _ in completeness(store, Roster([METER]), [TODAY], VIETNAM, START + 9 * DAY):
                pass

        asyncio.run(story())
        return {wanted: any("m" in names for side, names in asked if side is wanted) for wanted in Side}

    before, after = START - 1, START + DAY
    assert looked_for(before, START + HOUR, after) == {Side.UP_TO: False, Side.AFTER: False}
    assert looked_for(START, after) == {Side.UP_TO: True, Side.AFTER: False}
    assert looked_for(before, after - 1) == {Side.UP_TO: False, Side.AFTER: True}
    assert looked_for() == {Side.UP_TO: True, Side.AFTER: True}


def test_a_reading_of_two_series_is_late_only_if_both_are_and_has_what_either_tells() -> None:
    at, other = START + HOUR, ",channel=c2"
    late, estimated, suspect = 8, 16, 4
    grid = [heard(START + step * EVERY) for step in range(-1, 98) if step != 4]
    for first, second, on_time in ((late, 0, 96), (0, late, 96), (late, late, 95), (0, 0, 96)):
        found = one([*grid, heard(at, first), heard(at, second, tags=other)])
        assert (found.received, found.on_time) == (96, on_time), (first, second)
    found = one([*grid, heard(at, estimated), heard(at, suspect, tags=other)])
    assert (found.estimated, found.suspect) == (1, 1)


def test_a_device_written_under_two_spellings_is_one() -> None:
    grid = [heard(START + step * EVERY, device=EUI.id if step % 2 else EUI.id.lower()) for step in range(-1, 98)]
    assert one(grid, EUI).received == 96


def test_nothing_is_expected_before_a_device_was_installed_nor_after_now_nor_without_an_interval() -> None:
    spans = (TODAY, TimeSpan(START + DAY, START + 2 * DAY), TimeSpan(START + 2 * DAY, START + 3 * DAY))
    installed = RegisteredDevice("m", domain="water", interval=timedelta(minutes=15), installed=date(2026, 9, 2))
    first, second, third = of(steady("m", START + DAY, START + 4 * DAY), installed, spans, now_ms=START + 2 * DAY + 6 * HOUR)
    assert first is None
    assert second is not None
    assert third is not None
    assert (second.expected, second.missing, third.expected, third.missing) == (96, 0, 24, 0)
    assert of([], RegisteredDevice("m", domain="water")) == []
    assert of([], RegisteredDevice("m", interval=timedelta(minutes=15))) == []
    assert of([], METER, now_ms=START) == [None]


def test_a_device_that_sends_each_second_is_read_by_itself() -> None:
    quick = RegisteredDevice("m", domain="water", interval=timedelta(seconds=1))
    found = one([heard(START + second * 1000) for second in range(100)], quick, now_ms=START + 100_000)
    assert (found.expected, found.received, found.interval_s) == (100, 100, 1)


def test_a_share_is_cut_off_so_that_all_is_all_of_them() -> None:
    assert [floored_pct(ratio) for ratio in (None, 1.0, 0.99999, 0.123456, 0.0)] == [None, 100.0, 99.99, 12.34, 0.0]


def test_questions_about_many_devices() -> None:
    lines = [heard(START, device=EUI.id.lower()), heard(START + HOUR, device=EUI.id), heard(START, device="strange")]
    roster, store = Roster([METER, EUI]), MemoryStore(lines)
    both_sides = [
        asyncio.run(nearest_heard(store, roster, side, START + EVERY, roster.by_id)) for side in (Side.UP_TO, Side.AFTER)
    ]
    assert both_sides == [{EUI.id: START}, {EUI.id: START + HOUR}]
    assert asyncio.run(nearest_heard(store, roster, Side.UP_TO, START + DAY, {EUI.id})) == {EUI.id: START + HOUR}
    assert asyncio.run(nearest_heard(store, roster, Side.UP_TO, START + DAY, {"m"})) == {}
    old = MemoryStore([point("m", START - 3000 * DAY, 1.0, 2.0), point("n", START, 3.0, 4.0)])
    assert asyncio.run(devices_in(old, "water", START, {"m", "n", "x"})) == {"m", "n"}
    newest = asyncio.run(newest_points(old, Counter("water", "volume_m3"), START, ["m", "n", "x"]))
    assert {series.device: found.sum for series, found in newest.items()} == {"m": 2.0, "n": 4.0}
    periods = MemoryStore([f"daily,device={name},site=s a=1 {START + late}" for name in ("m", "x") for late in (0, 2)])

    async def stored() -> list[object]:
        return [found async for found in stored_periods(periods, roster, "daily", ["a"], TODAY, ["m"])]

    assert asyncio.run(stored()) == [(StoredSeries("m"), {START // 60_000: (1.0,)})]


def test_a_roster_knows_its_devices_by_domain_and_by_name() -> None:
    anything = RegisteredDevice("a")
    roster = Roster([METER, EUI, anything])
    assert set(roster.of_domain("water")) == {"m", EUI.id, "a"}
    assert set(roster.of_domain("power")) == {"a"}
    assert list(roster.domains()) == ["water", "power", "traffic", "urban"]
    assert list(Roster([METER]).domains()) == ["water"]
    assert roster.names([EUI.id]) == {EUI.id, EUI.id.lower()}
    assert (roster.id_of(EUI.id.lower()), roster.id_of("x")) == (EUI.id, None)
    assert (interval_ms(METER), interval_ms(anything)) == (900_000, None)
    assert counters_of("water")[0] == "volume_m3"


def test_two_questions_are_asked_at_once_and_the_first_fault_is_told() -> None:
    async def answer(number: int) -> int:
        await asyncio.sleep(0)
        return number

    async def fail() -> int:
        raise ValueError("no")

    async def story() -> tuple[int, int]:
        return await both(answer(1), answer(2))

    assert asyncio.run(story()) == (1, 2)

    async def one_fails(*, first: bool) -> None:
        await (both(fail(), answer(1)) if first else both(answer(1), fail()))

    for first in (True, False):
        with pytest.raises(ValueError, match=r"^no$"):
            asyncio.run(one_fails(first=first))


def test_a_meter_that_is_silent_for_long_is_missed_and_one_heard_without_a_counter_is_not() -> None:
    async def uses(lines: list[str]) -> dict[str, object]:
        roster = Roster([METER, RegisteredDevice("g", domain="water"), EUI])
        found = [period async for period in consumption(MemoryStore(lines), roster, "water", [TODAY], START + 9 * DAY)]
        return {use.series.device: use.uncovered and use.uncovered.name for use in found[0].uses}

    lines = [*steady("m", START - HOUR, START + DAY + HOUR), heard(START, device="g")]
    assert asyncio.run(uses(lines)) == {"m": None, EUI.id: "NO_READING"}


def test_a_boundary_is_covered_by_readings_of_forty_days_and_the_newest_sum_is_one_of_ten_years() -> None:
    counter = Counter("water", "volume_m3")
    for ago_ms, is_near, is_known in (
        (40 * DAY - 1, True, True),
        (40 * DAY, False, True),
        (3660 * DAY - 1, False, True),
        (3660 * DAY, False, False),
    ):
        store = MemoryStore([point("m", START - ago_ms, 1.0, 2.0)])
        assert bool(asyncio.run(nearest_points(store, counter, Side.UP_TO, START, ["m"]))) is is_near, ago_ms
        assert bool(asyncio.run(newest_points(store, counter, START, ["m"]))) is is_known, ago_ms


def test_a_counter_that_must_be_found_is_looked_for_farther_away_than_others_of_its_device() -> None:
    lines = [point("m", START, 1.0, 2.0), point("m", START - 30 * DAY, 3.0, 4.0, tags=",channel=c")]
    counter, store = Counter("water", "volume_m3"), MemoryStore(lines)
    channel = StoredSeries("m", "c")
    assert set(asyncio.run(nearest_points(store, counter, Side.UP_TO, START, ["m"]))) == {StoredSeries("m")}
    known = [channel, StoredSeries("x")]
    found = asyncio.run(nearest_points(store, counter, Side.UP_TO, START, ["m"], known))
    assert {series: one.sum for series, one in found.items()} == {StoredSeries("m"): 2.0, channel: 4.0}
