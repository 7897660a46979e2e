"""Makers' codecs run unchanged, however they are written; what they return becomes data or a fault that people understand."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from gateway.support.config.files import ConfigurationFault
from tests.rows import each_row

FOLDER = Path(__file__).parent
AT_MS = 1_793_491_200_250


def decoded(
    source: str | Path, payload: bytes = b"", port: int = 1, variables: dict[str, float | str] | None = None
) -> CodecAnswer:
    with SyncCodecs({"codec": source}) as codecs:
        return codecs.call(CodecAsk("codec", payload, port, AT_MS, variables or {}))


@pytest.fixture
def codecs() -> Iterator[SyncCodecs]:
    with SyncCodecs({path.stem: path for path in FOLDER.glob("*.js")}) as calls:
        yield calls


CASES = [
    pytest.param(
        "ts013",
        "000004d201",
        1,
        {"total_l": 1234, "status": "leak", "at": "2026-11-01T00:00:00.250Z", "litres": 10, "calls": 1},
        id="TS013, strict, with a class and modern syntax",
    ),
    pytest.param("chirpstack_v3", "0102", 7, {"b0": 1, "b1": 2, "port": 7, "weight": 10}, id="ChirpStack v3"),
    pytest.param("ttn_v2", "04d2", 3, {"level_m": 1.234, "port": 3}, id="The Things Network v2, an arrow function"),
    pytest.param("exported", "0102", 1, {"bytes": 2}, id="exported, not declared"),
    pytest.param("all_three", "09", 1, {"first": 9, "entries": 3}, id="TS013 comes before the older entry points"),
    pytest.param("bom", "", 1, {"ok": True}, id="byte order mark, a comment in another encoding, no newline at the end"),
]


@pytest.mark.parametrize(("codec", "payload", "port", "data"), CASES)
def test_a_codec_runs_unchanged(codecs: SyncCodecs, codec: str, payload: str, port: int, data: dict[str, Any]) -> None:
    answer = codecs.call(CodecAsk(codec, bytes.fromhex(payload), port, AT_MS, {"pulse_l": 10}))
    assert (answer.data, answer.fault) == (data, None)
    assert codecs.fault(codec) is None


def test_errors_of_a_codec_are_its_fault_and_warnings_are_handed_on(codecs: SyncCodecs) -> None:
    assert codecs.call(CodecAsk("ts013", b"", 9, AT_MS)).fault == "port 9 is not known"
    answer = codecs.call(CodecAsk("ts013", b"\0\0\0\1", 1, AT_MS))
    assert answer.warnings == ["short"]
    assert isinstance(answer.data, dict)
    assert answer.data["total_l"] == 1


def test_nothing_that_a_call_leaves_behind_reaches_the_next(codecs: SyncCodecs) -> None:
    for port in (1, 2, 3):
        answer = codecs.call(CodecAsk("remembers", b"", port, AT_MS))
        assert answer.data == {"seen": [f"port{port}"], "everywhere": 1, "strays": [f"device{port}"]}


def test_values_become_what_json_makes_of_them() -> None:
    answer = decoded(
        """function decodeUplink() { return {data: {
            nan: NaN, inf: -1 / 0, none: undefined, call() {}, time: new Date(0), bytes: new Uint8Array([7]), list: [undefined],
            exact: 10n, large: 2n ** 70n, zero: -0, text: "\\n\\u0000", own: {toJSON() { return "mine"; }}}}; }"""
    )
    assert answer.data == {
        "nan": None,
        "inf": None,
        "time": "1970-01-01T00:00:00.000Z",
        "bytes": {"0": 7},
        "list": [None],
        "exact": 10,
        "large": "1180591620717411303424",
        "zero": 0,
        "text": "\n\0",
        "own": "mine",
    }


FAULTS = [
    pytest.param("return null", "returned null", id="null"),
    pytest.param("return undefined", "returned undefined", id="undefined"),
    pytest.param("return 'text'", "returned a string", id="a string"),
    pytest.param("return 5", "returned a number", id="a number"),
    pytest.param("return () => 1", "returned a function", id="a function"),
    pytest.param("return Promise.resolve({data: {}})", "returned a promise; a codec must answer at once", id="a promise"),
    pytest.param("return (async () => ({data: {n: 1}}))()", "returned a promise; ", id="what an async function returns"),
    pytest.param("return (function* () { yield {data: {n: 1}}; })()", "returned a generator; ", id="a generator"),
    pytest.param("return (async function* () {})()", "returned a generator; ", id="an async generator"),
    pytest.param("return {data: (async () => ({n: 1}))()}", "returned data that is a promise; ", id="a promise as data"),
    pytest.param("return {data: (function* () {})()}", "returned data that is a generator; ", id="a generator as data"),
    pytest.param("return {data: new Map([['n', 1]])}", "returned data that is a Map, which JSON cannot show", id="a Map"),
    pytest.param("return {data: null}", "returned nothing as data", id="no data"),
    pytest.param(
        "return {data: new Array(1001).fill({})}",
        "returned a list of 1001 items as data; 1000 are taken",
        id="a list that is too long",
    ),
    pytest.param("return {data: 'text'}", "returned a text as data", id="a text as data"),
    pytest.param("return {toJSON() { return ['no', true]; }}", "did not return a JSON object", id="toJSON that gives another"),
    pytest.param("return {toJSON() {}}", "did not return a JSON object", id="toJSON that gives nothing"),
    pytest.param("return {'!': 5, data: 1}", "returned a number as data", id="a number as data, and the mark of a fault"),
    pytest.param("const a = {}; a.a = a; return {data: a}", "TypeError: circular reference", id="a cycle"),
    pytest.param("return {errors: 'one text'}", "one text", id="errors that are no list"),
    pytest.param("return {errors: [{code: 1}, 'b']}", '{"code":1}; b', id="errors that are no texts"),
    pytest.param("\nreturn bytes[0]", "ReferenceError: bytes is not defined (line 2)", id="an exception and its line"),
    pytest.param("\n\nreturn {data: {get a() { return null.b; }}}", "of null (line 3)", id="an exception in a getter"),
    pytest.param("throw 'words'", "threw words", id="a thrown text"),
    pytest.param("throw {message: 'Incomplete data'}", "threw Incomplete data", id="a thrown object with a message"),
    pytest.param("throw {a: 1, b: [2]}", 'threw {"a":1,"b":[2]}', id="a thrown object"),
    pytest.param("throw [1, 'b']", 'threw [1,"b"]', id="a thrown list"),
    pytest.param("throw Symbol('odd')", "threw Symbol(odd)", id="a thrown symbol"),
    pytest.param("throw {toString() { return 'own words'; }}", "threw own words", id="a thrown object with a text"),
    pytest.param("throw {toString() { throw 1; }}", "threw what cannot be shown", id="a thrown thing without text"),
    pytest.param("throw new Error('\\ud800')", "Error: ? (line 1)", id="an exception with half a character"),
    pytest.param(
        "const o = {}; for (let i = 0; i < 9000; i++) o['key' + i] = 1; return {data: o}", "65536 are taken", id="a heap"
    ),
]


RIGHT = [
    pytest.param("'a\0b'", "a\0b", id="a NUL in a text"),
    pytest.param("'a\\\0b' + 'c\\\\\0d'", "a\0bc\\\0d", id="a NUL behind a backslash, and behind two"),
    pytest.param("/[\0-\x09]/.test('\\x05') + `\0`", "true\0", id="a NUL in a pattern and in a template"),
    pytest.param("'\\ud83d\\ude00'", "\N{GRINNING FACE}", id="a surrogate pair"),
    pytest.param("'\\ud83d'", "\ufffd", id="its first half"),
    pytest.param("'x\\ude00\\ude00y'", "x\ufffd\ufffdy", id="its second half, twice"),
    pytest.param("'\\\\ud83d'", "\\ud83d", id="the letters of an escape"),
    pytest.param("'\\\\\\ud83d'", "\\\ufffd", id="a backslash and the first half"),
]


@each_row(("text", "is_"), RIGHT)
def test_texts_come_out_as_they_are_and_half_a_surrogate_pair_as_the_replacement(text: str, is_: str) -> None:
    answer = decoded(f"function decodeUplink(input) {{ return {{data: {{is: {text}}}}}; }}")
    assert (answer.data, answer.fault) == ({"is": is_}, None)


def test_half_a_surrogate_pair_in_a_key_or_a_warning_is_no_fault_either() -> None:
    answer = decoded("function decodeUplink() { return {data: {['\\ud800']: 1}, warnings: ['\\udfff']}; }")
    assert (answer.data, answer.warnings, answer.fault) == ({"\ufffd": 1}, ["\ufffd"], None)


@each_row(("body", "fault"), FAULTS)
def test_what_is_no_result_is_a_fault_in_plain_words(body: str, fault: str) -> None:
    answer = decoded(f"function decodeUplink(input) {{ {body} }}")
    assert answer.data is None
    assert answer.fault is not None
    assert fault in answer.fault
    assert not answer.overran


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        pytest.param("function decodeUplink(input) {\n  return };\n}", "SyntaxError: ", id="a syntax error"),
        pytest.param("export function decodeUplink() {}", "unsupported keyword: export (line 1)", id="a module"),
        pytest.param("var x = 1;", "there is no function decodeUplink, Decode or Decoder", id="no entry point"),
        pytest.param("\nnull.x; function decodeUplink() {}", "of null (line 2)", id="an exception while it is loaded"),
        pytest.param("function decodeUplink() { \0 }", "SyntaxError: ", id="a NUL outside of a text"),
    ],
)
def test_a_codec_that_cannot_be_loaded_says_why(source: str, fault: str) -> None:
    with SyncCodecs({"codec": source}) as codecs:
        assert fault in str(codecs.fault("codec"))
        assert fault in str(codecs.call(CodecAsk("codec", b"", 1, AT_MS)).fault)


def test_what_a_codec_writes_to_its_console_is_logged_within_bounds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway.codecs")
    answer = decoded(
        "function decodeUplink(i) { console.log('got', i.bytes, {a: 1n});"
        " for (n = 0; n < 99; n++) console.warn('x'.repeat(1e4)); null.x; }",
        b"\7",
    )
    assert "of null" in str(answer.fault)
    [said] = [record.message.removeprefix("codec codec: ") for record in caplog.records]
    lines = msgspec.json.decode(said).splitlines()
    assert lines[0] == 'got [7] {"a":1}'
    assert lines[1:] == ["x" * 200] * 19


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationFault, match=r"absent\.js: cannot be read: No such file"):
        SyncCodecs({"a": tmp_path / "absent.js"})


def test_without_the_engine_the_fault_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert "install 'province-gateway[codecs]'" in str(decoded(FOLDER / "ttn_v2.js").fault)


def test_an_unknown_codec_is_a_fault(codecs: SyncCodecs) -> None:
    assert codecs.call(CodecAsk("nobody", b"", 1, AT_MS)).fault == "there is no codec nobody"
