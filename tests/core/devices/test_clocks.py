"""Clocks of devices: which are asked about, which times are used, and what is never corrected unasked."""

from collections.abc import Iterator

import pytest

from gateway.core.devices.clocks import WrongTimes, asked_offset, clock_off_ms, wrong_times
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.process import Processor
from gateway.core.readings.clock_trust import rfc3339_ms
from gateway.core.readings.line_protocol import FieldSets
from schemas.quantities import Quality
from tests.core import profiled
from tests.core.making import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    RULES,
    SECOND_MS,
    message,
    pipeline,
    point,
    registered_device,
    replace_registry,
    tell_time,
    topic,
)

PH = "[{measurement: water, fields: {ph: {literal: 7}}}]"
PATIENCE_MS = 45 * MINUTE_MS
EVERY_MS = 15 * MINUTE_MS


def off_ms(device: Device) -> int | None:
    return clock_off_ms(device, RULES, PATIENCE_MS)


def meter(*offsets_ms: int, every_ms: int = EVERY_MS) -> Device:
    """A meter that told these times, one after the other."""
    device = Device("d1", None)
    for turn, offset_ms in enumerate(offsets_ms):
        tell_time(device, offset_ms, NOW_MS + turn * every_ms)
    return device


def test_a_clock_that_stays_behind_by_the_same_for_an_hour_is_asked_about() -> None:
    jitter = [0, -3 * MINUTE_MS, 2 * MINUTE_MS, -MINUTE_MS, 0]
    assert off_ms(meter(*(-7 * HOUR_MS + late_ms for late_ms in jitter[:4]))) is None
    found = off_ms(meter(*(-7 * HOUR_MS + late_ms for late_ms in jitter)))
    assert found is not None
    assert abs(found + 7 * HOUR_MS) <= 3 * MINUTE_MS


def test_a_fresh_reading_ends_the_question() -> None:
    device = meter(*[-7 * HOUR_MS] * 9)
    assert off_ms(device) == -7 * HOUR_MS
    tell_time(device, -2 * SECOND_MS, NOW_MS + 3 * HOUR_MS)
    assert (off_ms(device), device.clock) == (None, None)


def test_what_was_held_back_shrinks_and_is_not_asked_about() -> None:
    for faster in (1.2, 2.0, 50.0):
        device, lag_ms, now_ms = Device("d1", None), 12 * HOUR_MS, NOW_MS
        while lag_ms > 0:
            tell_time(device, -lag_ms, now_ms)
            assert off_ms(device) is None, (faster, lag_ms)
            now_ms += 10 * MINUTE_MS
            lag_ms -= round(10 * MINUTE_MS * (faster - 1))


def test_a_device_that_uploads_its_day_each_night_is_right() -> None:
    """Its newest reading is one of now, or of midnight, two hours ago; it may say hello meanwhile."""
    for last_ms in (0, 2 * HOUR_MS):
        device = Device("d1", None)
        for day in range(9):
            upload_ms = NOW_MS + day * DAY_MS
            for reading in range(97):
                tell_time(device, -DAY_MS - last_ms + reading * EVERY_MS, upload_ms + reading * SECOND_MS)
                assert off_ms(device) is None
            for hour in range(24):
                device.last_seen_ms = upload_ms + hour * HOUR_MS
                assert off_ms(device) is None


def test_frames_that_radio_delays_by_some_minutes_do_not_hide_a_clock_that_is_behind() -> None:
    late_ms = [20, 0, 14, 3, 18, 1, 16, 0, 12, 0, 19]
    device = meter(*(-7 * HOUR_MS - late * MINUTE_MS for late in late_ms))
    assert off_ms(device) == -7 * HOUR_MS
    assert asked_offset(device, -7 * HOUR_MS) == "-7h"


def test_nor_do_delays_that_are_never_twice_as_short() -> None:
    device = meter(-7 * HOUR_MS, *(-7 * HOUR_MS - late * MINUTE_MS for late in (34, 21, 55, 40, 62)))
    assert off_ms(device) == -7 * HOUR_MS


