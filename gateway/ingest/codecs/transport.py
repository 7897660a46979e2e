"""A child that runs makers' codecs, on the event loop: its calls, its answers, and a check that it works.

The child is not trusted. One that a codec has taken over can spoil the answers of others, as all share a process, but cannot
fill the gateway's memory, stop its loop, or hold calls silently: it is killed for an answer without a call, when a line
does not end, and when it is silent for too long.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, cast

from gateway.ingest.codecs.process import CHECK_S, CodecProcess, StuckWatch
from gateway.ingest.codecs.protocol import (
    LINE_BYTES_MAX,
    NOT_NEEDED,
    OVERRUN_KNOWN,
    Call,
    Codec,
    Greeting,
    child_line,
    read_greeting,
    source_line,
)

log = logging.getLogger("gateway.codecs")

_SILENT_CHECKS_MAX: Final = 200
"""Checks without an answer after which a child is killed, whatever call it reports: about ten seconds."""


class CodecTransport(asyncio.Protocol):
    """The connection to one child, which answers what was ``asked`` in this order; ``is_stuck``: a call lasted too long."""

    def __init__(
        self, process: CodecProcess, answered: Callable[[Call, bytes], None], greeted: Callable[[Greeting], None]
    ) -> None:
        """Take a child that has just been started; ``greeted`` gets its first line, once it is ready."""
        self.asked: deque[Call] = deque()
        self.gone = asyncio.Event()
        self.is_ready = False
        self.is_stuck = False
        self._process = process
        self._answered = answered
        self._greeted = greeted
        self._answers = 0
        self._answers_seen = 0
        self._silent_checks = 0
        self._is_believed = True
        self._known: set[int] = set()
        self._rest = b""
        self._transport: asyncio.WriteTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watch = StuckWatch(process)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.BaseProtocol`."""
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, calls: Iterable[Call]) -> None:
        """Ask; a codec's text goes before its first call."""
        lines = []
        for call in calls:
            codec = call.codec
            if codec.number not in self._known:
                self._known.add(codec.number)
                lines.append(source_line(codec.number, codec.source))
            lines.append(child_line(codec.number, call.arguments))
            self.asked.append(call)
        self._write(lines)
        if self._timer is None and self.asked:
            self._look_again_soon()

    def overrun_is_known(self, codec: Codec) -> None:
        """Let a codec that overran be called again; until then the child gives its calls back."""
        self._write([child_line(codec.number, OVERRUN_KNOWN)])

    def forget(self, codecs: Iterable[Codec]) -> None:
        """Forget codecs; calls already sent are still answered."""
        numbers = {codec.number for codec in codecs} & self._known
        self._known -= numbers
        self._write([child_line(number, NOT_NEEDED) for number in numbers])

    def data_received(self, data: bytes) -> None:
        """See :class:`asyncio.Protocol`."""
        if not self._is_believed:
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self.is_ready:
                self.is_ready = True
                greeting = read_greeting(line)
                self._process.load_limit_s = greeting.load_limit_s
                self._greeted(greeting)
            elif not self.asked:
                self._stop_believing("answered without a call")
                return
            elif line.startswith(b'"'):
                log.debug("codec %s: %s", self.asked[0].codec.key, line.decode(errors="replace"))
            else:
                self._answers += 1
                self._answered(self.asked.popleft(), line)
        if len(self._rest) > LINE_BYTES_MAX:
            self._stop_believing("answers without end")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        """See :class:`asyncio.BaseProtocol`."""
        self.gone.set()

    def culprit(self) -> Call | None:
        """The unanswered call that the child is in, or was in when it ended; the oldest where it does not say."""
        if not (self.asked and self.is_ready):
            return None
        place = self._process.call_under_way - self._answers - 1
        return self.asked[place if 0 <= place < len(self.asked) else 0]

    def end(self) -> str:
        """Kill the child and wait for its end; return what it wrote to standard error: see :meth:`CodecProcess.end`."""
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        return self._process.end()

    def _write(self, lines: list[bytes]) -> None:
        """Write, unless the child has just ended: its calls are then repeated."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(lines))

    def _look_again_soon(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(CHECK_S, self._look)

    def _look(self) -> None:
        """Check if it is still in the same call; repeats as long as there is one."""
        self._timer = None
        if not self.asked:
            self._silent_checks = 0
            return
        self._silent_checks = self._silent_checks + 1 if self.is_ready and self._answers == self._answers_seen else 0
        self._answers_seen = self._answers
        if self._watch.is_stuck():
            self.is_stuck = True
            self._process.kill()
        elif self._silent_checks == _SILENT_CHECKS_MAX:
            self._stop_believing("is silent")
        else:
            self._look_again_soon()

    def _stop_believing(self, does: str) -> None:
        """Kill it and ignore further output."""
        log.error("the process for codecs %s; it is restarted", does)
        self._is_believed, self._rest = False, b""
        self._process.kill()
