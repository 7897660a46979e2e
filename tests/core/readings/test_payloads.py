"""Native payloads as a whole: bytes around the JSON, arrays and their broken objects, device health that rides along."""

import json

import pytest

from gateway.core.message import Undecodable
from gateway.core.readings.native import Broken, NativeDecoder
from schemas.rejects import RejectReason
from tests.core.making import HOUR_MS, NOW_MS, point, points, process, quality, refusal, topic


@pytest.mark.parametrize(
    "wrapped",
    [
        pytest.param(b"\xef\xbb\xbf%s", id="bom"),
        pytest.param(b"%s\0", id="nul"),
        pytest.param(b"%s\0\0\0\0", id="padding-of-nuls"),
        pytest.param(b"\xef\xbb\xbf%s\r\n\0", id="bom-newline-nul"),
        pytest.param(b" \t\n%s \n", id="white-space"),
    ],
)
def test_a_bom_before_and_nuls_behind_the_json_are_stripped(wrapped: bytes) -> None:
    outcome = process(wrapped % (b'{"ts": %d, "volume_m3": 5}' % NOW_MS))
    assert point(outcome).values == {"volume_m3": 5.0}
    assert quality(outcome) == 0


def test_an_array_becomes_its_readings_in_order() -> None:
    outcome = process([{"ts": NOW_MS - HOUR_MS + n, "volume_m3": n} for n in range(3)])
    assert [got.values["volume_m3"] for got in points(outcome)] == [0.0, 1.0, 2.0]


BROKEN_OBJECTS = [
    pytest.param("5", RejectReason.BAD_PAYLOAD, id="number"),
    pytest.param("null", RejectReason.BAD_PAYLOAD, id="null"),
    pytest.param('"text"', RejectReason.BAD_PAYLOAD, id="text"),
    pytest.param('[{"volume_m3": 1}]', RejectReason.BAD_PAYLOAD, id="list-in-a-list"),
    pytest.param('{"volume_m3": "?"}', RejectReason.NO_QUANTITY, id="nothing-left"),
]


@pytest.mark.parametrize(("text", "reason"), BROKEN_OBJECTS)
def test_one_broken_object_of_an_array_is_the_reject_and_the_others_go_on(text: str, reason: RejectReason) -> None:
    """The reject keeps that object and not its neighbours, which a replay would bring in a second time."""
    around = [f'{{"ts": {NOW_MS + n}, "volume_m3": {n}}}' for n in range(2)]
    outcome = process(f"[{around[0]}, {text}, {around[1]}]".encode())
    assert [got.values["volume_m3"] for got in points(outcome)] == [0.0, 1.0]
    (refused,) = outcome.refusals
    assert refused.reason is reason
    assert json.loads(refused.payload) == json.loads(text)
    assert (refused.device, refused.domain, refused.topic) == ("d1", "water", topic())


def test_the_rejects_of_one_message_hold_no_more_than_the_message() -> None:
    """A thousand objects that are no readings must not each keep the whole payload."""
    payload = json.dumps([{"unknown": "x" * 200}] * 1000).encode()
    outcome = process(payload)
    assert len(outcome.refusals) == 1000
    assert sum(len(refused.payload) for refused in outcome.refusals) <= len(payload)


def test_a_thousand_objects_are_taken_and_one_more_is_a_reject_of_the_message() -> None:
    objects = [{"ts": NOW_MS - n, "volume_m3": 5} for n in range(1001)]
    assert len(process(objects[:1000]).readings) == 1000
    assert refusal(process(objects)).reason is RejectReason.BAD_PAYLOAD


@pytest.mark.parametrize("text", ["[]", "5", "null", '"online"', "true", "[[]]"], ids=repr)
def test_json_that_is_no_reading_is_a_bad_payload(text: str) -> None:
    assert refusal(process(text.encode())).reason is RejectReason.BAD_PAYLOAD


def test_device_health_rides_along_and_becomes_its_own_point_of_the_same_time() -> None:
    water, health = points(process({"ts": NOW_MS, "seq": 7, "battery_pct": 88, "volume_m3": 5, "rssi_dbm": -97}))
    assert (water.measurement, water.values) == ("water", {"volume_m3": 5.0})
    assert (health.measurement, health.values) == ("device_health", {"battery_pct": 88.0, "rssi_dbm": -97.0})
    assert (water.time_ms, water.tags) == (health.time_ms, health.tags)
    assert water.fields["seq"] == health.fields["seq"] == 7


def test_device_health_alone_is_one_reading_of_its_domain() -> None:
    (reading,) = process({"battery_v": 3.6}).readings
    assert reading.domain == "water"
    assert reading.lines.startswith("device_health,")


def test_values_come_in_the_order_of_the_table_however_they_were_sent() -> None:
    """So that a redelivery through either way is the same line."""
    fast = process({"pressure_kpa": 1, "volume_m3": 2, "ts": NOW_MS}).readings[0].lines
    slow = process({"pressure_kpa": "1", "ts": NOW_MS, "volume_m3": 2}).readings[0].lines
    assert fast == slow
    assert fast.index("volume_m3") < fast.index("pressure_kpa")


def test_a_broken_object_says_what_it_is_in_its_sentence() -> None:
    (broken,) = [item for item in NativeDecoder("water").decode_slow_path(b'[{"ph": 7}, 5]') if isinstance(item, Broken)]
    assert isinstance(broken.why, Undecodable)
    assert "JSON object" in broken.why.detail
