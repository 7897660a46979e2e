"""Messages that a profile takes: processed like any other, and what only such messages can do."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.devices.device import TAG_VALUES_MAX
from gateway.core.devices.streams import MESSAGES_KEPT, Admission
from gateway.core.gateways.tenures import fence_topic
from gateway.core.message import Arrival, StoredMessage, WaitCause
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice
from schemas.rejects import DropCause, IgnoreCause, RejectReason
from tests.core.making import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NOW_MS,
    SECOND_MS,
    doubted_clock,
    point,
    points,
    quality,
    refusal,
    replace_registry,
    topic,
)
from tests.core.profiled import EUI, MANY, PH, answered, ask, meters, pipeline, process, sent, uplink

TIMED = "match: {topic: 't/{device}'}\ntime: [{path: /at, format: unix_ms}, arrival]"
UNTIMED = "match: {topic: 't/{device}'}"
RADIO = "match: {envelope: lorawan}\npoints: [{measurement: water, fields: {ph: /raw/ph}}]"


# Retained messages.


@pytest.mark.parametrize(
    ("policy", "document", "is_data"),
    [
        pytest.param("", {"ph": 7}, False, id="without-a-time"),
        pytest.param("", {"ph": 7, "at": NOW_MS - HOUR_MS}, True, id="with-a-time"),
        pytest.param("", {"ph": 7, "at": NOW_MS - 50 * DAY_MS}, False, id="with-a-time-that-is-not-believed"),
        pytest.param("retained: drop_unless_timestamped", {"ph": 7}, False, id="drop-unless-timestamped"),
        pytest.param("retained: drop", {"ph": 7, "at": NOW_MS}, False, id="drop"),
        pytest.param("retained: accept", {"ph": 7}, True, id="accept"),
    ],
)
def test_a_retained_message_is_data_as_the_profile_says(policy: str, document: object, is_data: bool) -> None:  # noqa: FBT001
    outcome = process(pipeline(f"{TIMED}\n{policy}"), document, retain=True)
    assert (len(outcome.readings), outcome.ignored) == ((1, None) if is_data else (0, IgnoreCause.RETAINED))
    assert not outcome.refusals


def test_a_retained_message_is_no_sign_of_life_and_hides_no_live_copy() -> None:
    into = pipeline(RADIO)
    assert into.process(uplink(ph=7, retain=True), NOW_MS).ignored is IgnoreCause.RETAINED
    assert into.streams.devices[EUI].last_seen_ms == 0
    assert point(into.process(uplink(ph=7), NOW_MS))
    assert into.streams.devices[EUI].last_seen_ms == NOW_MS


# Time.


def test_what_a_message_measured_at_once_has_one_stamp_and_the_next_message_another() -> None:
    text = """
match: {topic: 't/{device}'}
points:
  - {measurement: water, fields: {ph: /ph}}
  - {measurement: device_health, fields: {battery_v: /v}}
  - {measurement: water, tags: {channel: {literal: b}}, fields: {ph: /ph}}
"""
    into = pipeline(text)
    first, second = (process(into, {"ph": 7, "v": 3.6}) for _ in range(2))
    assert {(each.time_ms, each.fields["quality"]) for each in points(first)} == {(NOW_MS, Quality.GATEWAY_TIME)}
    assert {each.time_ms for each in points(second)} == {NOW_MS + 1}
    assert len(first.readings) == len(second.readings) == 3


@pytest.mark.parametrize(
    ("offset_ms", "bits", "is_used"),
    [
        pytest.param(-SECOND_MS, 0, True, id="now"),
        pytest.param(-2 * HOUR_MS, Quality.HISTORIC, True, id="historic"),
        pytest.param(-41 * DAY_MS, Quality.GATEWAY_TIME, False, id="too-old"),
        pytest.param(6 * MINUTE_MS, Quality.GATEWAY_TIME, False, id="too-far-ahead"),
    ],
)
def test_the_time_of_the_device_is_judged_as_that_of_a_native_reading(offset_ms: int, bits: int, is_used: bool) -> None:  # noqa: FBT001
    got = point(process(pipeline(TIMED), {"ph": 7, "at": NOW_MS + offset_ms}))
    assert (got.time_ms, got.fields["quality"]) == (NOW_MS + offset_ms if is_used else NOW_MS, bits)


@pytest.mark.parametrize("newest", ["first", "second"])
def test_the_clock_of_a_device_is_followed_by_the_newest_of_its_times(newest: str) -> None:
    text = """
