"""A compiled profile: which messages it takes, how it reads them, what it says of device, site, status and copies."""

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.message import Undecodable
from gateway.core.profiles.language.conditions import parse_filter
from schemas.device_ids import device_id
from schemas.rejects import RejectReason
from tests.core.profiling import compiled, context, faults, points
from tests.rows import each_row

ONE_POINT = "points: [{measurement: water, fields: {ph: /ph}}]"


@pytest.mark.parametrize(
    ("written", "pattern", "literal", "topic", "captures"),
    [
        pytest.param("tele/{device}/SENSOR", "tele/+/SENSOR", 2, "tele/plug/SENSOR", {"device": "plug"}, id="a-level"),
        pytest.param(
            "{device}/status/em:{n}", "+/status/+", 2, "x/status/em:0", {"device": "x", "n": "0"}, id="part-of-a-level"
        ),
        pytest.param("a/+/{x}/#", "a/+/+/#", 1, "a/b/c/d/e", {"x": "c"}, id="wildcards"),
        pytest.param("a/{x}/#", "a/+/#", 1, "a/b", {"x": "b"}, id="hash-takes-no-level-too"),
        pytest.param("tele/{device}/SENSOR", "tele/+/SENSOR", 2, "tele/a/b/SENSOR", None, id="a-level-too-many"),
        pytest.param("{device}/status/em:{n}", "+/status/+", 2, "x/status/em1:0", None, id="another-prefix"),
        pytest.param("tele/{device}", "tele/+", 1, "tele/", None, id="a-name-is-not-empty"),
        pytest.param("{a}/b", "+/b", 1, "$SYS/b", None, id="wildcards-do-not-take-dollar-topics"),
        pytest.param("a.c/{x}", "a.c/+", 1, "abc/x", None, id="a-dot-is-a-dot"),
    ],
)
def test_a_filter_names_levels(written: str, pattern: str, literal: int, topic: str, captures: dict[str, str] | None) -> None:
    found = parse_filter(written)
    assert (found.pattern, found.literal_levels, found.match(topic)) == (pattern, literal, captures)


@pytest.mark.parametrize("written", ["a/{b", "a/b}", "a/#/b", "", "{a}/{a}", "a/{1}", "$share/g/a", "a/{b}+"])
def test_what_is_no_filter_is_told(written: str) -> None:
    (found,) = faults(f"match: {{topic: '{written}'}}\n{ONE_POINT}")
    assert found.startswith("match.topic: ")


@pytest.mark.parametrize(
    ("match", "envelope", "by_registry"),
    [
        pytest.param("{envelope: lorawan}", "lorawan", False, id="any-network-server"),
        pytest.param("{envelope: loriot, topic: 'a/{x}'}", "loriot", False, id="one-envelope-on-a-topic"),
        pytest.param("{topic: 'a/{x}'}", None, False, id="no-envelope"),
        pytest.param("{by: registry}", "lorawan", True, id="what-bytes-cannot-tell-apart-is-radio"),
        pytest.param("{by: registry, topic: 'a/{x}'}", None, True, id="by-registry-on-a-topic"),
    ],
)
def test_a_profile_says_where_its_messages_come_from(match: str, envelope: str | None, by_registry: bool) -> None:  # noqa: FBT001
    profile = compiled(f"match: {match}\nmodels: [EM-300 DI, em500/PP]\n{ONE_POINT}")
    assert (profile.envelope, profile.by_registry, profile.models) == (envelope, by_registry, ("em300di", "em500pp"))


