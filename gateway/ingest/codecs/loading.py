"""One maker's codec in the child: from its text to a context of the engine, and from a call to the line of its answer.

A fault in a used context is not final: the call is repeated in a new one, so that no call can spoil a later one. That holds for
a call that took too long as well: on a virtual machine, time that its host took away counts as the child's own work.

Loading has a limit of its own, in the speed of the machine: it is measured at the start of the child by our own script, which
is known. The limit of a call is the same everywhere, for it is what a frame may cost its neighbours.
"""

import json
import re
import time
import zlib
from collections.abc import Callable
from math import exp
from pathlib import Path
from typing import Final, TypeAlias

import _quickjs  # the engine alone: the package around it starts a thread, which would stay unconfined

CALL_LIMIT_S: Final = 0.01
LOADS: Final = 200
"""As many times the work of our own script, which is known, may it take to load a codec."""
LOAD_LEAST_S: Final = 0.1
LOAD_MOST_S: Final = 5.0
LOADINGS_MAX: Final = 10.0
"""As many times the limit of loading may be spent on it in about a minute while frames fail: each that does costs a loading."""
LOADINGS_OVER_S: Final = 60.0
MEMORY_BYTES: Final = 16 * 1024 * 1024
STACK_BYTES: Final = 1024 * 1024
RESULT_CHARACTERS: Final = 64 * 1024
MESSAGE_CHARACTERS: Final = 400
UNCOUNTED_BYTES: Final = 72 * 1024
"""What a context takes beside what the engine counts."""

OVERRAN: Final = f"took more than {CALL_LIMIT_S * 1000:g} ms"
INTERRUPTED: Final = "InternalError: interrupted"
OUT_OF_MEMORY: Final = "out of memory"
RELOADED: Final = "fails, and took too long to load again for each message"
NOTHING_SAID: Final = '""'
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
LOCALE: Final = {"toLocaleString", "toLocaleDateString", "toLocaleTimeString"}
NAMES: Final = bytes(byte if re.match(r"[\w$]", chr(byte), re.ASCII) else ord(" ") for byte in range(256))
"""Turns a text into its names, with spaces between them: several times as fast as a pattern."""
AS_PROPERTY: Final = re.compile(r"[.'\"`]\s*constructor\b")
NUL: Final = re.compile(r"(\\*)\0")
ESCAPE: Final = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..|(\\u[dD][89a-fA-F]..)|\\.")
"""An escape in JSON; the group is half a surrogate pair."""
OWN_LINES: Final = 10_000
"""Lines from here on are of our own scripts: the engine calls every text ``<input>``."""


def _script(name: str) -> str:
    return "\n" * OWN_LINES + Path(__file__).with_name(name).read_text(encoding="utf-8")


_Decode: TypeAlias = Callable[[str | None], object]
_Ready: TypeAlias = tuple[_quickjs.Context, Callable[..., _Decode]]

SHELL: Final = _script("shell.js")
BUFFERS: Final = _script("buffer.js")
LOCALES: Final = _script("locale.js")


class FaultError(Exception):
    """A codec gave no result: the ``line`` of the answer with the fault, and if it took too long or found no more memory."""

    def __init__(self, text: str, *, overran: bool = False) -> None:
        self.line = json.dumps([text.encode(errors="replace").decode(), overran])
        self.overran = overran
        self.of_memory = OUT_OF_MEMORY in text


class Contexts:
    """Makes contexts with the shell in them; one is kept ready, made while nothing is asked.

    ``loadings`` counts the beginnings and ends of loading for the parent's eyes: it is odd while a codec is being loaded.
    """

    def __init__(self, loadings: memoryview) -> None:
        self.load_limit_s = LOAD_LEAST_S
        self.loadings = loadings
        self._ready: list[_Ready] = []

    def measure(self) -> None:
        """Make the first one, and find out by it how fast this machine is."""
        began_s = time.process_time()
        self.make_ready()
        self.load_limit_s = min(max(LOADS * (time.process_time() - began_s), LOAD_LEAST_S), LOAD_MOST_S)

    def make_ready(self) -> None:
        """Make one ahead of its need."""
        if not self._ready:
            context = _quickjs.Context()
            context.set_memory_limit(MEMORY_BYTES)
            context.set_max_stack_size(STACK_BYTES)
            self._ready.append((context, context.eval(SHELL)))

    def take(self) -> _Ready:
        """A context that nobody else uses, and its shell."""
        self.make_ready()
        return self._ready.pop()


