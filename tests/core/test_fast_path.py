"""The short way of a radio frame: it comes to the same as the long way, and what is not like the frame before leaves it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.message import Outcome, StoredMessage
from gateway.core.pending_decode import pending_decode
from gateway.core.process import Processor
from gateway.core.profiles.matching import ProfiledTopic
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS
from tests.core.profiled import EUI, ask, pipeline, sent, uplink

PLAIN = """
match: {envelope: lorawan, when: {/port: [1, 2]}}
points: [{measurement: water, fields: {pressure_kpa: /decoded/p, level_m: /decoded/l, volume_m3: /decoded/v}}]
"""
STEPS = """
match: {envelope: lorawan, when: {/port: [1, 2]}}
points: [{measurement: water, fields: {pressure_kpa: {path: /decoded/p, scale: 0.1}, alarm_leak: /decoded/a, level_m: /rssi}}]
"""
CODEC = """
match: {envelope: lorawan, when: {/port: [1, 2]}}
codec: c.js
points: [{measurement: water, fields: {pressure_kpa: /codec/p, level_m: /codec/l}}]
"""
MORE_STEPS = """
match: {envelope: lorawan, when: {/port: [1, 2]}}
points:
  - measurement: water
    fields:
      pressure_kpa: {path: /decoded/p, none: [0], when: {/port: [1]}}
      level_m: {div: [/decoded/l, {path: /decoded/v, default: 2}]}
      volume_m3: {path: /decoded/t, regex: "([0-9.]+) L"}
"""
PROFILES = [
    pytest.param(MORE_STEPS, id="with-more-steps"),
    *[pytest.param(PLAIN, id="plain"), pytest.param(STEPS, id="with-steps"), pytest.param(CODEC, id="through-a-codec")],
]
REGISTERED = RegisteredDevice(id=EUI, site="s1", domain="water", area=None)


def at(time_ms: int) -> str:
    """A time as a network server writes it."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="microseconds")


def frame(counter: int, *, time_ms: int | None = None, **how: Any) -> StoredMessage:  # noqa: ANN401 - as the server writes it
    """The frame of that counter, a second after the one before it."""
    time = at(NOW_MS + counter * SECOND_MS if time_ms is None else time_ms)
    usual = {"object": {"p": 300.0 + counter, "l": 2.5, "a": False}, "rxInfo": [{"rssi": 50, "snr": 5}]}
    return uplink(**{"fCnt": counter, "time": time, **usual, **how})


def seen(outcome: Outcome) -> object:
    """All that came of a message."""
    refusals = [(refusal.reason, refusal.detail, refusal.device) for refusal in outcome.refusals]
    lines = [reading.lines for reading in outcome.readings]
    return lines, outcome.duplicates, refusals, outcome.ignored, outcome.dropped, outcome.domain


def taken(into: Processor, message: StoredMessage, now_ms: int) -> object:
    """Process a message; a codec returns what the server decoded, or the values of the test."""
    outcome = into.process(message, now_ms)
    if outcome.side_effects is not None and outcome.side_effects.ask is not None:
        outcome = into.resume(ask(outcome), {"p": 301, "l": 1.5}, None)
    return seen(outcome)


def short_way_of(into: Processor, message: StoredMessage) -> object | None:
    """The short way of a message's topic."""
    topic = into.streams.resolve(message.topic)
    return topic.fast_path if isinstance(topic, ProfiledTopic) else None


