"""Time: what a device's time means, and when the gateway's own is doubted."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.readings.clock_trust import FEWEST_DEVICES, ClockTrust, DeviceClocks, device_ms, epoch_ms, rfc3339_ms
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS, trusted_clock
from tests.rows import each_row

TEXT = "2026-11-01T00:00:00"
TEXT_MS = 1793491200000


@each_row(
    ("epoch", "ms"),
    [
        pytest.param(1793491200, 1793491200000, id="seconds"),
        pytest.param(1793491200250, 1793491200250, id="milliseconds"),
        pytest.param(1793491200250999, 1793491200250, id="microseconds"),
        pytest.param(1793491200250999999, 1793491200250, id="nanoseconds"),
        pytest.param(0, 0, id="zero"),
        pytest.param(-617292592, -617292592000, id="negative"),
        pytest.param(1793491200.25, 1793491200250, id="fraction-of-a-second"),
        pytest.param(1793491200250.4, 1793491200250, id="fraction-of-a-millisecond"),
        pytest.param(10**20, None, id="no-unit-makes-it-a-time"),
        pytest.param(float("nan"), None, id="nan"),
        pytest.param(float("inf"), None, id="infinity"),
        pytest.param(1e300, None, id="huge-float"),
    ],
)
def test_the_unit_of_an_epoch_is_told_by_its_magnitude(epoch: float, ms: int | None) -> None:
    assert epoch_ms(epoch) == ms


@given(st.datetimes(datetime(2001, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_one_instant_is_read_alike_in_all_four_units_and_as_text(instant: datetime) -> None:
    seconds = int(instant.timestamp())
    assert {epoch_ms(seconds * times) for times in (1, 10**3, 10**6, 10**9)} == {seconds * 1000}
    assert rfc3339_ms(instant.isoformat()) == seconds * 1000 + instant.microsecond // 1000


@each_row(
    ("text", "ms"),
    [
        pytest.param(f"{TEXT}Z", TEXT_MS, id="utc"),
        pytest.param("2026-11-01t00:00:00z", TEXT_MS, id="small-letters"),
        pytest.param("2026-11-01 00:00:00Z", TEXT_MS, id="space-for-the-t"),
        pytest.param("2026-11-01T07:00:00+07:00", TEXT_MS, id="vietnam"),
        pytest.param("2026-10-31T19:30:00-04:30", TEXT_MS, id="west"),
        pytest.param(f"{TEXT}.2Z", TEXT_MS + 200, id="one-digit"),
        pytest.param(f"{TEXT}.25+00:00", TEXT_MS + 250, id="two-digits"),
        pytest.param(f"{TEXT}.250999999Z", TEXT_MS + 250, id="nanoseconds-are-cut"),
        pytest.param("2016-12-31T23:59:60Z", 1483228800000, id="leap-second-is-the-second-after"),
        pytest.param("2016-12-31T23:59:60.5Z", 1483228800500, id="half-a-leap-second"),
        pytest.param("2024-02-29T00:00:00Z", 1709164800000, id="leap-day"),
        pytest.param("1969-12-31T23:59:59.5Z", -500, id="before-1970"),
    ],
)
def test_rfc_3339_text_with_a_zone_is_an_instant(text: str, ms: int) -> None:
    assert rfc3339_ms(text) == ms


@each_row(
    "text",
    [
        pytest.param(TEXT, id="no-zone"),
        pytest.param("2025-02-29T00:00:00Z", id="no-leap-day"),
        pytest.param("2022-10-00T00:05:00Z", id="day-0"),
        pytest.param("2026-13-01T00:00:00Z", id="month-13"),
        pytest.param("2026-11-01T24:00:00Z", id="hour-24"),
        pytest.param("2026-11-01T00:60:00Z", id="minute-60"),
        pytest.param("2026-11-01T00:00:61Z", id="second-61"),
        pytest.param("2026-11-01T00:00:00+24:00", id="zone-hour-24"),
        pytest.param("2026-11-01T00:00:00+07:60", id="zone-minute-60"),
        pytest.param("2026-11-01T00:00:00+0700", id="zone-without-colon"),
        pytest.param("2020-0327T12:39:05.547336Z", id="malformed-date"),
        pytest.param("2026-11-01", id="date-only"),
        pytest.param("26-11-01T00:00:00Z", id="two-digit-year"),
        pytest.param("0001-01-01T00:00:00+07:00", id="before-the-first-year"),
        pytest.param("9999-12-31T23:59:59-07:00", id="after-the-last-year"),
        pytest.param("0000-01-01T00:00:00Z", id="year-0"),
        pytest.param("२०२६-11-01T00:00:00Z", id="digits-that-are-not-ascii"),
        pytest.param("1793491200", id="epoch-as-text"),
        pytest.param("", id="empty"),
    ],
)
def test_text_that_is_no_instant_is_none_and_not_guessed(text: str) -> None:
    assert rfc3339_ms(text) is None


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.integers()))
def test_the_time_of_a_device_is_milliseconds_or_none_whatever_was_sent(ts: object) -> None:
    assert type(device_ms(ts)) in {int, type(None)}


@pytest.mark.parametrize("ts", [True, False, None, [1793491200], {"s": 1}], ids=repr)
def test_what_is_neither_number_nor_text_is_no_time(ts: object) -> None:
    assert device_ms(ts) is None


def hear(trust: ClockTrust, offsets_ms: list[int]) -> bool:
    """Let one device after another be heard; whether the clock is doubted then."""
    for number, offset_ms in enumerate(offsets_ms):
        trust.see_device(f"d{number}", offset_ms, NOW_MS)
    return trust.doubted


@pytest.mark.parametrize(
    ("built_ms", "saved_ms", "doubted"),
    [
        pytest.param(NOW_MS, NOW_MS, False, id="at-both"),
        pytest.param(NOW_MS + 1, 0, True, id="before-the-build"),
        pytest.param(0, NOW_MS + 1, True, id="before-the-newest-time-saved"),
    ],
)
def test_a_clock_before_what_has_already_been_is_doubted(built_ms: int, saved_ms: int, doubted: bool) -> None:  # noqa: FBT001
    trust = trusted_clock(built_ms=built_ms, saved_ms=saved_ms)
    assert trust.judge(NOW_MS) is doubted
    assert trust.doubted is doubted


def test_doubt_ends_when_the_clock_has_been_set() -> None:
    trust = trusted_clock(saved_ms=NOW_MS)
    assert trust.judge(NOW_MS - HOUR_MS)
    assert not trust.judge(NOW_MS + SECOND_MS)


def test_enough_devices_that_are_ahead_show_at_once_that_the_clock_is_behind() -> None:
    trust = trusted_clock()
    assert not hear(trust, [5 * MINUTE_MS + 1] * (FEWEST_DEVICES - 1))
    assert hear(trust, [5 * MINUTE_MS + 1] * FEWEST_DEVICES)
    assert trust.behind


def test_a_median_within_max_future_casts_none() -> None:
    assert not hear(trusted_clock(), [5 * MINUTE_MS] * 9)


def test_wrong_meters_that_are_fewer_than_half_cast_none() -> None:
    assert not hear(trusted_clock(), [0, 9 * HOUR_MS, SECOND_MS, 9 * HOUR_MS, -SECOND_MS])


def test_one_device_counts_once_however_often_it_is_heard() -> None:
    trust = trusted_clock()
    for _ in range(100):
        trust.see_device("d1", DAY_MS, NOW_MS)
    assert not trust.doubted


def test_devices_that_are_right_again_end_the_doubt() -> None:
    trust = trusted_clock()
    assert hear(trust, [DAY_MS] * 7)
    assert not hear(trust, [0] * 7)


@pytest.mark.parametrize(
    ("hours", "off_h"),
    [
        pytest.param([], 0, id="none"),
        pytest.param([9, 9, 9, 9], 0, id="too-few"),
        pytest.param([0, 1, 2, 3, 4], 2, id="the-one-in-the-middle"),
        pytest.param([5, 3, 1, 4, 2, 0], 2.5, id="between-the-two-in-the-middle"),
        pytest.param([7, 0, 1, 2, 6, 3, 5], 3, id="seven"),
    ],
)
def test_the_clock_is_off_by_the_median_of_the_devices(hours: list[int], off_h: float) -> None:
    trust = trusted_clock()
    hear(trust, [hour * HOUR_MS for hour in hours])
    assert trust.off_ms == off_h * HOUR_MS


@each_row(
    ("epoch", "ms"),
    [
        pytest.param(10**11 - 1, (10**11 - 1) * 1000, id="the-last-in-seconds"),
        pytest.param(10**11, 10**11, id="the-first-in-ms"),
        pytest.param(10**14 - 1, 10**14 - 1, id="the-last-in-ms"),
        pytest.param(10**14, 10**11, id="the-first-in-us"),
        pytest.param(10**17 - 1, 10**14 - 1, id="the-last-in-us"),
        pytest.param(10**17, 10**11, id="the-first-in-ns"),
        pytest.param(10**20 - 1, 10**14 - 1, id="the-last-in-ns"),
        pytest.param(-(10**11), -(10**11), id="the-first-in-ms-before-1970"),
        pytest.param(99_999_999_999.0, 99_999_999_999_000, id="the-last-in-seconds-as-a-fraction"),
        pytest.param(1e11, 10**11, id="the-first-in-ms-as-a-fraction"),
        pytest.param(99_999_999_999_999.0, 99_999_999_999_999, id="the-last-in-ms-as-a-fraction"),
        pytest.param(1e14, None, id="no-fraction-is-in-us"),
    ],
)
def test_where_one_unit_of_an_epoch_ends_the_next_begins(epoch: float, ms: int | None) -> None:
    assert epoch_ms(epoch) == ms


@pytest.mark.parametrize(
    ("newer", "doubted"),
    [
        pytest.param(50, True, id="51-before-them"),
        pytest.param(51, False, id="50-before-them"),
    ],
)
def test_the_newest_of_101_devices_decide(newer: int, doubted: bool) -> None:  # noqa: FBT001
    trust = trusted_clock()
    hear(trust, [HOUR_MS] * 101)
    for number in range(newer):
        trust.see_device(f"newer{number}", 0, NOW_MS)
    assert trust.doubted is doubted


@pytest.mark.parametrize(("before_ms", "counts"), [(60_000, True), (60_001, False)])
def test_what_arrived_more_than_a_minute_before_tells_nothing_of_now(before_ms: int, counts: bool) -> None:  # noqa: FBT001
    trust = trusted_clock()
    hear(trust, [0] * 5)
    for number in range(5):
        trust.see_device(f"d{number}", HOUR_MS, NOW_MS - before_ms)
    assert trust.doubted is counts


@pytest.mark.parametrize(("set_by_ms", "off_ms"), [(1000, -1000), (999, 0), (-1000, 1000), (-999, 0)])
def test_a_clock_that_moves_a_second_against_a_steady_one_was_set(set_by_ms: int, off_ms: int) -> None:
    trust = trusted_clock()
    hear(trust, [0] * 5)
    trust.see_time(NOW_MS, 5_000_000)
    trust.see_time(NOW_MS + 40 + set_by_ms, 5_000_040)
    assert trust.off_ms == off_ms


def test_the_last_hundred_devices_count() -> None:
    """Readings of thousands of devices from before the clock went wrong do not outvote the devices heard now."""
    trust = trusted_clock()
    hear(trust, [0] * 1000)
    for number in range(101):
        trust.see_device(f"late-{number}", HOUR_MS, NOW_MS)
    assert trust.doubted


@pytest.mark.parametrize("offset_ms", [HOUR_MS, -HOUR_MS], ids=repr)
def test_the_date_of_influxdb_casts_doubt_until_it_agrees(offset_ms: int) -> None:
    trust = trusted_clock()
    trust.see_influxdb(offset_ms, NOW_MS)
    assert (trust.doubted, trust.behind) == (True, offset_ms > 0)
    trust.see_influxdb(-SECOND_MS, NOW_MS)
    assert not trust.doubted


def set_clock(trust: ClockTrust, step_ms: int) -> int:
    """Our clock is set; the time it shows then."""
    trust.see_time(NOW_MS, 0)
    trust.see_time(NOW_MS + SECOND_MS + step_ms, SECOND_MS)
    return NOW_MS + SECOND_MS + step_ms


@pytest.mark.parametrize("step_ms", [-HOUR_MS, 365 * DAY_MS], ids=["an-hour-back", "a-year-ahead"])
def test_a_clock_that_is_set_wrong_is_doubted_before_the_next_reading(step_ms: int) -> None:
    for know in (lambda trust: hear(trust, [0] * FEWEST_DEVICES), lambda trust: trust.see_influxdb(0, NOW_MS)):
        trust = trusted_clock()
        know(trust)
        now_ms = set_clock(trust, step_ms)
        assert trust.doubted
        assert trust.off_ms == -step_ms
        trust.see_time(now_ms + SECOND_MS - step_ms, 2 * SECOND_MS)
        assert not trust.doubted, "it is set right again"


def test_device_times_of_messages_that_are_replayed_are_no_evidence() -> None:
    """They were right when they came; compared with the present clock they would show it hours ahead."""
    trust = trusted_clock()
    hear(trust, [0] * FEWEST_DEVICES)
    for number in range(2 * FEWEST_DEVICES):
        trust.see_device(f"d{number}", DAY_MS, NOW_MS - DAY_MS)
    assert (trust.doubted, trust.off_ms) == (False, 0)
    for number in range(2 * FEWEST_DEVICES):
        trust.see_device(f"d{number}", DAY_MS, NOW_MS - MINUTE_MS)
    assert (trust.doubted, trust.off_ms) == (True, DAY_MS), "a minute ago is now"


def test_evidence_goes_on_being_replaced_after_a_step_back() -> None:
    trust = trusted_clock()
    hear(trust, [0] * FEWEST_DEVICES)
    now_ms = set_clock(trust, -HOUR_MS)
    for number in range(FEWEST_DEVICES):
        trust.see_device(f"d{number}", 0, now_ms)
    assert not trust.doubted, "it was set right, and all its devices stood an hour back with it"


def test_a_clock_that_is_set_where_nothing_is_known_yet_is_not_doubted() -> None:
    trust = trusted_clock()
    set_clock(trust, 3 * HOUR_MS)
    assert not trust.doubted


def test_a_pause_between_two_looks_is_no_step() -> None:
    trust = trusted_clock()
    trust.see_influxdb(0, NOW_MS)
    for _ in range(1000):
        trust.see_time(NOW_MS + SECOND_MS - 1, 0)
        trust.see_time(NOW_MS, 0)
    assert not trust.doubted
    assert trust.off_ms == 0


def test_how_far_a_time_may_lie_from_a_doubted_clock_follows_what_is_known_of_the_right_one() -> None:
    past_ms, future_ms = 40 * DAY_MS, 5 * MINUTE_MS
    behind = trusted_clock(built_ms=NOW_MS)
    behind.judge(NOW_MS - HOUR_MS)
    assert behind.widen(past_ms, future_ms) == (past_ms, 31 * DAY_MS), "nobody knows how far it is behind"
    hear(behind, [40 * DAY_MS] * FEWEST_DEVICES)
    assert behind.widen(past_ms, future_ms) == (past_ms, 40 * DAY_MS + future_ms)
    ahead = trusted_clock()
    ahead.see_influxdb(-HOUR_MS, NOW_MS)
    assert ahead.widen(past_ms, future_ms) == (past_ms + HOUR_MS, future_ms)
    assert FEWEST_DEVICES == 5


def speak(clocks: DeviceClocks, offset_ms: int, steady_ms: int, devices: int = 5) -> int | None:
    """Let devices tell their time; how far the right time is off by them."""
    for number in range(devices):
        clocks.see(f"d{number}", offset_ms, steady_ms)
    return clocks.off_ms


def test_a_round_lasts_five_minutes_with_enough_devices_and_three_hours_with_fewer() -> None:
    clocks = DeviceClocks(5 * MINUTE_MS)
    clocks.pass_time(0)
    assert speak(clocks, HOUR_MS, 0) == HOUR_MS
    first_ms = clocks.origin_ms
    clocks.pass_time(5 * MINUTE_MS - 1)
    assert clocks.origin_ms == first_ms
    clocks.pass_time(5 * MINUTE_MS)
    assert (clocks.origin_ms - first_ms) % clocks.span_ms == 0
    assert clocks.origin_ms > first_ms, "each device speaks again"
    assert speak(clocks, 2 * HOUR_MS, 6 * MINUTE_MS, devices=4) == HOUR_MS, "too few to tell another"
    clocks.pass_time(3 * HOUR_MS + 5 * MINUTE_MS - 1)
    assert clocks.off_ms == HOUR_MS
    clocks.pass_time(3 * HOUR_MS + 5 * MINUTE_MS)
    assert clocks.off_ms is None, "what was said is too old"
    for number in range(3, 10):
        clocks.pass_time(number * 4 * HOUR_MS)
    assert clocks.origin_ms - first_ms < 8 * 10_000_000 * clocks.span_ms, "eight rounds, then the first again"


def test_devices_must_stay_behind_by_the_same_for_a_quarter_of_an_hour() -> None:
    clocks = DeviceClocks(5 * MINUTE_MS)
    assert speak(clocks, -HOUR_MS, 0) is None
    assert speak(clocks, -HOUR_MS - 4 * MINUTE_MS, 15 * MINUTE_MS - 1) is None
    assert speak(clocks, -HOUR_MS, 15 * MINUTE_MS) == -HOUR_MS
    clocks.shift(2000, 16 * MINUTE_MS)
    assert clocks.off_ms == -HOUR_MS - 2000, "what was known stays known"
    waiting = DeviceClocks(5 * MINUTE_MS)
    speak(waiting, -HOUR_MS, 0)
    waiting.shift(2000, 14 * MINUTE_MS)
    assert speak(waiting, -HOUR_MS, 15 * MINUTE_MS) is None, "the clock was set: they begin anew"
    assert speak(waiting, -HOUR_MS, 30 * MINUTE_MS) == -HOUR_MS
    draining = DeviceClocks(5 * MINUTE_MS)
    for minute in range(0, 40, 10):
        offset_ms = -HOUR_MS + minute * MINUTE_MS
        assert speak(draining, offset_ms, minute * MINUTE_MS) is None, "a broker's queue is less late each minute"


def test_a_reading_that_waited_says_less_than_the_fresher_one_before_it() -> None:
    clocks = DeviceClocks(5 * MINUTE_MS)
    assert speak(clocks, 0, 0) == 0
    assert speak(clocks, -HOUR_MS, 1) == 0
    assert speak(clocks, -5 * MINUTE_MS, 2) == -5 * MINUTE_MS, "within what is believed the newest counts"
