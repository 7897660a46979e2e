"""A codec that means harm, or is only badly written, costs a fault and a little time: never the gateway or a neighbour."""

import os
import random
import re
import signal
import threading
import time
from pathlib import Path

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import KILL_AFTER_S, SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer
from tests.processes import children
from tests.rows import each_row

GOOD = "function decodeUplink(input) { return { data: { n: input.bytes.length } }; }"


def ask(codec: str, port: int = 1) -> CodecAsk:
    return CodecAsk(codec, b"\x01\x02", port, 0)


def hostile(body: str) -> str:
    return f"function decodeUplink(input) {{ {body} }}"


SLOW = [
    pytest.param("while (true);", id="a loop"),
    pytest.param("try { for (;;); } catch { return {data: {}}; } finally { for (;;); }", id="a loop that would catch its end"),
    pytest.param("return {get data() { for (;;); }}", id="a loop in a getter"),
    pytest.param("return new Proxy({}, {ownKeys() { for (;;); }})", id="a loop in a proxy"),
    pytest.param("throw {toString() { for (;;); }}", id="a loop in the text of an exception"),
    pytest.param("return {data: {toJSON() { for (;;); }}}", id="a loop in toJSON"),
    pytest.param("/(a+)+b/.test('a'.repeat(40))", id="a pattern that backtracks"),
    pytest.param("const a = []; for (;;) a.push(new Array(1e6).fill(1))", id="all memory"),
    pytest.param("const o = {}; for (let i = 0; i < 1e6; i++) o['key' + i] = i; return {data: o}", id="a million keys"),
    pytest.param(
        "'\\u0344'.repeat(1 << 20).normalize('NFKD'); return {data: {}}", id="slow inside one native function, with a result"
    ),
]


@each_row("body", SLOW)
def test_what_takes_more_than_ten_milliseconds_is_stopped(body: str) -> None:
    with SyncCodecs({"slow": hostile(body), "good": GOOD}) as codecs:
        assert codecs.call(ask("good")).data == {"n": 2}
        answer = codecs.call(ask("slow"))
        assert (answer.fault, answer.overran) == ("took more than 10 ms", True)
        assert codecs.call(ask("good")).data == {"n": 2}


def test_loading_has_a_limit_of_its_own_beside_that_of_a_call() -> None:
    """A text of 100 kB, as makers bundle them, is read once; what runs at each call is small."""
    large = "function never() {" + "".join(
        f"function f{n}(a) {{ return a * {n} + [1, 2, 3].length; }}\n" for n in range(12_000)
    )
    table = "var table = []; for (var i = 0; i < 20000; i++) table.push(i);"
    with SyncCodecs({"large": f"{large}}}\n{table}\n{GOOD}", "endless": f"for (;;);\n{GOOD}", "good": GOOD}) as codecs:
        assert codecs.fault("large") is None
        assert codecs.call(ask("large")).data == {"n": 2}
        answer = codecs.call(ask("endless"))
        assert (re.fullmatch(r"took more than \d+ ms to load", str(answer.fault)) is not None, answer.overran) == (True, True)
        assert codecs.call(ask("good")).data == {"n": 2}


def test_a_child_that_reads_a_large_codec_late_on_a_busy_machine_is_no_fault_of_it() -> None:
    """It is more than a socket takes before somebody reads."""
    noise = random.Random(1).randbytes(1_000_000).hex()  # noqa: S311 - no secret
    with SyncCodecs({"good": GOOD, "large": f"/* {noise} */\n{GOOD}"}) as codecs:
        assert codecs.fault("good") is None
        [child] = children()
        os.kill(child, signal.SIGSTOP)
        goes_on = threading.Timer(0.5, os.kill, (child, signal.SIGCONT))
        goes_on.start()
        assert codecs.fault("large") is None
        goes_on.join()


STUCK = [
    pytest.param("const h = 'a'.repeat(1 << 20); h.indexOf('a'.repeat(1 << 19) + 'b')", id="a text searched"),
    pytest.param("new Array(4294967295).join('')", id="an endless list joined"),
    pytest.param("let a = []; for (let i = 0; i < 40; i++) a = [a, a]; return {data: {a}}", id="a result that unfolds"),
]


