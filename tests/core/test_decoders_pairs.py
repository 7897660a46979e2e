"""Pairs of keys and values in a text."""

import pytest

from gateway.core.decoders.separated import compile_pairs
from gateway.core.message import Undecodable
from schemas.rejects import RejectReason
from tests.core.profiling import faults


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(b"tempf=88.7&humidity=70", {"tempf": "88.7", "humidity": "70"}, id="a-form"),
        pytest.param(b"at=2026-09-03+08%3A10%3a00&n=%C3%B4", {"at": "2026-09-03 08:10:00", "n": "\u00f4"}, id="escaped"),
        pytest.param(b"a=1=2&b=&c&&=5\r\n\0", {"a": "1=2", "b": "", "c": True}, id="odd-parts"),
        pytest.param(b"a=1&a=2", {"a": "2"}, id="a-key-twice"),
        pytest.param(b"100%&a=5%zz", {"100%": True, "a": "5%zz"}, id="no-escape"),
        pytest.param(b"", {}, id="empty"),
    ],
)
def test_a_form_is_read(text: bytes, found: dict[str, object]) -> None:
    assert compile_pairs()(text) == found


def test_other_marks_than_those_of_a_form_leave_the_values_as_they_are() -> None:
    assert compile_pairs(";", ":")(b"T: +21,5; t:08:15;x%3A:1") == {"T": "+21,5", "t": "08:15", "x%3A": "1"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(b"a=%ff", RejectReason.NOT_UTF8, id="escaped-byte"),
        pytest.param(b"a=\xff", RejectReason.NOT_UTF8, id="byte"),
        pytest.param(b"a=1&" * 2000, RejectReason.BAD_PAYLOAD, id="too-many"),
    ],
)
def test_what_is_no_text_or_too_long_is_refused(text: bytes, reason: RejectReason) -> None:
    with pytest.raises(Undecodable) as refused:
        compile_pairs()(text)
    assert refused.value.reason is reason


def test_marks_that_are_the_same_are_a_fault_of_the_profile() -> None:
    text = "decode: {pairs: {between: '=', equals: '='}}\npoints: [{measurement: water, fields: {ph: /ph}}]"
    (fault,) = faults(text)
    assert fault == "decode.pairs: between and equals are two different texts"