DECODED = [
    pytest.param("", b'{"v": 1}', {"v": 1}, id="json-if-nothing-is-said"),
    pytest.param("decode: json_lenient", b'{"v": nan}\0', {"v": None}, id="lenient"),
    pytest.param('decode: {text: "{v:number} m3/h {s:word}"}', b"1.5 m3/h OK", {"v": 1.5, "s": "OK"}, id="text"),
    pytest.param("decode: {csv: {delimiter: ';', header: true}}", b"v;s\n1;2\n", {"v": 1, "s": 2}, id="csv-by-header"),
    pytest.param("decode: csv", b"1,2\n", {"0": 1, "1": 2}, id="csv-by-index"),
    pytest.param("decode: hex", b"0a0B", {"payload": b"\x0a\x0b"}, id="hex"),
    pytest.param("decode: base64", b"Cgs=", {"payload": b"\x0a\x0b"}, id="base64"),
    pytest.param("decode: bytes", b"\x0a", {"payload": b"\x0a"}, id="bytes"),
    pytest.param("decode: {nested: {/v: base64}}", b'{"v": "Cgs="}', {"v": b"\x0a\x0b"}, id="base64-inside"),
    pytest.param("decode: {nested: {/v: json}}", b'{"v": "{\\"w\\": 1}"}', {"v": {"w": 1}}, id="json-in-a-string"),
    pytest.param("decode: {nested: {/v: [base64, json]}}", b'{"v": "eyJ3IjoxfQ=="}', {"v": {"w": 1}}, id="json-in-base64"),
    pytest.param("decode: {nested: {'/v[*]': hex}}", b'{"v": ["0a", "0b"]}', {"v": [b"\x0a", b"\x0b"]}, id="each-of-a-list"),
    pytest.param(
        "decode: {nested: {/r: {as: words, order: cdab}}}", b'{"r": [1, 2]}', {"r": b"\x00\x02\x00\x01"}, id="registers"
    ),
    pytest.param("decode: {nested: {/: hex}}", b'"0a"', {"payload": b"\x0a"}, id="the-whole-is-hex"),
    pytest.param("decode: {nested: {/w: hex}}", b'{"v": 1}', {"v": 1}, id="what-is-not-there-stays-so"),
]


@each_row(("decode", "payload", "document"), DECODED)
def test_a_payload_is_read_as_the_profile_says(decode: str, payload: bytes, document: object) -> None:
    assert compiled(f"{decode}\n{ONE_POINT}").read(payload) == document


@pytest.mark.parametrize(
    ("decode", "payload", "reason"),
    [
        pytest.param("", b"{", RejectReason.BAD_JSON, id="no-json"),
        pytest.param("decode: {nested: {/v: hex}}", b'{"v": "zz"}', RejectReason.BAD_PAYLOAD, id="no-hex-inside"),
        pytest.param("decode: hex", b"\xff\xff", RejectReason.BAD_PAYLOAD, id="no-hex"),
        pytest.param("decode: csv", b"1,2\n3,4\n", RejectReason.BAD_PAYLOAD, id="two-rows-and-no-each"),
    ],
)
def test_a_payload_that_cannot_be_read_is_refused(decode: str, payload: bytes, reason: RejectReason) -> None:
    with pytest.raises(Undecodable) as refused:
        compiled(f"{decode}\n{ONE_POINT}").read(payload)
    assert refused.value.reason is reason


def test_with_each_the_document_of_csv_is_the_list_of_its_rows() -> None:
    point = "{measurement: water, each: /, tags: {channel: {path: ch}}, fields: {ph: v}}"
    profile = compiled(f"decode: {{csv: {{header: [ch, v]}}}}\npoints: [{point}]")
    found = profile.map(context(profile.read(b"1,7\n2,8\n")))
    assert [(point.tags, point.values) for point in found] == [
        ((("channel", "1"),), {"ph": 7.0}),
        ((("channel", "2"),), {"ph": 8.0}),
    ]


def test_profiles_that_read_alike_share_a_key() -> None:
    keys = [
        compiled(f"{decode}\n{ONE_POINT}").decode_key for decode in ("", "decode: json", "decode: csv", "decode: {csv: {}}")
    ]
    assert keys[0] == keys[1] != keys[2]