class LoadedCodec:
    """One maker's codec and, once it was called, its context.

    :ivar console: its output to the console in the last call, as JSON.
    :ivar size_bytes: the memory of its context when it was last weighed; 0 without one.
    """

    def __init__(self, source: bytes, contexts: Contexts, *, keep_console: bool) -> None:
        """Take the text as JSON, as it came; it is kept small until it is loaded."""
        self._source = zlib.compress(source, 1)
        self._keep_console = keep_console
        self._contexts = contexts
        self._context: _quickjs.Context | None = None
        self._decode: _Decode | None = None
        self._loading_s = self._loaded_at_s = 0.0
        self.console = NOTHING_SAID
        self.size_bytes = 0

    def drop(self) -> None:
        """Forget the context; the next call makes another."""
        self._context = self._decode = None
        self.size_bytes = 0

    def answer(self, arguments: str) -> str:
        """The answer to one call; :class:`FaultError` if it gave no result in a new context."""
        used = self._decode is not None
        try:
            return self._answer(arguments)
        except FaultError as fault:
            self.drop()
            if not used and self._loading_s > LOADINGS_MAX * self._contexts.load_limit_s:
                raise FaultError(RELOADED, overran=True) from fault  # in our own words: the log tells it
            if not used:
                raise
        return self.answer(arguments)

    def weigh(self) -> None:
        """Find out how much memory its context takes."""
        if self._context is not None:
            self.size_bytes = self._context.memory()["malloc_size"] + UNCOUNTED_BYTES

    def _answer(self, arguments: str) -> str:
        try:
            decode = self._decode or self._load()
            if arguments == "[]":
                return LOADED
            before_s = time.process_time()
            result = decode(arguments)
            if self._keep_console:
                self.console = str(decode(None))
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
        return ESCAPE.sub(_whole, result) if "\\ud" in result else result

    def _load(self) -> _Decode:
        """Make the context, under the limit of loading."""
        loadings, limit_s = self._contexts.loadings, self._contexts.load_limit_s
        source = json.loads(zlib.decompress(self._source))
        source = NUL.sub(_escaped, source) if "\0" in source else source
        words = _words(source)
        loadings[0] += 1
        before_s = time.process_time()
        try:
            context, shell = self._contexts.take()
            context.set_time_limit(limit_s)
            buffer = context.eval(BUFFERS) if "Buffer" in words else None
            if not LOCALE.isdisjoint(words):
                context.eval(LOCALES)
            define = context.eval(HEAD + source + TAIL.format(_share(source)))
            decode = shell(define, self._keep_console, buffer, " ".join(words))
        except _quickjs.JSException as error:
            if str(error).startswith(INTERRUPTED):
                raise _slow(limit_s) from error
            raise
        finally:
            loadings[0] += 1
            self._note_loading(time.process_time() - before_s)
        if time.process_time() - before_s > limit_s:
            raise _slow(limit_s)
        context.set_time_limit(CALL_LIMIT_S)
        self._context, self._decode = context, decode
        self.weigh()
        return decode

    def _note_loading(self, took_s: float) -> None:
        """Count the time spent on loading, which fades within a minute."""
        now_s = time.monotonic()
        self._loading_s = self._loading_s * exp((self._loaded_at_s - now_s) / LOADINGS_OVER_S) + took_s
        self._loaded_at_s = now_s


def _words(source: str) -> set[str]:
    """The names in a text; ``constructor`` only outside of classes."""
    words = set(source.encode(errors="replace").translate(NAMES).decode().split())
    if "constructor" in words and not AS_PROPERTY.search(source):
        words.remove("constructor")
    return words


def _share(source: str) -> str:
    """The statement that puts functions which a text calls as ``this.f()`` where it looks for them."""
    names = sorted(set(OF_THIS.findall(source))) if "this" in source else ()
    shared = ", ".join(
        f'"{name}": typeof {name} === "function" ? {name} : undefined' for name in names if f" {name} " not in RESERVED
    )
    return f"$share({{{shared}}}); " if shared else ""


def _escaped(found: re.Match[str]) -> str:
    """A NUL in a text or a pattern, written so that the engine's package takes it; it may be escaped itself."""
    before = found[1]
    return f"{before}x00" if len(before) % 2 else f"{before}\\x00"


def _whole(found: re.Match[str]) -> str:
    """An escape of JSON as it is, but for half a surrogate pair: that becomes U+FFFD, as at the network servers."""
    return "\\ufffd" if found[1] else found[0]


def _slow(limit_s: float) -> FaultError:
    return FaultError(f"took more than {limit_s * 1000:.0f} ms to load", overran=True)


def _fault(text: str, stack: str) -> FaultError:
    """Describe what was thrown, and in which line of the codec."""
    text = text[:MESSAGE_CHARACTERS].removesuffix("\nundefined").rstrip()  # what the package puts after what has no stack
    if text == INTERRUPTED:
        return FaultError(OVERRAN, overran=True)
    if text == "null":  # as the engine throws it where not even an error can be made
        return FaultError("null, or out of memory")
    for frame in stack.splitlines():
        if "$shell" in frame:
            break
        _, found, place = frame.partition("<input>:")
        line = place.split(":")[0]
        if found and int(line) < OWN_LINES:
            return FaultError(f"{text} (line {line})")
    return FaultError(text)
