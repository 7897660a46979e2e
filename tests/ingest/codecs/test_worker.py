"""The child's program, in this process: each line has its answer, a fault names the line, and rights are given up in order."""

import errno
import json
import os
import resource
import signal
from collections.abc import Iterator

import pytest

from gateway.ingest.codecs import confinement, loading, worker
from gateway.ingest.codecs.loading import LOADED, NOTHING_SAID, Contexts, FaultError, LoadedCodec
from gateway.ingest.codecs.worker import ContextMemory, Server
from tests.rows import each_row

COUNTS = "function decodeUplink(input) { return {data: {bytes: input.bytes.length, port: input.fPort}}; }"


def page() -> memoryview:
    return memoryview(bytearray(16)).cast("Q")


def serving(*, keep_console: bool = False, memory: ContextMemory | None = None) -> Server:
    return Server(page(), memory or ContextMemory(1 << 28), keep_console=keep_console)


def answers(*lines: str, keep_console: bool = False, server: Server | None = None) -> list[str]:
    used = server or serving(keep_console=keep_console)
    return [part for answer in used.answers([line.encode() for line in lines]) for part in answer.split("\n")]


def source(number: int, text: str) -> str:
    return f"{number} {json.dumps(text)}"


def fault(text: str) -> list[object]:
    [found] = answers(source(1, text), "1 [[1,2],85,0,{}]")
    return list(json.loads(found))


def test_calls_are_answered_in_their_order_each_by_its_codec() -> None:
    other = "function decodeUplink() { return {data: {other: 1}}; }"
    found = answers(source(1, COUNTS), source(2, other), "1 [[1,2],85,0,{}]", "2 []", "2 [[],1,0,{}]", "1 [[],1,0,{}]")
    assert found[1] == LOADED
    assert [json.loads(line)["data"] for line in found if line != LOADED] == [
        {"bytes": 2, "port": 85},
        {"other": 1},
        {"bytes": 0, "port": 1},
    ]


def test_the_call_under_way_is_shared_and_none_is_at_the_end() -> None:
    progress = page()
    server = Server(progress, ContextMemory(1 << 28), keep_console=False)
    seen = [progress[0] for _ in server.answers([source(1, COUNTS).encode(), b"1 [[],1,0,{}]", b"1 []"])]
    assert (seen, progress[0]) == ([1, 2], 0)
    assert [progress[0] for _ in server.answers([b"1 []"])] == [3]


@each_row(
    ("text", "said"),
    [
        ("\nfunction decodeUplink() {\n throw new TypeError('no such port'); }", "TypeError: no such port (line 3)"),
        ("function decodeUplink() { return 7; }", "returned a number"),
        ("function decodeUplink() { throw 'only a text'; }", "threw only a text"),
        ("function decodeUplink( {", "SyntaxError"),
        (f"function decodeUplink() {{ throw new Error('{'x' * 500}'); }}", f"Error: {'x' * 393} (line 1)"),
        ("function decodeUplink() { return {data: 'x'.repeat(70000)}; }", "returned 70011 characters of JSON; 65536 are taken"),
    ],
)
def test_a_fault_is_told_with_its_line(text: str, said: str) -> None:
    told, overran = fault(text)
    assert isinstance(told, str)
    assert (told[: len(said)], overran) == (said, False)


def test_a_result_may_be_as_long_as_is_taken() -> None:
    [found] = answers(source(1, "function decodeUplink() { return {data: 'x'.repeat(65536 - 11)}; }"), "1 [[],1,0,{}]")
    assert len(found) == 65536


def test_a_codec_that_overran_is_called_again_when_that_is_known() -> None:
    endless = "let n = 0; function decodeUplink(input) { while (input.fPort === 2); return {data: {}}; }"
    server = serving()
    found = answers(source(1, endless), "1 [[],2,0,{}]", "1 [[],1,0,{}]", source(2, COUNTS), "2 []", server=server)
    assert found == ['["took more than 10 ms", true]', "null", LOADED]
    assert answers("1 [[],1,0,{}]", "1 true", "1 [[],1,0,{}]", server=server)[0] == "null"
    assert answers("1 []", server=server) == [LOADED]
    assert answers("1 [[],2,0,{}]", "1 null", source(1, COUNTS), "1 []", server=server)[1] == LOADED, "another codec"


