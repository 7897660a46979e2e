"""Completeness of a device in a period."""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep, midnight_ms, periods
from gateway.monitoring.reports.completeness import PeriodCompleteness, completeness, completeness_of
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice
from tests.monitoring.reports.stores import Filled
from tests.rows import each_row

MINUTE = 60_000
EVERY = 15 * MINUTE
HOUR = 4 * EVERY
DAY = 24 * HOUR
VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
START = midnight_ms(date(2026, 9, 10), VIETNAM)
SPAN = TimeSpan(START, START + DAY)
GRID = [START + n * EVERY for n in range(-8, 104)]


def day(times: list[int], span: TimeSpan = SPAN, every_ms: int = EVERY, quality: int = 0) -> PeriodCompleteness:
    return completeness_of([(time_ms, quality) for time_ms in times], span, every_ms)


def without(first: int, last: int) -> list[int]:
    """The grid without the readings from one hour of the day to another."""
    return [time_ms for time_ms in GRID if not START + first * HOUR <= time_ms < START + last * HOUR]


def test_a_day_with_all_its_readings_is_complete() -> None:
    assert day(GRID) == PeriodCompleteness(96, 0, 96, 96, 0, 0, 900, 900)


@each_row(
    ("times", "missing"),
    [
        pytest.param(without(3, 5), 8, id="a-gap"),
        pytest.param(without(-1, 1), 4, id="a-gap-over-midnight-counts-its-part"),
        pytest.param(without(23, 25), 4, id="likewise-at-the-end"),
        pytest.param(without(0, 24), 96, id="a-silent-day"),
        pytest.param([START - 10 * DAY, START + 10 * DAY], 96, id="a-day-within-a-long-silence"),
        pytest.param([], 96, id="never-heard"),
        pytest.param([START - 3 * HOUR], 96, id="silent-since-the-day-before"),
        pytest.param([START + DAY + 1], 96, id="begins-the-day-after"),
        pytest.param([time_ms for time_ms in GRID if time_ms >= START + HOUR], 4, id="begins-within"),
        pytest.param([time_ms for time_ms in GRID if time_ms < START + 20 * HOUR], 16, id="ends-within"),
        pytest.param([time_ms + (7 * MINUTE if n % 2 else 0) for n, time_ms in enumerate(GRID)], 0, id="jitter"),
        pytest.param(sorted(GRID + [time_ms + 5 * MINUTE for time_ms in GRID]), 0, id="more-than-expected"),
        pytest.param(sorted(without(3, 5) + [START + 8 * HOUR + n for n in range(8)]), 8, id="a-burst-makes-nothing-good"),
    ],
)
def test_missing_is_what_the_gaps_leave_out(times: list[int], missing: float) -> None:
    found = day(times)
    assert (found.missing, found.received) == (missing, 96 - missing)


def test_a_reading_a_day_may_come_somewhat_late() -> None:
    assert day([START - MINUTE, START + DAY + MINUTE], every_ms=DAY).missing == 0
    assert day([START - DAY, START + DAY], every_ms=DAY).missing == 1
    assert day([START - DAY, START + DAY], every_ms=2 * DAY).missing == 0


def test_an_interval_that_does_not_divide_the_day_leaves_a_silent_day_at_zero() -> None:
    every_ms = 7 * MINUTE
    assert day([START - 5 * DAY, START + 5 * DAY], every_ms=every_ms).received == 0
    full = list(range(START - every_ms, START + DAY + every_ms, every_ms))
    assert day(full, every_ms=every_ms) == PeriodCompleteness(DAY / every_ms, 0, DAY / every_ms, DAY / every_ms, 0, 0, 420, 420)


def test_late_readings_are_received_and_not_on_time() -> None:
    late = START + 3 * HOUR, START + 5 * HOUR
    found = completeness_of([(time_ms, 8 if late[0] <= time_ms < late[1] else 0) for time_ms in GRID], SPAN, EVERY)
    assert (found.received, found.on_time) == (96, 88)
    assert day(GRID, quality=8)[:4] == (96, 0, 96, 0)


