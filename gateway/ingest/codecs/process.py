"""The child process that runs makers' codecs: its start and end, for all clients; and reading the codecs' texts.

Commands ask it one call at a time (:class:`SyncCodecs`), under the same limits as in the running gateway.
"""

import importlib.util
import logging
import mmap
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.protocol import (
    INSTALL,
    LINE_BYTES_MAX,
    LOAD_ONLY,
    OVERRUN_KNOWN,
    UNCONFINED,
    CodecAnswer,
    arguments,
    child_line,
    read_answer,
    read_greeting,
    source_line,
)
from gateway.support.config.files import ConfigurationFault
from gateway.support.private_files import read_bytes

log = logging.getLogger("gateway.codecs")

BROUGHT_DOWN: Final = "brought down the process it runs in"
KILL_AFTER_S: Final = 0.25
"""Longest time in one call, for cases beyond the engine's own limit, inside one native function."""
CHECK_S: Final = KILL_AFTER_S / 5
"""Interval of checks while a child owes an answer."""
_WORKED_MAX_S: Final = KILL_AFTER_S - CHECK_S
_CHECKS_MAX: Final = 200
"""Checks after which the same call is ended, even if the child used no CPU: it may wait for anything."""
_PROCESS_CLOCK: Final = 2
"""With a process number before it, Linux's name for the time that this process was at work; see clock_getcpuclockid(3)."""

_ROOT: Final = str(Path(__file__).absolute().parents[3])
_TAIL_BYTES: Final = 400
_PROGRAM: Final = Path(__file__).absolute().with_name("worker.py")
_PATIENCE_S: Final = 20.0
"""Patience with a child that gets no CPU on a busy machine."""
_READ_BYTES: Final = 65536
"""As much as a pipe takes before somebody reads it: of a child's standard error there is no more."""


def available() -> str:
    """Empty, or the reason why codecs cannot run here. The engine is not imported: it would start a thread."""
    return "" if importlib.util.find_spec("quickjs") else INSTALL


def read_sources(sources: Mapping[str, str | Path]) -> dict[str, str]:
    """The text of each codec, given as text or as a file, else :class:`ConfigurationFault`.

    Bytes that are not UTF-8 are replaced; they occur in comments.
    """
    texts, faults = {}, []
    for key, source in sources.items():
        try:
            text = source if isinstance(source, str) else read_bytes(source).decode(errors="replace")
        except OSError as error:
            faults.append(f"{source}: cannot be read: {error.strerror}")
        else:
            texts[key] = text.removeprefix("\ufeff")
    if faults:
        raise ConfigurationFault(faults)
    return texts


class CodecProcess:
    """A child from its start to its end; ``connection`` carries calls and answers, and its end is the child's end.

    Its standard error is a pipe, read at its end, and no log: a codec that has taken it over may write what it likes there.
    """

    def __init__(self, *, keep_console: bool, unconfined: bool) -> None:
        """Start it; :class:`OSError` if that cannot be done. Without ``unconfined`` it ends at once if nothing confines it."""
        engine = importlib.util.find_spec("quickjs")
        if engine is None or engine.origin is None:
            raise FileNotFoundError(INSTALL)
        site = str(Path(engine.origin).absolute().parents[1])
        self.load_limit_s = 0.0
        self.connection, theirs = socket.socketpair()
        self._said, says = os.pipe()
        os.set_blocking(self._said, False)
        os.set_blocking(says, False)
        with theirs, os.fdopen(says) as error, _shared_page() as page:
            self._page = mmap.mmap(page, mmap.PAGESIZE)
            words = [str(page), "console" if keep_console else "", "unconfined" if unconfined else ""]
            command = [sys.executable, "-s", "-S", str(_PROGRAM), *words]
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=error.fileno(),
                    pass_fds=(page,),
                    env={"TZ": "UTC", "PYTHONPATH": os.pathsep.join((site, _ROOT))},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError:
                self.connection.close()
                os.close(self._said)
                raise

    @property
    def call_under_way(self) -> int:
        """The number of the call under way since the start, from 1; 0 if there is none."""
        return int.from_bytes(self._page[:8], sys.byteorder)

    @property
    def loadings(self) -> int:
        """The beginnings and ends of loading since the start: odd while a codec is being loaded."""
        return int.from_bytes(self._page[8:16], sys.byteorder)

    @property
    def worked_s(self) -> float:
        """The CPU time of the process since its start: a busy machine delays it, and that is not its fault."""
        if sys.platform != "linux":
            return time.monotonic()
        try:
            return time.clock_gettime(~self._process.pid << 3 | _PROCESS_CLOCK)
        except OSError:  # it has ended
            return 0.0

    def kill(self) -> None:
        """Kill it; the end of the connection shows when it is gone."""
        self._process.kill()

    def end(self) -> str:
        """Kill it and wait for its end; return the last of what it wrote to standard error, in one line of plain letters."""
        self.connection.close()
        self._process.kill()
        self._process.wait()
        try:
            said = os.read(self._said, _READ_BYTES)
        except BlockingIOError:  # another process holds the other end: a codec started it where nothing refused that
            said = b""
        os.close(self._said)
        if not said:
            return ""
        tail = ascii(said[-_TAIL_BYTES:].decode(errors="replace").strip())
        log.warning("the process for codecs wrote %d bytes, not words of the gateway, which end in %s", len(said), tail)
        return tail


