"""The profile of a message: the registry's choice first, then the envelope's, then the most specific; never a guess."""

from collections.abc import Iterable
from typing import Any

import pytest

from gateway.core.devices.streams import Admission
from gateway.core.message import Message, Outcome, Undecodable
from gateway.core.profiles.language.profile import CompiledProfile
from gateway.core.profiles.matching import ProfiledTopic, Profiles
from gateway.core.profiles.recognition import Frame, Ignored
from schemas.registry import RegisteredDevice, Registry
from schemas.rejects import IgnoreCause, RejectReason
from tests.core.making import NOW_MS, points, refusal
from tests.core.profiled import ENVELOPES, EUI, PH, answered, ask, pipeline, profile, sent, uplink
from tests.core.sparkplug_payloads import FLOAT, M

NATIVE_TOO = "iot/v1/s1/water/d1/readings"


def choose(profiles: Iterable[CompiledProfile], message: Message, devices: Iterable[RegisteredDevice] = ()) -> Frame | Ignored:
    """Select a profile for a message."""
    topic = Profiles(profiles, ENVELOPES).topic(message.topic)
    assert isinstance(topic, ProfiledTopic), "no profile takes the topic"
    return topic.recognise(message, Registry(devices=[*devices]).by_id())


def chosen(texts: Iterable[str], message: Message, devices: Iterable[RegisteredDevice] = ()) -> str:
    """The name of the profile that takes a message."""
    frame = choose([profile(text) for text in texts], message, devices)
    assert isinstance(frame, Frame), frame
    return frame.profile.name


def refused(texts: Iterable[str], message: Message, devices: Iterable[RegisteredDevice] = ()) -> Undecodable:
    """Return the reason why no profile takes a message."""
    with pytest.raises(Undecodable) as why:
        choose([profile(text) for text in texts], message, devices)
    return why.value


def named(name: str, rest: str = "") -> str:
    return f"profile: {name}\n{rest}\n"


RADIO = "match: {envelope: lorawan}"
PORT_1 = "match: {envelope: lorawan, when: {/port: [1]}}"
PORT_1_OF_B = "match: {envelope: lorawan, when: {/port: [1], /frame_counter: number}}"
PORT_2 = "match: {envelope: lorawan, when: {/port: [2]}}"


@pytest.mark.parametrize(
    ("device", "model", "taken_by"),
    [
        pytest.param({}, None, "exact", id="nobody-is-named-so-predicates-decide"),
        pytest.param({}, "WM 7", "by-model", id="model-of-the-envelope-before-rank"),
        pytest.param({"profile": "plain"}, "WM 7", "plain", id="profile-of-the-registry-before-the-envelope"),
        pytest.param({"model": "Pipe-3"}, "WM 7", "of-registry", id="model-of-the-registry-before-the-envelope"),
        pytest.param({"profile": "pipe 3"}, None, "of-registry", id="a-model-written-where-the-profile-belongs"),
        pytest.param({"model": "PLAIN"}, None, "plain", id="the-name-of-a-profile-written-where-the-model-belongs"),
        pytest.param({"profile": "plain", "model": "Pipe-3"}, None, "plain", id="the-profile-before-the-model"),
        pytest.param({"model": "nobody's"}, "WM 7", "by-model", id="a-model-nobody-serves-says-nothing"),
        pytest.param({}, "nobody's", "exact", id="so-does-that-of-an-envelope"),
    ],
)
def test_registry_before_envelope_before_rank(device: dict[str, Any], model: str | None, taken_by: str) -> None:
    texts = [
        named("plain", RADIO),
        named("exact", PORT_1_OF_B),
        named("by-model", f"{RADIO}\nmodels: [wm7]"),
        named("of-registry", f"{RADIO}\nmodels: [PIPE 3]"),
    ]
    devices = [RegisteredDevice(EUI, **device)] if device else []
    assert chosen(texts, uplink(model=model), devices) == taken_by


