"""Frames that follow another on their topic: each comes to the same as if it were the first."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.devices.streams import ProfiledStream, Streams
from gateway.core.evaluate import pending_decode
from gateway.core.message import Outcome, StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles.matching import ProfiledTopic
from schemas.registry import RegisteredDevice
from tests.core.making import DAY_MS, HOUR_MS, MINUTE_MS, NOW_MS, SECOND_MS, replace_registry
from tests.core.profiled import EUI, ask, pipeline, sent, uplink
from tests.rows import each_row

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


def recognition_of(into: Processor, message: StoredMessage) -> object | None:
    """The recognition that is kept for a message's topic."""
    stream = into.streams.resolve(message.topic)
    return stream.recognition if isinstance(stream, ProfiledStream) else None


def forget_topics(into: Processor) -> None:
    """Let the next frame of each topic be as the first; what is known of devices stays."""
    replace_registry(into.streams, into.streams.registry)


def repeated_and_first(profile: str, message: StoredMessage, now_ms: int, *devices: RegisteredDevice) -> tuple[object, object]:
    """Process a message after two usual ones: as the third on its topic, and as if it were the first."""
    became = []
    for is_first in (False, True):
        into = pipeline(profile, devices=devices)
        for each, each_ms in ((frame(1), NOW_MS + SECOND_MS), (frame(2), NOW_MS + 2 * SECOND_MS)):
            taken(into, each, each_ms)
        if is_first:
            forget_topics(into)
        became.append(taken(into, message, now_ms))
    return became[0], became[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_second_frame_of_a_device_is_known_again(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    into = pipeline(profile, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    assert recognition_of(into, frame(2)) is not None
    monkeypatch.setattr(ProfiledTopic, "recognise", lambda *_: pytest.fail("all profiles were asked"))
    monkeypatch.setattr(Streams, "series", lambda *_: pytest.fail("its series was looked up"))
    became = taken(into, frame(2), NOW_MS + SECOND_MS)
    assert isinstance(became, tuple)
    assert (len(became[0]), *became[1:]) == (1, 0, [], None, [], "water")


@pytest.mark.parametrize("devices", [pytest.param([REGISTERED], id="registered"), pytest.param([], id="not-registered")])
@pytest.mark.parametrize("profile", PROFILES)
@each_row(
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
def test_a_frame_comes_to_the_same_as_if_it_were_the_first(
    profile: str, message: StoredMessage, devices: list[RegisteredDevice]
) -> None:
    repeated, first = repeated_and_first(profile, message, NOW_MS + 3 * SECOND_MS, *devices)
    assert repeated == first


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
def test_whatever_is_sent_comes_to_the_same_as_if_it_were_the_first(
    profile: str, changes: dict[str, Any], values: dict[str, Any]
) -> None:
    body: dict[str, Any] = {"object": values, "fCnt": 3, "time": at(NOW_MS + 3 * SECOND_MS), "rxInfo": []}
    message = uplink(**body)
    message = sent({**json.loads(message.payload), **changes}, message.topic)
    repeated, first = repeated_and_first(profile, message, NOW_MS + 3 * SECOND_MS, REGISTERED)
    assert repeated == first


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
@pytest.mark.parametrize("port", [1, 9])
def test_frames_of_a_profile_that_says_more_are_known_again_too(profile: str, port: int) -> None:
    into = pipeline(profile, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    assert recognition_of(into, frame(2)) is not None
    content = {"p": 302.0, "t": NOW_MS // 1000, "n": 7}
    message = frame(3, fPort=port, object=content, site="s7")
    repeated, first = repeated_and_first(profile, message, NOW_MS + 3 * SECOND_MS, REGISTERED)
    assert repeated == first


def test_what_nobody_asks_for_may_be_nested_as_deep_as_it_likes() -> None:
    into = pipeline(PLAIN, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    deep = sent(frame(2).payload[:-1] + b',"x":' + b"[" * 70 + b"]" * 70 + b"}", frame(2).topic)
    assert "pressure_kpa=302.0" in str(taken(into, deep, NOW_MS + SECOND_MS))


def test_what_was_recognised_ends_with_the_registry() -> None:
    into = pipeline(PLAIN, devices=[REGISTERED])
    taken(into, frame(1), NOW_MS)
    replace_registry(into.streams, {EUI: RegisteredDevice(id=EUI, site="s2")})
    assert "site=s2" in str(taken(into, frame(2), NOW_MS + SECOND_MS))
