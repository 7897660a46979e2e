"""Readings on their way through the core: which of them the engine sees."""

from gateway.core.devices.streams import Streams
from gateway.core.process import Processor
from tests.core.alarms.alarming import Pipeline
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, RULES, message, points, topic, trusted_clock


def test_a_new_reading_is_looked_at_and_its_duplicate_is_not() -> None:
    leak, dry = {"ts": NOW_MS, "alarm_leak": True}, {"ts": NOW_MS + 1, "alarm_leak": False}
    on = Pipeline()
    assert on.send(leak) == ["raised some@d1"]
    assert on.send(dry) == ["cleared some@d1"]
    assert on.send(leak) == []


def test_fields_that_join_a_reading_are_looked_at() -> None:
    on = Pipeline()
    assert on.send({"ts": NOW_MS, "volume_m3": 1}) == []
    assert on.send({"ts": NOW_MS, "alarm_leak": True}) == ["raised some@d1"]


def test_a_reading_that_contradicts_the_first_is_not_looked_at() -> None:
    on = Pipeline()
    assert on.send({"ts": NOW_MS, "alarm_leak": False}) == []
    assert on.send({"ts": NOW_MS, "alarm_leak": True}) == []


def test_late_and_replayed_readings_are_not_looked_at() -> None:
    on = Pipeline()
    assert on.send({"ts": NOW_MS - 2 * HOUR_MS, "alarm_leak": True}) == []
    assert on.send({"ts": NOW_MS, "alarm_leak": True}, replayed=True) == []


def test_a_reading_that_a_newer_one_overtook_is_not_looked_at() -> None:
    on = Pipeline()
    assert on.send({"ts": NOW_MS, "alarm_leak": False}) == []
    assert on.send({"ts": NOW_MS - 15 * MINUTE_MS, "alarm_leak": True}) == []


def test_the_alarm_has_the_tags_of_the_readings_and_says_if_the_device_is_simulated() -> None:
    on = Pipeline()
    on.processor.process(message({"alarm_leak": True}, topic("sim-1", site="ward-1")), NOW_MS)
    (change,) = on.alarms.states.drain().transitions
    assert change.simulated
    assert change.tags._asdict() == {"area": "", "device": "sim-1", "domain": "water", "site": "ward-1"}


def test_alarms_change_nothing_about_the_points() -> None:
    on, off = Pipeline(), Processor(Streams(), RULES, trusted_clock())
    for payload in ({"ts": NOW_MS, "alarm_leak": True, "volume_m3": 3}, {"ts": NOW_MS + 1, "volume_m3": 1}):
        sent = message(payload)
        assert points(on.processor.process(sent, NOW_MS)) == points(off.process(sent, NOW_MS))


def test_parts_of_a_message_that_differ_by_seconds_are_looked_at_in_any_order() -> None:
    on = Pipeline()
    assert on.send([{"ts": NOW_MS, "channel": "1", "alarm_leak": False}, {"ts": NOW_MS - 30_000, "alarm_leak": True}]) == [
        "raised some@d1"
    ]
