"""The program in which makers' codecs run: a process of its own, started and, if need be, killed by the gateway.

It imports nothing of the gateway but the file beside it, so that it starts fast and holds nothing worth having. Before it takes
the first codec it gives up all rights that decoding does not need: see :mod:`gateway.ingest.codecs.confinement`. The lines that
come in and go out are described in :mod:`gateway.ingest.codecs.protocol`. Each codec has one context of the engine, made at its
first call and again after every fault. A fault in a used context is not final: the call is repeated in a new one, so that no
call can spoil a later one. That holds for a call that took too long as well: on a virtual machine, time that its host took away
counts as the child's own work.

It lives as long as its standard input is open, whatever signals its process group gets.
"""

import ctypes
import json
import mmap
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import _quickjs  # the engine alone: the package around it starts a thread, which would stay unconfined

CALL_LIMIT_S: Final = 0.01
MEMORY_BYTES: Final = 16 * 1024 * 1024
STACK_BYTES: Final = 1024 * 1024
RESULT_CHARACTERS: Final = 64 * 1024
MESSAGE_CHARACTERS: Final = 400
NICENESS: Final = 5
READ_BYTES: Final = 65536
ANSWER_WITHIN_S: Final = 0.005
PR_SET_PDEATHSIG: Final = 1

OVERRAN: Final = f"took more than {CALL_LIMIT_S * 1000:g} ms"
NOTHING_SAID: Final = '""'
GIVEN_BACK: Final = "null"
LOADED: Final = '{"data":{}}'

HEAD: Final = "(function (module, exports, console, require, context, Buffer, $share) { return (() => {"
TAIL: Final = """
;{}return {{
  decodeUplink: typeof decodeUplink === "function" ? decodeUplink : undefined,
  Decode: typeof Decode === "function" ? Decode : undefined,
  Decoder: typeof Decoder === "function" ? Decoder : undefined,
  driver: typeof driver === "undefined" ? undefined : driver,
}};}})(); }})"""
OF_THIS: Final = re.compile(r"\bthis\s*\.\s*([A-Za-z_$][\w$]*)")
"""Names that may be functions at the top of a text, called as ``this.f()``."""
RESERVED: Final = (
    " arguments await break case catch class const continue debugger default delete do else enum eval export extends false "
    "finally for function if implements import in instanceof interface let new null package private protected public return "
    "static super switch this throw true try typeof var void while with yield "
)
BUFFER: Final = re.compile(r"\bBuffer\b")
LOCALE: Final = re.compile(r"\btoLocale\w*String\b")
WORD: Final = re.compile(r"[A-Za-z_$][\w$]*")
AS_PROPERTY: Final = re.compile(r"[.'\"`]\s*constructor\b")
OWN_LINES: Final = 50_000
"""Lines from here on are of our own scripts: the engine calls every text ``<input>``."""


def _script(name: str) -> str:
    return "\n" * OWN_LINES + Path(__file__).with_name(name).read_text(encoding="utf-8")


SHELL: Final = _script("shell.js")
BUFFERS: Final = _script("buffer.js")
LOCALES: Final = _script("locale.js")


class FaultError(Exception):
    """A codec gave no result: the ``line`` of the answer with the fault, and whether the codec took longer than it may."""

    def __init__(self, text: str, *, overran: bool = False) -> None:
        self.line = json.dumps([text.encode(errors="replace").decode(), overran])
        self.overran = overran


class LoadedCodec:
    """One maker's codec and its context; ``console``: its output to the console in the last call, as JSON."""

    def __init__(self, source: str, *, keep_console: bool) -> None:
        self._source = source
        self._keep_console = keep_console
        self._decode: Callable[[str | None], object] | None = None
        self.console = NOTHING_SAID

    def answer(self, arguments: str) -> str:
        """The answer to one call; :class:`FaultError` if it gave no result in a new context."""
        used = self._decode is not None
        try:
            return self._answer(arguments)
        except FaultError:
            self._decode = None
            if not used:
                raise
        return self.answer(arguments)

    def _answer(self, arguments: str) -> str:
        try:
            if self._decode is None:
                self._decode = self._load()
            if arguments == "[]":
                return LOADED
            before_s = time.process_time()
            result = self._decode(arguments)
            if self._keep_console:
                self.console = str(self._decode(None))
        except (_quickjs.JSException, TypeError, ValueError) as error:  # the last two: text or a value that Python cannot hold
            text, _, stack = str(error).partition("\n    at ")
            raise _fault(text, stack) from error
        if time.process_time() - before_s > CALL_LIMIT_S:  # in one native function, where the engine does not check its limit
            raise FaultError(OVERRAN, overran=True)
        if not isinstance(result, str) or not result.startswith("{"):
            raise FaultError("did not return a JSON object")
        if result.startswith('{"!":'):
            match json.loads(result):
                case {"!": [str(text), str(stack)]}:
                    raise _fault(text, stack)
        if len(result) > RESULT_CHARACTERS:
            raise FaultError(f"returned {len(result)} characters of JSON; {RESULT_CHARACTERS} are taken")
        return result

    def _load(self) -> Callable[[str | None], object]:
        context = _quickjs.Context()
        context.set_memory_limit(MEMORY_BYTES)
        context.set_max_stack_size(STACK_BYTES)
        context.set_time_limit(CALL_LIMIT_S)
        shell, source = context.eval(SHELL), self._source
        buffer = context.eval(BUFFERS) if BUFFER.search(source) else None
        if LOCALE.search(source):
            context.eval(LOCALES)
        define = context.eval(HEAD + source + TAIL.format(_share(source)))
        decode: Callable[[str | None], object] = shell(define, self._keep_console, buffer, _words(source))
        return decode


