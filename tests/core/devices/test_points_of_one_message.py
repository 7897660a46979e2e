"""Readings of one message that are for one point: the first stays, whoever told their time; and such a message replayed."""

from typing import Any

import pytest

from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.rules import Rules
from gateway.core.devices.device import Device
from gateway.core.devices.snapshot import pack, unpack
from gateway.core.devices.streams import Admission
from gateway.core.message import Outcome, QuarantinedMessage, Refusal, StoredMessage
from gateway.core.process import Processor
from gateway.core.readings.sums import SumsMode
from gateway.core.status.silence import Silence
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice
from schemas.rejects import RejectReason
from tests.core.alarms.alarming import ZONE, above, rule
from tests.core.line_protocol import Point
from tests.core.making import NOW_MS, RULES, SECOND_MS, message, points, registered_device, replace_registry, topic
from tests.core.making import pipeline as native_pipeline
from tests.core.profiled import EUI, MANY, answered, meters, pipeline, process, sent, uplink

TWO = """
points:
  - {measurement: water, fields: {ph: /a}}
  - {measurement: water, fields: {ph: /b}}
"""
"""Two values for one point."""

UNTIMED = f"match: {{topic: 't/{{device}}'}}\n{TWO}"
CODEC = "match: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec/ph}}]"


def fates(outcome: Outcome) -> tuple[int, int, list[RejectReason]]:
    """Readings, duplicates, and the reasons of the others."""
    return len(outcome.readings), outcome.duplicates, [refusal.reason for refusal in outcome.refusals]


CONFLICT = (1, 0, [RejectReason.TIME_CONFLICT])


# Points of a profile.


@pytest.mark.parametrize(
    "time",
    [
        pytest.param("", id="arrival"),
        pytest.param("time: {path: /at, format: unix_ms}", id="device"),
        pytest.param("time: {base: arrival, step: 1h, first: 0}", id="counted-from-arrival"),
    ],
)
def test_of_two_values_for_one_point_of_a_message_the_first_stays_whoever_tells_the_time(time: str) -> None:
    into = pipeline(f"{UNTIMED}{time}")
    for now_ms in (NOW_MS, NOW_MS + SECOND_MS):
        outcome = process(into, {"a": 7, "b": 6, "at": now_ms}, now_ms=now_ms)
        assert fates(outcome) == CONFLICT
        assert [(each.time_ms, each.values) for each in points(outcome)] == [(now_ms, {"ph": 7.0})]
        assert "another ph; the first one is kept" in outcome.refusals[0].detail


def test_of_two_values_for_one_point_at_the_time_of_the_network_server_the_first_stays() -> None:
    text = f"match: {{envelope: lorawan}}\n{TWO.replace('/a', '/raw/a').replace('/b', '/raw/b')}"
    assert fates(pipeline(text).process(uplink(a=7, b=6, time="2026-11-01T00:00:00Z"), NOW_MS)) == CONFLICT


def test_equal_values_for_one_point_and_other_fields_of_it_are_one_line() -> None:
    assert fates(process(pipeline(UNTIMED), {"a": 7, "b": 7})) == (1, 0, [])
    outcome = process(pipeline(UNTIMED.replace("ph: /b", "level_m: /b")), {"a": 7, "b": 2})
    assert [each.values for each in points(outcome)] == [{"level_m": 2.0, "ph": 7.0}]
    assert len(outcome.readings) == 1


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        pytest.param("ph: /a", (1, 1, []), id="equal"),
        pytest.param("ph: /b", CONFLICT, id="other"),
        pytest.param("ph: /a, level_m: /b", (2, 0, []), id="more-fields"),
    ],
)
def test_a_device_that_a_point_names_is_the_same_as_the_one_that_sent_the_message(
    second: str, expected: tuple[int, int, list[RejectReason]]
) -> None:
    """Only behind the profile it shows that these are for one point."""
    own = f"  - {{measurement: water, device: /id, fields: {{{second}}}}}\n"
    text = "match: {topic: 'g/{hub}'}\ndevice: /id\npoints:\n  - {measurement: water, fields: {ph: /a}}\n" + own
    outcome = process(pipeline(text), {"id": "d1", "a": 7, "b": 6}, "g/h")
    assert fates(outcome) == expected
    assert len({field for each in points(outcome) for field in each.values}) == sum(
        len(each.values) for each in points(outcome)
    )