def test_a_backlog_among_its_readings_does_not_hide_it_either() -> None:
    """Each hour it sends what it holds now, and then what it kept."""
    device = Device("d1", None)
    for hour in range(4):
        for reading in range(5):
            tell_time(device, -7 * HOUR_MS - reading * EVERY_MS, NOW_MS + hour * HOUR_MS + reading * SECOND_MS)
    assert off_ms(device) == -7 * HOUR_MS


def test_a_clock_may_be_set_to_another_wrong_time_and_stays_asked_about() -> None:
    device = meter(*[-7 * HOUR_MS] * 9, -6 * HOUR_MS)
    assert off_ms(device) == -6 * HOUR_MS


def test_readings_newest_first_are_no_wrong_clock() -> None:
    """A slow link takes two hours for a night; nothing new comes between."""
    device = meter(*(-minute * MINUTE_MS for minute in range(0, 720, 6)), every_ms=MINUTE_MS)
    assert off_ms(device) is None


def test_what_may_be_held_back_for_long_is_asked_about_beyond_that() -> None:
    device = meter(*[-7 * HOUR_MS] * 9)
    assert clock_off_ms(device, RULES, 7 * HOUR_MS) is None
    assert clock_off_ms(device, RULES, 7 * HOUR_MS - 1) == -7 * HOUR_MS
    assert clock_off_ms(meter(*[-HOUR_MS] * 9), RULES, 0) is None
    assert clock_off_ms(meter(*[-HOUR_MS - 1] * 9), RULES, 0) == -HOUR_MS - 1


@pytest.mark.parametrize("offset_ms", [7 * HOUR_MS, 5 * MINUTE_MS + 1, -9000 * DAY_MS])
def test_times_that_are_not_believed_need_no_hour(offset_ms: int) -> None:
    assert off_ms(meter(offset_ms)) == offset_ms


@pytest.mark.parametrize(
    ("offset_ms", "said", "asked"),
    [
        (-7 * HOUR_MS - 90 * SECOND_MS, None, "-7h"),
        (7 * HOUR_MS - 40 * SECOND_MS, None, "7h"),
        (-93 * MINUTE_MS, None, "-95min"),
        (-2 * HOUR_MS, "-7h", "-9h"),
        (7 * HOUR_MS, -25200, "0s"),
    ],
)
def test_the_question_is_in_hours_or_five_minutes_with_what_was_said_already(offset_ms: int, said: object, asked: str) -> None:
    entry = registered_device(params={} if said is None else {"clock_offset": said})
    assert asked_offset(Device("d1", entry), offset_ms) == asked


# A clock that is ahead.

HELD_BACK_MS = 3 * HOUR_MS


def after_a_stop(ahead_ms: int, stop_ms: int) -> Iterator[tuple[int, int, int]]:
    """A fast meter, then a stop; what it sent meanwhile comes within ten seconds: right time, offset then, arrival."""
    for at_ms in range(0, HOUR_MS, EVERY_MS):
        yield NOW_MS + at_ms, ahead_ms, NOW_MS + at_ms
    back_ms = NOW_MS + HOUR_MS + stop_ms
    for turn, at_ms in enumerate(range(NOW_MS + HOUR_MS, back_ms, EVERY_MS)):
        arrival_ms = back_ms + turn * 400
        yield at_ms, at_ms + ahead_ms - arrival_ms, arrival_ms
    for at_ms in range(back_ms + 20 * SECOND_MS, back_ms + HOUR_MS, EVERY_MS):
        yield at_ms, ahead_ms, at_ms