match: {topic: 't/{device}'}
points:
  - {measurement: water, time: {path: /first, format: unix_ms}, fields: {ph: /ph}}
  - {measurement: water, time: {path: /second, format: unix_ms}, fields: {ph: /ph}}
"""
    into = pipeline(text)
    times = {"first": NOW_MS - 9 * HOUR_MS, "second": NOW_MS - 9 * HOUR_MS} | {newest: NOW_MS + 2500}
    assert len(process(into, {"ph": 7, **times}).readings) == 2
    assert into.streams.devices["d1"].offset_ms == 2500


def test_devices_of_a_profile_that_agree_cast_doubt_on_our_clock() -> None:
    into = pipeline(TIMED)
    for number in range(5):
        outcome = process(into, {"ph": 7, "at": NOW_MS + 3 * HOUR_MS}, f"t/d{number}")
    assert into.trust.doubted
    assert (point(outcome).time_ms, quality(outcome)) == (NOW_MS + 3 * HOUR_MS, 0)


def test_while_our_clock_is_doubted_a_device_may_stand_ahead_and_own_stamps_say_so() -> None:
    into = pipeline(TIMED, trust=doubted_clock())
    assert point(process(into, {"ph": 7, "at": NOW_MS + 30 * DAY_MS})).time_ms == NOW_MS + 30 * DAY_MS
    assert quality(process(into, {"ph": 7})) == Quality.GATEWAY_TIME | Quality.CLOCK_DOUBTED


def test_a_message_sent_before_says_so_where_the_gateway_stamped_it() -> None:
    assert quality(process(pipeline(UNTIMED), {"ph": 7}, duplicate=True)) == Quality.GATEWAY_TIME | Quality.MAY_STAND_TWICE


def test_the_same_reading_again_is_a_duplicate_and_another_value_a_conflict() -> None:
    into = pipeline(TIMED)
    assert point(process(into, {"ph": 7, "at": NOW_MS}))
    assert process(into, {"ph": 7, "at": NOW_MS}).duplicates == 1
    assert refusal(process(into, {"ph": 6, "at": NOW_MS})).reason is RejectReason.TIME_CONFLICT


# Several devices in one message.


def test_each_device_of_a_payload_has_its_own_reading_and_its_own_stamps() -> None:
    into = pipeline(MANY)
    got = points(process(into, meters("m1", "m2"), "hub/h"))
    assert [(each.tags["device"], each.values["volume_m3"], each.time_ms) for each in got] == [
        ("m1", 0, NOW_MS),
        ("m2", 1, NOW_MS),
    ]
    assert {"h", "m1", "m2"} == set(into.streams.devices)


@pytest.mark.parametrize("unknown", ["reject", "quarantine"])
def test_an_unknown_device_among_several_holds_up_none_of_the_others(unknown: str) -> None:
    known = [RegisteredDevice("h"), RegisteredDevice("m1"), RegisteredDevice("m3")]
    outcome = pipeline(MANY, devices=known, admission=Admission(unknown)).process(
        sent(meters("m1", "m2", "m3"), "hub/h"), NOW_MS
    )
    assert [each.tags["device"] for each in points(outcome)] == ["m1", "m3"]
    if unknown == "reject":
        assert [(each.reason, each.device) for each in outcome.refusals] == [(RejectReason.UNKNOWN_DEVICE, "m2")]
    else:
        assert outcome.side_effects is not None
        assert [(each.cause, each.key) for each in outcome.side_effects.waiting] == [(WaitCause.UNKNOWN_DEVICE, "m2")]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param("time: [{path: /at, format: unix_ms}]", id="known-by-its-own-time"),
        pytest.param(
            "time: [{path: /at, format: unix_ms}]\ndedup: {key: [/at], window: 10min}",
            id="known-by-a-key",
        ),
    ],
)
def test_what_waited_for_a_device_comes_in_when_it_is_registered(more: str) -> None:
    known = [RegisteredDevice("h"), RegisteredDevice("m1")]
    into = pipeline(f"{MANY}{more}", devices=known, admission=Admission("quarantine"))
    document = {**meters("m1", "m2"), "at": NOW_MS}
    first = process(into, document, "hub/h")
    replace_registry(into.streams, {each.id: each for each in [*known, RegisteredDevice("m2")]})
    again = into.process(sent(document, "hub/h"), NOW_MS, replayed=True)
    assert [each.tags["device"] for each in points(first)] == ["m1"]
    assert ([each.tags["device"] for each in points(again)], again.duplicates) == (["m2"], 1)


def test_a_profile_for_any_topic_does_not_take_what_the_broker_tells_of_itself() -> None:
    """It was a reject of each gateway whose profiles go by envelope alone."""
    outcome = process(pipeline(RADIO), b"0", BROKER_DROPPED)
    assert (outcome.refusals, outcome.ignored) == ([], IgnoreCause.STATUS)


# Bounds.


def test_no_more_devices_than_the_limit_come_in_through_a_profile() -> None:
    into = pipeline(UNTIMED, admission=Admission(devices_max=2))
    outcomes = [process(into, {"ph": 7}, f"t/{name}") for name in ("d1", "d2", "d3", "d1")]
    assert [len(outcome.readings) for outcome in outcomes] == [1, 1, 0, 1]
    refused = refusal(outcomes[2])
    assert (refused.reason, refused.device) == (RejectReason.UNKNOWN_DEVICE, "d3")
    assert "limits.devices is 2" in refused.detail


def test_a_tag_has_at_most_64_values_a_device() -> None:
    into = pipeline(f"{UNTIMED}\ntags: {{channel: {{path: /c}}}}")
    for number in range(TAG_VALUES_MAX):
        assert point(process(into, {"ph": 7, "c": f"c{number}"})).tags["channel"] == f"c{number}"
    outcome = process(into, {"ph": 7, "c": "one too many"})
    assert "channel" not in point(outcome).tags
    assert outcome.dropped == [("channel", DropCause.BAD_TAG)]
    again = process(into, {"ph": 7, "c": "c99"})
    assert ("channel" in point(again).tags, again.dropped) == (False, [("channel", DropCause.BAD_TAG)])
    assert point(process(into, {"ph": 7, "c": "c7"})).tags["channel"] == "c7"
    assert point(process(into, {"ph": 7, "c": "c99"}, "t/d2")).tags["channel"] == "c99"


def test_a_payload_above_the_limit_is_refused_before_a_profile_reads_it() -> None:
    refused = refusal(process(pipeline(UNTIMED), b'{"ph": 7, "x": "' + b"x" * 262_144 + b'"}'))
    assert (refused.reason, refused.stage, len(refused.payload)) == (RejectReason.TOO_LARGE, "intake", 65_536)


def test_of_the_first_devices_the_newest_message_is_kept_for_people() -> None:
    into = pipeline(UNTIMED)
    for number in range(MESSAGES_KEPT + 1):
        process(into, {"ph": 7}, f"t/d{number}")
    newest = sent({"ph": 6}, "t/d0")
    into.process(newest, NOW_MS + 9)
    assert into.streams.devices["d0"].last_message == Arrival(newest, NOW_MS + 9)
    assert into.streams.devices[f"d{MESSAGES_KEPT}"].last_message is None


# What the registry says of a device.


def test_the_parameters_of_the_device_reach_its_profile_and_its_codec() -> None:
    pulses = "points: [{measurement: water, fields: {volume_m3: {path: /n, scale: {param: pulse_weight}}}}]"
    device = RegisteredDevice("d1", params={"pulse_weight": 0.25})
    assert point(process(pipeline(f"{UNTIMED}\n{pulses}", devices=[device]), {"n": 8})).values == {"volume_m3": 2.0}
    radio = RegisteredDevice(EUI, params={"pulse_weight": 0.25}, domain="water")
    into = pipeline(f"match: {{envelope: lorawan}}\ncodec: c.js\n{PH}", devices=[radio])
    outcome = into.process(uplink(), NOW_MS)
    assert (ask(outcome).variables, outcome.domain) == ({"pulse_weight": 0.25}, "water")


def test_a_time_of_day_counts_from_the_arrival_as_far_ahead_as_the_gateway_believes() -> None:
    text = f"{UNTIMED}\ntime: {{path: /at, format: '%H:%M', zone: UTC}}"
    ahead = [f"{datetime.fromtimestamp((NOW_MS + offset_ms) / 1000, UTC):%H:%M}" for offset_ms in (240_000, 360_000)]
    times = [point(process(pipeline(text), {"ph": 7, "at": clock})).time_ms for clock in ahead]
    assert [NOW_MS - time_ms < 0 for time_ms in times] == [True, False]
    assert times[1] > NOW_MS - DAY_MS


STRUCT_AND_CODEC = """
match: {envelope: lorawan, by: registry}
codec: c.js
struct:
  - {name: serial, at: 0, type: u16}
  - {name: slots, at: 2, repeat: [{name: level, at: 0, type: u8}]}
