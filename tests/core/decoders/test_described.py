"""Decoders that a profile describes: text by a template, rows and pairs with separators, frames of bytes."""

import struct
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.decoders.struct_frame import WIDTHS, compile_struct
from gateway.core.decoders.text import compile_csv, compile_pairs, compile_text
from gateway.core.message import Undecodable
from schemas.readings import ARRAY_MAX
from schemas.rejects import RejectReason
from tests.core.profiling import faults
from tests.rows import each_row


def reason(decode: Any, payload: bytes) -> RejectReason:  # noqa: ANN401 - any decoder
    with pytest.raises(Undecodable) as why:
        decode(payload)
    return why.value.reason


@pytest.mark.parametrize(
    ("template", "payload", "found"),
    [
        pytest.param("{flow:number} m3/h {state:word}", "1.84 m3/h OPEN", {"flow": 1.84, "state": "OPEN"}, id="plain"),
        pytest.param("{flow:number} m3/h {state:word}", " 1.84m3/h\tOPEN\r\n\0", {"flow": 1.84, "state": "OPEN"}, id="blanks"),
        pytest.param(
            "T={t:number};S={s:word};{r:rest}", "T=-1.5e3;S=on;a  b", {"t": -1500.0, "s": "on", "r": "a  b"}, id="signs"
        ),
        pytest.param("{place:text} flow {x:number}", "the old mill  flow 3", {"place": "the old mill", "x": 3}, id="words"),
        pytest.param('{{"v":{v:number}}}', '{"v":12}', {"v": 12}, id="braces-themselves"),
        pytest.param("{n:number}{unit:word}", "7kWh", {"n": 7, "unit": "kWh"}, id="number-right-before-word"),
        pytest.param("{a:text};{b:text}", ";", {"a": "", "b": ""}, id="empty-texts"),
        pytest.param("{v:number}", "1e999", {"v": float("inf")}, id="beyond-a-float"),
    ],
)
def test_a_template_reads_a_text(template: str, payload: str, found: object) -> None:
    assert compile_text(template)(payload.encode()) == found


@pytest.mark.parametrize(
    ("template", "payload"),
    [
        pytest.param("{flow:number} m3/h", "??? m3/h", id="no-number"),
        pytest.param("{flow:number} m3/h", "1.5 l/s", id="another-unit"),
        pytest.param("{flow:number} m3/h", "1.5 m3/h and more", id="something-behind-it"),
        pytest.param("{flow:number} m3/h", "", id="empty"),
        pytest.param("{a:word}", "", id="no-word"),
        pytest.param("{a:text};", "a", id="text-without-its-end"),
        pytest.param("{v:number}", "9" * 5000, id="five-thousand-digits"),
    ],
)
def test_a_text_that_does_not_fit_says_where(template: str, payload: str) -> None:
    with pytest.raises(Undecodable, match=r"character [0-9]+") as why:
        compile_text(template)(payload.encode())
    assert why.value.reason is RejectReason.BAD_PAYLOAD