STRUCT = """
%s
struct:
  - {name: total, at: 0, type: u32, order: dcba}
  - {name: flags, at: 4, type: u8, bits: [4, 4]}
  - {name: late, at: 9, type: u8}
points:
  - measurement: water
    fields: {volume_m3: {path: /struct/total, unit: L}, ph: /struct/flags, pressure_kpa: /struct/late}
"""


def test_a_flat_frame_is_read_by_its_list_of_fields() -> None:
    profile = compiled(STRUCT % "")
    document = profile.prepare(profile.read(bytes.fromhex("3217000070")))
    (found,) = profile.map(context(document))
    assert found.values == {"volume_m3": 5.938, "ph": 7.0}


def test_under_an_envelope_the_frame_is_the_payload() -> None:
    profile = compiled(STRUCT % "match: {envelope: lorawan, when: {/struct/flags: 7}}")
    document = profile.prepare({"payload": bytes.fromhex("3217000070"), "port": 1})
    assert profile.holds(document, {})
    with pytest.raises(Undecodable, match="no bytes at /payload"):
        profile.prepare({"payload": None})


def test_a_codec_is_named_with_where_its_bytes_are_and_whose_answer_is_preferred() -> None:
    codec = compiled(f"match: {{envelope: lorawan}}\ncodec: maker.js\n{ONE_POINT}").codec
    assert codec is not None
    assert (codec.name, codec.prefer, codec.frame({"payload": b"1"})) == ("maker.js", "decoded", b"1")
    codec = compiled(f"codec: {{file: maker.js, prefer: codec, bytes: /data}}\n{ONE_POINT}").codec
    assert codec is not None
    assert (codec.prefer, codec.frame({"data": b"2"})) == ("codec", b"2")
    codec = compiled(f"codec: maker.js\nprefer: codec\n{ONE_POINT}").codec
    assert codec is not None
    assert codec.prefer == "codec"


@each_row(
    ("device", "found"),
    [
        pytest.param("/id", "00012", id="path"),
        pytest.param("{topic: device}", "d", id="level-of-the-topic"),
        pytest.param("{property: serial}", "s-1", id="user-property"),
        pytest.param("{join: [{topic: group}, {topic: device}], by: '.'}", "g.d", id="join"),
        pytest.param("'{group}-{device}'", "g-d", id="levels-of-the-topic-in-a-text"),
        pytest.param("{path: /eui, lower: true}", "aabb", id="lower"),
        pytest.param("{path: /b64, base64_to_hex: true}", "0011", id="base64-to-hex"),
        pytest.param("{path: /urn, regex: 'urn:dev:(\\w+)'}", "x7", id="group-of-a-regex"),
        pytest.param("{literal: meter-1}", "meter-1", id="literal"),
        pytest.param("{path: /title, name: true}", "Pump 3 north", id="a-title"),
    ],
)
def test_the_device_comes_from_anywhere(device: str, found: str) -> None:
    profile = compiled(f"match: {{topic: '{{group}}/{{device}}'}}\ndevice: {device}\n{ONE_POINT}")
    document = {"id": "00012", "eui": "AABB", "b64": "ABE=", "urn": "urn:dev:x7:y", "title": "Pump 3 north"}
    assert profile.tells_device
    assert profile.device(document, {"group": "g", "device": "d"}, {"serial": "s-1"}) == found


def test_parts_of_a_name_that_hold_its_separator_do_not_meet() -> None:
    joined = compiled(
        f"match: {{topic: '{{group}}/{{node}}'}}\ndevice: {{join: [{{topic: group}}, {{topic: node}}], by: '.'}}\n{ONE_POINT}"
    )
    names = [joined.device({}, {"group": group, "node": node}, {}) for group, node in (("a.b", "c"), ("a", "b.c"), ("a", "b"))]
    assert len({device_id(name or "") for name in names}) == 3
    assert names[2] == "a.b"
    fixed = compiled(
        f"match: {{topic: '{{node}}'}}\ndevice: {{join: [{{literal: wm}}, {{topic: node}}], by: '-'}}\n{ONE_POINT}"
    )
    assert fixed.device({}, {"node": "12-34"}, {}) == "wm-12-34"


