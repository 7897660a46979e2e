"""Many codecs share one child: contexts unused for long go, and nobody is blamed for what others took."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from gateway.core.message import CodecAsk
from gateway.ingest.codecs import loading, worker
from gateway.ingest.codecs.async_client import AsyncCodecs
from gateway.ingest.codecs.loading import Contexts, LoadedCodec
from gateway.ingest.codecs.process import SyncCodecs
from gateway.ingest.codecs.protocol import CodecAnswer, arguments, source_line
from gateway.ingest.codecs.worker import ContextMemory, Server

FOLDER = Path(__file__).parent
CONTEXTS = 120
"""As many take 25 MB, more than the small child has."""
HOARDS = "const kept = []; for (;;) kept.push(new ArrayBuffer(1 << 22)); return {data: {}}"


def named(number: int) -> str:
    return f"function decodeUplink(input) {{ return {{data: {{n: {number}, port: input.fPort}}}}; }}"


async def ask_all(codecs: AsyncCodecs, asked: list[CodecAsk]) -> list[CodecAnswer]:
    """Ask in one turn; the answers in their order."""
    running = asyncio.create_task(codecs.run())
    futures = []
    for ask in asked:
        future: asyncio.Future[CodecAnswer] = asyncio.get_running_loop().create_future()
        codecs.ask(ask, future.set_result)
        futures.append(future)
    try:
        async with asyncio.timeout(60):
            return await asyncio.gather(*futures)
    finally:
        running.cancel()
        await asyncio.wait([running])


def contexts() -> Contexts:
    return Contexts(memoryview(bytearray(8)).cast("Q"))


def codec_of(size_bytes: int) -> LoadedCodec:
    codec = LoadedCodec(json.dumps(named(1)).encode(), contexts(), keep_console=False)
    codec.size_bytes = size_bytes
    return codec


def test_contexts_unused_for_longest_are_dropped_when_all_take_half_of_the_memory() -> None:
    memory = ContextMemory(100)
    first, second, third, large = codec_of(20), codec_of(20), codec_of(15), codec_of(60)
    for codec in (first, second, first, third):
        memory.used(codec)
    assert [codec.size_bytes for codec in (first, second, third)] == [20, 0, 15], "the second was not asked since"
    memory.used(large)
    assert [codec.size_bytes for codec in (first, third, large)] == [0, 0, 60], "the one that is asked stays"
    other = codec_of(10)
    memory.used(other)
    assert (large.size_bytes, other.size_bytes) == (0, 10)
    memory.forget(other)
    memory.used(last := codec_of(49))
    memory.used(codec_of(1))
    assert (other.size_bytes, last.size_bytes) == (0, 49), "what was forgotten counts no more"


def test_a_full_process_writes_what_is_ready_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    page = memoryview(bytearray(16)).cast("Q")
    server = Server(page, ContextMemory(1 << 28), keep_console=False)
    lines = [source_line(1, named(1)), source_line(2, f"function decodeUplink() {{ {HOARDS} }}"), b"1 [[],7,0,{}]\n"]
    reads = iter([b"".join([*lines, b"2 [[],1,0,{}]\n"]), b"2 [[],1,0,{}]\n1 [[],8,0,{}]\n", b"1 [[],9,0,{}]\n", b""])
    written: list[bytes] = []

    def write(_: int, data: memoryview) -> int:
        written.append(bytes(data))
        return len(data)

    def end_of_read() -> None:
        written.append(b"|")
        monkeypatch.setattr(worker, "is_full", lambda: True)

    monkeypatch.setattr(os, "read", lambda *_: next(reads))
    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(server.contexts, "take", contexts().take)
    monkeypatch.setattr(server.contexts, "make_ready", end_of_read)
    worker.serve(server)
    told = b"".join(written).split(b"|")
    assert told[0].splitlines()[0] == b'{"data":{"n":1,"port":7}}'
    assert b"out of memory" in told[0].splitlines()[1], "while there is room it is its own fault"
    assert told[1:] == [b""], "nothing of the second read, whose first call found no room"
    assert page[0] == 3, "the call that it ended in"


def test_who_fills_a_fresh_process_alone_is_told_so_and_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "small_worker.py")
    sources = {"good": named(1), "other": named(2), "hoards": f"function decodeUplink(input) {{ {HOARDS} }}"}
    codecs = AsyncCodecs(sources, lambda _key: None)
    asked = [CodecAsk(name, b"", port, 0) for port in (1, 2) for name in ("good", "hoards", "other")]
    given = asyncio.run(ask_all(codecs, asked))
    assert [answer.data for answer in given] == [
        *({"n": 1, "port": 1}, None, {"n": 2, "port": 1}),
        *({"n": 1, "port": 2}, None, {"n": 2, "port": 2}),
    ]
    assert {answer.fault is not None for answer in (given[1], given[4])} == {True}


def test_a_full_child_costs_a_restart_and_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "small_worker.py")
    codecs = AsyncCodecs({f"c{number}": named(number) for number in range(CONTEXTS)}, lambda _key: None)
    asked = [CodecAsk(f"c{number}", b"", 7, 0) for number in range(CONTEXTS)]
    given = asyncio.run(ask_all(codecs, asked))
    assert [answer.data for answer in given] == [{"n": number, "port": 7} for number in range(CONTEXTS)]
    assert codecs.restarts >= 1
    assert codecs.suspended == {}


def test_a_command_with_many_codecs_blames_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.codecs.process._PROGRAM", FOLDER / "small_worker.py")
    with SyncCodecs({f"c{number}": named(number) for number in range(CONTEXTS)}) as codecs:
        for number in range(CONTEXTS):
            assert codecs.call(CodecAsk(f"c{number}", b"", 7, 0)).data == {"n": number, "port": 7}


def test_who_is_loaded_anew_for_each_frame_that_fails_has_overrun_once_that_takes_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "function decodeUplink(input) { if (input.fPort > 1) throw new Error('no'); return { data: { ph: 7 } }; }"
    codec = LoadedCodec(json.dumps(source).encode(), contexts(), keep_console=False)

    def fault() -> list[object]:
        with pytest.raises(loading.FaultError) as found:
            codec.answer(failing)
        return list(json.loads(found.value.line))

    sound, failing = (arguments(CodecAsk("x", b"", port, 0)).decode() for port in (1, 2))
    assert [fault() for _ in range(50)] == [["Error: no (line 1)", False]] * 50
    monkeypatch.setattr(loading, "LOADINGS_MAX", 0.0)
    assert fault() == [loading.RELOADED, True]
    assert "7" in codec.answer(sound)
