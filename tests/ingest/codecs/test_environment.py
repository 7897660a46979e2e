"""The environment that a maker's codec finds, so that it runs as it was published for other servers."""

from typing import Any

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import WITHOUT_DATA, CodecAnswer
from tests.rows import each_row

AT_MS = 1_793_491_200_123


def decoded(source: str, payload: str = "", port: int = 1, variables: dict[str, float | str] | None = None) -> CodecAnswer:
    with SyncCodecs({"codec": source}) as codecs:
        return codecs.call(CodecAsk("codec", bytes.fromhex(payload), port, AT_MS, variables or {}))


def returned(expression: str) -> Any:  # noqa: ANN401 - whatever it is in JavaScript
    """The value of an expression inside of a codec."""
    answer = decoded(f"function decodeUplink(input) {{ return {{data: {{is: {expression}}}}}; }}")
    assert isinstance(answer.data, dict), answer.fault
    return answer.data.get("is")


# Where the function stands.

PLACES = [
    pytest.param("var driver = (() => { var e = {}; e.decodeUplink = DECODE; return e; })();", id="a variable driver"),
    pytest.param("var driver; (() => { 'use strict'; driver = {decodeUplink: DECODE}; })();", id="a driver set afterwards"),
    pytest.param("class D { decodeUplink(input) { return this.n(input); } n = DECODE }\nconst driver = new D();", id="a class"),
    pytest.param("exports.decodeUplink = DECODE;", id="exports"),
    pytest.param("module.exports = {decodeUplink: DECODE};", id="module.exports"),
    pytest.param("exports.driver = {decodeUplink: DECODE};", id="a driver that is exported"),
    pytest.param(
        "Object.defineProperty(exports, '__esModule', {value: true}); exports.default = {decodeUplink: DECODE};", id="ES"
    ),
    pytest.param(
        "(function (root, make) {"
        " if (typeof exports === 'object' && typeof module === 'object') module.exports = make();"
        " else if (typeof define === 'function' && define.amd) define([], make); else root.driver = make();"
        "})(this, () => ({decodeUplink: DECODE}));",
        id="for every kind of module",
    ),
    pytest.param(
        "(typeof globalThis === 'undefined' ? this : globalThis).decodeUplink = DECODE;", id="set in the global object"
    ),
    pytest.param("var driver = {Decode: (port, bytes) => ({n: bytes.length})};", id="a driver of ChirpStack v3"),
    pytest.param("var driver = {Decoder: (bytes, port) => ({n: bytes.length})};", id="a driver of The Things Network v2"),
]


@each_row("source", PLACES)
def test_the_function_of_a_bundle_is_found_wherever_it_stands(source: str) -> None:
    source = source.replace("DECODE", "function (input) { return {data: {n: input.bytes.length}}; }")
    with SyncCodecs({"codec": source}) as codecs:
        for payload in (b"\1\2", b"\1"):
            answer = codecs.call(CodecAsk("codec", payload, 1, AT_MS))
            assert (answer.data, answer.fault) == ({"n": len(payload)}, None)


def test_a_driver_is_this_in_its_own_function() -> None:
    source = "var driver = {litres: 10, decodeUplink(input) { return {data: {volume: input.bytes[0] * this.litres}}; }};"
    assert decoded(source, "07").data == {"volume": 70}


def test_functions_at_the_top_are_reached_as_this() -> None:
    source = """
        function decodeUplink(input) { return {data: {a: this.twice(input.bytes[0]), b: sum(1, 2)}}; }
        function twice(value) { return 2 * value; }
        function sum(a, b) { return this.twice(a) + this.twice(b); }
        class Own { constructor() { this.delete = this.missing; } }
    """
    with SyncCodecs({"codec": source}) as codecs:
        for _ in range(2):
            answer = codecs.call(CodecAsk("codec", b"\7", 1, AT_MS))
            assert (answer.data, answer.fault) == ({"a": 14, "b": 6}, None)


# What it is given.