def test_a_device_that_cannot_be_found_is_a_fault_of_the_message() -> None:
    profile = compiled(f"device: /id\n{ONE_POINT}")
    for document in ({}, {"id": ["x"]}, {"id": ""}, {"id": " "}, {"id": "x" * 256}):
        with pytest.raises(Undecodable, match="no device id") as refused:
            profile.device(document, {}, {})
        assert refused.value.reason is RejectReason.BAD_PAYLOAD
    assert not compiled(ONE_POINT).tells_device


def test_the_site_is_a_level_of_the_topic_or_what_the_profile_says() -> None:
    seen = context({"place": "pump-3"}, captures={"site": "north", "device": "d"})
    assert compiled(f"match: {{topic: '{{site}}/{{device}}'}}\n{ONE_POINT}").site(seen) == "north"
    assert compiled(f"site: /place\n{ONE_POINT}").site(seen) == "pump-3"
    assert compiled(f"site: depot\n{ONE_POINT}").site(seen) == "depot"
    assert compiled(f"site: /nowhere\n{ONE_POINT}").site(seen) is None


STATUS = """
status:
  - {topic: "tele/{device}/LWT", text: {Online: online, Offline: offline}}
  - {topic: "z/{device}/availability", path: /state}
  - {topic: "z/{device}/availability"}
  - {topic: "{device}/online", text: {true: online, false: offline}}
"""


@pytest.mark.parametrize(
    ("topic", "payload", "online"),
    [
        pytest.param("tele/a/LWT", b"Online", True, id="online"),
        pytest.param("tele/a/LWT", b" Offline\n", False, id="offline"),
        pytest.param("tele/a/LWT", b"offline", None, id="another-word"),
        pytest.param("tele/a/SENSOR", b"Online", None, id="another-topic"),
        pytest.param("z/a/availability", b'{"state": "offline"}', False, id="in-json"),
        pytest.param("z/a/availability", b"online", True, id="or-as-text"),
        pytest.param("z/a/availability", b'{"state": 1}', None, id="no-word"),
        pytest.param("a/online", b"true", True, id="true"),
        pytest.param("a/online", b"\xff\xfe", None, id="no-text"),
    ],
)
def test_a_status_says_whether_a_device_is_there(topic: str, payload: bytes, online: bool | None) -> None:  # noqa: FBT001
    profile = compiled(STATUS)
    assert profile.status(topic, payload) is online
    assert {pattern.pattern for pattern in profile.status_filters} == {"tele/+/LWT", "z/+/availability", "+/online"}


def test_copies_are_known_by_a_key_within_a_window() -> None:
    profile = compiled(f"dedup: {{key: [/fcnt, /port, {{topic: device}}], window: 10min}}\n{ONE_POINT}")
    assert profile.dedup_window_ms == 600_000
    assert profile.dedup_key(context({"fcnt": 1, "port": 2})) == (1, 2, "d")
    assert profile.dedup_key(context({"fcnt": [1], "port": {"a": 1}})) is not None
    assert compiled(f"dedup: {{key: [/a], window: 1h}}\n{ONE_POINT}").dedup_key(context({})) is None
    assert compiled(ONE_POINT).dedup_key(context({})) is None


