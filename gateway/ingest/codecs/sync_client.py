"""Makers' codecs for commands: one call at a time, under the same limits as in the running gateway."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from gateway.core.message import CodecAsk
from gateway.ingest.codecs.process import CHECK_S, KILL_AFTER_S, CodecProcess, StuckWatch, available, read_sources
from gateway.ingest.codecs.protocol import (
    LINE_BYTES_MAX,
    LOAD_ONLY,
    OVERRUN_KNOWN,
    CodecAnswer,
    arguments,
    child_line,
    read_answer,
    read_greeting,
    source_line,
)

log = logging.getLogger("gateway.codecs")

_PATIENCE_S: Final = 20.0
"""Patience with a child that gets no CPU on a busy machine."""
_READ_BYTES: Final = 65536


class SyncCodecs:
    """Calls codecs and waits for each answer; a context manager, because a child process serves it.

    :ivar unprotected: the protections against codecs that are missing on this machine, once one was called.
    """

    def __init__(self, sources: Mapping[str, str | Path]) -> None:
        """Take codecs as text or as files; :class:`ConfigurationFault` for those that cannot be read."""
        self.unprotected: list[str] = []
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
        """Return why a codec cannot be loaded (a fault in its syntax, no entry point); None if it can."""
        return self._call(codec, LOAD_ONLY).fault

    def _call(self, codec: str, call: bytes) -> CodecAnswer:
        if self._missing:
            return CodecAnswer(None, fault=self._missing)
        if codec not in self._sources:
            return CodecAnswer(None, fault=f"there is no codec {codec}")
        try:
            return self._ask(codec, call)
        except TimeoutError:
            self._end()
            return CodecAnswer(None, fault=f"took more than {KILL_AFTER_S * 1000:g} ms; it was ended", overran=True)
        except (ConnectionError, EOFError):
            self._end()
            return CodecAnswer(None, fault="brought down the process it runs in", overran=True)
        except OSError as error:
            return CodecAnswer(None, fault=f"the process for codecs cannot be started: {error}")

    def _ask(self, codec: str, call: bytes) -> CodecAnswer:
        if self._child is None:
            self._child = CodecProcess(keep_console=log.isEnabledFor(logging.DEBUG))
            self.unprotected = read_greeting(self._line(self._child))
        if number := self._numbers.get(codec, 0):
            before = child_line(number, OVERRUN_KNOWN)
        else:
            number = self._numbers[codec] = len(self._numbers) + 1
            before = source_line(number, self._sources[codec])
        self._child.connection.sendall(before + child_line(number, call))
        while (line := self._line(self._child)).startswith(b'"'):
            log.debug("codec %s: %s", codec, line.decode(errors="replace"))
        return read_answer(line)

    def _line(self, child: CodecProcess) -> bytes:
        """The child's next line. Its CPU time counts, as in the running gateway, not the delay of a busy machine.

        :raises TimeoutError: it hangs.
        :raises EOFError: it has ended, or its line does not end.
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
