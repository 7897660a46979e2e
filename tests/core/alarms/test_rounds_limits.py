"""The limits of a round: which clocks are wrong, which devices fell silent together, and how much is done at a time."""

from dataclasses import replace
from datetime import timedelta

from gateway.core.alarms.rounds import Missing, Site, interval_ms
from gateway.core.alarms.rules import ClockWrong, Silent
from gateway.core.devices.device import Device
from schemas.registry import RegisteredDevice
from tests.core.alarms.alarming import Bed, above, registered, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, RULES


def test_only_a_rule_about_clocks_looks_at_a_clock_and_tells_how_far_it_is_off() -> None:
    bed = Bed(rule(ClockWrong(), name="clock"), rule(above("alarm_leak", 0), name="leak"))
    device = bed.device(entry=registered())
    device.last_seen_ms, device.offset_ms = NOW_MS, 2 * HOUR_MS
    for _ in bed.alarms.tick(NOW_MS, [device], clock_trusted=False):
        pass
    assert bed.told() == [], "the gateway's own clock is in doubt"
    for _ in bed.alarms.tick(NOW_MS, [device]):
        pass
    (raised,) = bed.transitions()
    assert (raised.key.id, raised.value, raised.at_ms) == ("clock@d1", 7200.0, NOW_MS)
    for offset_ms, told in ((RULES.max_future_ms, ["cleared clock@d1"]), (RULES.max_future_ms + 1, ["raised clock@d1"])):
        device.offset_ms, device.last_seen_ms = offset_ms, device.last_seen_ms + MINUTE_MS
        assert bed.tick(NOW_MS) == told
    for offset_ms, told in ((-HOUR_MS, ["cleared clock@d1"]), (-HOUR_MS - 1, ["raised clock@d1"])):
        device.offset_ms, device.last_seen_ms = offset_ms, device.last_seen_ms + MINUTE_MS
        assert bed.tick(NOW_MS) == told, "behind by what makes a reading late, or by its span of silence"


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