def test_a_named_profile_whose_when_does_not_hold_gives_way() -> None:
    """The registry knows the make; it does not know that this frame is another kind of message."""
    texts = [named("a", PORT_2), named("b", PORT_1)]
    assert chosen(texts, uplink(), [RegisteredDevice(EUI, profile="a")]) == "b"


def test_of_two_profiles_of_a_model_the_one_whose_when_holds_takes_the_frame() -> None:
    texts = [named("a", f"{PORT_2}\nmodels: [M]"), named("b", f"{PORT_1}\nmodels: [M]")]
    assert chosen(texts, uplink(model="M")) == "b"
    assert chosen(texts, uplink(fPort=2), [RegisteredDevice(EUI, model="m")]) == "a"


WORDS = "match: {topic: 'a/{device}/c', when: {/ph: number}}"
MORE_WORDS = "match: {topic: 'a/{device}/{x}', when: {/ph: number, /kind: [water]}}"


@pytest.mark.parametrize(
    ("first", "second", "document", "taken_by"),
    [
        pytest.param(WORDS, "match: {topic: '{x}/{device}/c'}", {"ph": 7}, "first", id="more-literal-levels"),
        pytest.param(WORDS, MORE_WORDS, {"ph": 7, "kind": "water"}, "first", id="literal-levels-before-predicates"),
        pytest.param(
            WORDS,
            "match: {topic: 'a/{device}/c', when: {/ph: number, /kind: [water]}}",
            {"ph": 7, "kind": "water"},
            "second",
            id="more-predicates",
        ),
        pytest.param(
            "match: {topic: ['a/{device}/c', 'a/#']}",
            "match: {topic: 'a/{device}/+'}",
            {"ph": 7},
            "first",
            id="best-of-its-topics",
        ),
        pytest.param("match: {topic: 'a/{device}/#'}", MORE_WORDS, {"ph": 7}, "first", id="when-must-hold"),
    ],
)
def test_who_says_most_takes_the_message(first: str, second: str, document: object, taken_by: str) -> None:
    for texts in ([named("first", first), named("second", second)], [named("second", second), named("first", first)]):
        assert chosen(texts, sent(document, "a/d1/c")) == taken_by


def test_topic_levels_are_tests_too() -> None:
    texts = [named(verb, f"match: {{topic: '{{verb}}/{{device}}', when: {{verb: [{verb}]}}}}") for verb in ("up", "down")]
    assert chosen(texts, sent({"ph": 7}, "down/d1")) == "down"


def test_two_that_take_a_message_alike_are_ambiguous_and_the_registry_decides() -> None:
    texts = [named("a", PORT_1), named("b", PORT_1)]
    why = refused(texts, uplink())
    assert why.reason is RejectReason.AMBIGUOUS_PROFILE
    assert why.detail == f"a and b fit equally well; register {EUI} with its model"
    assert chosen(texts, uplink(), [RegisteredDevice(EUI, profile="b")]) == "b"


BY_REGISTRY = "match: {by: registry}\nmodels: [Meter X]"


def test_a_family_that_bytes_cannot_tell_apart_takes_only_what_is_registered() -> None:
    texts = [named("family", BY_REGISTRY), named("other", PORT_2)]
    why = refused(texts, uplink())
    assert why.reason is RejectReason.UNKNOWN_DEVICE
    assert f"{EUI} is not registered" in why.detail
    for entry in (RegisteredDevice(EUI, profile="family"), RegisteredDevice(EUI, model="meter-x")):
        assert chosen(texts, uplink(), [entry]) == "family"


def test_a_family_on_a_topic_of_its_own_takes_only_what_is_registered() -> None:
    text = named("family", "match: {by: registry, topic: 't/{device}'}")
    assert refused([text], sent({"ph": 7})).reason is RejectReason.UNKNOWN_DEVICE
    assert chosen([text], sent({"ph": 7}), [RegisteredDevice("d1", profile="family")]) == "family"


def test_who_tells_a_device_apart_takes_it_before_the_registry_is_missed() -> None:
    assert chosen([named("family", BY_REGISTRY), named("other", PORT_1)], uplink()) == "other"


