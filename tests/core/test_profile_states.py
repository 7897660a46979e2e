"""Messages of a profile that are no data, and those of a device that cannot become data: what they say of the device."""

from datetime import timedelta

import pytest

from gateway.core.message import Outcome, Sender
from gateway.core.process import Processor
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import DAY_MS, HOUR_MS, NOW_MS, doubted_clock, points, quality, refusal
from tests.core.profiled import EUI, PH, pipeline, process, sent, uplink
from tests.core.sparkplug_payloads import FLOAT, M, payload
from tests.core.test_edge_nodes import SPARKPLUG

STATES = "status: [{topic: 't/{device}/state', text: {up: online, down: offline}}]"


def state(into: Processor, word: str, now_ms: int = NOW_MS, *, retain: bool = False) -> Outcome:
    return into.process(sent(word.encode(), "t/d1/state", retain=retain), now_ms)


def test_a_status_says_if_a_device_is_there_and_only_a_fresh_one_is_a_sign_of_life() -> None:
    into = pipeline(STATES)
    assert state(into, "up", retain=True).ignored is IgnoreCause.STATUS
    device = into.streams.devices["d1"]
    assert (device.online, device.last_seen_ms) == (True, 0)
    assert state(into, "down", NOW_MS + 1).ignored is IgnoreCause.STATUS
    assert (device.online, device.last_seen_ms) == (False, 0)
    state(into, "up", NOW_MS + 2)
    assert (device.online, device.last_seen_ms) == (True, NOW_MS + 2)
    state(into, "up", NOW_MS + 1)
    assert device.last_seen_ms == NOW_MS + 2


def test_a_word_that_is_no_state_is_a_message_that_nobody_takes() -> None:
    assert refusal(state(pipeline(STATES), "odd")).reason is RejectReason.UNKNOWN_TOPIC


def test_the_device_of_a_message_without_readings_is_recorded_as_a_step() -> None:
    ignoring = pipeline(f"{STATES}\nignore: [{{/kind: boot}}]")
    picky = pipeline("match: {topic: 't/{device}', when: {/kind: water}}")
    by_registry = pipeline("match: {by: registry, topic: 't/{device}'}")
    for into, message in (
        (ignoring, sent(b"up", "t/d1/state")),
        (ignoring, sent({"kind": "boot"})),
        (picky, sent({"ph": 7})),
        (by_registry, sent({"ph": 7})),
    ):
        steps: list[object] = []
        into.process(message, NOW_MS, steps=steps)
        assert steps == [Sender("d1")], message


RADIO = "match: {envelope: lorawan}\nignore: [{/decoded/kind: boot}]\npoints: [{measurement: water, fields: {ph: /decoded/ph}}]"


def test_an_ignored_frame_of_a_registered_device_is_a_sign_of_life_and_its_number_is_no_gap() -> None:
    into = pipeline(RADIO, devices=[RegisteredDevice(EUI)])

    def heard(now_ms: int, count: int, **frame: object) -> Outcome:
        return into.process(uplink(object=frame, fCnt=count), now_ms)

    heard(NOW_MS, 5, ph=7)
    boot = heard(NOW_MS + 1, 6, kind="boot")
    assert (boot.ignored, boot.readings) == (IgnoreCause.RULE, [])
    device = into.streams.devices[EUI]
    assert device.last_seen_ms == NOW_MS + 1
    heard(NOW_MS + 2, 9, ph=7)
    assert device.seq_missing == 0, "nobody knows how many of them were not heard"
    heard(NOW_MS + 3, 11, ph=7)
    assert device.seq_missing == 1
    heard(NOW_MS + 2, 12, kind="boot")
    assert device.last_seen_ms == NOW_MS + 3


def test_an_ignored_frame_admits_no_unknown_device_and_a_retained_one_is_no_sign_of_life() -> None:
    into = pipeline(RADIO)
    assert into.process(uplink(object={"kind": "boot"}), NOW_MS).ignored is IgnoreCause.RULE
    assert into.streams.devices == {}
    known = pipeline(RADIO, devices=[RegisteredDevice(EUI)])
    known.process(uplink(object={"kind": "boot"}, retain=True), NOW_MS)
    assert all(device.last_seen_ms == 0 for device in known.streams.devices.values())