@pytest.mark.parametrize("ahead_ms", [6 * MINUTE_MS, 20 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 7 * HOUR_MS])
@pytest.mark.parametrize("stop_ms", [30 * MINUTE_MS, 3 * HOUR_MS, 9 * HOUR_MS])
def test_no_reading_of_a_clock_ahead_is_used_however_late_it_comes(ahead_ms: int, stop_ms: int) -> None:
    device = Device("d1", None)
    for _, offset_ms, arrival_ms in after_a_stop(ahead_ms, stop_ms):
        used = tell_time(device, offset_ms, arrival_ms) and offset_ms <= RULES.max_future_ms
        assert not used, (offset_ms, arrival_ms - NOW_MS)
    assert off_ms(device) == ahead_ms


def test_nor_after_a_restart_of_the_gateway() -> None:
    device, shapes = Device("d1", None), FieldSets()
    for turn, (_, offset_ms, arrival_ms) in enumerate(after_a_stop(2 * HOUR_MS, 3 * HOUR_MS)):
        if turn == 4:
            line, device = pack(device, shapes), Device("d1", None)
            unpack(line, device, shapes, arrival_ms)
        assert not (tell_time(device, offset_ms, arrival_ms) and offset_ms <= RULES.max_future_ms), turn
    assert device.clock is not None


def test_a_clock_that_was_set_is_believed_at_once_if_its_reading_cannot_have_waited() -> None:
    device = meter(*[7 * HOUR_MS] * 4)
    assert tell_time(device, 0, NOW_MS + HOUR_MS)
    assert device.clock is None


def test_one_that_was_set_while_nothing_came_is_believed_after_a_quarter_of_an_hour() -> None:
    device = meter(*[7 * HOUR_MS] * 4)
    begin_ms = NOW_MS + 12 * HOUR_MS
    told = [tell_time(device, minute * SECOND_MS, begin_ms + minute * 5 * MINUTE_MS) for minute in range(5)]
    assert told == [False, False, False, True, True]


def test_a_wrong_time_among_right_ones_costs_its_device_nothing() -> None:
    device = meter(0, 0, 9 * HOUR_MS, 0, 0)
    assert device.clock is None
    again = meter(0, 0, 9 * HOUR_MS)
    assert [tell_time(again, -late * MINUTE_MS, NOW_MS + HOUR_MS + late) for late in range(3)] == [True] * 3


# Which hours are wrong.


def test_the_times_that_are_wrong_are_those_of_the_device_or_of_the_arrivals() -> None:
    assert wrong_times(meter(0, 0), RULES, PATIENCE_MS) is None
    assert wrong_times(meter(*[-7 * HOUR_MS] * 4), RULES, PATIENCE_MS) is None, "not asked about yet"
    assert wrong_times(meter(*[-7 * HOUR_MS] * 5), RULES, PATIENCE_MS) == WrongTimes(NOW_MS - 7 * HOUR_MS, NOW_MS - 6 * HOUR_MS)
    assert wrong_times(meter(*[7 * HOUR_MS] * 5), RULES, PATIENCE_MS) is None, "all of it is filed by arrival"
    device = Device("d1", None)
    for _, offset_ms, arrival_ms in after_a_stop(7 * HOUR_MS, 3 * HOUR_MS):
        tell_time(device, offset_ms, arrival_ms)
    last_before_ms, back_ms = NOW_MS + 45 * MINUTE_MS, NOW_MS + 4 * HOUR_MS
    assert wrong_times(device, RULES, PATIENCE_MS) == WrongTimes(last_before_ms, back_ms + 11 * 400, is_over=True)


# Our own clock, and the whole way of a reading.


def heard(core: Processor, at_ms: int, offset_ms: int) -> tuple[int, int]:
    got = point(core.process(message({"ts": NOW_MS + at_ms + offset_ms, "ph": 7}, topic()), NOW_MS + at_ms))
    return got.time_ms - NOW_MS - at_ms, int(got.fields["quality"])


@pytest.mark.parametrize("said", ["7h", "+7h", 25200, "25200s", "420min"])
def test_a_clock_is_corrected_as_was_said(said: object) -> None:
    core = pipeline({"d1": registered_device(params={"clock_offset": said})})
    assert heard(core, 0, 7 * HOUR_MS) == (0, 0)
    assert heard(core, MINUTE_MS, 7 * HOUR_MS - 2 * SECOND_MS) == (-2 * SECOND_MS, 0)