@pytest.mark.parametrize(
    ("unknown", "reason", "waits_for"),
    [
        pytest.param("accept", RejectReason.UNKNOWN_DEVICE, None, id="accept"),
        pytest.param("reject", RejectReason.UNKNOWN_DEVICE, None, id="reject"),
        pytest.param("quarantine", None, EUI, id="quarantine"),
    ],
)
def test_a_device_whose_make_nobody_tells_waits_where_unknown_devices_do(
    unknown: str, reason: RejectReason | None, waits_for: str | None
) -> None:
    outcome = pipeline(named("family", BY_REGISTRY), admission=Admission(unknown)).process(uplink(), NOW_MS)
    assert [refused.reason for refused in outcome.refusals] == ([reason] if reason else [])
    assert [waits.key for waits in outcome.side_effects.waiting] == [waits_for] if outcome.side_effects else waits_for is None


def test_an_eui_is_found_however_the_registry_writes_it() -> None:
    labelled = "24-E1-24-12-6A-14-84-01"
    assert chosen([named("family", BY_REGISTRY)], uplink(), [RegisteredDevice(labelled, profile="family")]) == "family"
    text = named("family", "match: {by: registry, topic: 't/{device}'}")
    assert chosen([text], sent({"ph": 7}, f"t/{EUI.upper()}"), [RegisteredDevice(labelled, profile="family")]) == "family"


IGNORING = "ignore: {/kind: [join, version]}"


@pytest.mark.parametrize(
    ("texts", "device"),
    [
        pytest.param([named("a", f"match: {{topic: 't/{{device}}'}}\n{IGNORING}")], None, id="by-rank"),
        pytest.param([named("a", f"match: {{topic: 't/{{device}}'}}\n{IGNORING}")], "a", id="by-registry"),
    ],
)
def test_a_frame_that_a_rule_ignores_is_no_data_and_no_fault(texts: list[str], device: str | None) -> None:
    devices = [RegisteredDevice("d1", profile=device)] if device else []
    found = choose([profile(text) for text in texts], sent({"kind": "join"}), devices)
    assert found == Ignored(IgnoreCause.RULE)


def test_what_one_ignores_another_may_take() -> None:
    texts = [named("a", f"match: {{topic: 't/{{device}}'}}\n{IGNORING}"), named("b", "match: {topic: 't/{device}'}")]
    assert chosen(texts, sent({"kind": "join"})) == "b"


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param({"data": None}, id="no-payload"),
        pytest.param({"data": b""}, id="empty-payload"),
    ],
)
def test_an_event_of_the_server_that_carries_no_frame_is_no_data(frame: dict[str, Any]) -> None:
    assert choose([profile(RADIO)], uplink(**frame)) == Ignored(IgnoreCause.NOT_DATA, EUI if frame["data"] == b"" else "")


@pytest.mark.parametrize(
    ("message", "reason", "detail"),
    [
        pytest.param(sent({"other": 1}), RejectReason.UNKNOWN_TOPIC, "tried were p, q", id="nobody-wants-it"),
        pytest.param(sent(b"\xff{"), RejectReason.NOT_UTF8, "", id="nobody-can-read-it"),
        pytest.param(sent([1]), RejectReason.UNKNOWN_TOPIC, "tried were p, q", id="another-form"),
    ],
)
def test_what_nobody_takes_is_refused_with_those_who_were_asked(message: Message, reason: RejectReason, detail: str) -> None:
    match = "match: {topic: 't/{device}', when: {/ph: number}}"
    why = refused([named("p", match), named("q", match + "\ndecode: json_lenient")], message)
    assert why.reason is reason
    assert detail in why.detail


@pytest.mark.parametrize("document", [[1], {"port": [1]}, {}, 5], ids=repr)
def test_where_a_port_should_be_anything_may_be(document: object) -> None:
    texts = [named("a", "match: {topic: 't/{device}', when: {/port: [1]}}"), named("b", "match: {topic: 't/{device}'}")]
    assert chosen(texts, sent(document)) == "b"
    assert chosen(texts, sent({"port": 1})) == "a"