def test_fields_that_join_a_point_of_their_message_carry_the_quality_of_both() -> None:
    own = "  - {measurement: water, device: /id, fields: {ph: /a, level_m: /b}}\n"
    text = (
        "match: {topic: 'g/{hub}'}\ndevice: /id\npoints:\n  - {measurement: water, fields: {ph: /a, turbidity_ntu: /t}}\n" + own
    )
    first, second = points(process(pipeline(text), {"id": "d1", "a": 7, "b": 2, "t": -1}, "g/h"))
    assert (first.values, second.values) == ({"ph": 7.0}, {"level_m": 2.0})
    assert first.fields["quality"] == second.fields["quality"] == Quality.GATEWAY_TIME | Quality.VALUE_DROPPED


@pytest.mark.parametrize("time", ["", "time: {path: /at, format: unix_ms}"], ids=["arrival", "device"])
def test_a_point_is_known_again_however_many_others_its_message_has(time: str) -> None:
    text = f"""
match: {{topic: 't/{{device}}'}}
{time}
points: [{{measurement: water, each: {{of: /rows}}, tags: {{channel: {{path: c}}}}, fields: {{ph: v}}}}]
"""
    rows = [{"c": f"c{number}", "v": value} for value in (7, 6, 7) for number in range(60)]
    outcome = process(pipeline(text), {"rows": rows, "at": NOW_MS})
    stood = {(each.tags["channel"], each.time_ms): each.values["ph"] for each in points(outcome)}
    assert len(outcome.readings) == len(stood) == 60
    assert set(stood.values()) == {7.0}
    assert len(outcome.refusals) == 60


def test_a_reading_that_an_earlier_message_contradicts_hides_none_of_its_own() -> None:
    into = pipeline(f"{UNTIMED}time: {{path: /at, format: unix_ms}}")
    process(into, {"a": 6, "b": 6, "at": NOW_MS})
    assert fates(process(into, {"a": 7, "b": 6, "at": NOW_MS})) == (0, 1, [RejectReason.TIME_CONFLICT])


# What a reading that is left out must not do.


COUNTED = UNTIMED.replace("ph", "volume_m3")


def test_a_reading_that_is_refused_beside_the_first_moves_no_counter() -> None:
    into = pipeline(COUNTED)
    into.evaluator.counting = type(into.evaluator.counting)(SumsMode.FROM_ZERO)
    for minute in range(5):
        process(into, {"a": 1000 + minute, "b": 1000 + minute}, now_ms=NOW_MS + minute * 60_000)
    process(into, {"a": 5000, "b": 1005}, now_ms=NOW_MS + 300_000)
    counters = into.streams.devices["d1"].counters
    assert counters is not None
    assert counters.believed("volume_m3") == 1004, "the first is doubted, and what stands nowhere tells nothing"


def test_a_reading_that_is_refused_beside_the_first_raises_no_alarm() -> None:
    text = UNTIMED.replace("ph", "alarm_leak")
    into = pipeline(text)
    into.evaluator.alarms = alarms = Alarms(Rules((rule(above("alarm_leak", 0)),)), Silence(), RULES, ZONE)
    assert fates(process(into, {"a": False, "b": True})) == CONFLICT
    assert alarms.states.drain().transitions == []


# Lists.


def test_items_of_a_codecs_list_without_times_are_stamped_apart() -> None:
    into = pipeline(CODEC)
    outcome = answered(into, uplink(), [{"ph": 7}, {"ph": 6}, {"ph": 7}])
    assert fates(outcome) == (3, 0, [])
    assert [(each.time_ms - NOW_MS, each.values["ph"]) for each in points(outcome)] == [(0, 7.0), (1, 6.0), (2, 7.0)]
    assert points(answered(into, uplink(fCnt=2), [{"ph": 5}]))[0].time_ms == NOW_MS + 3