def both_ways(profile: str, message: StoredMessage, now_ms: int, *devices: RegisteredDevice) -> tuple[object, object]:
    """Process a message after two usual ones, on the fast path and on the slow path."""
    ways = []
    for short in (True, False):
        into = pipeline(profile, devices=devices)
        for each, each_ms in ((frame(1), NOW_MS + SECOND_MS), (frame(2), NOW_MS + 2 * SECOND_MS), (message, now_ms)):
            topic = into.streams.resolve(each.topic)
            if not short and isinstance(topic, ProfiledTopic):
                topic.fast_path = None
            became = taken(into, each, each_ms)
        ways.append(became)
    return ways[0], ways[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_second_frame_of_a_device_goes_the_short_way(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    into = pipeline(profile, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    assert short_way_of(into, frame(2)) is not None
    monkeypatch.setattr(ProfiledTopic, "recognise", lambda *_: pytest.fail("the long way was gone"))
    became = taken(into, frame(2), NOW_MS + SECOND_MS)
    assert isinstance(became, tuple)
    assert (len(became[0]), *became[1:]) == (1, 0, [], None, [], "water")


@pytest.mark.parametrize("devices", [pytest.param([REGISTERED], id="registered"), pytest.param([], id="not-registered")])
@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "message",
    [
        pytest.param(frame(3), id="usual"),
        pytest.param(frame(2), id="sent-once-more"),
        pytest.param(frame(3, time_ms=NOW_MS + 2 * SECOND_MS), id="another-frame-of-the-same-time"),
        pytest.param(frame(3, fPort=2), id="another-port-of-the-profile"),
        pytest.param(frame(3, fPort=7), id="a-port-that-is-not-the-profiles"),
        pytest.param(frame(3, model="em300"), id="another-model"),
        pytest.param(frame(3, device="24e124126a148402", on=frame(3).topic), id="another-device-on-its-topic"),
        pytest.param(frame(3, device=EUI.upper()), id="eui-in-upper-case"),
        pytest.param(frame(3, object={"p": 300, "l": 2}), id="whole-numbers"),
        pytest.param(frame(3, object={"p": "300.5", "l": "2,5"}), id="numbers-as-text"),
        pytest.param(frame(3, object={"p": 99999.0, "l": 2.5}), id="out-of-bounds"),
        pytest.param(frame(3, object={"p": None, "l": 2.5}), id="null"),
        pytest.param(frame(3, object={"p": True, "l": 2.5}), id="true"),
        pytest.param(frame(3, object={"p": int("9" * 400), "l": 2.5}), id="a-number-beyond-all-numbers"),
        pytest.param(frame(3, object={"other": 1}), id="nothing-of-the-profiles"),
        pytest.param(frame(3, object={}), id="an-empty-object"),
        pytest.param(frame(3, object=[1, 2]), id="a-list"),
        pytest.param(frame(3, data=None), id="no-bytes"),
        pytest.param(frame(3, data=None, object=None), id="no-frame"),
        pytest.param(sent(frame(3).payload.replace(b'"AQ=="', b'"%%%"'), frame(3).topic), id="bytes-that-are-none"),
        pytest.param(frame(3, retain=True), id="retained"),
        pytest.param(frame(3, time=None), id="no-time"),
        pytest.param(frame(3, time="yesterday"), id="a-time-that-is-none"),
        pytest.param(frame(3, time=NOW_MS), id="a-time-as-a-number"),
        pytest.param(frame(3, time_ms=NOW_MS - 2 * HOUR_MS), id="historic"),
        pytest.param(frame(3, time_ms=NOW_MS - 50 * DAY_MS), id="a-time-too-old"),
        pytest.param(frame(3, time_ms=NOW_MS + 20 * MINUTE_MS), id="a-time-ahead"),
        pytest.param(sent({"deviceInfo": {"devEui": EUI}, "ackd": True}, frame(3).topic), id="another-event"),
        pytest.param(sent(b"{", frame(3).topic), id="not-json"),
        pytest.param(sent(frame(3).payload[:-1] + b',"x":"\xff"}', frame(3).topic), id="not-utf-8"),
    ],
)
def test_both_ways_come_to_the_same(profile: str, message: StoredMessage, devices: list[RegisteredDevice]) -> None:
    short, long = both_ways(profile, message, NOW_MS + 3 * SECOND_MS, *devices)
    assert short == long


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=2)
)


@given(
    profile=st.sampled_from([PLAIN, STEPS, CODEC]),
    changes=st.dictionaries(
        st.sampled_from(["object", "fPort", "fCnt", "time", "data", "rxInfo", "deviceInfo"]), _VALUES, max_size=2
    ),
    values=st.dictionaries(st.sampled_from(["p", "l", "v", "a"]), _VALUES),
)
def test_both_ways_come_to_the_same_whatever_is_sent(profile: str, changes: dict[str, Any], values: dict[str, Any]) -> None:
    body: dict[str, Any] = {"object": values, "fCnt": 3, "time": at(NOW_MS + 3 * SECOND_MS), "rxInfo": []}
    message = uplink(**body)
    message = sent({**json.loads(message.payload), **changes}, message.topic)
    short, long = both_ways(profile, message, NOW_MS + 3 * SECOND_MS, REGISTERED)
    assert short == long


def test_a_frame_that_waits_for_its_codec_can_be_looked_at() -> None:
    into = pipeline(CODEC, devices=[REGISTERED])
    for counter in (1, 2):
        held = pending_decode(ask(into.process(frame(counter, object=None), NOW_MS + counter * SECOND_MS)))
    assert (held.frame.device, held.frame.profile.name, held.frame.document["frame_counter"]) == (EUI, "p", 2)
    assert held.frame.document["raw"]["deviceInfo"] == {"devEui": EUI}


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param(PLAIN + "ignore: [{/port: 9}]", id="a-rule"),
        pytest.param(PLAIN + "time: [{path: /decoded/t, format: unix_s}, arrival]", id="a-time-of-its-own"),
        pytest.param(PLAIN + "site: {path: /raw/site}", id="a-site"),
        pytest.param(PLAIN + "dedup: {key: [{path: /decoded/n}], window: 1h}", id="copies-of-its-own"),
        pytest.param(PLAIN.replace("/port: [1, 2]", "/port: [1, 2], /decoded/p: number"), id="a-test"),
    ],
)
def test_a_profile_that_says_more_has_no_short_way(profile: str) -> None:
    into = pipeline(profile, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    assert short_way_of(into, frame(2)) is None


def test_what_nobody_asks_for_may_be_nested_as_deep_as_it_likes() -> None:
    into = pipeline(PLAIN, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    deep = sent(frame(2).payload[:-1] + b',"x":' + b"[" * 70 + b"]" * 70 + b"}", frame(2).topic)
    assert "pressure_kpa=302.0" in str(taken(into, deep, NOW_MS + SECOND_MS))


def test_a_new_registry_ends_the_short_way() -> None:
    into = pipeline(PLAIN, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    into.streams.replace_registry({EUI: RegisteredDevice(id=EUI, site="s2")})
    assert "site=s2" in str(taken(into, frame(2), NOW_MS + SECOND_MS))