def test_what_no_profile_takes_of_an_edge_node_is_a_reject_of_its_device_and_no_fault_of_the_node() -> None:
    into = pipeline(SPARKPLUG.replace("[DBIRTH, DDATA]", "[DBIRTH]"))
    named = payload(M("V", 1.0, FLOAT, kind="Float"))
    refused = refusal(into.process(sent(named, "spBv1.0/g/DDATA/n/m1"), NOW_MS))
    assert (refused.reason, refused.device) == (RejectReason.UNKNOWN_TOPIC, "")
    assert into.process(sent(named, "spBv1.0/g/NDATA/n"), NOW_MS).ignored is IgnoreCause.NOT_DATA


def test_a_message_with_a_fault_is_refused_whole_and_noted_with_its_device() -> None:
    text = "points: [{measurement: water, each: {of: /m}, tags: {channel: {key: true}}, fields: {ph: {item: true}}}]"
    into = pipeline(text)
    outcome = process(into, {"m": [7] * 1001})
    refused = refusal(outcome)
    assert (refused.reason, refused.device, refused.stage) == (RejectReason.BAD_PAYLOAD, "d1", "decode")
    assert refused.detail == "more than 1000 readings in one message"


@pytest.mark.parametrize(
    ("ago_ms", "believed"),
    [
        pytest.param(HOUR_MS, True, id="within"),
        pytest.param(HOUR_MS + 1, False, id="beyond"),
        pytest.param(-2 * HOUR_MS, True, id="ahead"),
        pytest.param(-2 * HOUR_MS - 1, False, id="too-far-ahead"),
    ],
)
def test_a_profile_believes_times_within_its_own_window(ago_ms: int, *, believed: bool) -> None:
    text = f"time: {{path: /at, format: unix_ms, max_past: 1h, max_future: 2h}}\n{PH}"
    outcome = process(pipeline(text), {"at": NOW_MS - ago_ms, "ph": 7})
    assert points(outcome)[0].time_ms == (NOW_MS - ago_ms if believed else NOW_MS)
    assert quality(outcome) == (0 if believed else Quality.GATEWAY_TIME)


def test_a_doubted_clock_widens_the_window_of_a_profile() -> None:
    text = f"time: {{path: /at, format: unix_ms, max_past: 1h}}\n{PH}"
    for trust, time_ms in ((None, NOW_MS), (doubted_clock(), NOW_MS + 3 * DAY_MS)):
        outcome = process(pipeline(text, trust=trust), {"at": NOW_MS + 3 * DAY_MS, "ph": 7})
        assert points(outcome)[0].time_ms == time_ms
    for ago_ms, believed in ((HOUR_MS, True), (HOUR_MS + 1, False)):
        outcome = process(pipeline(text, trust=doubted_clock()), {"at": NOW_MS - ago_ms, "ph": 7})
        assert points(outcome)[0].time_ms == (NOW_MS - ago_ms if believed else NOW_MS)


def test_a_codec_is_given_the_parameters_of_the_device_and_the_time_of_its_server() -> None:
    text = "match: {envelope: lorawan}\ncodec: c.js\npoints: [{measurement: water, fields: {ph: /codec/ph}}]"
    device = RegisteredDevice(EUI, params={"k": 2}, interval=timedelta(hours=1))
    into = pipeline(text, devices=[device])
    for number in (1, 2):
        outcome = into.process(uplink(fCnt=number, time="2026-10-31T23:59:59Z"), NOW_MS)
        assert outcome.side_effects is not None
        assert outcome.side_effects.ask is not None
        asked = outcome.side_effects.ask
        assert (asked.variables, asked.received_ms, asked.device) == ({"k": 2}, NOW_MS - 1250, EUI)
        answered = into.resume(asked, None, "it threw")
        assert (refusal(answered).reason, refusal(answered).detail) == (
            RejectReason.PROFILE_ERROR,
            "profile p: its codec: it threw",
        )