def test_what_an_item_of_a_list_measured_at_once_has_one_stamp() -> None:
    text = f"{CODEC[:-1]}, {{measurement: device_health, fields: {{battery_v: /codec/v}}}}]"
    outcome = answered(pipeline(text), uplink(), [{"ph": 7, "v": 3}, {"ph": 6, "v": 3}])
    assert [each.time_ms - NOW_MS for each in points(outcome)] == [0, 0, 1, 1]


def test_items_that_have_the_time_of_the_network_server_have_one_time() -> None:
    outcome = answered(pipeline(CODEC), uplink(time="2026-11-01T00:00:00Z"), [{"ph": 7}, {"ph": 6}, {"ph": 7}])
    assert fates(outcome) == (1, 1, [RejectReason.TIME_CONFLICT])


def test_an_object_of_an_array_is_not_stamped_with_a_time_that_another_one_tells() -> None:
    array = [{"ph": 7}, {"ts": NOW_MS, "ph": 6}, {"ts": NOW_MS + 1, "ph": 5}, {"ph": 4}]
    outcome = native_pipeline().process(message(array), NOW_MS)
    assert fates(outcome) == (4, 0, [])
    assert len({each.time_ms for each in points(outcome)}) == 4


# Replayed: with the time at which it came, beside what was written then.


class Stored:
    """The points of outcomes as a database keeps them, and the number that the ledger calls written."""

    def __init__(self) -> None:
        self.points: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.written = 0

    def take(self, outcome: Outcome) -> Outcome:
        """Write what an outcome holds."""
        for each in points(outcome):
            self._write(each)
        self.written += len(outcome.readings)
        return outcome

    def _write(self, each: Point) -> None:
        key = (each.measurement, *sorted(each.tags.items()), each.time_ms)
        known = self.points.setdefault(key, {})
        assert all(known.get(field, value) == value for field, value in each.values.items()), "nothing is overwritten"
        known |= each.values

    def values(self, field: str) -> list[Any]:
        """The values of a field, in the order of time."""
        return [values[field] for key, values in sorted(self.points.items(), key=lambda one: one[0][-1]) if field in values]


def again(into: Processor, stored: Stored, outcome: Outcome) -> list[Outcome]:
    """Replay the refusals and what waits of an outcome, as their bytes and arrival were kept."""
    waiting = outcome.side_effects.waiting if outcome.side_effects is not None else []
    kept: list[Refusal | QuarantinedMessage] = [*outcome.refusals, *waiting]
    return [stored.take(into.process(StoredMessage(one.topic, one.payload), one.arrival_ms, replayed=True)) for one in kept]


def test_replaying_a_conflict_of_one_message_writes_nothing_again() -> None:
    into, stored = pipeline(UNTIMED), Stored()
    outcome = stored.take(process(into, {"a": 7, "b": 6}))
    for _ in range(3):
        (outcome,) = again(into, stored, outcome)
        assert fates(outcome) == (0, 1, [RejectReason.TIME_CONFLICT])
    assert len(stored.points) == stored.written == 1


VOLTS = CODEC.replace("ph: /codec/ph", "voltage_l1_v: /codec/u").replace("water", "power")


def listed(into: Processor, *volts: float) -> Outcome:
    """Process a list of a codec that tells no times."""
    return answered(into, uplink(fCnt=int(sum(volts))), [{"u": volt} for volt in volts])


@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_item_that_was_refused_has_a_time_of_its_own_when_its_list_is_replayed(before: int) -> None:
    """Others came in the same millisecond; bounds were raised meanwhile."""
    into, stored = pipeline(VOLTS), Stored()
    for number in range(before):
        stored.take(listed(into, 220 + number))
    outcome = stored.take(listed(into, 230, 22_000, 231))
    stored.take(listed(into, 240, 241))
    assert fates(outcome) == (2, 0, [RejectReason.NO_QUANTITY])
    replace_registry(into.streams, {EUI: RegisteredDevice(EUI, params={"voltage_max_v": 40_000})})
    (refused,) = outcome.refusals
    asks = into.process(sent(refused.payload, refused.topic), refused.arrival_ms, replayed=True).side_effects
    assert asks is not None
    assert asks.ask is not None
    came = stored.take(into.resume(asks.ask, [{"u": 230}, {"u": 22_000}, {"u": 231}], None))
    assert fates(came) == (1, 2, [])
    assert stored.values("voltage_l1_v") == [*range(220, 220 + before), 230, 22_000, 231, 240, 241]
    assert stored.written == len(stored.points)


