"""A payload is read again where the profile says so: nested parts, pairs, spans between times, words of a status."""

import pytest

from gateway.core.message import Undecodable
from schemas.rejects import DropCause
from tests.core.profiling import compiled, faults, points
from tests.rows import each_row

WATER = "points: [{measurement: water, fields: {volume_m3: /v}}]"


@each_row(
    ("decode", "payload", "document"),
    [
        pytest.param("pairs", b"a=1&b=2", {"a": "1", "b": "2"}, id="pairs-of-a-form"),
        pytest.param("{pairs: {between: ';', equals: ':'}}", b"a:1;b", {"a": "1", "b": True}, id="pairs-with-their-own-signs"),
        pytest.param("[json, {path: /w, as: words, order: cdab}]", b'{"w": [1, 2]}', {"w": b"\0\2\0\1"}, id="registers"),
        pytest.param("[json, {/w: hex}, {/w: u16}]", b'{"w": "0102"}', {"w": 258}, id="a-number-in-a-text"),
        pytest.param(
            "[json, {/w: hex}, {path: /w, as: i16, order: dcba}]", b'{"w": "FEff"}', {"w": -2}, id="a-number-lowest-byte-first"
        ),
        pytest.param("[json, {w: json}]", b'{"w": "{\\"a\\": 1}"}', {"w": {"a": 1}}, id="json-in-a-text-without-a-slash"),
        pytest.param("[base64, {/payload: json}]", b"eyJhIjoxfQ==", {"payload": {"a": 1}}, id="json-in-bytes"),
        pytest.param("[bytes, {/payload: hex}]", b"0102", {"payload": b"\1\2"}, id="digits-in-bytes"),
        pytest.param("[json, {/: hex}]", b'"01ff"', {"payload": b"\1\xff"}, id="the-whole-document"),
        pytest.param("[json, {/w: hex}]", b'{"v": 1, "w": null}', {"v": 1, "w": None}, id="nothing-stays-nothing"),
    ],
)
def test_a_part_is_decoded_again(decode: str, payload: bytes, document: object) -> None:
    assert compiled(f"decode: {decode}\n{WATER}").read(payload) == document


@each_row(
    ("decode", "payload", "why"),
    [
        pytest.param("[json, {/w: hex}, {/w: u16}]", b'{"w": "01"}', "u16 is 2 bytes; there is 1 bytes"),
        pytest.param("[json, {/w: u16}]", b'{"w": 7}', "u16 is 2 bytes; there is 7"),
        pytest.param("[json, {/w: words}]", b'{"w": [65536]}', "65536 is not a 16-bit register"),
        pytest.param("csv", b"1,2\n3,4", "2 rows; a profile without each reads one row in a message"),
    ],
)
def test_a_part_that_is_something_else_is_refused(decode: str, payload: bytes, why: str) -> None:
    with pytest.raises(Undecodable) as refused:
        compiled(f"decode: {decode}\n{WATER}").read(payload)
    assert refused.value.detail == why


BETWEEN = "points: [{measurement: device_health, fields: {uptime_s: {between: [%s, %s]}}}]"
MIDNIGHT = "2026-09-03T00:00:00Z"
CLOCK = "{path: /%s, format: '%%H:%%M'}"


@each_row(
    ("start", "end", "document", "seconds"),
    [
        pytest.param("/a", "/b", {"a": MIDNIGHT, "b": "2026-09-03T00:01:00Z"}, 60.0, id="a-minute"),
        pytest.param("/a", "/b", {"a": 1788393660, "b": MIDNIGHT}, None, id="backwards-is-no-uptime"),
        pytest.param(CLOCK % "a", CLOCK % "b", {"a": "23:59", "b": "00:01"}, 120.0, id="past-midnight"),
        pytest.param("{property: start}", "/b", {"b": 1788393660}, 60.0, id="from-a-property"),
        pytest.param("{topic: device}", "/b", {"b": 1788393720}, 120.0, id="from-a-level-of-the-topic"),
    ],
)
def test_the_seconds_between_two_times_are_a_value(
    start: str, end: str, document: dict[str, object], seconds: float | None
) -> None:
    seen = {"properties": {"start": "1788393600"}, "captures": {"device": "1788393600"}}
    (found,) = points(BETWEEN % (start, end), document, **seen)
    assert found.values.get("uptime_s") == seconds


def test_a_time_that_is_none_is_dropped_and_one_that_is_missing_is_not() -> None:
    def dropped(**document: object) -> list[tuple[str, DropCause]]:
        (found,) = points(BETWEEN % ("/a", "/b"), document)
        assert found.values == {}
        return found.dropped

    wrong = [("uptime_s", DropCause.WRONG_TYPE)]
    assert dropped(a=MIDNIGHT, b="x") == dropped(b="x") == dropped(a="x", b=MIDNIGHT) == wrong
    assert dropped(a=MIDNIGHT) == dropped(b=MIDNIGHT) == []


def test_two_times_that_do_not_go_together_are_told() -> None:
    assert faults(BETWEEN % (CLOCK % "a", "/b")) == [
        "points.0.fields.uptime_s.between: one of the times has a date and the other has not"
    ]
    assert faults(BETWEEN % ("{topic: nowhere}", "/b")) == [
        "points.0.fields.uptime_s.between.0.topic: 'nowhere' is not a named level of the topics"
    ]