def test_a_fault_in_a_used_context_is_tried_in_a_new_one() -> None:
    text = "function decodeUplink(i) { if (i.fPort === 9) throw new Error('always'); return {data: {}}; }"
    codec = LoadedCodec(json.dumps(text).encode(), Contexts(page()), keep_console=False)
    assert codec.answer("[[],1,0,{}]").startswith("{")
    with pytest.raises(FaultError) as raised:
        codec.answer("[[],9,0,{}]")
    assert (json.loads(raised.value.line), raised.value.overran) == (["Error: always (line 1)", False], False)
    assert codec.answer("[[],1,0,{}]").startswith("{")


def test_what_is_said_to_the_console_comes_before_the_answer_where_it_is_kept() -> None:
    text = "function decodeUplink(i) { if (i.fPort) console.log('port', i.fPort); return {data: {}}; }"
    lines = [source(1, text), "1 [[],5,0,{}]", "1 [[],0,0,{}]"]
    assert [line[:1] for line in answers(*lines)] == ["{", "{"]
    kept = answers(*lines, keep_console=True)
    assert (kept[0], [line[:1] for line in kept[1:]]) == ('"port 5"', ["{", "{"])
    assert NOTHING_SAID == '""'


@each_row(
    ("text", "works"),
    [
        ("function helper() { return 5; } function decodeUplink() { return {data: {n: this.helper()}}; }", True),
        ("function decodeUplink() { return {data: {n: Buffer.from([1, 2]).length}}; }", True),
        ("function decodeUplink() { return {data: {t: (1234.5).toLocaleString()}}; }", True),
        ("function Decode(port, bytes) { return {n: bytes.length}; }", True),
        ("function Decoder(bytes, port) { return {n: bytes.length}; }", True),
        ("var driver = {decodeUplink: function () { return {data: {n: 1}}; }};", True),
        ("function other() {}", False),
    ],
)
def test_codecs_are_taken_as_makers_write_them(text: str, works: bool) -> None:  # noqa: FBT001
    [found] = answers(source(1, text), "1 [[1,2],85,0,{}]")
    assert found.startswith("{") is works


def test_functions_are_shared_under_names_that_may_be_used() -> None:
    share = loading._share("this.b(); this . a ; this.class(); that.c(); this.b")  # noqa: SLF001
    entry = '"{0}": typeof {0} === "function" ? {0} : undefined'
    assert share == f"$share({{{entry.format('a')}, {entry.format('b')}}}); "
    assert loading._share("that.c()") == ""  # noqa: SLF001
    assert loading._words("a.b constructor $c") == {"a", "b", "$c"}  # noqa: SLF001
    assert loading._words("x.constructor y") == {"x", "constructor", "y"}  # noqa: SLF001


def test_lines_are_read_and_answered_until_the_input_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    reads = iter([f"{source(1, COUNTS)}\n1 [".encode(), b"]\n1 []\n1 ", b"[]\n", b""])
    written: list[bytes] = []

    def write(descriptor: int, data: memoryview) -> int:
        assert descriptor == 1
        written.append(bytes(data[:15]))
        return len(written[-1])

    monkeypatch.setattr(worker.os, "read", lambda descriptor, most: next(reads) if (descriptor, most) == (0, 65536) else None)
    monkeypatch.setattr(worker.os, "write", write)
    worker.serve(serving())
    assert b"".join(written) == b'{"data":{}}\n' * 3
    monkeypatch.setattr(worker, "ANSWER_WITHIN_S", -1.0)
    reads, written[:] = iter([f"{source(1, COUNTS)}\n1 []\n1 []\n".encode(), b""]), []
    worker.serve(serving())
    assert len(written) == 2, "each answer at once where they take long"


