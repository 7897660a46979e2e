"""JSON and CBOR as plain values: what devices really send, and what nobody should."""

import json
import math
import time
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders import PLACES, decoder_of
from gateway.core.decoders.cbor import CBOR_MAX_BYTES, cbor
from gateway.core.decoders.plain import DEPTH_MAX, json_lenient, json_object, json_of_frame, may_be_unbounded, raw_bytes
from gateway.core.message import Undecodable
from schemas.rejects import RejectReason
from tests.rows import each_row

GOOGOL_TO_THE_FOURTH = b"1" + b"0" * 400


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def reason(decode: Any, payload: bytes) -> RejectReason:  # noqa: ANN401 - any decoder
    with pytest.raises(Undecodable) as why:
        decode(payload)
    return why.value.reason


@pytest.mark.parametrize(
    ("payload", "document"),
    [
        pytest.param(b'{"flow": 1.5, "on": true, "note": null}', {"flow": 1.5, "on": True, "note": None}, id="object"),
        pytest.param(b"[1, [2]]", [1, [2]], id="list"),
        pytest.param(b"12.5", 12.5, id="number"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', {"a": 1}, id="byte-order-mark"),
        pytest.param(b'{"a":1}\0\0\r\n', {"a": 1}, id="nul-after-it"),
        pytest.param(b'{"o":{"a":1,"a":2}}', {"o": {"a": 2}}, id="a-key-twice-in-what-is-nested"),
        pytest.param(b"18446744073709551616", 18446744073709551616, id="integer-over-64-bits"),
        pytest.param('{"vị trí":"Đà Nẵng \\ud83d\\ude00"}'.encode(), {"vị trí": "Đà Nẵng 😀"}, id="unicode"),
        pytest.param(nested(DEPTH_MAX), json.loads(nested(DEPTH_MAX)), id="as-deep-as-allowed"),
    ],
)
@pytest.mark.parametrize("decode", [pytest.param(json_object, id="json"), pytest.param(json_lenient, id="json-lenient")])
def test_json_gives_its_value(decode: Any, payload: bytes, document: object) -> None:  # noqa: ANN401
    assert decode(payload) == document


@pytest.mark.parametrize(
    ("payload", "document"),
    [
        pytest.param(b'{"big": 1e999, "a": 1}', {"big": math.inf, "a": 1}, id="exponent"),
        pytest.param(b'{"big": -1e999, "a": 1}', {"big": -math.inf, "a": 1}, id="negative-exponent"),
        pytest.param(b'{"a": 1, "big": %b}' % GOOGOL_TO_THE_FOURTH, {"a": 1, "big": math.inf}, id="digits"),
        pytest.param(b"[-%b]" % GOOGOL_TO_THE_FOURTH, [-math.inf], id="negative-digits"),
        pytest.param(b'"%b"' % GOOGOL_TO_THE_FOURTH, GOOGOL_TO_THE_FOURTH.decode(), id="digits-of-a-text-stay"),
    ],
)
def test_a_number_beyond_a_float_is_infinite_and_spoils_nothing_else(payload: bytes, document: object) -> None:
    assert json_object(payload) == document


@each_row("before", range(0, 130, 7))
def test_an_integer_beyond_a_float_is_found_wherever_it_stands(before: int) -> None:
    payload = b'{"%b":1%b}' % (b"k" * before, b"0" * 309)
    found = json_object(payload)
    assert isinstance(found, dict)
    assert list(found.values()) == [math.inf]


@pytest.mark.parametrize(
    ("payload", "document"),
    [
        pytest.param(b'{"a":nan,"b":NaN,"c":-nan,"d":1}', {"a": None, "b": None, "c": None, "d": 1}, id="nan"),
        pytest.param(b"[inf, Infinity, -Infinity, +INF, ovf]", [None] * 5, id="infinite"),
        pytest.param(
            b'{"nan":"inf","t":"a \\" nan, b","v":nan}', {"nan": "inf", "t": 'a " nan, b', "v": None}, id="in-texts-they-stay"
        ),
        pytest.param(b'{"a":1}\0{"b":2}', {"a": 1}, id="a-text-ends-at-nul"),
        pytest.param(b'\xef\xbb\xbf{"a":nan}\0', {"a": None}, id="with-mark-and-nul"),
    ],
)
def test_what_a_simple_printf_makes_of_numbers_is_null_in_lenient_json_only(payload: bytes, document: object) -> None:
    assert json_lenient(payload) == document
    assert reason(json_object, payload) is RejectReason.BAD_JSON


@each_row(
    ("payload", "wanted"),
    [
        pytest.param(b"", RejectReason.BAD_JSON, id="empty"),
        pytest.param(b"\0", RejectReason.BAD_JSON, id="nul"),
        pytest.param(b'{"ENERGY":{"Total":1.2,"Power":', RejectReason.BAD_JSON, id="truncated"),
        pytest.param(b'{"raw":"00288.5381,"error":"no error"}', RejectReason.BAD_JSON, id="lost-quote"),
        pytest.param(b"online", RejectReason.BAD_JSON, id="word"),
        pytest.param(b'{"a":nanometre}', RejectReason.BAD_JSON, id="bare-word"),
        pytest.param(b'{"a":1.#INF}', RejectReason.BAD_JSON, id="a-compilers-infinity"),
        pytest.param(b'"\\ud800"', RejectReason.BAD_JSON, id="half-a-surrogate-pair"),
        pytest.param(b'"\xed\xa0\x80"', RejectReason.NOT_UTF8, id="surrogate-in-utf-8"),
        pytest.param(b'{"unit":"\xb0C"}', RejectReason.NOT_UTF8, id="latin-1"),
        pytest.param(b"9" * 5000, RejectReason.BAD_JSON, id="five-thousand-digits"),
        pytest.param(nested(DEPTH_MAX + 1), RejectReason.BAD_JSON, id="too-deep"),
        pytest.param(b"[" * 100_000, RejectReason.BAD_JSON, id="bomb-of-lists"),
        pytest.param(nested(40_000), RejectReason.BAD_JSON, id="bomb-of-objects"),
        pytest.param(b'"' + b'\\"' * 100_000, RejectReason.BAD_JSON, id="text-without-an-end"),
        pytest.param(b"nan" * 80_000, RejectReason.BAD_JSON, id="many-nans"),
    ],
)
@pytest.mark.parametrize("decode", [pytest.param(json_object, id="json"), pytest.param(json_lenient, id="json-lenient")])
def test_broken_json_is_refused_at_once(decode: Any, payload: bytes, wanted: RejectReason) -> None:  # noqa: ANN401
    began = time.process_time()
    assert reason(decode, payload) is wanted
    assert time.process_time() - began < 1


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(Undecodable, match="line 1 column 8"):
        json_object(b'{"a": 1]')
    with pytest.raises(Undecodable, match="byte 6 is not UTF-8"):
        json_object(b'{"a":"\xff"}')


def test_a_message_may_be_unbounded_where_it_is_deep_or_holds_a_number_of_hundreds_of_digits() -> None:
    for usual in (b"[" * 64, b'{"a": 1234567}', b"1" * 192):
        assert not may_be_unbounded(usual), usual
    for odd in (b"[" * 65, b"{" * 33 + b"[" * 32, b"1" * 309, b'"a": ' + b"7" * 320):
        assert may_be_unbounded(odd), odd
    assert json_of_frame(b'\xef\xbb\xbf{"a": 1e999}\0') == {"a": math.inf}
    assert json_object(b'{"a": "\\"b\\":", "c": 1}') == {"a": '"b":', "c": 1}


def test_bytes_are_handed_on_as_they_are() -> None:
    assert raw_bytes(b"\0\xff") == {"payload": b"\0\xff"}


def test_every_decoder_of_the_table_is_there_and_refuses_what_is_none_of_its_own() -> None:
    for name in PLACES.keys() - {"bytes"}:
        with pytest.raises(Undecodable):
            decoder_of(name)(b"\xff\xfe\xfd")


@each_row(
    ("payload", "value"),
    [
        pytest.param(cbor2.dumps({"flow": 1.5, "on": True, "none": None}), {"flow": 1.5, "on": True, "none": None}, id="map"),
        pytest.param(b"\xa3\x01\x02\x20\x03\x41\xab\x04", {"1": 2, "-1": 3, "ab": 4}, id="keys-become-text"),
        pytest.param(b"\xa1\x82\x01\x02\x03", {"[1, 2]": 3}, id="a-list-as-key"),
        pytest.param(b"\x83\xf7\xf6\xf0", [None, None, None], id="undefined-and-simple-values"),
        pytest.param(b"\x42\x00\xff", b"\x00\xff", id="bytes-stay-bytes"),
        pytest.param(b"\xc0\x74" + b"2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", id="date-is-its-text"),
        pytest.param(b"\xc1\x1a\x65\x00\x00\x00", 0x65000000, id="epoch-is-its-number"),
        pytest.param(cbor2.dumps(2**80), 2**80, id="big-integer"),
        pytest.param(cbor2.dumps(-(2**80)), -(2**80), id="negative-big-integer"),
        pytest.param(b"\xc2\x59\x01\x00" + b"\xff" * 256, math.inf, id="integer-beyond-a-float"),
        pytest.param(b"\xc4\x82\x21\x19\x6a\xb3", 273.15, id="decimal-fraction"),
        pytest.param(b"\xc4\x82\x1b" + b"\x7f" * 8 + b"\x01", math.inf, id="decimal-bomb"),
        pytest.param(b"\xc5\x82\x20\x03", 1.5, id="big-float"),
        pytest.param(b"\xc5\x82\x1b" + b"\x7f" * 8 + b"\x01", math.inf, id="big-float-bomb"),
        pytest.param(b"\xd8\x23\x61\x28", "(", id="a-pattern-is-not-compiled"),
        pytest.param(b"\xd9\x01\x02\x83\x01\x02\x02", [1, 2, 2], id="a-set-is-its-list"),
        pytest.param(b"\xd9\xd9\xf7\xa0", {}, id="self-described"),
        pytest.param(b"\xd8\xc8\x05", 5, id="unknown-tag"),
        pytest.param(b"\x9f\x01\xff", [1], id="without-length"),
    ],
)
def test_cbor_gives_plain_values(payload: bytes, value: object) -> None:
    assert cbor(payload) == value


def test_what_a_tag_wraps_stands_for_itself_whatever_the_tag_means() -> None:
    for tag in (0, 1, 30, 35, 36, 37, 52, 54, 100, 257, 258, 260, 261, 1004, 43000, 55799):
        assert cbor(cbor2.dumps(cbor2.CBORTag(tag, ["a", 1]))) == ["a", 1], tag
    for tag in (25, 28, 29, 256):
        assert reason(cbor, cbor2.dumps(cbor2.CBORTag(tag, 0))) is RejectReason.BAD_PAYLOAD, tag


def test_a_number_of_cbor_that_is_not_made_as_it_should_be_is_refused() -> None:
    for item in (
        cbor2.CBORTag(2, "x"),
        cbor2.CBORTag(4, [1]),
        cbor2.CBORTag(4, [1, "x"]),
        cbor2.CBORTag(5, [1.5, 2]),
        cbor2.CBORTag(5, 7),
    ):
        assert reason(cbor, cbor2.dumps(item)) is RejectReason.BAD_PAYLOAD, item
    assert cbor(b"\xc3\x41\x05") == -6
    assert cbor(b"\xc2\x58\x80" + b"\xff" * 128) == math.inf
    assert cbor(cbor2.dumps(cbor2.CBORTag(5, [1 << 40, -3]))) == -math.inf


@each_row(
    "payload",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x82\x01", id="truncated"),
        pytest.param(b"\x01\x02", id="two-items"),
        pytest.param(b"\x01\xff", id="stray-end"),
        pytest.param(b"\x61\xff", id="not-utf-8"),
        pytest.param(b"\x9b" + b"\xff" * 8, id="list-of-endless-length"),
        pytest.param(b"\x5b\x00\x00\x00\x7f\xff\xff\xff\xff", id="half-a-terabyte"),
        pytest.param(b"\x81" * 50_000, id="bomb-of-lists"),
        pytest.param(b"\xc1" * 50_000, id="bomb-of-tags"),
        pytest.param(b"\xd8\x1c\x81\xd8\x1d\x00", id="a-list-in-itself"),
        pytest.param(b"\xd9\x01\x00\x82\x61a\xd8\x19\x00", id="references-to-texts"),
        pytest.param(b"\x58", id="length-missing"),
        pytest.param(b"\0" * (CBOR_MAX_BYTES + 1), id="too-long"),
    ],
)
def test_broken_cbor_is_refused(payload: bytes) -> None:
    assert reason(cbor, payload) is RejectReason.BAD_PAYLOAD


def test_keys_made_to_collide_cost_little() -> None:
    step = (1 << 61) - 1  # the modulus of Python's hash of integers
    keys = b"".join(b"\xc2\x4a" + (step * number).to_bytes(10) for number in range(1, 4001))
    payload = b"\xb9\x0f\xa0" + b"".join(keys[at : at + 12] + b"\0" for at in range(0, len(keys), 12))
    began = time.process_time()
    found = cbor(payload)
    assert isinstance(found, dict)
    assert len(found) == 4000
    assert time.process_time() - began < 2


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_reason(payload: bytes) -> None:
    for name in ("json", "json_lenient", "cbor"):
        try:
            json.dumps(decoder_of(name)(payload), default=bytes.hex)
        except Undecodable as why:
            assert why.detail  # noqa: PT017 - it need not be raised


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_json_and_cbor_of_a_value_are_that_value(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    assert json_object(text) == json_lenient(text) == json.loads(text)
    assert cbor(cbor2.dumps(json.loads(text))) == json.loads(text)