@pytest.mark.parametrize(
    ("template", "what"),
    [
        pytest.param("flow", "reads nothing", id="nothing"),
        pytest.param("{a:int}", "not one of number, word, text, rest", id="kind"),
        pytest.param("{a", "lone {", id="brace"),
        pytest.param("{a:number} {a:number}", "occurs twice", id="twice"),
        pytest.param("{a:word}{b:word}", "where the word ends", id="word-without-end"),
        pytest.param("{a:text} {b:number}", "where the text ends", id="text-without-end"),
        pytest.param("{a:rest} end", "must stand last", id="rest-first"),
    ],
)
def test_a_template_that_cannot_work_is_refused_at_load(template: str, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        compile_text(template)


def test_no_text_takes_long() -> None:
    decode = compile_text("{a:text} x {b:text} x {c:text} x {d:word} y")
    began = time.process_time()
    assert reason(decode, b" x" * 100_000) is RejectReason.BAD_PAYLOAD
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("options", "payload", "rows"),
    [
        pytest.param({}, '1,2.50,on,"a, b"\r\n', [{"0": 1, "1": 2.5, "2": "on", "3": "a, b"}], id="by-number"),
        pytest.param({"header": True}, "t,v\n1,5\n2,\n\n", [{"t": 1, "v": 5}, {"t": 2, "v": None}], id="by-header"),
        pytest.param({"header": ["t", "v"]}, "1,5,x", [{"t": 1, "v": 5, "2": "x"}], id="by-given-names"),
        pytest.param({"header": ["t", "v"]}, "1", [{"t": 1}], id="a-short-row"),
        pytest.param(
            {"delimiter": ";", "decimal": ","}, "1,5; 00123;1.234,5", [{"0": 1.5, "1": "00123", "2": "1.234,5"}], id="comma"
        ),
        pytest.param({"delimiter": "\t"}, "5\ton off", [{"0": 5, "1": "on off"}], id="tabs"),
        pytest.param({}, "1234567890123456789012", [{"0": "1234567890123456789012"}], id="an-identifier-of-digits"),
        pytest.param({}, "\ufeff5\0", [{"0": 5}], id="mark-and-nul"),
        pytest.param({}, '"a\nb",1', [{"0": "a\nb", "1": 1}], id="a-line-end-in-quotes"),
        pytest.param({"header": True}, " t ,v\n 1 , x \n", [{"t": 1, "v": "x"}], id="blanks-around"),
        pytest.param(
            {"delimiter": ";", "decimal": ","}, "1e2;-0,5;007;0", [{"0": 100.0, "1": -0.5, "2": "007", "3": 0}], id="forms"
        ),
    ],
)
def test_rows_of_separated_values(options: dict[str, Any], payload: str, rows: object) -> None:
    assert compile_csv(**options)(payload.encode()) == rows


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        pytest.param(b"", RejectReason.BAD_PAYLOAD, id="empty"),
        pytest.param(b"a,b\n", RejectReason.BAD_PAYLOAD, id="header-alone"),
        pytest.param(b"a\n" + b"1\n" * (ARRAY_MAX + 1), RejectReason.BAD_PAYLOAD, id="too-many-rows"),
        pytest.param(b'a\n"' + b"x" * 200_000, RejectReason.BAD_PAYLOAD, id="cell-too-long"),
        pytest.param(b"a\n\xff", RejectReason.NOT_UTF8, id="not-utf-8"),
    ],
)
def test_a_broken_table_is_refused(payload: bytes, wanted: RejectReason) -> None:
    assert reason(compile_csv(header=True), payload) is wanted


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"delimiter": ""}, id="no-delimiter"),
        pytest.param({"delimiter": "\n"}, id="line-end"),
        pytest.param({"delimiter": '"'}, id="quote-as-delimiter"),
        pytest.param({"decimal": ","}, id="comma-for-two-things"),
    ],
)
def test_options_that_cannot_work_are_refused_at_load(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"delimiter|decimal"):
        compile_csv(**options)


def field(kind: str, at: int = 0, **more: object) -> dict[str, object]:
    return {"name": "x", "at": at, "type": kind, **more}


@each_row(
    ("one", "frame", "value"),
    [
        pytest.param(field("u16"), "0102", 0x0102, id="u16"),
        pytest.param(field("u16", order="dcba"), "0102", 0x0201, id="u16-lowest-first"),
        pytest.param(field("u16", order="badc"), "0102", 0x0201, id="u16-swapped"),
        pytest.param(field("u16", order="cdab"), "0102", 0x0102, id="u16-has-one-register"),
        pytest.param(field("i16", 1), "00fffe", -2, id="i16"),
        pytest.param(field("u24"), "010203", 0x010203, id="u24"),
        pytest.param(field("i24", order="dcba"), "feffff", -2, id="i24-lowest-first"),
        pytest.param(field("u32", order="cdab"), "01020304", 0x03040102, id="u32-cdab"),
        pytest.param(field("u32", order="badc"), "01020304", 0x02010403, id="u32-badc"),
        pytest.param(field("u64", order="cdab"), "0102030405060708", 0x0708050603040102, id="u64-cdab"),
        pytest.param(field("u48"), "010203040506", 0x010203040506, id="u48"),
        pytest.param(field("i64"), "ffffffffffffffff", -1, id="i64"),
        pytest.param(field("u16", order="ab"), "0102", 0x0102, id="u16-ab"),
        pytest.param(field("i16", order="ba"), "feff", -2, id="i16-ba"),
        pytest.param(field("f32"), "3fc00000", 1.5, id="f32"),
        pytest.param(field("f32", order="cdab"), "00003fc0", 1.5, id="f32-cdab"),
        pytest.param(field("f64", order="dcba"), "000000000000f83f", 1.5, id="f64-lowest-first"),
        pytest.param(field("u8", -1), "0102", 2, id="from-the-end"),
        pytest.param(field("u16", -3), "010203", 0x0102, id="further-from-the-end"),
        pytest.param(field("u8", bits=[4, 4]), "a5", 0xA, id="bits"),
        pytest.param(field("u16", bits=(0, 12), order="dcba"), "34f2", 0x234, id="bits-of-two-bytes"),
        pytest.param(field("u8", bits=[0, 4], signed=True), "0f", -1, id="signed-bits"),
        pytest.param(field("u8", bits=[0, 4], signed=True), "f7", 7, id="signed-bits-that-are-not-negative"),
        pytest.param(field("u8", bits=[7, 1]), "80", 1, id="the-highest-bit"),
        pytest.param(field("bcd", length=1), "f5", -5, id="bcd-of-one-digit"),
        pytest.param(field("hex", length=1, order="badc"), "f5", "f5", id="one-byte-in-any-order"),
        pytest.param(field("u8", signed=True), "ff", -1, id="signed"),
        pytest.param(field("bcd", length=4, order="dcba"), "78563412", 12345678, id="bcd-lowest-first"),
        pytest.param(field("bcd", length=2), "f012", -12, id="bcd-negative"),
        pytest.param(field("text", 1, length=4), "ff41420043", "AB", id="text-ends-at-nul"),
        pytest.param(field("text"), "41ff", "A\ufffd", id="text-not-utf-8"),
        pytest.param(field("hex", 1), "00abcd", "abcd", id="hex-to-the-end"),
        pytest.param(field("hex", length=4, order="dcba"), "01453412", "12344501", id="number-of-a-meter-lowest-first"),
        pytest.param(field("text", length=4, order="badc"), "42413231", "AB12", id="text-in-swapped-registers"),
    ],
)
def test_a_field_is_read_from_a_frame(one: dict[str, object], frame: str, value: object) -> None:
    assert compile_struct([one])(bytes.fromhex(frame)) == {"x": value}