@pytest.mark.parametrize("end", ["", "\n", "\nundefined"])
def test_an_interruption_is_an_overrun_however_the_engine_ends_its_text(end: str) -> None:
    found = loading._fault(f"InternalError: interrupted{end}", "")  # noqa: SLF001
    assert (found.overran, json.loads(found.line)) == (True, ["took more than 10 ms", True])


def test_the_limit_of_loading_is_as_long_as_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    limits_s = []
    for took_s in (0.0001, 0.005, 1.0):
        times_s = iter([10.0, 10.0 + took_s])
        monkeypatch.setattr(loading.time, "process_time", lambda times_s=times_s: next(times_s))
        contexts = Contexts(page())
        contexts.measure()
        limits_s.append(round(contexts.load_limit_s, 3))
    assert limits_s == [0.1, 1.0, 5.0]


def test_the_end_is_left_to_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    ignored: list[tuple[int, object]] = []
    niced: list[int] = []
    monkeypatch.setattr(worker.signal, "signal", lambda number, handler: ignored.append((number, handler)))
    monkeypatch.setattr(worker.os, "nice", niced.append)
    called: list[tuple[int, int]] = []

    class Library:
        def __init__(self, _: None) -> None:
            self.prctl = lambda option, value: called.append((option, value))

    monkeypatch.setattr(worker.ctypes, "CDLL", Library)
    worker.yield_to_parent()
    assert ignored == [(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert (niced, called) == ([5], [(1, signal.SIGKILL)])


def test_limits_are_set_below_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    found: dict[int, tuple[int, int]] = {}
    hard = {resource.RLIMIT_DATA: 1000, resource.RLIMIT_NPROC: 5}
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (0, hard.get(kind, resource.RLIM_INFINITY)))
    monkeypatch.setattr(resource, "setrlimit", found.__setitem__)
    assert list(confinement._limit()) == []  # noqa: SLF001
    assert found == {
        resource.RLIMIT_AS: (384 * 2**20, 384 * 2**20),
        resource.RLIMIT_DATA: (1000, 1000),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (0, 0),
        resource.RLIMIT_NPROC: (0, 0),
    }


def test_what_cannot_be_given_up_is_told_and_the_rest_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fails() -> Iterator[str]:
        raise OSError(errno.ENOSYS, "Function not implemented")

    def lacks() -> Iterator[str]:
        done.append("lacks")
        yield "nothing about files"

    monkeypatch.setattr(confinement, "STEPS", (("Landlock", fails), ("seccomp", lacks)))
    assert confinement.confine() == (["Landlock: Function not implemented", "seccomp: nothing about files"], True)
    monkeypatch.setattr(confinement, "STEPS", (("limits", lacks), ("Landlock", fails), ("seccomp", fails)))
    assert confinement.confine()[1] is False
    done.pop()
    monkeypatch.setattr(confinement.sys, "platform", "darwin")
    assert confinement.confine() == (["darwin confines no codec; Linux does"], False)
    assert done == ["lacks"]


def test_the_kernel_is_called_and_its_errors_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[object]] = []
    result = 0

    class Call:
        restype: object = None

        def __call__(self, *arguments: object) -> int:
            calls.append([getattr(argument, "value", argument) for argument in arguments])
            return result

    class Library:
        def __init__(self, _: None, *, use_errno: bool) -> None:
            assert use_errno
            self.prctl = self.syscall = Call()

    monkeypatch.setattr(confinement.ctypes, "CDLL", Library)
    monkeypatch.setattr(confinement.ctypes, "get_errno", lambda: errno.EPERM)
    list(confinement._no_new_privileges())  # noqa: SLF001
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    assert list(confinement.filter_calls()) == []
    assert calls[0] == [38, 1, 0, 0, 0]
    assert calls[1][:2] == [22, 2]
    assert confinement._system_call(444, 7) == 0  # noqa: SLF001
    assert calls[2] == [444, 7]
    result = -1
    with pytest.raises(PermissionError):
        confinement._system_call(444)  # noqa: SLF001
    with pytest.raises(PermissionError, match=os.strerror(errno.EPERM)):
        list(confinement._no_new_privileges())  # noqa: SLF001