@each_row(
    ("text", "fault"),
    [
        pytest.param("match: {envelope: lorawan}\ndecode: cbor", "decode: an envelope is JSON", id="envelope-and-decoder"),
        pytest.param("root: /a\nstruct: [{name: a, at: 0, type: u8}]", "root: cannot be combined with struct", id="root"),
        pytest.param(
            "struct: [{name: a, at: 0, repeat: [{name: t, at: 0, type: text}]}]", "struct.fields: a: give length", id="list"
        ),
        pytest.param("struct: [{name: a, at: 0, type: f32, bits: [0, 1]}]", "struct.fields: ", id="bits-of-a-float"),
        pytest.param("codec: {file: a.js, prefer: codec}\nprefer: decoded", "codec.prefer: ", id="two-preferences"),
        pytest.param("decode: {text: '{a'}", "decode.text: ", id="template"),
        pytest.param("decode: {nested: {'/~': hex}}", "decode.nested./~: ", id="nested-path"),
        pytest.param("root: '/~'", "root: ", id="root-path"),
        pytest.param("status: [{topic: 'a/#/b'}]", "status.0.topic: ", id="status-topic"),
        pytest.param("dedup: {key: ['/~'], window: 1h}", "dedup.key.0.path: ", id="dedup-path"),
    ],
)
def test_what_does_not_go_together_is_told(text: str, fault: str) -> None:
    found = faults(f"{text}\n{ONE_POINT}")
    assert any(line.startswith(fault) for line in found), found


def test_a_profile_that_only_knows_statuses_maps_nothing() -> None:
    assert points("status: [{topic: 'a/{device}'}]", {"ph": 7}) == []


def test_a_profile_never_changes_the_document() -> None:
    document: dict[str, Any] = {"m": [{"n": "ph", "v": 7}], "payload": b"\1"}
    before = repr(document)
    profile = compiled(
        "struct: [{name: a, at: 0, type: u8}]\npoints: [{measurement: water, each: {of: /m, by: n, value: v}, map: {ph: ph}}]"
    )
    profile.map(context(profile.prepare(document)))
    assert repr(document) == before


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        pytest.param("{name: a, at: 0}", "give type", id="neither"),
        pytest.param("{name: a, at: 0, type: u8, repeat: [{name: b, at: 0, type: u8}]}", "give type", id="both"),
        pytest.param("{name: a, at: 0, type: u8, count: 3}", "count and end belong to repeat", id="count-of-a-number"),
        pytest.param("{name: a, at: 0, count: 3, end: -1, repeat: [{name: b, at: 0, type: u8}]}", "both given", id="two-ends"),
        pytest.param("{name: a, at: 0, signed: true, repeat: [{name: b, at: 0, type: u8}]}", "belong to a number", id="sign"),
    ],
)
def test_a_field_of_a_frame_is_a_value_or_a_list(field: str, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        compiled(f"struct: [{field}]\n{ONE_POINT}")


@pytest.mark.parametrize(
    ("device", "topic", "missing"),
    [
        pytest.param("", "x/{device}/lwt", "", id="told"),
        pytest.param("", "x/+/lwt", "{device}", id="no-level-has-a-name"),
        pytest.param("device: {join: [{topic: device}, {topic: unit}]}", "x/{device}/lwt", "{unit}", id="a-part"),
        pytest.param("device: {join: [device, unit]}", "x/{device}/{unit}/lwt", "", id="all-parts"),
        pytest.param("device: '{unit}-7'", "x/lwt", "{unit}", id="in-a-text"),
        pytest.param("device: pump", "x/lwt", "", id="always-the-same"),
        pytest.param("device: {path: /id}", "x/{device}/lwt", "/id", id="from-the-payload"),
    ],
)
def test_a_status_whose_topic_does_not_tell_the_device_is_warned_of(device: str, topic: str, missing: str) -> None:
    ph = "points: [{measurement: water, fields: {ph: /ph}}]"
    text = f"match: {{topic: 'x/{{device}}/{{unit}}/up'}}\n{device}\nstatus: [{{topic: '{topic}'}}]\n{ph}"
    said = f"{topic} lacks {missing}, which names the device: its messages would be rejects"
    assert list(compiled(text).warnings) == ([("status.0.topic", said)] if missing else [])