@pytest.mark.parametrize(
    ("one", "frame"),
    [
        pytest.param(field("u16", 2), "0102", id="past-the-end"),
        pytest.param(field("u8", -3), "0102", id="before-the-beginning"),
        pytest.param(field("hex", 2), "0102", id="nothing-left"),
        pytest.param(field("bcd", length=2), "ffff", id="bcd-without-digits"),
        pytest.param(field("bcd", length=1), "0f", id="bcd-with-another-digit"),
        pytest.param(field("u16", -4), "0102", id="all-before-the-beginning"),
    ],
)
def test_a_field_that_is_not_in_the_frame_is_absent(one: dict[str, object], frame: str) -> None:
    assert compile_struct([one, {"name": "y", "at": 0, "type": "u8"}])(bytes.fromhex(frame)).keys() == {"y"}


@pytest.mark.parametrize(
    ("one", "frame"),
    [
        pytest.param(field("u32"), "0102", id="at-the-end"),
        pytest.param(field("u16", -2), "01", id="at-the-beginning"),
        pytest.param(field("text", length=3), "41", id="text"),
    ],
)
def test_a_field_cut_in_two_is_a_bad_payload(one: dict[str, object], frame: str) -> None:
    assert reason(compile_struct([one]), bytes.fromhex(frame)) is RejectReason.BAD_PAYLOAD


