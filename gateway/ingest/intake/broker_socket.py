"""One opening of the connection to the broker: bytes in, bytes out, and the reason of its end.

Theory of operation
-------------------
The event loop reads the socket as bytes come, with three exceptions. While memory is at its limit nothing is read
(:meth:`BrokerSocket.rest`). While nothing is to be decided before the next write, bytes wait in the socket
(:meth:`BrokerSocket.read_later`) and are read by the timer of that write (:meth:`BrokerSocket.read_now`). While very many come,
they wait until the next read may start (:attr:`BrokerSocket.apart_s`).

TCP_QUICKACK is set again after every read: the gateway withholds PUBACK, so the kernel would hold back its TCP
acknowledgement for up to 40 ms, and a broker with Nagle's algorithm on (Mosquitto's default) waits for it before the next small
packet. The option sends nothing while bytes stand unread. So they are taken out of the socket once a little before they are
looked at, and what the broker held back arrives in time. On one machine it arrives while the option is set: the kernel hands
packets from one process to the other at once. There a second read just after the first finds it, and none is needed ahead.

Over TLS the loop goes on reading the socket: the bytes wait in the TLS object, which wakes nobody. They are handed on in the
next turn of the loop after reading is resumed. Nobody sees when one of them is read, so the option is set after each PUBACK,
which is what makes the kernel hold back acknowledgements.
"""

import asyncio
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from typing import Final, cast

from gateway.core.batching.pacing import AHEAD_S
from gateway.support.tls import PLAIN_PORT_ASKED

_READ_BYTES: Final = 65536
"""Two of them stay below the frame limit of the session; what is left is read by the loop."""
_ON_LINUX: Final = sys.platform == "linux"
_MIN_RTT_AT: Final = 148
"""Offset of ``tcpi_min_rtt`` in ``struct tcp_info``, in µs (linux/tcp.h)."""


class BrokerSocket(asyncio.Protocol):
    """One opening of the connection.

    :ivar ended: the reason of its end, once it has ended.
    :ivar apart_s: seconds from the start of one read to the next; 0: read bytes as they come.
    :ivar resting: True while it is not read because memory is at its limit.
    :ivar unexplained: the broker closed it without a word: no DISCONNECT, and nothing wrong with the link.
    :ivar round_trip_s: to the broker and back, the shortest of the last minutes; infinite: unknown.
    """

    def __init__(self, receive: Callable[[bytes], None]) -> None:
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._is_tls = False
        self._is_here = False
        self._waiting = False
        self._taken = b""
        self._timer: asyncio.TimerHandle | None = None
        self.apart_s = 0.0
        self.resting = self.unexplained = False
        self.transport: asyncio.Transport | None = None
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self.round_trip_s = inf
        self._made_s = self.last_received_s = self.last_sent_s = time.monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; the event loop calls it."""
        self.transport = cast("asyncio.Transport", transport)
        self._is_tls = transport.get_extra_info("ssl_object") is not None
        ours, theirs = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        self._is_here = bool(ours and theirs) and ours[0] == theirs[0]
        handle = transport.get_extra_info("socket")
        if handle is not None:
            with suppress(OSError):
                # A duplicated descriptor: setting an option through uvloop's wrapper costs more than reading a packet.
                self._socket = socket.socket(fileno=os.dup(handle.fileno()))
                self._socket.setblocking(False)  # noqa: FBT003 - the call has no names
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.measure_round_trip()

    def measure_round_trip(self) -> None:
        """Ask the kernel for ``round_trip_s``."""
        if _ON_LINUX and self._socket is not None:
            with suppress(OSError, struct.error):  # a kernel before 4.6 does not know it
                info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT_AT + 4)
                self.round_trip_s = struct.unpack_from("=I", info, _MIN_RTT_AT)[0] / 1e6

    # Reading.

    def data_received(self, data: bytes) -> None:
        """Hand on bytes; the event loop calls it as they come."""
        self.last_received_s = time.monotonic()
        self._receive(data)
        self._acknowledge_quickly()
        if self.apart_s and not self._waiting:
            left_s = self.last_received_s + self.apart_s - time.monotonic()
            if left_s > 0:
                self._waiting = True
                self._steer()
                self._timer = self._loop.call_later(left_s, self._read_on)

    def _read_on(self) -> None:
        self._waiting = False
        self._steer()

    def rest(self) -> None:
        """Read nothing until :meth:`go_on`: memory is at its limit."""
        self.resting = True
        self._steer()

    def go_on(self) -> None:
        """Read again after a rest."""
        self.resting = False
        self.last_received_s = time.monotonic()  # the gateway was not listening, so its silence means nothing
        self._steer()

    def read_later(self, seconds: float) -> None:
        """Let bytes wait until :meth:`read_now`, so many seconds from now."""
        self._waiting = True
        self._steer()
        self._cancel_timer()
        if not self._is_tls and not self._is_here:
            self._timer = self._loop.call_later(seconds - AHEAD_S, self._take)

    def read_now(self, then: Callable[[], None]) -> None:
        """Hand on what waits, then call ``then``. From there on the loop reads the socket."""
        if not self._waiting:
            then()
            return
        self._waiting = False
        self._cancel_timer()
        if self._is_tls:
            self._steer()
            self._loop.call_soon(then)
            return
        if not self._taken:
            self._take()
        self._take()
        self._hand_on()
        then()
        self._steer()  # once it is known if the next write is waited for as well

    def _take(self) -> None:
        """Take bytes out of the socket without looking at them, so that the kernel acknowledges them."""
        if self._socket is None or self.resting:
            return
        with suppress(OSError):  # nothing has come; or the loop meets the fault when it reads again
            self._taken += self._socket.recv(_READ_BYTES)
            self._acknowledge_quickly()

    def _hand_on(self) -> None:
        """Hand on what was taken. A bug met there must end the gateway, as one in :meth:`data_received` does."""
        if not self._taken:
            return
        data, self._taken = self._taken, b""
        self.last_received_s = time.monotonic()
        try:
            self._receive(data)
        finally:
            bug = sys.exception()
            if bug is not None and not self.ended.done():
                self.ended.set_exception(bug)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _steer(self) -> None:
        """Have the loop read the socket, or not."""
        if self.transport is None:
            return
        if self.resting or self._waiting:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def _acknowledge_quickly(self) -> None:
        if _ON_LINUX and self._socket is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # Writing.

    def send(self, data: bytes) -> None:
        """Send, unless the connection has ended."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
            self.last_sent_s = time.monotonic()
            if self._is_tls and self._waiting:
                self._acknowledge_quickly()

    # Ending.

    def end(self, why: str) -> None:
        """Close; ``why`` is reported to people."""
        if not self.ended.done():
            self.ended.set_result(why)
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the reason of the end; the event loop calls it last."""
        self._cancel_timer()
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self.ended.done():
            return
        self.unexplained = exc is None
        if exc is None or isinstance(exc, OSError):
            self.ended.set_result(self._lost(exc))
        else:
            # A bug, raised in data_received: it must end the gateway, not be retried.
            self.ended.set_exception(exc)

    def _lost(self, error: OSError | None) -> str:
        why = str(error) if error else "the broker closed the connection"
        answered = self.last_received_s > self._made_s
        return why if answered or self._is_tls else f"{why} before it answered; {PLAIN_PORT_ASKED}"