@each_row(
    ("kind", "value"),
    [
        ("unix_s", 1788393600.5), ("unix_s", "1788393600.5"), ("unix_ms", 1788393600500), ("unix_ms", 1788393600500.0),
        ("unix_us", 1788393600500000), ("unix_us", 1788393600500999), ("unix_us", 1788393600500000.0),
        ("unix_ns", 1788393600500000000), ("unix_ns", "1788393600500000000"), ("auto", 1788393600500),
        ("auto", "1788393600500"), ("rfc3339", "2026-09-03T00:00:00.5Z"), ("rfc3339", "2026-09-03 07:00:00,5"),
        ("%d.%m.%Y %H:%M:%S.%f", "03.09.2026 07:00:00.5"),
    ],
)  # fmt: skip
def test_an_instant_is_the_same_in_every_format(kind: str, value: object) -> None:
    zone = ", zone: '+07:00'" if not kind.startswith("unix") else ""
    (found,) = points(f"time: {{path: /t, format: '{kind}'{zone}}}\n{WATER}", {"v": 1, "t": value})
    assert found.time_ms == 1788393600500


def test_a_count_from_another_epoch_begins_there() -> None:
    text = f"time: {{path: /t, format: unix_s, epoch: '2026-09-02T00:00:00Z'}}\n{WATER}"
    assert points(text, {"v": 1, "t": 3600})[0].time_ms == 1788393600000 - 23 * 3_600_000
    assert points(text, {"v": 1, "t": True})[0].time_ms is None
    assert points(text, {"v": 1, "t": 1e300})[0].time_ms is None


def test_a_line_of_a_telegram_brings_its_time_and_its_value() -> None:
    telegram = b"/ISk5\\2MT382\r\n0-1:24.2.1(170102161005W)(00000.107*m3)\r\n1-0:0.9.9(170102161105W)(1)\r\n!\r\n"
    text = BETWEEN % ("'/0-1:24.2.1'", "'/1-0:0.9.9'") + "\ndecode: obis\ntags: {channel: '/0-1:24.2.1'}"
    read = compiled(text)
    (found,) = points(text, read.read(telegram))
    assert (found.values, found.tags) == ({"uptime_s": 60.0}, (("channel", "0.107"),))


@each_row(
    ("line", "value"),
    [
        pytest.param("1-0:1.8.0(1500*Wh)", 1.5, id="the-unit-of-the-line"),
        pytest.param("1-0:1.8.0(1.5*kWh)", 1.5, id="the-unit-of-the-field"),
        pytest.param("1-0:1.8.0(1.5)", 1.5, id="no-unit"),
        pytest.param("1-0:1.8.0(1.5*m3)", DropCause.WRONG_TYPE, id="another-unit"),
        pytest.param("1-0:1.8.0(none*Wh)", DropCause.WRONG_TYPE, id="a-word"),
        pytest.param("1-0:1.8.0()", None, id="nothing"),
    ],
)
def test_a_line_of_a_telegram_is_converted_from_its_own_unit(line: str, value: object) -> None:
    text = (
        "decode: obis\npoints: [{measurement: power, fields: {energy_import_kwh: '/1-0:1.8.0', frequency_hz: {literal: 50}}}]"
    )
    (found,) = points(text, compiled(text).read(line.encode() + b"\r\n1-0:0.0.9(1)\r\n!\r\n"))
    assert found.values.get("energy_import_kwh", found.dropped[0][1] if found.dropped else None) == value


STATUS = """status:
  - {topic: 's/{device}', path: a, text: {1: online, '*': offline}}
  - {topic: 's/+', text: {on: online}}
"""


def test_the_first_form_of_a_status_that_has_a_word_decides() -> None:
    status = compiled(f"{STATUS}{WATER}").status
    states = {payload: status("s/d1", payload) for payload in (b'{"a": 1}', b'{"a": 2}', b'{"a": []}', b"on \0", b"off", b"{")}
    assert list(states.values()) == [True, False, None, True, None, None]
    assert status("t/d1", b"on") is None


def test_what_a_profile_says_of_its_messages_and_does_not_mean_is_warned_of() -> None:
    assert compiled(f"{STATUS}{WATER}").warnings == (
        ("status.1.topic", "s/+ lacks {device}, which names the device: its messages would be rejects"),
    )
    (takes_all,) = compiled("match: {envelope: lorawan}\n" + WATER).warnings
    assert takes_all[1].startswith("takes every frame of every device for which no profile is named")
    for more in (", when: {/port: 2}", ", by: registry", ", topic: 'a/{device}'"):
        assert compiled(f"match: {{envelope: lorawan{more}}}\n{WATER}").warnings == ()


def test_a_frame_without_envelope_may_be_ignored_by_what_its_codec_said() -> None:
    rule = "match: {envelope: lorawan, when: {/port: 1}}\ncodec: a.js\nignore: [{/codec/kind: boot}]\n"
    profile = compiled(rule + WATER)
    assert profile.ignores({"codec": {"kind": "boot"}, "port": 1}, {}) is False, "the codec has said nothing yet"