def test_a_payload_that_one_group_cannot_read_is_for_those_who_can() -> None:
    texts = [
        named("a", "match: {topic: 't/{device}'}"),
        named("b", 'match: {topic: "t/{device}"}\ndecode: {text: "{ph:number} pH"}'),
    ]
    assert chosen(texts, sent(b"7.5 pH")) == "b"
    assert chosen(texts, sent({"ph": 7})) == "a"


def test_a_message_that_does_not_tell_its_device_is_refused() -> None:
    why = refused([named("a", "match: {topic: 'all/{x}'}")], sent({"ph": 7}, "all/1"))
    assert why.reason is RejectReason.BAD_PAYLOAD
    assert "does not tell its device" in why.detail


CAPTURING = "match: {{envelope: lorawan, topic: 'application/{{app}}/device/{{{}}}/event/up'}}"


@pytest.mark.parametrize("level", ["device", "dev_eui"])
def test_an_envelope_that_names_another_device_than_its_topic_is_refused(level: str) -> None:
    message = uplink(on="application/1/device/24e124126a149999/event/up")
    why = refused([CAPTURING.format(level)], message)
    assert why.reason is RejectReason.DEVICE_MISMATCH
    assert EUI in why.detail
    assert "24e124126a149999" in why.detail
    refused_as_data = refusal(pipeline(CAPTURING.format(level)).process(message, NOW_MS))
    assert (refused_as_data.reason, refused_as_data.stage) == (RejectReason.DEVICE_MISMATCH, "decode")


@pytest.mark.parametrize(
    ("text", "in_topic"),
    [
        pytest.param(CAPTURING.format("dev_eui"), EUI, id="the-same"),
        pytest.param(CAPTURING.format("dev_eui"), EUI.upper(), id="in-capitals"),
        pytest.param(CAPTURING.format("device"), "24-E1-24-12-6A-14-84-01", id="with-dashes"),
        pytest.param(CAPTURING.format("name"), "pump-7", id="a-level-called-otherwise"),
        pytest.param(f"{CAPTURING.format('dev_eui')}\ndevice: /raw/deviceInfo/devEui", "pump-7", id="the-profile-says-who"),
        pytest.param(RADIO, "pump-7", id="no-level-has-a-name"),
    ],
)
def test_a_topic_may_write_the_device_in_its_own_way(text: str, in_topic: str) -> None:
    frame = choose([profile(text)], uplink(on=f"application/1/device/{in_topic}/event/up"))
    assert isinstance(frame, Frame)
    assert frame.device == EUI


STATUS = "status: [{topic: 'tele/{device}/LWT', text: {Online: online, Offline: offline}}]"


def said(into_profile: str, on: str, payload: bytes, device: str = "d1") -> tuple[Outcome, bool | None]:
    """Process a status message; return the outcome, and if its device is believed to be online."""
    into = pipeline(into_profile)
    outcome = into.process(sent(payload, on), NOW_MS)
    return outcome, into.streams.devices[device].online if device in into.streams.devices else None


@pytest.mark.parametrize(
    ("match", "on"),
    [
        pytest.param("match: {topic: 'tele/{device}/SENSOR'}", "tele/d1/LWT", id="beside-the-data"),
        pytest.param("match: {topic: 'tele/{device}/+'}", "tele/d1/LWT", id="on-a-topic-of-the-data"),
        pytest.param("match: {envelope: lorawan}", "tele/d1/LWT", id="under-an-envelope"),
        pytest.param("match: {topic: 'tele/{x}/SENSOR'}\ndevice: {topic: device}", "tele/d1/LWT", id="device-from-a-level"),
    ],
)
def test_a_status_message_moves_the_state_of_its_device_and_is_no_data(match: str, on: str) -> None:
    for word, online in ((b"Online", True), (b"Offline", False)):
        outcome, state = said(f"{match}\n{STATUS}", on, word)
        assert (outcome.ignored, outcome.refusals, state) == (IgnoreCause.STATUS, [], online)