def test_an_object_that_was_refused_has_a_time_of_its_own_when_it_is_replayed() -> None:
    into, stored = native_pipeline(), Stored()
    on = topic(domain="power")
    volts = [[230, 22_000, 231], [22_001], [232], [22_002, 233]]
    outcomes = [stored.take(into.process(message([{"voltage_l1_v": volt} for volt in each], on), NOW_MS)) for each in volts]
    replace_registry(into.streams, {"d1": registered_device(params={"voltage_max_v": 10_000})})
    outcomes = [once for outcome in outcomes for once in again(into, stored, outcome)]
    assert {reason for outcome in outcomes for reason in fates(outcome)[2]} == {RejectReason.NO_QUANTITY}
    replace_registry(into.streams, {"d1": registered_device(params={"voltage_max_v": 40_000})})
    for outcome in reversed(outcomes):
        again(into, stored, outcome)
    assert stored.written == len(stored.points) == 7
    assert stored.values("voltage_l1_v") == [230, 22_000, 231, 22_001, 232, 22_002, 233]


def test_a_conflict_that_is_replayed_after_a_stop_writes_nothing_again_of_a_device_that_never_told_a_time() -> None:
    before, stored = pipeline(UNTIMED), Stored()
    outcome = stored.take(process(before, {"a": 7, "b": 6}))
    line = pack(before.streams.devices["d1"], before.streams.field_sets, NOW_MS)
    into = pipeline(UNTIMED)
    device = into.streams.admit("d1")
    assert isinstance(device, Device)
    unpack(line, device, into.streams.field_sets, NOW_MS + SECOND_MS)
    assert [fates(once) for once in again(into, stored, outcome)] == [(0, 1, [RejectReason.TIME_CONFLICT])]


def test_messages_of_one_millisecond_that_waited_come_in_apart() -> None:
    into, stored = pipeline(UNTIMED.replace("ph: /b", "level_m: /b"), admission=Admission("quarantine")), Stored()
    waiting = [process(into, {"a": ph, "b": 2}) for ph in (7, 6, 5)]
    replace_registry(into.streams, {"d1": RegisteredDevice("d1")})
    for outcome in waiting:
        again(into, stored, outcome)
    assert stored.values("ph") == [7, 6, 5]
    assert stored.written == 3


def test_what_was_written_of_a_message_that_waits_is_known_again_without_a_time_of_its_own() -> None:
    known = [RegisteredDevice("h"), RegisteredDevice("m1")]
    into, stored = pipeline(MANY, devices=known, admission=Admission("quarantine")), Stored()
    stored.take(process(into, meters("m1"), "hub/h"))
    first = stored.take(process(into, meters("m1", "m2"), "hub/h"))
    replace_registry(into.streams, {each.id: each for each in [*known, RegisteredDevice("m2")]})
    (came,) = again(into, stored, first)
    assert ([each.tags["device"] for each in points(came)], came.duplicates) == (["m2"], 1)
    assert len(stored.points) == stored.written == 3


def test_a_radio_frame_that_was_refused_is_no_copy_of_itself_when_it_is_replayed() -> None:
    text = "match: {envelope: lorawan}\npoints: [{measurement: power, fields: {voltage_l1_v: /raw/u}}]"
    into, stored = pipeline(text), Stored()
    frame = uplink(u=22_000)
    outcome = stored.take(into.process(frame, NOW_MS))
    assert fates(outcome) == (0, 0, [RejectReason.NO_QUANTITY])
    assert fates(into.process(frame, NOW_MS + 40)) == (0, 1, []), "heard by another network gateway"
    replace_registry(into.streams, {EUI: RegisteredDevice(EUI, params={"voltage_max_v": 40_000})})
    assert [fates(once) for _ in range(2) for once in again(into, stored, outcome)] == [(1, 0, []), (0, 1, [])]
    assert stored.values("voltage_l1_v") == [22_000]
