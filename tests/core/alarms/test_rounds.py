"""Silence of devices and sites, and wrong clocks: judged in rounds, by the same span of silence as on all pages."""

import pytest

from gateway.core.alarms.rules import ClockWrong, Rule, Silent
from gateway.core.status.members import Reception
from gateway.core.status.silence import Silence
from tests.core.alarms.alarming import Bed, above, at, registered, rule
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, tell_time

SILENT = rule(Silent(), name="device_silent")
SITE = rule(Silent("site"), name="site_silent")


def site(count: int, *rules: Rule, silence: Silence | None = None, each: int = 5, **entry: object) -> Bed:
    """A bench with a site of so many devices, which were heard one after another."""
    bed = Bed(*rules or (SITE, SILENT), silence=silence)
    for number in range(count):
        name = f"d{number}"
        bed.device(name, registered(name, **entry)).last_seen_ms = NOW_MS + number * each * 1000
    return bed


def rounds(bed: Bed, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
    """The changes in rounds of a minute, with the minutes from ``NOW_MS``, but for what nobody acknowledges."""
    told = [
        ((now_ms - NOW_MS) // MINUTE_MS, told) for now_ms in range(from_ms, to_ms + 1, MINUTE_MS) for told in bed.tick(now_ms)
    ]
    return [(minute, change) for minute, change in told if not change.startswith("overdue")]


def test_a_device_is_silent_after_three_intervals_and_until_it_is_heard() -> None:
    bed = site(1)
    assert rounds(bed, NOW_MS, NOW_MS + HOUR_MS) == [(45, "raised device_silent@d0")]
    (state,) = bed.alarms.states
    assert (state.since_ms, state.value) == (NOW_MS, HOUR_MS / 1000)
    bed.devices["d0"].last_seen_ms = NOW_MS + HOUR_MS
    assert bed.tick(NOW_MS + HOUR_MS + 1) == ["cleared device_silent@d0"]


def test_its_own_span_of_silence_comes_first() -> None:
    bed = site(1, silent_after="2h")
    assert rounds(bed, NOW_MS, NOW_MS + 3 * HOUR_MS) == [(120, "raised device_silent@d0")]


def test_a_goodbye_alone_is_no_alarm() -> None:
    bed = site(1)
    bed.devices["d0"].say(NOW_MS + 1, online=False)
    assert rounds(bed, NOW_MS, NOW_MS + 44 * MINUTE_MS) == []


def test_a_device_never_heard_is_no_alarm() -> None:
    bed = site(5)
    for device in bed.devices.values():
        device.last_seen_ms = 0
    assert bed.tick(NOW_MS + 40 * DAY_MS) == []


def test_time_in_which_nobody_could_be_heard_is_left_out() -> None:
    reception = Reception()
    bed = site(40, silence=Silence(reception=reception))
    reception.lose(NOW_MS + 10 * MINUTE_MS)
    assert rounds(bed, NOW_MS, NOW_MS + 5 * HOUR_MS) == [], "the gateway itself is the alarm"
    reception.regain(NOW_MS + 5 * HOUR_MS)
    assert bed.tick(NOW_MS + 5 * HOUR_MS + 1) == []
    told = rounds(bed, NOW_MS + 5 * HOUR_MS, NOW_MS + 6 * HOUR_MS)
    assert [name for _, name in told] == ["raised site_silent@s1"]


def after_a_power_cut(bed: Bed, saved_ms: int, now_ms: int) -> Bed:
    """The next run: it has the states of alarms, and devices as they were saved some time before."""
    reception = Reception(saved_ms)
    reception.regain(now_ms)
    again = Bed(SITE, SILENT, silence=Silence(reception=reception))
    for name, device in bed.devices.items():
        again.device(name, device.registered).last_seen_ms = min(device.last_seen_ms, saved_ms)
    again.alarms.restore(list(bed.alarms.states), now_ms)
    return again


@pytest.mark.parametrize(("count", "alarm"), [(1, "device_silent@d0"), (50, "site_silent@s1")])
def test_a_power_cut_ends_no_silence_and_raises_none(count: int, alarm: str) -> None:
    bed, cut_ms = site(count), NOW_MS + HOUR_MS
    assert [told for _, told in rounds(bed, NOW_MS, cut_ms)] == [f"raised {alarm}"]
    again = after_a_power_cut(bed, NOW_MS + 2 * MINUTE_MS, cut_ms)
    assert rounds(again, cut_ms, cut_ms + 2 * HOUR_MS) == []
    for device in again.devices.values():
        device.last_seen_ms = cut_ms + 2 * HOUR_MS
    assert [told for _, told in rounds(again, cut_ms + 2 * HOUR_MS, cut_ms + 2 * HOUR_MS + 20 * MINUTE_MS)] == [
        f"cleared {alarm}"
    ]


def test_a_site_of_fifty_that_falls_silent_is_one_alarm_an_interval_before_its_devices_would_be() -> None:
    bed = site(50)
    assert rounds(bed, NOW_MS, NOW_MS + DAY_MS // 4) == [(33, "raised site_silent@s1")]
    (state,) = bed.alarms.states
    assert (state.value, state.tags.site, state.tags.area, state.tags.device) == (50, "s1", "a1", "")
    assert state.since_ms == NOW_MS


def test_devices_that_stay_silent_when_their_site_speaks_again_have_their_own_alarm() -> None:
    bed = site(5)
    assert len(rounds(bed, NOW_MS, NOW_MS + HOUR_MS)) == 1
    for name in ("d0", "d1", "d2"):
        bed.devices[name].last_seen_ms = NOW_MS + HOUR_MS
    told = rounds(bed, NOW_MS + HOUR_MS, NOW_MS + 80 * MINUTE_MS)
    assert told == [(75, name) for name in ("cleared site_silent@s1", "raised device_silent@d3", "raised device_silent@d4")]


def test_devices_that_speak_within_an_interval_of_the_first_have_no_alarm_of_their_own() -> None:
    bed = site(5)
    told = rounds(bed, NOW_MS, NOW_MS + HOUR_MS)
    for number, device in enumerate(bed.devices.values()):
        device.last_seen_ms = NOW_MS + HOUR_MS + number * 3 * MINUTE_MS
        told += rounds(bed, device.last_seen_ms, device.last_seen_ms + 2 * MINUTE_MS)
    assert [name for _, name in told] == ["raised site_silent@s1", "cleared site_silent@s1"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_small_site_is_its_devices(count: int) -> None:
    told = rounds(site(count), NOW_MS, NOW_MS + HOUR_MS)
    assert [name for _, name in told] == [f"raised device_silent@d{number}" for number in range(count)]


def test_half_of_a_site_is_not_most_of_it() -> None:
    bed = site(6)
    for now_ms in range(NOW_MS, NOW_MS + HOUR_MS, MINUTE_MS):
        for name in ("d0", "d1", "d2"):
            bed.devices[name].last_seen_ms = now_ms
        told = bed.tick(now_ms)
        assert not any("site" in name for name in told)


def test_devices_that_died_one_after_another_are_no_silent_site() -> None:
    bed = site(5, each=3 * 3600)
    told = rounds(bed, NOW_MS, NOW_MS + DAY_MS)
    assert [name for _, name in told] == [f"raised device_silent@d{number}" for number in range(5)]


def test_a_device_that_was_silent_long_before_its_site_keeps_its_alarm() -> None:
    bed = site(5)
    bed.devices["d0"].last_seen_ms = NOW_MS - DAY_MS
    assert bed.tick(NOW_MS) == ["raised device_silent@d0"]
    assert [name for _, name in rounds(bed, NOW_MS, NOW_MS + DAY_MS)] == ["raised site_silent@s1"]
    assert {state.key.id for state in bed.alarms.states} == {"device_silent@d0", "site_silent@s1"}


def test_a_site_stands_for_devices_that_are_quicker_silent_than_it() -> None:
    bed = site(4, interval="1h")
    bed.device("quick", registered("quick", interval="5min")).last_seen_ms = NOW_MS
    told = [name for _, name in rounds(bed, NOW_MS, NOW_MS + DAY_MS)]
    assert told == ["raised device_silent@quick", "raised site_silent@s1", "cleared device_silent@quick"]


def test_a_site_that_is_gone_from_the_registry_has_no_alarm() -> None:
    bed = site(5)
    rounds(bed, NOW_MS, NOW_MS + HOUR_MS)
    bed.devices.clear()
    assert bed.tick(NOW_MS + HOUR_MS) == ["cleared site_silent@s1"]


def test_a_silent_site_stays_one_while_nothing_is_known_after_a_restart() -> None:
    before, bed = site(5), site(5)
    rounds(before, NOW_MS, NOW_MS + HOUR_MS)
    bed.alarms.restore(list(before.alarms.states), NOW_MS + HOUR_MS)
    for device in bed.devices.values():
        device.last_seen_ms = 0
    assert bed.tick(NOW_MS + HOUR_MS) == []
    assert bed.is_active("site_silent", "s1")


def test_without_the_rule_for_sites_each_device_speaks_for_itself() -> None:
    assert len(rounds(site(5, SILENT), NOW_MS, NOW_MS + HOUR_MS)) == 5


CLOCK = rule(ClockWrong(), name="clock_wrong", for_ms=HOUR_MS)


def clock(offsets_ms: list[int], **entry: object) -> list[list[str]]:
    """The changes in the rounds after a device spoke with its clock so far off, every quarter of an hour."""
    bed = Bed(CLOCK)
    device = bed.device("d1", registered(**entry))
    found = []
    for turn, offset_ms in enumerate(offsets_ms):
        tell_time(device, offset_ms, at(turn))
        found.append(bed.tick(at(turn) + 1))
    return found


@pytest.mark.parametrize(("offset_ms", "later"), [(DAY_MS, 0), (-DAY_MS, 0), (6 * MINUTE_MS, 1)])
def test_a_clock_that_is_too_far_off_for_an_hour_is_wrong(offset_ms: int, later: int) -> None:
    """One that is ahead by less than its interval may only have sent late, until it stays right."""
    told = clock([0, *[offset_ms] * 6, 0, 0])
    ends = [["cleared clock_wrong@d1"], []]
    assert told == [[], [], [], [], [], ["raised clock_wrong@d1"], [], *(ends[::-1] if later else ends)]


def test_readings_that_a_broker_held_back_raise_nothing_however_long_they_come() -> None:
    """Three hours of them within two hours: each quarter of an hour they are less late."""
    assert clock([-3 * HOUR_MS + 15 * MINUTE_MS * turn * 3 // 2 for turn in range(8)]) == [[]] * 8


@pytest.mark.parametrize("offset_ms", [4 * MINUTE_MS, -50 * MINUTE_MS])
def test_a_clock_within_what_is_believed_or_a_late_message_is_not_wrong(offset_ms: int) -> None:
    assert clock([offset_ms] * 8) == [[]] * 8


def test_one_late_message_is_no_wrong_clock_however_long_nothing_follows() -> None:
    bed = Bed(CLOCK)
    device = bed.device("d1", registered())
    tell_time(device, -DAY_MS, NOW_MS)
    for minute in range(40):
        assert bed.tick(NOW_MS + minute * MINUTE_MS) == []


def test_a_gateway_whose_own_clock_is_in_doubt_blames_nobody() -> None:
    bed = Bed(CLOCK)
    device = bed.device("d1", registered())
    for turn in range(8):
        tell_time(device, DAY_MS, at(turn))
        assert bed.tick(at(turn), clock_trusted=False) == []


def test_a_rule_about_readings_is_left_alone_by_a_round() -> None:
    bed = Bed(SILENT, CLOCK, rule(above("alarm_leak", 0)))
    bed.device(entry=registered())
    assert bed.send(NOW_MS, alarm_leak=True) == ["raised some@d1"]
    assert bed.tick(NOW_MS + MINUTE_MS) == []
    assert bed.is_active()
