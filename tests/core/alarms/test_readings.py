"""Readings on their way through the core: which of them the engine sees."""

from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import CounterStep, Rule, Rules
from gateway.core.devices.streams import Streams
from gateway.core.process import Processor
from gateway.core.status.silence import Silence
from tests.core.alarms.alarming import ZONE, above, rule
from tests.core.making import HOUR_MS, MINUTE_MS, NOW_MS, RULES, message, points, topic, trusted_clock


class Pipeline:
    """The core with an engine that knows one rule, that about leaks where no other is given."""

    def __init__(self, *rules: Rule) -> None:
        self.alarms = Alarms(Rules(rules or (rule(above("alarm_leak", 0)),)), Silence(), RULES, ZONE)
        self.processor = Processor(Streams(), RULES, trusted_clock(), alarms=self.alarms)

    def send(self, payload: object, now_ms: int = NOW_MS, *, replayed: bool = False) -> list[str]:
        """Process a message; what the engine tells of it."""
        self.processor.process(message(payload), now_ms, replayed=replayed)
        return [f"{change.change} {change.key.id}" for change in self.alarms.drain().transitions]


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
    (change,) = on.alarms.drain().transitions
    assert change.simulated
    assert change.tags._asdict() == {"area": "", "device": "sim-1", "domain": "water", "site": "ward-1"}


def test_alarms_change_nothing_about_the_points() -> None:
    on, off = Pipeline(), Processor(Streams(), RULES, trusted_clock())
    for payload in ({"ts": NOW_MS, "alarm_leak": True, "volume_m3": 3}, {"ts": NOW_MS + 1, "volume_m3": 1}):
        sent = message(payload)
        assert points(on.processor.process(sent, NOW_MS)) == points(off.process(sent, NOW_MS))


def test_a_counter_that_is_new_steps_without_an_alarm_and_an_older_one_with_one() -> None:
    on = Pipeline(rule(CounterStep(), name="counter_step"))

    def send(turn: int, volume_m3: float) -> list[str]:
        time_ms = NOW_MS + turn * 15 * MINUTE_MS
        return on.send({"ts": time_ms, "volume_m3": volume_m3}, time_ms)

    assert [send(turn, 1000 + 20 * turn) for turn in range(120)] == [[]] * 120, "eighty in an hour are a large meter"
    assert [send(120 + turn, 5 + 20 * turn) for turn in range(4)] == [[], [], ["raised counter_step@d1"], []]


def test_parts_of_a_message_that_differ_by_seconds_are_looked_at_in_any_order() -> None:
    on = Pipeline()
    assert on.send([{"ts": NOW_MS, "channel": "1", "alarm_leak": False}, {"ts": NOW_MS - 30_000, "alarm_leak": True}]) == [
        "raised some@d1"
    ]