points:
  - {measurement: water, fields: {ph: /codec/ph, pressure_kpa: /struct/serial}}
  - {measurement: water, each: /struct/slots, tags: {channel: {key: true}}, fields: {level_m: level}}
"""


def test_what_struct_reads_stands_beside_what_the_codec_gave() -> None:
    into = pipeline(STRUCT_AND_CODEC, devices=[RegisteredDevice(EUI, profile="p")])
    for frame_counter in (1, 2):
        outcome = answered(into, uplink(data=bytes.fromhex("0064 0507"), fCnt=frame_counter), {"ph": 7})
        assert [each.values for each in points(outcome)] == [{"pressure_kpa": 100, "ph": 7}, {"level_m": 5}, {"level_m": 7}]


def test_a_frame_that_struct_finds_cut_in_two_asks_no_codec() -> None:
    into = pipeline(STRUCT_AND_CODEC, devices=[RegisteredDevice(EUI, profile="p")])
    refused = refusal(into.process(uplink(data=b"\1"), NOW_MS))
    assert (refused.reason, refused.detail.partition(";")[0]) == (
        RejectReason.BAD_PAYLOAD,
        "serial: bytes 0 to 1 of a frame of 1",
    )


@pytest.mark.parametrize(
    ("entry", "on", "site"),
    [
        pytest.param({"site": "q1"}, "t/s9/d1", "q1", id="registry"),
        pytest.param({}, "t/s9/d1", "s9", id="profile"),
        pytest.param(None, "t/s9/d1", "s9", id="profile-of-an-unregistered-device"),
        pytest.param({}, "t/a b/d1", None, id="no-name"),
    ],
)
def test_the_site_is_that_of_the_registry_else_what_the_profile_finds(
    entry: Mapping[str, Any] | None, on: str, site: str | None
) -> None:
    devices = [RegisteredDevice("d1", area=None, **entry)] if entry is not None else []
    into = pipeline("match: {topic: 't/{site}/{device}'}", devices=devices)
    assert point(process(into, {"ph": 7}, on)).tags.get("site") == site


def test_a_device_without_any_site_has_none() -> None:
    assert point(process(pipeline(UNTIMED), {"ph": 7})).tags == {"device": "d1"}


@pytest.mark.parametrize(
    ("params", "native", "by_profile"),
    [
        pytest.param({"voltage_max_v": 40_000}, 22_000.0, 22_000.0, id="raised"),
        pytest.param({"voltage_max_v": 20_000}, None, None, id="raised-too-little"),
        pytest.param({"voltage_max_v": 10}, None, None, id="never-lowered"),
        pytest.param({}, None, None, id="not-raised"),
    ],
)
def test_the_registry_may_raise_the_bound_of_a_voltage(
    params: dict[str, float | int | str | bool], native: float | None, by_profile: float | None
) -> None:
    text = f"{UNTIMED}\npoints: [{{measurement: power, fields: {{voltage_l1_v: /u, frequency_hz: /f}}}}]"
    into = pipeline(text, devices=[RegisteredDevice("d1", params=params)])
    of_native = point(process(into, {"voltage_l1_v": 22_000, "frequency_hz": 50}, topic(domain="power")))
    of_profile = point(process(into, {"u": 22_000, "f": 50}))
    assert (of_native.values.get("voltage_l1_v"), of_profile.values.get("voltage_l1_v")) == (native, by_profile)
    assert {of_native.values["frequency_hz"], of_profile.values["frequency_hz"]} == {50.0}
    for each in (of_native, of_profile):
        assert bool(int(each.fields["quality"]) & Quality.VALUE_DROPPED) is (native is None)


def test_a_bug_met_through_a_profile_is_a_reject_and_touches_no_other_message(monkeypatch: pytest.MonkeyPatch) -> None:
    into = pipeline(f"{TIMED}\npoints: [{{measurement: water, fields: {{volume_m3: /v}}}}]")

    def fail(*_: object) -> int:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("gateway.core.devices.observation.Counting.judge", fail)
        refused = refusal(process(into, {"v": 5, "at": NOW_MS}))
    assert refused.reason is RejectReason.INTERNAL_ERROR
    assert "ZeroDivisionError: a bug" in refused.detail
    assert point(process(into, {"v": 5, "at": NOW_MS})).values == {"volume_m3": 5.0}


def test_a_bug_met_after_the_codec_answered_is_a_reject_too(monkeypatch: pytest.MonkeyPatch) -> None:
    into = pipeline(f"match: {{envelope: lorawan}}\ncodec: c.js\n{PH.replace('/ph', '/codec/ph')}")
    asked = ask(into.process(uplink(), NOW_MS))

    def fail(*_: object, **__: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("gateway.core.evaluate.Evaluator.point", fail)
    refused = refusal(into.resume(asked, {"ph": 7}, None))
    assert (refused.reason, refused.payload) == (RejectReason.INTERNAL_ERROR, uplink().payload)


@pytest.mark.parametrize(
    ("text", "message", "reason", "device"),
    [
        pytest.param(
            UNTIMED,
            sent(b"{"),
            RejectReason.BAD_JSON,
            "d1",
            id="bad-json",
        ),
        pytest.param(UNTIMED, sent({"ph": "x"}), RejectReason.NO_QUANTITY, "d1", id="only-drops"),
        pytest.param(UNTIMED, sent({}), RejectReason.NO_QUANTITY, "d1", id="nothing"),
    ],
)
def test_what_does_not_become_data_is_refused_with_its_device(
    text: str, message: StoredMessage, reason: RejectReason, device: str
) -> None:
    refused = refusal(pipeline(text).process(message, NOW_MS))
    assert (refused.reason, refused.device, refused.payload) == (reason, device, message.payload)


def test_a_fault_of_the_codec_is_a_reject_that_names_the_profile() -> None:
    into = pipeline(f"match: {{envelope: lorawan}}\ncodec: c.js\n{PH}", devices=[RegisteredDevice(EUI, domain="water")])
    refused = refusal(into.resume(ask(into.process(uplink(), NOW_MS)), None, "TypeError: x (line 3)"))
    assert (refused.reason, refused.device, refused.domain) == (RejectReason.PROFILE_ERROR, EUI, "water")
    assert refused.detail == "profile p: its codec: TypeError: x (line 3)"


def test_a_message_whose_codec_is_suspended_waits_for_it() -> None:
    into = pipeline(f"match: {{envelope: lorawan}}\ncodec: c.js\n{PH}")
    outcome = into.wait_for_codec(ask(into.process(uplink(), NOW_MS)))
    assert outcome.side_effects is not None
    (waits,) = outcome.side_effects.waiting
    assert (waits.cause, waits.key, waits.device, waits.arrival_ms) == (WaitCause.CODEC, "c.js", EUI, NOW_MS)
    assert (waits.topic, waits.payload, waits.expires_ms) == (uplink().topic, uplink().payload, None)


def test_no_profile_takes_what_gateways_say_among_themselves_or_the_broker_says() -> None:
    """Profiles of uplinks name no topic. A gateway that gives a share away waits for a message of its own to come back."""
    into = pipeline(RADIO)
    for on in (fence_topic("gateway-1"), "gateway/v1/gateway-1/machines/a", BROKER_DROPPED):
        outcome = into.process(sent(7, on), NOW_MS)
        assert (outcome.ignored, outcome.refusals) == (IgnoreCause.STATUS, []), on
