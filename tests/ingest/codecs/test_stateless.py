"""No call of a codec changes what a later one finds, whatever it did to the world around it."""

import json
from collections.abc import Mapping

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.loading import Contexts, LoadedCodec
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer, arguments
from tests.rows import each_row

FINE = "function decodeUplink(input) { return {data: {n: Math.floor(input.bytes.map(b => b + 0.5)[0])}}; }"


def codec(look: str, harm: str, top: str = "") -> str:
    return f"{top}\nfunction decodeUplink(input) {{ var saw = {look}; {harm}; return {{data: {{saw: saw}}}}; }}"


def answers(sources: Mapping[str, str], *asked: str) -> list[CodecAnswer]:
    with SyncCodecs(sources) as codecs:
        return [codecs.call(CodecAsk(name, b"\7", 1, 0)) for name in asked]


HARM = [
    pytest.param("Math.floor(1.5)", 1, "Math.floor = function () { return 99; }", id="a function of Math"),
    pytest.param("[1].map(x => x).length", 1, "Array.prototype.map = function () { return []; }", id="a method of lists"),
    pytest.param("'a'.trim()", "a", "String.prototype['trim'] = null", id="a method of texts, by a text"),
    pytest.param("parseInt('7')", 7, "parseInt = null", id="a global function"),
    pytest.param("typeof Math", "object", "Math = undefined", id="a global object"),
    pytest.param("typeof Math.floor", "function", "delete Math.floor", id="a function deleted"),
    pytest.param("typeof stray", "undefined", "stray = 1", id="a new global"),
    pytest.param("typeof stray", "undefined", "globalThis.stray = 1", id="a new global by its object"),
    pytest.param(
        "typeof hid", "undefined", "Object.defineProperty(globalThis, 'hid', {value: 1, configurable: true})", id="hidden"
    ),
    pytest.param("typeof hid", "undefined", "Object.defineProperty(globalThis, 'hid', {value: 1})", id="hidden and fixed"),
    pytest.param("typeof Math.sum", "undefined", "Math.sum = function () {}", id="a new function of Math"),
    pytest.param("typeof ''.pad", "undefined", "String.prototype.pad = function () {}", id="a new method of texts"),
    pytest.param("typeof ({}).own", "undefined", "Object.prototype.own = 1", id="something in every object"),
    pytest.param(
        "typeof ({}).own", "undefined", "var o = {}; o['__proto__']['own'] = 1", id="in every object, by a name from elsewhere"
    ),
    pytest.param(
        "(1.25).toFixed(1)", "1.3", "Number.prototype.toFixed = function () { return 'no'; }", id="a method of numbers"
    ),
    pytest.param("typeof Array.from", "function", "[].constructor.from = null", id="by a constructor"),
    pytest.param("Object.keys({a: 1}).length", 1, "var O = Object; O.keys = function () { return []; }", id="by another name"),
    pytest.param("count++", 0, "", id="a counter in a variable"),
    pytest.param(
        "typeof Buffer.mine + Buffer.from([1]).readUInt8(0)",
        "undefined1",
        "Buffer.mine = 1; Buffer.prototype.readUInt8 = null",
        id="a method of Buffer",
    ),
    pytest.param("typeof console.log", "function", "console.log = null", id="the console"),
    pytest.param(
        "typeof Symbol.iterator + [...[1]].length", "symbol1", "Array.prototype[Symbol.iterator] = null", id="iteration"
    ),
]


@each_row(("look", "saw", "harm"), HARM)
def test_the_next_call_finds_all_as_it_was(look: str, saw: object, harm: str) -> None:
    found = answers({"bad": codec(look, harm, "var count = 0;"), "fine": FINE}, "bad", "bad", "fine", "bad")
    assert [(one.data, one.fault) for one in found] == [({"saw": saw}, None)] * 2 + [({"n": 7}, None), ({"saw": saw}, None)]


HIDDEN = [
    pytest.param(
        "Math.floor(1.5)", [1, 99], "globalThis['Ma' + 'th']['flo' + 'or'] = () => 99", id="a function of a built-in object"
    ),
    pytest.param(
        "typeof hid", ["undefined", "number"], "Object['define' + 'Property'](globalThis, 'hid', {value: 1})", id="a fixed name"
    ),
]


@each_row(("look", "saw", "harm"), HIDDEN)
def test_what_a_text_changes_by_a_name_that_it_hides_stays_for_its_own_next_call_alone(
    look: str, saw: list[object], harm: str
) -> None:
    look = look.replace("Math.floor", "Math['flo' + 'or']")
    other = codec(look, "")
    found = answers({"bad": codec(look, harm), "other": other}, "bad", "bad", "other")
    assert [one.data for one in found] == [{"saw": saw[0]}, {"saw": saw[1]}, {"saw": saw[0]}]


def test_a_fault_ends_also_what_a_text_changed_by_a_hidden_name() -> None:
    hides = "Object['define' + 'Property'](globalThis, 'hid', {value: 1}); if (saw === 'number') null.x"
    found = answers({"bad": codec("typeof hid", hides)}, "bad", "bad")
    assert [one.data for one in found] == [{"saw": "undefined"}] * 2


def test_what_is_put_back_costs_no_new_context() -> None:
    text = codec("Math.floor(1.5)", "Math.floor = null; Array.prototype.extra = 1; stray = 1")
    bad = LoadedCodec(json.dumps(text).encode(), Contexts(memoryview(bytearray(8)).cast("Q")), keep_console=False)
    call = arguments(CodecAsk("", b"\7", 1, 0)).decode()
    assert bad.answer(call) == bad.answer(call) == '{"data":{"saw":1}}'
    context = bad._decode  # noqa: SLF001 - whether it is the same one is the point
    bad.answer(call)
    assert bad._decode is context  # noqa: SLF001


def test_a_call_that_took_too_long_in_a_used_context_is_made_once_more_in_a_new_one() -> None:
    hidden = "Object['define' + 'Property'](globalThis, 'hid', {value: 1})"
    bad = codec("typeof hid", f"{hidden}; if (saw !== 'undefined') for (;;)")
    assert [(one.data, one.overran) for one in answers({"bad": bad}, "bad", "bad")] == [({"saw": "undefined"}, False)] * 2


def test_an_object_may_have_a_method_of_the_name_of_a_built_in_one() -> None:
    """Frozen built-in objects would refuse it: an assignment finds the read-only one behind it."""
    source = """'use strict';
        function decodeUplink() {
          var o = {}; o.toString = function () { return "mine"; }; o.constructor = 7;
          var f = function () {}; f.call = 8;
          return {data: {text: String(o), constructor: o.constructor, call: f.call}};
        }"""
    [answer] = answers({"own": source}, "own")
    assert (answer.data, answer.fault) == ({"text": "mine", "constructor": 7, "call": 8}, None)


def test_a_codec_may_extend_built_in_objects_for_itself() -> None:
    source = """
        String.prototype.twice = function () { return this + this; };
        Math.clamp = function (value, low, high) { return Math.min(high, Math.max(low, value)); };
        function decodeUplink() { return {data: {text: "a".twice(), number: Math.clamp(9, 0, 5)}}; }"""
    found = answers({"own": source}, "own", "own")
    assert [answer.data for answer in found] == [{"text": "aa", "number": 5}] * 2