@pytest.mark.parametrize("name", ["recvTime", "time"])
def test_the_time_received_is_a_date_whose_text_has_milliseconds(name: str) -> None:
    date = f"input.{name}"
    text = "2026-11-01T00:00:00.123Z"
    assert returned(f"{date} instanceof Date") is True
    assert returned(f"[{date}.toISOString(), String({date}), {date} + '', `${{{date}}}`, {date}]") == [text] * 5
    assert returned(f"[{date}.getTime(), +{date}, Date.parse({date}), new Date({date}).getTime()]") == [AT_MS] * 4
    assert returned(f"new Date({date} - 60000)") == "2026-10-31T23:59:00.123Z"


def test_context_is_an_empty_list_anew_for_each_call() -> None:
    source = "function decodeUplink() { context.push(1); return {data: {length: context.length}}; }"
    with SyncCodecs({"codec": source}) as codecs:
        assert [codecs.call(CodecAsk("codec", b"", 1, AT_MS)).data for _ in range(2)] == [{"length": 1}] * 2


# What it gives.


def test_a_list_as_data_is_a_list_of_readings() -> None:
    answer = decoded("function decodeUplink() { return {data: [{a: 1}, {b: 2}], warnings: ['w']}; }")
    assert (answer.data, answer.warnings, answer.fault) == ([{"a": 1}, {"b": 2}], ["w"], None)
    assert decoded("function Decode() { return [{a: 1}]; }").data == [{"a": 1}]
    assert decoded("function decodeUplink() { return {data: ['energy = 1.5 kWh', 7]}; }").data == ["energy = 1.5 kWh", 7]


def test_a_list_without_data_around_it_is_taken_and_said_so() -> None:
    answer = decoded("function decodeUplink() { return [{a: 1}]; }")
    assert (answer.data, answer.warnings) == ([{"a": 1}], ["returned a list without data: taken as its data"])


def test_an_object_without_data_is_taken_as_data_and_said_so() -> None:
    answer = decoded("function decodeUplink() { return {temperature: 21, warnings: ['low']}; }")
    assert (answer.data, answer.warnings, answer.fault) == ({"temperature": 21}, ["low", WITHOUT_DATA], None)


@pytest.mark.parametrize("result", ["{}", "{warnings: []}", "{data: undefined}"])
def test_an_object_that_says_nothing_is_an_empty_one_without_a_warning(result: str) -> None:
    answer = decoded(f"function decodeUplink() {{ return {result}; }}")
    assert (answer.data, answer.warnings, answer.fault) == ({}, [], None)


def test_errors_count_where_there_is_no_data() -> None:
    assert decoded("function decodeUplink() { return {errors: ['bad port'], port: 9}; }").fault == "bad port"


# Node's Buffer.

