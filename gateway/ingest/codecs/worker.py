"""The program in which makers' codecs run: a process of its own, started and, if need be, killed by the gateway.

It imports little, so that it starts fast and holds nothing worth having. Before it takes the first codec it gives up all rights
that decoding does not need: see :mod:`gateway.ingest.codecs.confinement`. The lines that come in and go out are described in
:mod:`gateway.ingest.codecs.protocol`. Each codec has one context of the engine, made at its first call and again after every
fault: see :mod:`gateway.ingest.codecs.loading`.

Memory. Contexts unused for longest are dropped when all together take more than half of what the process may have; so there is
room for one more at any time. Should there be none all the same, no codec is blamed: the process answers what is ready and
ends, and the gateway asks again in a new one. Only who fills a new process alone is told so.

It lives as long as its standard input is open, whatever signals its process group gets.
"""

import ctypes
import json
import mmap
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from gateway.ingest.codecs.confinement import DATA_BYTES, confine
from gateway.ingest.codecs.loading import MEMORY_BYTES, NOTHING_SAID, Contexts, FaultError, LoadedCodec

NICENESS: Final = 5
READ_BYTES: Final = 65536
ANSWER_WITHIN_S: Final = 0.005
PR_SET_PDEATHSIG: Final = 1
GIVEN_BACK: Final = "null"
WEIGHED_EVERY: Final = 256
"""Calls after which the context that is in use is weighed again."""
FULL: Final = "takes more memory than the process has"


class FullError(Exception):
    """There is no room in this process, which served other codecs before."""


class ContextMemory:
    """Keeps account of the codecs that have a context, the one asked last at the end, and of what they take."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._size_bytes: dict[LoadedCodec, int] = {}
        self._total_bytes = 0
        self._last: LoadedCodec | None = None

    def used(self, codec: LoadedCodec) -> None:
        """Note that a codec was called, once in a row; drop the contexts unused for longest if all take too much."""
        if codec is self._last:
            return
        self._last = codec
        before, now = self._size_bytes.pop(codec, 0), codec.size_bytes
        self._total_bytes += now - before
        if now:
            self._size_bytes[codec] = now
        while self._total_bytes > self._limit_bytes // 2 and len(self._size_bytes) > 1:
            oldest = next(iter(self._size_bytes))
            oldest.drop()
            self._total_bytes -= self._size_bytes.pop(oldest)

    def forget(self, codec: LoadedCodec) -> None:
        """Forget a codec that is not needed any more."""
        codec.drop()
        self._total_bytes -= self._size_bytes.pop(codec, 0)


def is_full() -> bool:
    """Tell if a context may have failed for want of room in the process, and not for its own limit."""
    try:
        bytes(2 * MEMORY_BYTES)  # asked for and given back, without a page of it being touched
    except MemoryError:
        return True
    return False


class Server:
    """Answers the lines of one read at a time, in their order."""

    def __init__(self, progress: memoryview, memory: ContextMemory, *, keep_console: bool) -> None:
        """``progress``: the call under way, and the beginnings and ends of loading."""
        self.contexts = Contexts(progress[1:])
        self._codecs: dict[bytes, LoadedCodec] = {}
        self._progress = progress
        self._memory = memory
        self._keep_console = keep_console
        self._overran: set[bytes] = set()
        self._calls = 0

    def answers(self, lines: list[bytes]) -> Iterator[str]:
        """The answer to each call in ``lines``. Calls sent before it was known that their codec had overrun are given back."""
        for line in lines:
            number, _, text = line.partition(b" ")
            if text.startswith(b'"'):
                self._codecs[number] = LoadedCodec(text, self.contexts, keep_console=self._keep_console)
            elif text == b"true":
                self._overran.discard(number)
            elif text == b"null":
                self._memory.forget(self._codecs.pop(number))
                self._overran.discard(number)
            else:
                self._calls += 1
                self._progress[0] = self._calls
                yield self._answer(number, text.decode())
        self._progress[0] = 0

    def _answer(self, number: bytes, arguments: str) -> str:
        """Answer a call; :class:`FullError` if it may be others that left no room for it."""
        if number in self._overran:
            return GIVEN_BACK
        codec = self._codecs[number]
        try:
            answer = codec.answer(arguments)
        except FaultError as fault:
            if fault.of_memory and self._calls > 1 and is_full():
                raise FullError from fault
            answer = fault.line
            if fault.overran:
                self._overran.add(number)
        except MemoryError as error:
            if self._calls > 1:
                raise FullError from error
            answer = FaultError(FULL).line
        if self._calls % WEIGHED_EVERY == 0:
            codec.weigh()
        self._memory.used(codec)
        if codec.console != NOTHING_SAID:
            answer, codec.console = f"{codec.console}\n{answer}", NOTHING_SAID
        return answer


def serve(server: Server) -> None:
    """Read, answer, write, until standard input ends, or there is no room."""
    rest = b""
    while data := os.read(0, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        ready: list[str] = []
        due_s = time.monotonic() + ANSWER_WITHIN_S
        try:
            for answer in server.answers(lines):
                ready.append(answer)
                if time.monotonic() > due_s:
                    _write(ready)
                    due_s = time.monotonic() + ANSWER_WITHIN_S
        except FullError:
            return
        finally:
            _write(ready)
        server.contexts.make_ready()


def _write(answers: list[str]) -> None:
    data = memoryview("".join([f"{answer}\n" for answer in answers]).encode())
    answers.clear()
    while data:
        data = data[os.write(1, data) :]


def yield_to_parent() -> None:
    """Leave the end of this process to its parent, and run at low priority."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(NICENESS)
    if sys.platform == "linux":  # elsewhere a parent that was killed leaves it alive until the call under way ends
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Serve; arguments: the descriptor of the shared counters, whether to keep console texts, whether to run unconfined."""
    shared, console, unconfined = sys.argv[1:]
    yield_to_parent()
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    memory = ContextMemory(DATA_BYTES if hard == resource.RLIM_INFINITY else min(hard, DATA_BYTES))
    with memoryview(mmap.mmap(int(shared), mmap.PAGESIZE)).cast("Q") as page, suppress(BrokenPipeError, ConnectionResetError):
        os.close(int(shared))
        server = Server(page, memory, keep_console=console == "console")
        missing, is_confined = confine()
        server.contexts.measure()
        _write([json.dumps({"missing": missing, "confined": is_confined, "load_limit_s": server.contexts.load_limit_s})])
        if is_confined or unconfined == "unconfined":
            serve(server)


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing is left to tidy up
