"""One connection through the link: two sockets, and the bytes on their way between them.

An end is one socket and the queue of what is on its way to it. A queue keeps its order: a segment that is late holds up all
behind it. While more than a window is queued, or the socket takes no more, the other end is not read.
"""

import asyncio
import socket
import struct
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, cast

from tests.campaigns.rig.exchange import Deed, Exchange

_SEGMENT_BYTES: Final = 1460
_RETRANSMISSION_S: Final = 0.2
_WINDOW_BYTES: Final = 1 << 20
_HTTP_METHODS: Final = (b"GET ", b"POST ")
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER


@dataclass(slots=True)
class Faults:
    """The faults that the link applies to traffic now."""

    mute: bool = False
    held: bool = False
    delay_s: float = 0.0
    lost_share: float = 0.0
    chance: Random = field(default_factory=Random)
    deed: Deed | None = None

    @property
    def prompt(self) -> bool:
        """Tell if incoming data may leave at once."""
        return not (self.held or self.delay_s or self.lost_share)

    def late_s(self) -> float:
        """The time that a segment takes."""
        late_s, wait_s = self.delay_s, _RETRANSMISSION_S
        while self.chance.random() < self.lost_share:
            late_s += wait_s
            wait_s *= 2
        return late_s


class _End(asyncio.Protocol):
    """One socket and what is on its way to it.

    :ivar other: the end whose bytes come out here; it is not read while too much is on its way.
    :ivar received: called with what comes in.
    :ivar ended: called when nothing more comes in; with the error, if that was no end in order.
    :ivar sent: called with what leaves.
    """

    other: "_End"

    def __init__(
        self,
        faults: Faults,
        received: Callable[[bytes], None],
        ended: Callable[[Exception | None], None],
        sent: Callable[[bytes], None] = lambda _: None,
    ) -> None:
        self.received = received
        self.ended = ended
        self.sent = sent
        self._faults = faults
        self._transport: asyncio.Transport | None = None
        self._queue: deque[tuple[float, bytes]] = deque()
        self._queued_bytes = 0
        self._last_due_s = 0.0
        self._finishing = self._blocked = self._resting = False
        self._heard_all = self._said_all = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def is_open(self) -> bool:
        """Tell if it is connected."""
        return self._transport is not None

    def put(self, data: bytes) -> None:
        """Send this behind all that is on its way, as late as the faults have it."""
        if self._faults.prompt and not self._queue and not self._blocked and self._transport is not None:
            self._write(data)
            return
        step = _SEGMENT_BYTES if self._faults.lost_share else len(data)
        for at in range(0, len(data), step):
            self._last_due_s = max(self._last_due_s, self._loop.time() + self._faults.late_s())
            self._queue.append((self._last_due_s, data[at : at + step]))
        self._queued_bytes += len(data)
        if self._queued_bytes > _WINDOW_BYTES:
            self.other.rest()
        self.flush()

    def finish(self) -> None:
        """Nothing comes behind what is on its way."""
        self._finishing = True
        self.flush()

    def break_off(self) -> None:
        """Reset at once; what is on its way is lost."""
        self._forget_queue()
        if self._transport is not None:
            handle = self._transport.get_extra_info("socket")
            handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
            self._transport.abort()
            self._transport = None

    def close(self) -> None:
        """Close in order at once; what is on its way is lost."""
        self._forget_queue()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def rest(self) -> None:
        """Stop reading."""
        if self._transport is not None and not self._resting:
            self._resting = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read again."""
        if self._transport is not None and self._resting:
            self._resting = False
            self._transport.resume_reading()

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._said_all:
            self._transport.write(data)
            self.sent(data)

    def flush(self) -> None:
        """Send what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is None or self._blocked or self._faults.held:
            return
        now_s = self._loop.time()
        while self._queue and self._queue[0][0] <= now_s and not self._blocked:
            data = self._queue.popleft()[1]
            self._queued_bytes -= len(data)
            self._write(data)
        if self._queued_bytes <= _WINDOW_BYTES:
            self.other.go_on()
        if self._queue:
            self._timer = self._loop.call_at(self._queue[0][0], self.flush)
        elif self._finishing and not self._said_all:
            self._said_all = True
            with suppress(OSError):  # it is gone already, which we are told next
                self._transport.write_eof()
            self._close_if_over()

    def _close_if_over(self) -> None:
        if self._heard_all and self._said_all:
            self.close()

    def _forget_queue(self) -> None:
        self._queue.clear()
        self._queued_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.flush()

    def data_received(self, data: bytes) -> None:
        self.received(data)

    def eof_received(self) -> bool:
        self._heard_all = True
        self.ended(None)
        self._close_if_over()
        return True  # the other direction goes on

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._forget_queue()
        self.ended(exc)

    def pause_writing(self) -> None:
        self._blocked = True
        self.other.rest()

    def resume_writing(self) -> None:
        self._blocked = False
        self.flush()


class Wire:
    """The two ends of a connection, and what speaks HTTP on it.

    :ivar near: the end towards who connected.
    :ivar dead: half open: whatever comes is swallowed, and neither end hears of the other.
    """

    def __init__(
        self,
        behind: tuple[str, int],
        faults: Faults,
        watch: Callable[[bytes, bool], None],
        gone: Callable[["Wire"], None],
    ) -> None:
        self.dead = faults.mute
        self._behind = behind
        self._faults = faults
        self._watch = watch
        self._gone = gone
        self.near = _End(faults, self._from_near, lambda error: self._ended(self._far, error), self._to_near)
        self._far = _End(faults, self._from_far, lambda error: self._ended(self.near, error))
        self.near.other, self._far.other = self._far, self.near
        self._dialling: asyncio.Task[None] | None = None
        self._exchange: Exchange | None = None

    def close(self) -> None:
        """_End in order, now."""
        self._hang_up()
        self.near.close()
        self._far.close()

    def reset(self) -> None:
        """Reset both ends."""
        self._hang_up()
        self.near.break_off()
        self._far.break_off()

    def go_on(self) -> None:
        """Send what was held."""
        self.near.flush()
        self._far.flush()

    def _from_near(self, data: bytes) -> None:
        self._watch(data, True)  # noqa: FBT003 - to what is behind
        if self.dead:
            return
        if self._dialling is None and self._exchange is None and data.startswith(_HTTP_METHODS):
            self._exchange = Exchange(lambda: self._faults.deed, self._ask, self.near.put, self.reset)
        if self._exchange is not None:
            self._exchange.request(data)
        else:
            self._ask(data)

    def _ask(self, data: bytes) -> None:
        if self._dialling is None:
            self._dialling = asyncio.get_running_loop().create_task(self._dial())
        self._far.put(data)

    def _from_far(self, data: bytes) -> None:
        if self.dead:
            return
        if self._exchange is not None:
            self._exchange.answer(data)
        else:
            self.near.put(data)

    def _to_near(self, data: bytes) -> None:
        self._watch(data, False)  # noqa: FBT003 - from what is behind

    async def _dial(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self._far, *self._behind)
        except OSError:
            self.near.break_off()

    def _hang_up(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()

    def _ended(self, other: _End, error: Exception | None) -> None:
        """One end is closed: the other is, too, unless nobody can tell it."""
        if not self.dead and error is None:
            other.finish()
        elif not self.dead:
            other.break_off()
        if not self.near.is_open and not self._far.is_open:
            self._hang_up()
            self._gone(self)