@pytest.mark.parametrize("body", STUCK)
def test_what_the_engine_cannot_stop_is_killed(body: str) -> None:
    with SyncCodecs({"stuck": hostile(body), "good": GOOD}) as codecs:
        assert codecs.call(ask("good")).data == {"n": 2}
        began_s = time.monotonic()
        answer = codecs.call(ask("stuck"))
        assert (answer.fault, answer.overran) == ("took more than 250 ms; it was ended", True)
        assert time.monotonic() - began_s < 5  # without an end they go on for ten seconds or for ever
        assert codecs.call(ask("good")).data == {"n": 2}


def test_a_command_counts_the_child_s_own_work_and_not_how_long_it_was_held_up() -> None:
    """As the running gateway does: on a busy machine a sound codec must not be ended."""
    with SyncCodecs({"good": GOOD}) as codecs:
        assert codecs.call(ask("good")).data == {"n": 2}
        [child] = children()
        os.kill(child, signal.SIGSTOP)
        later = threading.Timer(3 * KILL_AFTER_S, os.kill, (child, signal.SIGCONT))
        later.start()
        assert codecs.call(ask("good")) == CodecAnswer({"n": 2})
        later.join()
        assert list(children()) == [child]


DEEP = [
    pytest.param("return decodeUplink(input)", id="calls"),
    pytest.param("return JSON.parse('['.repeat(1e5))", id="the engine's own reader"),
    pytest.param("return eval('('.repeat(1e5))", id="the engine's compiler"),
    pytest.param("return {data: new Proxy({}, {get(t, k, p) { return p[k]; }}).x}", id="a proxy that asks itself"),
]


@pytest.mark.parametrize("body", DEEP)
def test_depth_without_end_is_a_fault_and_no_crash(body: str) -> None:
    with SyncCodecs({"deep": hostile(body)}) as codecs:
        answer = codecs.call(ask("deep"))
        assert answer.fault is not None
        assert "Maximum call stack size exceeded" in answer.fault
        assert not answer.overran


def test_a_result_deeper_than_can_be_read_is_a_fault() -> None:
    with SyncCodecs({"deep": hostile("let a = {}; for (let i = 0; i < 600; i++) a = {a}; return {data: a}")}) as codecs:
        answer = codecs.call(ask("deep"))
        assert answer.data is not None or "cannot be read" in str(answer.fault)


def test_built_ins_that_a_call_changed_do_not_reach_the_answer_or_make_a_later_call_fail() -> None:
    body = """
        const array = [1];
        if (input.fPort === 2) {
          JSON.stringify = () => '{"data":{"forged":1}}'; JSON.parse = Date = Promise = String = Number = Reflect = null;
          Array.isArray = () => true; Array.prototype[Symbol.iterator] = Array.prototype.push = null;
          Object.prototype.errors = ["left"]; Function.prototype.call = Function.prototype.apply = null;
        }
        array.push(2);
        return {data: {array}};
    """
    with SyncCodecs({"poison": hostile(body)}) as codecs:
        assert [codecs.call(ask("poison", port)).data for port in (1, 2, 1, 3)] == [
            {"array": [1, 2]},
            None,
            *[{"array": [1, 2]}] * 2,
        ]


def test_a_codec_cannot_reach_another() -> None:
    sources = {
        "first": hostile("globalThis.secret = 1; Object.prototype.secret = 2; for (;;);"),
        "second": hostile("return {data: {s: typeof secret}}"),
    }
    with SyncCodecs(sources) as codecs:
        codecs.call(ask("first"))
        assert codecs.call(ask("second")).data == {"s": "undefined"}


def test_memory_stays_flat_however_often_it_is_eaten() -> None:
    sources = {
        f"eater {n}": hostile("const kept = globalThis.kept = []; for (;;) kept.push('x'.repeat(1e4) + kept.length)")
        for n in range(10)
    }
    with SyncCodecs(sources) as codecs:
        for codec in list(sources) * 2:
            assert codecs.call(ask(codec)).data is None
        [child] = children()
        assert int(Path(f"/proc/{child}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") < 90e6
