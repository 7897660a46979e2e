"""A thing recognised in one frame holds for the next that is like it, and for no other."""

import json
from typing import Any

import pytest

from gateway.core.profiles.matching import ProfiledTopic, Profiles
from gateway.core.profiles.recognition import Frame, Ignored, Recognition, Unnamed
from schemas.registry import RegisteredDevice, Registry
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import NOW_MS, points
from tests.core.profiled import ENVELOPES, EUI, answered, pipeline, profile, sent, uplink
from tests.rows import each_row

DECODED = "points: [{measurement: water, fields: {ph: /decoded/ph}}]"
RADIO = f"match: {{envelope: lorawan, when: {{/port: [1, 2]}}}}\n{DECODED}"
BY_CODEC = "profile: c\nmatch: {envelope: lorawan, when: {/port: [1, 2]}}\ncodec: a.js\n"
OF_CODEC = "points: [{measurement: water, fields: {ph: /codec/ph}}]"
IGNORING = RADIO + "\nignore: [{/decoded/kind: boot}]"


def topic_of(*texts: str) -> ProfiledTopic:
    topic = Profiles([profile(text) for text in texts], ENVELOPES).topic(uplink().topic)
    assert topic is not None
    return topic


def met(*texts: str, **frame: Any) -> Recognition:  # noqa: ANN401 - as the server writes it
    """Return what holds after a frame of a device."""
    topic, message = topic_of(*texts), uplink(object={"ph": 7.5}, **frame)
    first = topic.recognise(message, {})
    assert isinstance(first, Frame)
    found = topic.recognition(first, message.payload)
    assert found is not None
    return found


def test_the_next_frame_is_read_at_once_and_holds_what_a_slow_one_holds() -> None:
    message = uplink(object={"ph": 7.25}, fCnt=9, time="2026-09-03T00:00:00Z")
    frame = met(RADIO).frame(message.payload)
    assert frame is not None
    assert frame.repeated is not None
    assert frame.repeated.read == (("ph",), (7.25,))
    slow = topic_of(RADIO).recognise(message, {})
    assert isinstance(slow, Frame)
    assert frame.unwrapped is None, "nobody has asked for the rest"
    assert frame.document.items() <= slow.document.items()
    assert [frame.document[part] for part in ("rssi", "snr", "raw")] == [slow.document[part] for part in ("rssi", "snr", "raw")]
    assert (frame.profile.name, frame.device, frame.captures) == ("p", EUI, {})


@each_row(
    "other",
    [
        pytest.param({"fPort": 2}, id="another-port-may-be-of-another-profile"),
        pytest.param({"model": "M"}, id="another-model"),
        pytest.param({"device": "24e124126a148402"}, id="another-device"),
        pytest.param({"data": None, "object": {}}, id="no-frame"),
        pytest.param({"fPort": "1"}, id="an-unusual-form"),
    ],
)
def test_a_frame_that_is_not_alike_is_recognised_by_itself(other: dict[str, Any]) -> None:
    assert met(RADIO).frame(uplink(**({"object": {"ph": 7}} | other)).payload) is None


def test_a_value_that_is_no_plain_number_is_left_to_the_steps() -> None:
    frame = met(RADIO).frame(uplink(object={"ph": "7.25"}).payload)
    assert frame is not None
    assert frame.repeated is not None
    assert frame.repeated.read is None
    assert frame.document["decoded"] == {"ph": "7.25"}


def test_what_a_codec_gave_is_found_in_the_frame_whoever_asks_first() -> None:
    for asked_before in (False, True):
        frame = met(BY_CODEC + OF_CODEC).frame(uplink().payload)
        assert frame is not None
        assert frame.for_codec(lambda _: b"") == (b"\1", 1, None, None)
        if asked_before:
            assert frame.document["payload"] == b"\1"
        frame.answered({"ph": 6.5})
        assert frame.document["codec"] == {"ph": 6.5}
        assert frame.repeated is not None
        assert frame.repeated.read == (("ph",), (6.5,))


def test_what_the_server_decoded_stands_for_the_codec_unless_the_profile_wants_the_codec() -> None:
    usual = met(BY_CODEC + OF_CODEC).frame(uplink(object={"ph": 8}).payload)
    assert usual is not None
    assert usual.repeated is not None
    assert (usual.repeated.read, usual.document["codec"]) == ((("ph",), (8.0,)), {"ph": 8})
    always = met(BY_CODEC.replace("a.js", "{file: a.js, prefer: codec}") + OF_CODEC).frame(uplink(object={"ph": 8}).payload)
    assert always is not None
    assert always.repeated is not None
    assert always.repeated.read is None


def test_a_profile_with_rules_of_its_own_sees_the_whole_frame_each_time() -> None:
    recognition = met(IGNORING)
    frame = recognition.frame(uplink(object={"ph": 7}).payload)
    assert frame is not None
    assert (frame.repeated, frame.document["decoded"], frame.why) == (None, {"ph": 7}, "it alone takes it")
    assert recognition.frame(uplink(object={"kind": "boot"}).payload) is None
    assert recognition.frame(uplink(data=None, object={}).payload) is None