@pytest.mark.parametrize(
    ("one", "what"),
    [
        pytest.param(field("u12"), "x: u12 is not one of", id="type"),
        pytest.param(field("u16", order="acbd"), "x: acbd is not one of", id="order"),
        pytest.param(field("u32", order="ba"), "ab and ba are orders of two bytes", id="order-of-two-bytes"),
        pytest.param(field("u24", order="cdab"), "x: cdab is an order of 16-bit registers", id="order-of-three-bytes"),
        pytest.param(field("u16", length=4), "leave length out", id="length"),
        pytest.param(field("bcd"), "bcd needs a length", id="bcd-without-length"),
        pytest.param(field("u8", bits=[6, 3]), "bits 6 to 8 are not in u8", id="bits"),
        pytest.param(field("f32", bits=[0, 1]), "bits are of an integer", id="bits-of-a-float"),
        pytest.param(field("u32", -2), "cannot begin 2 before the end", id="always-cut"),
        pytest.param(field("u8", bits=[0, 9]), "bits 0 to 8 are not in u8", id="too-many-bits"),
        pytest.param(field("u8", bits=[0, 0]), "bits 0 to -1 are not in u8", id="no-bits"),
        pytest.param(field("u8", bits=[-1, 2]), "bits -1 to 0 are not in u8", id="bits-below-the-lowest"),
        pytest.param(field("hex", order="badc"), "badc is an order of 16-bit registers", id="registers-to-the-end"),
    ],
)
def test_a_field_that_no_frame_can_hold_is_refused_at_load(one: dict[str, object], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        compile_struct([one])


@given(st.floats(width=32, allow_nan=False), st.sampled_from([("abcd", ">f"), ("dcba", "<f")]))
def test_floats_come_back_as_they_were_packed(number: float, order: tuple[str, str]) -> None:
    assert compile_struct([field("f32", order=order[0])])(struct.pack(order[1], number)) == {"x": number}


@given(st.binary(max_size=12), st.sampled_from(sorted(WIDTHS)), st.integers(-12, 12))
def test_no_frame_raises_anything_but_a_bad_payload(frame: bytes, kind: str, at: int) -> None:
    if -WIDTHS[kind] < at < 0:
        return
    try:
        found = compile_struct([field(kind, at)])(frame)
    except Undecodable as why:
        assert why.reason is RejectReason.BAD_PAYLOAD  # noqa: PT017 - it need not be raised
    else:
        assert found.keys() <= {"x"}


def listed(at: int = 1, **how: object) -> list[dict[str, object]]:
    """A count, and a list of an hour and a total of two bytes."""
    items = [{"name": "h", "at": 0, "type": "u8"}, {"name": "v", "at": 1, "type": "u16"}]
    return [{"name": "n", "at": 0, "type": "u8"}, {"name": "x", "at": at, "repeat": items, **how}]


@each_row(
    ("how", "frame", "items"),
    [
        pytest.param({}, "07 010005 020006", [(1, 5), (2, 6)], id="to-the-end"),
        pytest.param({"count": "n"}, "01 010005 020006", [(1, 5)], id="counted-by-the-frame"),
        pytest.param({"count": "n"}, "00", [], id="counted-none"),
        pytest.param({"count": 2}, "07 010005 020006 ff", [(1, 5), (2, 6)], id="counted-by-the-profile"),
        pytest.param({"end": -2}, "07 010005 020006 abcd", [(1, 5), (2, 6)], id="before-a-check-sum"),
        pytest.param({"at": -6}, "07 ff 010005 020006", [(1, 5), (2, 6)], id="from-the-end"),
        pytest.param({"length": 4}, "07 010005ff 020006ff", [(1, 5), (2, 6)], id="longer-than-its-fields"),
        pytest.param({"length": 4, "count": "n"}, "02 010005ff 020006ff", [(1, 5), (2, 6)], id="longer-and-counted"),
        pytest.param({}, "07", None, id="the-frame-ends-before"),
        pytest.param({"at": 2, "count": "n", "length": 3}, "", None, id="no-count"),
    ],
)
def test_a_list_of_small_frames_is_read_from_a_frame(
    how: dict[str, Any], frame: str, items: list[tuple[int, int]] | None
) -> None:
    found = compile_struct(listed(**{"at": 1, **how}))(bytes.fromhex(frame)).get("x")
    assert found == (None if items is None else [{"h": hour, "v": total} for hour, total in items])


@pytest.mark.parametrize(
    ("how", "frame"),
    [
        pytest.param({}, "07 010005 0200", id="to-the-end"),
        pytest.param({"count": "n"}, "02 010005", id="fewer-than-counted"),
        pytest.param({"count": "n"}, "ff", id="none-of-those-counted"),
        pytest.param({"count": 2}, "07 010005 02", id="fewer-than-the-profile-says"),
        pytest.param({"end": -1}, "07 010005 020006", id="a-check-sum-is-missing"),
    ],
)
def test_a_list_cut_in_an_item_is_a_bad_payload(how: dict[str, Any], frame: str) -> None:
    assert reason(compile_struct(listed(**how)), bytes.fromhex(frame)) is RejectReason.BAD_PAYLOAD


def test_an_item_may_hold_a_list_itself() -> None:
    inner = {"name": "p", "at": 1, "length": 1, "count": 2, "repeat": [{"name": "v", "at": 0, "type": "u8"}]}
    outer = {"name": "x", "at": 0, "length": 3, "repeat": [{"name": "id", "at": 0, "type": "u8"}, inner]}
    assert compile_struct([outer])(bytes.fromhex("0a0102 0b0304")) == {
        "x": [{"id": 10, "p": [{"v": 1}, {"v": 2}]}, {"id": 11, "p": [{"v": 3}, {"v": 4}]}]
    }


@pytest.mark.parametrize(
    ("how", "what"),
    [
        pytest.param({"count": "m"}, "x: count: there is no whole number 'm' beside it", id="count-that-is-not-there"),
        pytest.param({"count": "x"}, "x: count: there is no whole number 'x' beside it", id="count-that-is-a-list"),
        pytest.param({"repeat": [field("u12")]}, "x: x: u12 is not one of", id="type-of-an-item"),
        pytest.param({"repeat": [field("text")]}, "x: give length", id="length-not-known"),
        pytest.param({"repeat": [field("u8", -1)]}, "x: give length", id="from-the-end-of-an-item"),
    ],
)
def test_a_list_that_no_frame_can_hold_is_refused_at_load(how: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        compile_struct(listed(**how))


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