BUFFERS = [
    ("b.length", 8),
    ("b[1]", 2),
    ("b.readUInt8(7)", 255),
    ("b.readInt8(7)", -1),
    ("b.readUint8()", 1),
    ("[b.readUInt16BE(0), b.readUInt16LE(0)]", [258, 513]),
    ("[b.readInt16BE(6), b.readInt16LE(6)]", [2047, -249]),
    ("[b.readUInt32BE(4), b.readUInt32LE(4)]", [84281343, 4278650373]),
    ("[b.readInt32BE(4), b.readInt32LE(4)]", [84281343, -16316923]),
    ("[b.readUIntBE(0, 3), b.readUIntLE(0, 3), b.readUIntBE(2, 6)]", [66051, 197121, 3315799033855]),
    ("[b.readIntBE(5, 3), b.readIntLE(5, 3)]", [395263, -63738]),
    ("Buffer.from('3fc00000', 'hex').readFloatBE(0)", 1.5),
    ("Buffer.from('0000c03f', 'hex').readFloatLE()", 1.5),
    (
        "[Buffer.from('4004000000000000', 'hex').readDoubleBE(0), Buffer.from('0000000000000440', 'hex').readDoubleLE(0)]",
        [2.5] * 2,
    ),
    ("[b.readBigUInt64BE(0), b.readBigInt64LE(0)]", ["72623859790383103", "-70080650589044223"]),
    ("b.toString('hex')", "01020304050607ff"),
    ("b.toString('hex', 1, 3)", "0203"),
    ("[b.slice(1, 3).toString('hex'), b.subarray(-2).toString('hex')]", ["0203", "07ff"]),
    ("(b.slice(0, 1)[0] = 9, b[0])", 9),
    ("b.toString('base64')", "AQIDBAUGB/8="),
    ("Buffer.from('AQIDBA==', 'base64').toString('hex')", "01020304"),
    ("Buffer.from('SGVsbG8').toString('ascii')", "SGVsbG8"),
    ("Buffer.from('Nhiệt độ').toString()", "Nhiệt độ"),
    ("Buffer.from('Nhiệt').length", 7),
    ("Buffer.from([72, 105]).toString('utf8')", "Hi"),
    ("Buffer.from([255, 72]).toString('utf-8')", "\ufffdH"),
    ("Buffer.from([233]).toString('latin1')", "é"),
    ("Buffer.from('a1xx', 'hex').length", 1),
    ("Buffer.concat([Buffer.from([1]), Buffer.from('02', 'hex')]).toString('hex')", "0102"),
    ("Buffer.alloc(3).toString('hex')", "000000"),
    ("Buffer.alloc(2, 7).toString('hex')", "0707"),
    ("new Buffer([1, 2]).toString('hex')", "0102"),
    ("[Buffer.isBuffer(b), Buffer.isBuffer([1]), b instanceof Uint8Array]", [True, False, True]),
    ("Buffer.from(Buffer.from([1, 2, 3])).reverse().toString('hex')", "030201"),
    ("[...b.slice(0, 2)]", [1, 2]),
    ("b.slice(0, 2)", {"type": "Buffer", "data": [1, 2]}),
    ("Buffer.from(JSON.parse(JSON.stringify(b))).equals(b)", True),
    ("Buffer.from([1, 2]).equals(Buffer.from([1, 2]))", True),
    (
        "(c => { c.writeUInt16BE(258, 0); c.writeUInt16LE(258, 2); c.writeFloatBE(1.5, 4); return c; })(b).toString('hex')",
        "010202013fc00000",
    ),
    ("require('buffer').Buffer === Buffer", True),
    ("b.map(x => x & 1).toString('hex')", "0100010001000101"),
    ("Buffer.byteLength('é')", 2),
]


@each_row(("expression", "value"), BUFFERS)
def test_a_buffer_is_that_of_node(expression: str, value: object) -> None:
    source = f"function decodeUplink(input) {{ const b = Buffer.from(input.bytes); return {{data: {{is: {expression}}}}}; }}"
    answer = decoded(source, "01020304050607ff")
    assert (answer.data, answer.fault) == ({"is": value}, None)


@pytest.mark.parametrize("read", ["readUInt8(8)", "readUInt16BE(7)", "readUIntLE(6, 3)", "readFloatLE(5)", "readUInt8(-1)"])
def test_a_buffer_read_beyond_its_end_is_a_range_error_in_the_codec_s_line(read: str) -> None:
    answer = decoded(f"\nfunction decodeUplink(input) {{ return Buffer.from(input.bytes).{read}; }}", "01020304050607ff")
    assert str(answer.fault).startswith("RangeError: ")
    assert str(answer.fault).endswith("(line 2)")


# What it wants and cannot have.


@pytest.mark.parametrize(
    ("use", "wanted"),
    [
        pytest.param("crypto.createHash('md5')", "crypto.createHash", id="a function"),
        pytest.param("crypto.webcrypto.subtle.digest('x')", "crypto.webcrypto.subtle.digest", id="deep inside"),
        pytest.param("new crypto.Certificate()", "crypto.Certificate", id="a class"),
        pytest.param("crypto()", "crypto", id="the module itself"),
        pytest.param("createHash('md5')", "crypto.createHash", id="taken out before"),
    ],
)
def test_a_module_that_is_not_there_is_named_when_it_is_used(use: str, wanted: str) -> None:
    source = f"""const crypto = require("crypto"), {{createHash}} = require("crypto");
        function decodeUplink(input) {{
          if (input.fPort === 2) return {{data: {{hash: {use}}}}};
          return {{data: {{n: 1}}}};
        }}"""
    assert decoded(source).data == {"n": 1}
    assert decoded(source, port=2).fault == f"Error: codec wants Node's {wanted}: not available (line 3)"