@each_row(
    ("texts", "frame"),
    [
        pytest.param([RADIO, f"profile: q\nmatch: {{topic: 'application/#'}}\n{DECODED}"], {}, id="another-group-on-the-topic"),
        pytest.param([RADIO + "\nstatus: [{topic: 'application/1/device/+/event/up'}]"], {}, id="states-on-the-topic"),
        pytest.param(
            [RADIO, f"profile: q\nmatch: {{envelope: lorawan, when: {{/port: [1], /model: x}}}}\n{DECODED}"], {}, id="two"
        ),
        pytest.param([RADIO], {"on": "application/all"}, id="a-topic-of-many-devices"),
    ],
)
def test_what_may_not_hold_for_the_next_frame_is_not_kept(texts: list[str], frame: dict[str, Any]) -> None:
    topic, message = topic_of(*texts), uplink(object={"ph": 7}, **frame)
    if frame:
        found = Profiles([profile(text) for text in texts], ENVELOPES).topic(message.topic)
        assert found is not None
        topic = found
    first = topic.recognise(message, {})
    assert isinstance(first, Frame)
    assert topic.recognition(first, message.payload) is None


def test_a_registered_profile_is_kept_with_its_ports_and_its_captures() -> None:
    on = "topic: 'application/{app}/device/{dev_eui}/event/up'"
    text = f"profile: q\nmatch: {{envelope: lorawan, {on}, by: registry}}\n{DECODED}"
    topic = Profiles([profile(text)], ENVELOPES).topic(uplink().topic)
    assert topic is not None
    registry = Registry(devices=[RegisteredDevice(EUI, profile="q")]).by_id()
    frame = topic.recognise(uplink(object={"ph": 7}), registry)
    assert isinstance(frame, Frame)
    assert (frame.captures, frame.why) == ({"app": "1", "dev_eui": EUI}, "the registry names it")
    assert frame.document["device"] == EUI
    assert frame.ports is None


def test_a_profile_of_the_topic_reads_the_message_itself_behind_one_of_the_envelope() -> None:
    own = "profile: q\nmatch: {topic: 'application/+/device/{device}/event/up', when: {/deviceInfo: map}}\n" + DECODED
    topic = topic_of(RADIO, own)
    for _ in range(2):
        found = topic.recognise(uplink(object={"ph": 7}), {})
        assert isinstance(found, Frame)
        assert (found.profile.name, found.why) == ("q", "it alone takes it")


def test_a_registered_family_ignores_what_fails_its_tests_too() -> None:
    text = "match: {envelope: lorawan, by: registry, when: {/port: [1]}}\nignore: [{/decoded/kind: boot}]\n" + DECODED
    registry = Registry(devices=[RegisteredDevice(EUI, profile="p")]).by_id()
    for port in (1, 9):
        found = topic_of(text).recognise(uplink(object={"kind": "boot"}, fPort=port), registry)
        assert found == Ignored(IgnoreCause.RULE, EUI)
    with pytest.raises(Unnamed) as why:
        topic_of(text).recognise(uplink(object={"kind": "data"}, fPort=9), registry)
    assert (why.value.reason, why.value.device) == (RejectReason.UNKNOWN_DEVICE, EUI)


def test_an_event_without_a_frame_is_no_data_and_its_device_lives() -> None:
    assert topic_of(RADIO).recognise(uplink(data=b""), {}) == Ignored(IgnoreCause.NOT_DATA, EUI)
    assert topic_of(RADIO).recognise(sent({"deviceInfo": {"devEui": EUI}}, uplink().topic), {}) == Ignored(IgnoreCause.NOT_DATA)


def test_a_payload_that_only_some_can_read_is_refused_for_what_those_say() -> None:
    texts = ["match: {topic: 't/{device}'}\ndecode: hex", "profile: q\nmatch: {topic: 't/{device}', when: {/ph: number}}"]
    topic = Profiles([profile(text) for text in texts]).topic("t/d1")
    assert topic is not None
    assert isinstance(topic.recognise(sent({"ph": 7}), {}), Frame)
    with pytest.raises(Exception, match="no profile takes this message; tried were p, q") as nobody:
        topic.recognise(sent({"x": 7}), {})
    assert nobody.value.reason is RejectReason.UNKNOWN_TOPIC  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="is not hex") as unreadable:
        topic.recognise(sent(b"{"), {})
    assert unreadable.value.reason is RejectReason.BAD_PAYLOAD  # type: ignore[attr-defined]


def test_a_message_without_a_byte_is_ignored_where_any_profile_says_so() -> None:
    texts = ["match: {topic: 't/{device}'}", "profile: q\nmatch: {topic: 't/{device}'}\nignore: [empty]"]
    topic = Profiles([profile(text) for text in texts]).topic("t/d1")
    assert topic is not None
    assert topic.recognise(sent(b""), {}) == Ignored(IgnoreCause.RULE, "d1")


def test_the_second_frame_gives_the_same_point_as_the_first() -> None:
    by_server, by_codec = pipeline(RADIO), pipeline(BY_CODEC + OF_CODEC)
    for number in (1, 2):
        (point,) = points(by_server.process(uplink(object={"ph": 7.5}, fCnt=number), NOW_MS))
        assert (point.measurement, point.fields["ph"]) == ("water", 7.5)
        (point,) = points(answered(by_codec, uplink(fCnt=number), {"ph": 7.5}))
        assert (point.measurement, point.fields["ph"]) == ("water", 7.5)


def test_json_of_a_frame_is_read_whole_where_a_skipped_part_is_not_utf8() -> None:
    recognition = met(RADIO)
    broken = json.dumps({"x": "?"}).encode().replace(b"?", b"\xff")
    body = uplink(object={"ph": 7}).payload
    assert recognition.frame(body[:-1] + b", " + broken[1:]) is None
    assert recognition.frame(body[:-1] + b", " + broken.replace(b"\xff", "é".encode())[1:]) is not None