def test_one_that_shows_too_little_is_corrected_forwards() -> None:
    core = pipeline({"d1": registered_device(params={"clock_offset": "-7h"})})
    assert heard(core, 0, -7 * HOUR_MS) == (0, 0)


def test_nothing_is_corrected_unasked_and_a_correction_begins_anew() -> None:
    core = pipeline({"d1": registered_device()})
    for turn in range(6):
        assert heard(core, turn * EVERY_MS, -7 * HOUR_MS) == (-7 * HOUR_MS, Quality.HISTORIC)
    replace_registry(core.streams, {"d1": registered_device(params={"clock_offset": "-7h"})})
    device = core.streams.devices["d1"]
    assert (device.clock, device.offset_ms) == (None, None)
    assert heard(core, 2 * HOUR_MS, -7 * HOUR_MS) == (0, 0)
    replace_registry(core.streams, {"d1": registered_device()})
    assert heard(core, 3 * HOUR_MS, -7 * HOUR_MS)[0] == -7 * HOUR_MS


BY_PROFILE = """
match: {topic: 'meters/{device}'}
site: {literal: s1}
time: [{path: /at, format: unix_ms}, arrival]
points: [{measurement: water, fields: {ph: /ph}}]
"""
OF_FRAME = f"""
match: {{envelope: chirpstack_v4, by: registry}}
time: [{{path: /raw/object/at, format: unix_ms}}, /time]
points: {PH}
"""


@pytest.mark.parametrize(
    ("of_profile", "said", "corrected_h"), [("", None, 0), ("7h", None, 7), ("-20min", "7h", 7), ("7h", "0s", 0)]
)
def test_a_profile_corrects_the_clocks_of_its_devices_and_the_registry_goes_first(
    of_profile: str, said: str | None, corrected_h: int
) -> None:
    text = BY_PROFILE + (f"clock_offset: {of_profile}\n" if of_profile else "")
    entry = registered_device(params={} if said is None else {"clock_offset": said})
    core = profiled.pipeline(text, devices=[entry])
    shown_ms = NOW_MS - HOUR_MS // 2 + corrected_h * HOUR_MS
    assert point(core.process(profiled.sent({"at": shown_ms, "ph": 7}, "meters/d1"), NOW_MS)).time_ms == NOW_MS - HOUR_MS // 2


@pytest.mark.parametrize(("clock", "right"), [("23:30", "2026-10-31T16:30:00Z"), ("06:59", "2026-10-31T23:59:00Z")])
def test_a_time_of_day_is_corrected_before_its_day_is_chosen(clock: str, right: str) -> None:
    text = BY_PROFILE.replace("format: unix_ms", "format: '%H:%M', zone: '+00:00'") + "clock_offset: 7h\n"
    core = profiled.pipeline(text)
    got = point(core.process(profiled.sent({"at": clock, "ph": 7}, "meters/d1"), NOW_MS))
    assert got.time_ms == rfc3339_ms(right)


def test_the_time_of_a_network_server_is_not_the_devices_and_stays() -> None:
    server = "2026-10-31T23:58:00Z"
    entry = registered_device(id=profiled.EUI, profile="p", params={"clock_offset": "7h"})
    for times in ("[/time]", "[/raw/time]"):
        text = OF_FRAME.replace("[{path: /raw/object/at, format: unix_ms}, /time]", times)
        core = profiled.pipeline(text, devices=[entry])
        assert point(core.process(profiled.uplink(time=server), NOW_MS)).time_ms == rfc3339_ms(server), times


@pytest.mark.parametrize("said", ["seven", "7", True, "--7h", "", "300000d"])
def test_what_is_no_offset_is_refused_with_how_to_write_it(said: object) -> None:
    with pytest.raises(ValueError, match="write 7h if it shows 7 h too much"):
        registered_device(params={"clock_offset": said})