def test_a_file_of_the_maker_that_is_not_there_is_named_when_it_is_used() -> None:
    source = "const units = require('./units.json'); function decodeUplink() { return {data: {unit: units.of(1)}}; }"
    assert decoded(source).fault == "Error: codec wants its file ./units.json.of: not available (line 1)"


@each_row(
    ("expression", "text"),
    [
        ("(1234567.8912).toLocaleString()", "1,234,567.891"),
        ("(-1234.5).toLocaleString('en-US')", "-1,234.5"),
        ("(5).toLocaleString('en-US', {minimumIntegerDigits: 2, useGrouping: false})", "05"),
        ("(2).toLocaleString(undefined, {minimumFractionDigits: 2})", "2.00"),
        ("(2.345).toLocaleString('en', {maximumFractionDigits: 1})", "2.3"),
        ("(0.256).toLocaleString('en', {style: 'percent'})", "26%"),
        ("new Date(46800123).toLocaleString()", "1/1/1970, 1:00:00 PM"),
        ("new Date(46800123).toLocaleDateString('en-US')", "1/1/1970"),
        ("new Date(0).toLocaleTimeString('en-US', {hour12: false})", "00:00:00"),
        ("new Date(1793466000123).toLocaleString('en-US', {timeZone: 'Asia/Ho_Chi_Minh'})", "11/1/2026, 12:00:00 AM"),
        ("new Date(1793466000123).toLocaleString('en-US', {timeZone: '-03:30', hourCycle: 'h23'})", "10/31/2026, 13:30:00"),
        ("new Date(1793466000123).toLocaleDateString([], {month: '2-digit', day: '2-digit', year: '2-digit'})", "10/31/26"),
        ("new Date(1793466000123).toLocaleDateString('en', {hour: 'numeric'})", "10/31/2026, 5 PM"),
        ("new Date(1793466000123).toLocaleTimeString('en-US', {hour: '2-digit', minute: '2-digit'})", "05:00 PM"),
        ("new Date(NaN).toLocaleString()", "Invalid Date"),
    ],
)
def test_texts_for_people_are_english_in_utc_or_a_zone_that_stays(expression: str, text: str) -> None:
    assert returned(expression) == text


@each_row(
    ("call", "wants"),
    [
        ("new Date(0).toLocaleString('vi-VN')", "toLocaleString in vi-VN"),
        ("new Date(0).toLocaleString(['sv-SE', 'en'])", "toLocaleString in sv-SE"),
        ("new Date(0).toLocaleDateString('en-GB')", "toLocaleDateString in en-GB"),
        ("new Date(0).toLocaleTimeString('en', {timeZone: 'Europe/Paris'})", "toLocaleTimeString in the zone Europe/Paris"),
        ("new Date(0).toLocaleString('en', {timeZone: 'Asia/Saigon'})", "toLocaleString in the zone Asia/Saigon before 1976"),
        ("new Date(0).toLocaleDateString('en', {month: 'long'})", "toLocaleDateString with month: long"),
        ("new Date(0).toLocaleDateString('en', {dateStyle: 'short'})", "toLocaleDateString with dateStyle: short"),
        ("(1.5).toLocaleString('de-DE')", "toLocaleString in de-DE"),
        ("(1.5).toLocaleString('en', {style: 'currency', currency: 'VND'})", "toLocaleString with style: currency"),
        ("(1e21).toLocaleString()", "toLocaleString of 1e+21"),
    ],
)
def test_a_language_a_zone_or_a_form_that_is_not_there_is_refused_in_words(call: str, wants: str) -> None:
    """The engine ignores them: a time would be hours off, and nobody told."""
    answer = decoded(f"\nfunction decodeUplink(input) {{ return {{data: {{is: {call}}}}}; }}")
    assert answer.fault == f"Error: codec wants {wants}: not available (line 2)"
