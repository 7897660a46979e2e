"""Signs of life: what a device sends that holds no reading shows all the same that it is there."""

from dataclasses import replace

import pytest

from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from schemas.device_ids import device_id
from schemas.registry import RegisteredDevice
from schemas.rejects import IgnoreCause
from tests.core.making import MINUTE_MS, NOW_MS, points
from tests.core.profiled import EUI, ask, pipeline, process, sent, uplink
from tests.core.profiles.test_envelopes import EUI as OTHER
from tests.core.profiles.test_envelopes import changed
from tests.rows import each_row

RADIO = """
match: {envelope: lorawan, when: {/port: [0, 1]}}
ignore: {/raw/kind: [beat]}
points: [{measurement: water, fields: {ph: /raw/ph}}]
"""
CODEC = """
profile: acme
match: {envelope: lorawan, by: registry}
codec: c.js
points: [{measurement: water, fields: {ph: /codec/ph}}]
"""
REGISTERED = [RegisteredDevice(EUI), RegisteredDevice(OTHER)]


def last_seen_ms(into: Processor) -> int:
    """Return when the only device met was last heard; 0 if it never was, or if none was met."""
    return max((device.last_seen_ms for device in into.streams.devices.values()), default=0)


@each_row(
    "message",
    [
        pytest.param(uplink(data=None, rxInfo=[{"rssi": -90}]), id="no-payload"),
        pytest.param(uplink(data=b""), id="an-empty-payload"),
        pytest.param(uplink(data=None, devAddr="01020304"), id="a-join"),
        pytest.param(uplink(fPort=0, data=b"\2"), id="commands-on-port-0"),
        pytest.param(sent(changed("chirpstack_v3", data=None)), id="chirpstack-3"),
        pytest.param(sent(changed("things_stack_v3", uplink_message__frm_payload=None)), id="the-things-stack"),
        pytest.param(sent(changed("thingpark", DevEUI_uplink__payload_hex=None)), id="thingpark"),
        pytest.param(sent(changed("thingpark", DevEUI_uplink__FPort="0")), id="thingpark-port-0"),
        pytest.param(sent(changed("loriot_rx", data="")), id="loriot"),
        pytest.param(uplink(kind="beat"), id="a-frame-that-its-profile-ignores"),
    ],
)
@pytest.mark.parametrize("retain", [False, True])
def test_a_radio_frame_without_readings_is_ignored_and_keeps_its_device_online(message: StoredMessage, retain: bool) -> None:  # noqa: FBT001
    into = pipeline(RADIO, devices=REGISTERED)
    outcome = into.process(replace(message, retain=retain), NOW_MS)
    assert (outcome.ignored is not None, outcome.refusals, outcome.readings) == (True, [], [])
    assert last_seen_ms(into) == (0 if retain else NOW_MS)


def test_after_a_reading_a_frame_without_payload_keeps_its_device_online() -> None:
    into = pipeline(RADIO)
    assert points(into.process(uplink(ph=7), NOW_MS))
    into.process(uplink(data=b""), NOW_MS + MINUTE_MS)
    assert last_seen_ms(into) == NOW_MS + MINUTE_MS


def test_a_codec_is_not_asked_for_commands_of_the_network() -> None:
    into = pipeline(CODEC, devices=[RegisteredDevice(EUI, profile="acme")])
    ask(into.process(uplink(data=b"\1"), NOW_MS))  # from here on its frames are known again
    outcome = into.process(uplink(data=b"\2", fPort=0), NOW_MS + MINUTE_MS)
    assert (outcome.ignored, outcome.side_effects) == (IgnoreCause.NOT_DATA, None)
    assert last_seen_ms(into) == NOW_MS + MINUTE_MS


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(uplink(data=None, txInfo={}, fCntDown=3), id="sent-to-the-device"),
        pytest.param(uplink(data=None, code="DOWNLINK_PAYLOAD_SIZE"), id="a-fault-of-the-server"),
        pytest.param(sent({"DevEUI_downlink_Sent": {"DevEUI": EUI}}), id="sent-by-thingpark"),
        pytest.param(sent(changed("loriot_rx", cmd="txd")), id="sent-by-loriot"),
    ],
)
def test_what_the_server_says_of_itself_is_no_sign_of_life(message: StoredMessage) -> None:
    into = pipeline(RADIO, devices=REGISTERED)
    assert into.process(message, NOW_MS).ignored is IgnoreCause.NOT_DATA
    assert last_seen_ms(into) == 0


def test_a_frame_without_payload_lets_no_stranger_in() -> None:
    into = pipeline(RADIO)
    assert into.process(uplink(data=b""), NOW_MS).ignored is IgnoreCause.NOT_DATA
    assert not into.streams.devices


UNTIMED = "match: {topic: 't/{device}'}\npoints: [{measurement: water, fields: {ph: /ph}}]\nignore: [empty]"


@pytest.mark.parametrize(("retain", "seen_ms"), [(False, NOW_MS), (True, 0)])
def test_an_empty_message_on_a_topic_that_names_a_device_is_a_sign_of_life(retain: bool, seen_ms: int) -> None:  # noqa: FBT001
    into = pipeline(UNTIMED, devices=[RegisteredDevice("d1")])
    outcome = process(into, b"", retain=retain)
    assert (outcome.ignored, outcome.refusals) == (IgnoreCause.RULE, [])
    assert last_seen_ms(into) == seen_ms


def test_a_sign_of_life_takes_no_id_away_from_the_name_that_sends_under_it() -> None:
    """The empty message was counted for the id, as if that were the name, and the next reading was a device_mismatch."""
    into = pipeline(UNTIMED, devices=[RegisteredDevice(device_id("Bơm 1"))])
    process(into, b"", "t/Bơm 1")
    outcome = process(into, {"ph": 7}, "t/Bơm 1")
    assert [point.tags["device"] for point in points(outcome)] == [device_id("Bơm 1")]