def test_estimated_and_suspect_are_counted_within_the_day() -> None:
    instants = [(time_ms, 16 if time_ms < START + HOUR else 4) for time_ms in GRID]
    found = completeness_of(instants, SPAN, EVERY)
    assert (found.estimated, found.suspect) == (4, 92)


@pytest.mark.parametrize(
    ("times", "longest_s"),
    [
        (without(-1, 2), 3 * 3600 + 900),
        (without(22, 25), 2 * 3600 + 900),
        ([START + HOUR], 23 * 3600),
        ([], 86400),
    ],
    ids=["whole-across-midnight", "to-the-edge-without-a-neighbour", "one-reading", "none"],
)
def test_the_longest_gap_is_whole_where_its_ends_are_known(times: list[int], longest_s: float) -> None:
    assert day([time_ms for time_ms in times if time_ms < START + DAY]).longest_gap_s == longest_s


@given(
    st.lists(st.integers(1, 40 * 60), min_size=1, max_size=60).map(lambda gaps: [gap * MINUTE for gap in gaps]),
    st.integers(-600, 600),
)
def test_the_days_of_all_gaps_add_up_to_the_gaps(gaps_ms: list[int], offset_min: int) -> None:
    times = [START + offset_min * MINUTE]
    for gap_ms in gaps_ms:
        times.append(times[-1] + gap_ms)
    every_ms = 30 * MINUTE  # divides the day: no fraction of a reading is cut off
    first = (times[0] - START) // DAY
    days = [TimeSpan(START + n * DAY, START + (n + 1) * DAY) for n in range(first, (times[-1] - START) // DAY + 1)]
    before = (times[0] - days[0].start_ms) // every_ms
    after = -(-(days[-1].end_ms - times[-1]) // every_ms) - 1
    in_gaps = sum(max(0, (2 * gap_ms + every_ms) // (2 * every_ms) - 1) for gap_ms in gaps_ms)
    assert sum(day(times, span, every_ms).missing for span in days) == before + in_gaps + after


def write(filled: Filled, device: str, times: list[int], quality: int = 0, tags: str = "") -> None:
    filled.write([f"water{tags},device={device},site=s ph=7,quality={quality}i {time_ms}" for time_ms in times])


@pytest.mark.real
def test_completeness_is_that_of_the_points_in_the_database(filled: Filled) -> None:
    write(filled, "full", GRID)
    write(filled, "full", GRID, tags=",channel=2")
    write(filled, "gap", without(-2, 6))
    write(filled, "late", GRID, quality=8)
    write(filled, "long", [START - 30 * DAY, START + 10 * DAY, START + 10 * DAY + EVERY])
    write(filled, "24e124136d000001", GRID)
    names = ["full", "gap", "late", "long", "never", "24-E1-24-13-6D-00-00-01"]
    every = timedelta(minutes=15)
    devices = [RegisteredDevice(name, domain="water", interval=every) for name in names]
    devices += [
        RegisteredDevice("later", domain="water", interval=every, installed=date(2026, 9, 11)),
        RegisteredDevice("no-interval", domain="water"),
        RegisteredDevice("no-domain", interval=every),
    ]
    spans = list(periods(date(2026, 9, 9), date(2026, 9, 11), ReportStep.DAY, VIETNAM))
    now_ms = START + DAY + HOUR
    found = filled.every(lambda store: completeness(store, Roster(devices), spans, VIETNAM, now_ms))
    figures = {row.device.id: [None if one is None else (one.received, one.on_time) for one in row.periods] for row in found}
    assert figures == {
        "full": [(8, 8), (96, 96), (4, 4)],
        "gap": [None, (72, 72), (4, 4)],  # its first reading comes at six
        "late": [(8, 0), (96, 0), (4, 0)],
        "long": [(0, 0), (0, 0), (0, 0)],  # since a month before
        "never": [(0, 0), (0, 0), (0, 0)],
        "24-E1-24-13-6D-00-00-01": [(8, 8), (96, 96), (4, 4)],
        "later": [None, None, (0, 0)],
    }
    assert next(row for row in found if row.device.id == "long").periods[1] == PeriodCompleteness(
        96, 96, 0, 0, 0, 0, 19 * 86400, 900
    ), "from the first of the month to the next reading"