@dataclass(slots=True)
class StuckWatch:
    """Detects a call, or a codec's loading, that has kept the child at work for too long; checked at every :data:`CHECK_S`."""

    _process: CodecProcess
    _seen: tuple[int, int] = 0, 0
    _seen_again: int = 0
    _worked_before_s: float = 0.0

    def is_stuck(self) -> bool:
        """Look at the child once more."""
        process, worked_s = self._process, self._process.worked_s
        under_way, loadings = seen = process.call_under_way, process.loadings
        if not under_way or seen != self._seen:
            self._seen, self._seen_again, self._worked_before_s = seen, 0, worked_s
        self._seen_again += 1
        may_work_s = _WORKED_MAX_S + loadings % 2 * process.load_limit_s
        return worked_s - self._worked_before_s >= may_work_s or self._seen_again == _CHECKS_MAX


@contextmanager
def _shared_page() -> Iterator[int]:
    """A page of memory that two processes share, as a descriptor."""
    if sys.platform == "linux":
        page = os.memfd_create("codec-progress")
        try:
            os.ftruncate(page, mmap.PAGESIZE)
            yield page
        finally:
            os.close(page)
    else:
        with tempfile.TemporaryFile() as file:
            file.truncate(mmap.PAGESIZE)
            yield file.fileno()


class SyncCodecs:
    """Calls codecs and waits for each answer; a context manager, because a child process serves it.

    :ivar unprotected: the protections against codecs that are missing on this machine, once one was called.
    :ivar refused: the reason why none is called on this machine; empty if they are, or none was asked for.
    """

    def __init__(self, sources: Mapping[str, str | Path], *, unconfined: bool = False) -> None:
        """Take codecs as text or as files; :class:`ConfigurationFault` for those that cannot be read.

        With ``unconfined`` they run where nothing confines them.
        """
        self.unprotected: list[str] = []
        self.refused = ""
        self._unconfined = unconfined
        self._sources = read_sources(sources)
        self._missing = available()
        self._numbers: dict[str, int] = {}
        self._child: CodecProcess | None = None
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def call(self, ask: CodecAsk) -> CodecAnswer:
        """Call the codec with a payload."""
        return self._call(ask.codec, arguments(ask))

    def fault(self, codec: str) -> str | None:
        """Return why a codec cannot be loaded (a fault in its syntax, no entry point); None if it can, or if none is called."""
        answer = self._call(codec, LOAD_ONLY)
        return None if answer.suspended else answer.fault

    def _call(self, codec: str, call: bytes) -> CodecAnswer:
        if why := self._missing or self.refused or ("" if codec in self._sources else f"there is no codec {codec}"):
            return CodecAnswer(None, fault=why, suspended=bool(self.refused))
        try:
            try:
                return self._ask(codec, call)
            except (ConnectionError, EOFError):  # others may have filled it
                self._end()
                return self._ask(codec, call)
        except TimeoutError:
            fault = f"took more than {KILL_AFTER_S * 1000:g} ms; it was ended"
        except (ConnectionError, EOFError):
            fault = BROUGHT_DOWN
        except OSError as error:
            return CodecAnswer(None, fault=f"the process for codecs cannot be started: {error}")
        self._end()
        return CodecAnswer(None, fault=fault, overran=True)

    def _ask(self, codec: str, call: bytes) -> CodecAnswer:
        if self._child is None:
            self._child = CodecProcess(keep_console=log.isEnabledFor(logging.DEBUG), unconfined=self._unconfined)
            greeting = read_greeting(self._line(self._child))
            self.unprotected, self._child.load_limit_s = greeting.missing, greeting.load_limit_s
            if not (greeting.confined or self._unconfined):
                self.refused = UNCONFINED
                self._end()
                return CodecAnswer(None, fault=self.refused, suspended=True)
        if number := self._numbers.get(codec, 0):
            before = child_line(number, OVERRUN_KNOWN)
        else:
            number = self._numbers[codec] = len(self._numbers) + 1
            before = source_line(number, self._sources[codec])
        self._child.connection.settimeout(_PATIENCE_S)  # a busy machine may let the child read later: that is no codec's fault
        self._child.connection.sendall(before + child_line(number, call))
        while (line := self._line(self._child)).startswith(b'"'):
            log.debug("codec %s: %s", codec, line.decode(errors="replace"))
        return read_answer(line)

    def _line(self, child: CodecProcess) -> bytes:
        """Return the next line; :class:`TimeoutError`: it hangs, :class:`EOFError`: it has ended, or the line does not end.

        The CPU time of the child counts, as in the running gateway, not the delay of a busy machine.
        """
        deadline_s, watch = time.monotonic() + _PATIENCE_S, StuckWatch(child)
        child.connection.settimeout(CHECK_S)
        while b"\n" not in self._rest:
            try:
                data = child.connection.recv(_READ_BYTES)
            except TimeoutError:
                if watch.is_stuck() or time.monotonic() > deadline_s:
                    raise
                continue
            if not data:
                raise EOFError
            self._rest += data
            if len(self._rest) > LINE_BYTES_MAX:
                raise EOFError
        line, _, self._rest = self._rest.partition(b"\n")
        return line

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child, self._rest, self._numbers = None, b"", {}
