"""The limits of a round: which clocks are wrong, which devices fell silent together, and how much is done at a time."""

from dataclasses import replace
from datetime import timedelta

from gateway.core.alarms.looking import is_overtaken
from gateway.core.alarms.rounds import Missing, Site, interval_ms
from gateway.core.alarms.rules import ClockWrong, Limit, Rules, Silent, Values
from gateway.core.alarms.watch import Tables
from gateway.core.devices.device import Device
from gateway.core.readings.line_protocol import FieldSets
from schemas.registry import RegisteredDevice
from tests.core.alarms.alarming import Bed, above, registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, RULES, tell_time


def test_only_a_rule_about_clocks_looks_at_a_clock_and_tells_how_far_it_is_off() -> None:
    bed = Bed(rule(ClockWrong(), name="clock"), rule(above("alarm_leak", 0), name="leak"))
    device = bed.device(entry=registered())
    tell_time(device, 2 * HOUR_MS, NOW_MS)
    for _ in bed.alarms.tick(NOW_MS, [device], clock_trusted=False):
        pass
    assert bed.told() == [], "the gateway's own clock is in doubt"
    for _ in bed.alarms.tick(NOW_MS, [device]):
        pass
    (raised,) = bed.transitions()
    assert (raised.key.id, raised.value, raised.at_ms) == ("clock@d1", 7200.0, NOW_MS)
    tell_time(device, RULES.max_future_ms, NOW_MS + 4 * HOUR_MS)
    tell_time(device, RULES.max_future_ms, NOW_MS + 5 * HOUR_MS)
    assert bed.tick(NOW_MS) == ["cleared clock@d1"]
    for hour, (offset_ms, told) in enumerate(
        (
            (RULES.max_future_ms + 1, ["raised clock@d1"]),
            (-HOUR_MS, ["cleared clock@d1"]),
            (-HOUR_MS - 1, []),
            (-HOUR_MS - 1, ["raised clock@d1"]),
        ),
        6,
    ):
        tell_time(device, offset_ms, NOW_MS + hour * HOUR_MS)
        assert bed.tick(NOW_MS) == told, "behind by what makes a reading late, or by its span of silence, for an hour"


def test_a_round_pauses_after_every_two_hundred_devices_or_alarms() -> None:
    bed = Bed(rule(above("alarm_leak", 0)))
    devices = [bed.device(f"d{number}", registered(f"d{number}")) for number in range(201)]
    assert [sum(1 for _ in bed.alarms.tick(NOW_MS, devices[:count])) for count in (0, 1, 200, 201)] == [0, 1, 1, 2]
    for device in devices:
        bed.send(NOW_MS, device.name, alarm_leak=True)
    assert sum(1 for _ in bed.alarms.tick(NOW_MS, [])) == 2


def test_the_end_of_a_sites_silence_waits_for_the_slowest_of_its_devices() -> None:
    quick, slow = Device("quick", registered("quick")), Device("slow", registered("slow", interval="1h"))
    some = rule(Silent("site"))
    missing = [Missing(quick, NOW_MS), Missing(slow, NOW_MS)]
    assert Site(2, missing).with_patience(some).clear_after_ms == HOUR_MS
    assert Site(2, missing).with_patience(replace(some, clear_after_ms=2 * HOUR_MS)).clear_after_ms == 2 * HOUR_MS
    assert Site(2, []).with_patience(some).clear_after_ms == 0
    assert [interval_ms(device) for device in (quick, slow, Device("any", None))] == [15 * MINUTE_MS, HOUR_MS, 20 * MINUTE_MS]
    for interval in (timedelta(milliseconds=1), timedelta(microseconds=100)):
        assert interval_ms(Device("busy", RegisteredDevice("busy", interval=interval))) == 1
    many = [Missing(quick, NOW_MS)] * 3
    assert [Site(heard, many).is_mostly_missing for heard in (5, 6)] == [True, False]
    assert not Site(2, many[:2]).is_mostly_missing, "two are a coincidence"
    fell = [Missing(quick, NOW_MS - later_ms) for later_ms in (0, 15 * MINUTE_MS, 15 * MINUTE_MS + 1, 0)]
    assert Site(5, fell).fell_together() == [fell[0], fell[1], fell[3]]
    assert Site(6, fell).fell_together() == []


def test_devices_of_a_site_that_were_never_heard_speak_neither_for_nor_against_its_silence() -> None:
    bed = Bed(rule(Silent("site"), name="site_silent"))
    for number in range(6):
        device = bed.device(f"d{number}", registered(f"d{number}"))
        device.last_seen_ms = NOW_MS if number < 3 else 0
    assert bed.tick(NOW_MS + HOUR_MS) == ["raised site_silent@s1"]


def test_the_silence_of_a_site_is_simulated_where_all_its_devices_are() -> None:
    for names, simulated in ((["sim-1", "sim-2", "sim-3"], True), (["sim-1", "sim-2", "d3"], False)):
        bed = Bed(rule(Silent("site"), name="site_silent"))
        for name in names:
            bed.device(name, registered(name)).last_seen_ms = NOW_MS
        for _ in bed.alarms.tick(NOW_MS + HOUR_MS, bed.devices.values()):
            pass
        (raised,) = bed.transitions()
        assert raised.simulated is simulated


def test_an_alarm_that_ends_during_a_round_is_not_told_as_overdue() -> None:
    bed = Bed(rule(above("alarm_leak", 0)))
    assert bed.send(NOW_MS, alarm_leak=True) == ["raised some@d1"]
    round_ = bed.alarms.states.remind(bed.alarms.rules, NOW_MS + 9 * HOUR_MS)
    next(round_)
    assert bed.send(NOW_MS + MINUTE_MS, alarm_leak=False) == ["cleared some@d1"]
    assert list(round_) == []
    assert bed.told() == []


def test_a_reading_a_minute_behind_the_newest_is_a_part_of_the_same_message_at_most() -> None:
    device = Device("d1", None)
    device.newest_ms = NOW_MS
    assert [is_overtaken(device, NOW_MS - behind_ms) for behind_ms in (60_000, 60_001)] == [False, True]


def test_values_are_kept_only_for_conditions_that_need_another_reading() -> None:
    both = Values((Limit("pressure_kpa", "below", 100, 100), Limit("flow_m3_h", "above", 5, 5)))
    tables, field_sets = Tables(Rules((rule(both), rule(above("ph", 8))))), FieldSets()
    sets = [("flow_m3_h", "pressure_kpa"), ("ph",), ("pressure_kpa",)]
    assert [tables.table(field_sets.of(names)).keeps for names in sets] == [(), (), ((0, "pressure_kpa"),)]