def test_another_word_on_the_topic_of_a_status_is_no_status() -> None:
    outcome, state = said(f"match: {{topic: 'tele/{{device}}/SENSOR'}}\n{STATUS}", "tele/d1/LWT", b"perhaps")
    assert (refusal(outcome).reason, state) == (RejectReason.UNKNOWN_TOPIC, None)


SPARKPLUG = """
match: {topic: "spBv1.0/{group}/{verb}/{node}/{device}", when: {verb: [DBIRTH, DDATA]}}
decode: sparkplug_b
device: {join: [{topic: group}, {topic: node}, {topic: device}], by: "."}
points: [{measurement: power, each: {of: /metrics, by: name, value: value, time: timestamp}, map: {V: {field: voltage_l1_v}}}]
"""
VOLTAGE = M("V", 229.5, FLOAT, kind="Float")


def test_sparkplug_is_for_those_who_read_it_and_its_addresses_are_known() -> None:
    profiles = Profiles([profile(SPARKPLUG), profile(named("any", "match: {topic: '#'}"))], ENVELOPES)
    topic = profiles.topic("spBv1.0/g/DDATA/n/m1")
    assert topic is not None
    assert topic.address is not None
    assert (topic.address.key, topic.device()) == ("g/n/m1", "g.n.m1")
    node_death = profiles.topic("spBv1.0/g/NDEATH/n")
    assert node_death is not None
    assert node_death.address is not None
    elsewhere = profiles.topic("spAv1.0/g/DDATA/n/m1")
    assert elsewhere is not None
    assert elsewhere.address is None


def test_without_a_profile_that_reads_it_a_sparkplug_topic_is_one_like_any() -> None:
    topic = Profiles([profile("match: {topic: '#'}")], ENVELOPES).topic("spBv1.0/g/DDATA/n/m1")
    assert topic is not None
    assert topic.address is None
    assert Profiles([profile("match: {topic: 'x/{device}'}")], ENVELOPES).topic("spBv1.0/g/DDATA/n/m1") is None


def test_a_codec_is_asked_unless_the_server_has_decoded_already() -> None:
    text = f"{RADIO}\ncodec: c.js\n{PH.replace('/ph', '/codec/ph')}"
    into = pipeline(text)
    asked = ask(into.process(uplink(data=b"\1\2", fPort=9), NOW_MS))
    assert (asked.codec, asked.payload, asked.port, asked.variables) == ("c.js", b"\1\2", 9, {})
    assert points(answered(pipeline(text), uplink(data=b"\1"), {"ph": 7}))[0].values == {"ph": 7}
    assert points(into.process(uplink(object={"ph": 6.5}), NOW_MS))[0].values == {"ph": 6.5}
    own = pipeline(text.replace("c.js", "c.js\nprefer: codec"))
    assert ask(own.process(uplink(object={"ph": 6.5}), NOW_MS)).payload == b"\1"


def test_a_native_topic_is_never_a_profiles() -> None:
    into = pipeline("match: {topic: '#'}\ndevice: {literal: d9}")
    assert points(into.process(sent({"ph": 7}, NATIVE_TOO), NOW_MS))[0].tags["device"] == "d1"


@pytest.mark.parametrize("decode", ["json", "cbor", "bytes", "text: '{ph:number}'", "csv", "obis"])
def test_an_empty_payload_is_ignored_where_the_profile_says_so(decode: str) -> None:
    written = decode if ":" not in decode else f"{{{decode}}}"
    text = f"match: {{topic: 't/{{device}}'}}\ndecode: {written}"
    with_rule = [profile(f"{text}\nignore: [empty, {{/kind: join}}]")]
    assert choose(with_rule, sent(b"")) == Ignored(IgnoreCause.RULE, "d1")
    into = pipeline(text)
    assert into.process(sent(b""), NOW_MS).ignored is None


def test_only_a_payload_without_a_single_byte_is_empty() -> None:
    text = "match: {topic: 't/{device}'}\nignore: empty"
    assert chosen([named("a", text)], sent({"ph": 7})) == "a"
    assert refused([text], sent(b" ")).reason is RejectReason.BAD_JSON
