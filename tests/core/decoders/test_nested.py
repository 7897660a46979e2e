"""Decoders of parts of a decoded value: bytes as text or as registers, JSON in a string."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.plain import WORDS_MAX, from_base64, from_bytes_list, from_hex, from_json_text, from_words
from gateway.core.message import Undecodable
from schemas.rejects import RejectReason
from tests.core.profiling import compiled
from tests.rows import each_row

FORMS: dict[str, Callable[[object], object]] = {
    "base64": from_base64,
    "hex": from_hex,
    "list": from_bytes_list,
    "json": from_json_text,
    "words": from_words,
}


@each_row(
    ("kind", "value", "found"),
    [
        pytest.param("base64", "AQL/", b"\x01\x02\xff", id="base64"),
        pytest.param("base64", "AQL_", b"\x01\x02\xff", id="base64-of-the-url-alphabet"),
        pytest.param("base64", "qg", b"\xaa", id="base64-without-padding"),
        pytest.param("base64", "AQ\nL/ \n", b"\x01\x02\xff", id="base64-in-lines"),
        pytest.param("base64", "", b"", id="base64-of-nothing"),
        pytest.param("hex", "01fF", b"\x01\xff", id="hex"),
        pytest.param("hex", "0x01FF", b"\x01\xff", id="hex-with-prefix"),
        pytest.param("hex", "01-ff", b"\x01\xff", id="hex-with-dashes"),
        pytest.param("hex", "01:ff", b"\x01\xff", id="hex-with-colons"),
        pytest.param("hex", "01 ff\r\n\0", b"\x01\xff", id="hex-with-spaces-and-nul"),
        pytest.param("list", [1, 255], b"\x01\xff", id="list-of-bytes"),
        pytest.param("json", '{"a": [1]}', {"a": [1]}, id="json"),
        pytest.param("words", [0x0102, -1], b"\x01\x02\xff\xff", id="words-signed-or-not"),
        pytest.param("words", [], b"", id="no-words"),
    ],
)
def test_a_nested_value_is_decoded(kind: str, value: object, found: object) -> None:
    assert FORMS[kind](value) == found


@each_row(
    ("kind", "value"),
    [
        pytest.param("base64", "A", id="base64-of-one-letter"),
        pytest.param("base64", "Q!==", id="base64-with-other-signs"),
        pytest.param("base64", "Đà Nẵng", id="base64-not-ascii"),
        pytest.param("base64", 5, id="base64-of-a-number"),
        pytest.param("hex", "abc", id="half-a-byte"),
        pytest.param("hex", "zz", id="hex-with-other-letters"),
        pytest.param("hex", None, id="hex-of-null"),
        pytest.param("list", [256], id="no-byte"),
        pytest.param("list", ["1"], id="bytes-as-text"),
        pytest.param("list", 10**9, id="a-number-is-no-list"),
        pytest.param("json", "{", id="broken-json"),
        pytest.param("json", "\ud800", id="half-a-surrogate-pair"),
        pytest.param("json", {"a": 1}, id="json-decoded-already"),
        pytest.param("words", [65536], id="word-too-large"),
        pytest.param("words", [-32769], id="word-too-small"),
        pytest.param("words", [1.0], id="word-with-a-point"),
        pytest.param("words", [True], id="word-true"),
        pytest.param("words", [0] * (WORDS_MAX + 1), id="too-many-words"),
        pytest.param("words", {"0": 1}, id="words-in-a-map"),
    ],
)
def test_a_broken_nested_value_is_a_bad_payload(kind: str, value: object) -> None:
    with pytest.raises(Undecodable) as why:
        FORMS[kind](value)
    assert why.value.reason is RejectReason.BAD_PAYLOAD
    assert len(why.value.detail) < 300


@pytest.mark.parametrize(
    ("order", "found"),
    [
        pytest.param("abcd", "0a0b0c0d0e0f", id="abcd"),
        pytest.param("badc", "0b0a0d0c0f0e", id="badc"),
        pytest.param("cdab", "0c0d0a0b0e0f", id="cdab"),
        pytest.param("dcba", "0d0c0b0a0f0e", id="dcba"),
    ],
)
def test_registers_stand_in_the_makers_order_and_a_single_last_one_keeps_its_place(order: str, found: str) -> None:
    assert from_words([0x0A0B, 0x0C0D, 0x0E0F], order).hex() == found


ANYTHING: Any = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers()))


@given(st.sampled_from(sorted(FORMS)), ANYTHING)
def test_no_value_raises_anything_but_a_bad_payload(kind: str, value: object) -> None:
    try:
        FORMS[kind](value)
    except Undecodable as why:
        assert why.reason is RejectReason.BAD_PAYLOAD  # noqa: PT017 - it need not be raised


NUMBERS = """
decode: {nested: {/flow: [hex, f32], /temp: [hex, {as: i16, order: dcba}], /regs: [words, u32]}}
points: [{measurement: water, fields: {ph: /ph}}]
"""


def test_bytes_in_a_text_become_a_number_each_at_its_own_path() -> None:
    found = compiled(NUMBERS).read(b'{"flow": "3FC00000", "temp": "FAFF", "regs": [1, 2], "other": "3F"}')
    assert found == {"flow": 1.5, "temp": -6, "regs": 65538, "other": "3F"}


@pytest.mark.parametrize("payload", [b'{"flow": "3FC000"}', b'{"flow": ""}', b'{"regs": [1, 2, 3]}'])
def test_bytes_that_are_more_or_fewer_than_the_number_has_are_a_bad_payload(payload: bytes) -> None:
    with pytest.raises(Undecodable) as why:
        compiled(NUMBERS).read(payload)
    assert why.value.reason is RejectReason.BAD_PAYLOAD