def _words(source: str) -> str:
    """The names in a text; ``constructor`` only outside of classes."""
    words = set(WORD.findall(source))
    if not AS_PROPERTY.search(source):
        words.discard("constructor")
    return " ".join(words)


def _share(source: str) -> str:
    """The statement that puts functions which a text calls as ``this.f()`` where it looks for them."""
    names = sorted(set(OF_THIS.findall(source)))
    shared = ", ".join(
        f'"{name}": typeof {name} === "function" ? {name} : undefined' for name in names if f" {name} " not in RESERVED
    )
    return f"$share({{{shared}}}); " if shared else ""


def _fault(text: str, stack: str) -> FaultError:
    """Describe what was thrown, and in which line of the codec."""
    text = text[:MESSAGE_CHARACTERS].removesuffix("\nundefined")  # what the engine's package puts after what has no stack
    if text == "InternalError: interrupted":
        return FaultError(OVERRAN, overran=True)
    for frame in stack.splitlines():
        if "$shell" in frame:
            break
        _, found, place = frame.partition("<input>:")
        line = place.split(":")[0]
        if found and int(line) < OWN_LINES:
            return FaultError(f"{text} (line {line})")
    return FaultError(text)


class Server:
    """Answers the lines of one read at a time, in their order."""

    def __init__(self, progress: memoryview, *, keep_console: bool) -> None:
        self._codecs: dict[str, LoadedCodec] = {}
        self._progress = progress
        self._keep_console = keep_console
        self._overran: set[str] = set()
        self._calls = 0

    def answers(self, lines: list[bytes]) -> Iterator[str]:
        """The answer to each call in ``lines``. Calls sent before it was known that their codec had overrun are given back."""
        for line in lines:
            number, _, text = line.decode().partition(" ")
            if text[0] == '"':
                self._codecs[number] = LoadedCodec(json.loads(text), keep_console=self._keep_console)
            elif text == "true":
                self._overran.discard(number)
            elif text == "null":
                del self._codecs[number]
                self._overran.discard(number)
            else:
                self._calls += 1
                self._progress[0] = self._calls
                yield from self._answer(number, text)
        self._progress[0] = 0

    def _answer(self, number: str, arguments: str) -> Iterator[str]:
        if number in self._overran:
            yield GIVEN_BACK
            return
        codec = self._codecs[number]
        try:
            answer = codec.answer(arguments)
        except FaultError as fault:
            answer = fault.line
            if fault.overran:
                self._overran.add(number)
        if codec.console != NOTHING_SAID:
            yield codec.console
            codec.console = NOTHING_SAID
        yield answer


def serve(server: Server) -> None:
    """Read, answer, write, until standard input ends."""
    rest = b""
    while data := os.read(0, READ_BYTES):
        *lines, rest = (rest + data).split(b"\n")
        ready: list[str] = []
        due_s = time.monotonic() + ANSWER_WITHIN_S
        for answer in server.answers(lines):
            ready.append(answer)
            if time.monotonic() > due_s:
                _write(ready)
                due_s = time.monotonic() + ANSWER_WITHIN_S
        _write(ready)


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
    """Serve; arguments: the descriptor of the shared counter of calls, and whether to keep console texts."""
    from confinement import confine  # noqa: PLC0415 - beside this program, whose folder is on the path only when it runs

    progress, console = sys.argv[1:]
    yield_to_parent()
    with memoryview(mmap.mmap(int(progress), mmap.PAGESIZE)).cast("Q") as cell, suppress(BrokenPipeError, ConnectionResetError):
        os.close(int(progress))
        _write([json.dumps(confine())])
        serve(Server(cell, keep_console=console == "console"))


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing is left to tidy up
