"""Newcomers: accepted from a bound socket one at a time, and their TLS handshakes, so that a burst delays nothing else.

The event loop's own server accepts all waiting ones in one turn, and makes a transport and a protocol for each: a thousand
block the loop for a tenth of a second, and with it every reading. Here the loop belongs to the readings after each newcomer
for as long as that one took, and one that no place is free for is closed before anything is made for it.

A connection has a place (:mod:`gateway.web.http.connections`) once its handshake is done. Before that it would not be counted,
and a thousand silent ones would take all file descriptors of this process, including the broker's and the database's.
"""

import asyncio
import errno
import os
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from gateway.support.tls import TlsContexts

Peer = tuple[str, int] | tuple[str, int, int, int]

_BACKLOG: Final = 1024
"""Newcomers that the kernel keeps until they are accepted. Further ones try again after 1, 3, 7 s: a burst of somebody's
connections would keep everybody else out."""
_SEND_BUFFER_BYTES: Final = 65_536
"""Socket buffer for each connection; by default the kernel takes megabytes for a client that reads nothing."""
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_TRY_AGAIN_S: Final = 1.0
_SHAKING_MAX: Final = 32
_SHAKING_MAX_PER_CLIENT: Final = 8
"""Most handshakes under way."""


def listen(bound: int) -> socket.socket:
    """Listen from now on, with a duplicate descriptor of a bound socket."""
    listening = socket.socket(fileno=os.dup(bound))
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)  # those it accepts inherit it
    listening.setblocking(False)  # noqa: FBT003 - as sockets have it
    listening.listen(_BACKLOG)
    return listening


async def accept(
    listening: socket.socket, is_welcome: Callable[[Peer], bool], take: Callable[[socket.socket, Peer], Awaitable[None]]
) -> None:
    """Accept until cancelled, and close the socket in the end; ``take`` owns the newcomer's socket from then on."""
    loop = asyncio.get_running_loop()
    with listening:
        while True:
            try:
                newcomer, peer = await loop.sock_accept(listening)
            except OSError as error:  # it has gone, or there are no more files or memory: that passes
                await asyncio.sleep(_TRY_AGAIN_S if error.errno in _EXHAUSTED else 0)
                continue
            begun_s = time.perf_counter()
            if is_welcome(peer):
                await take(newcomer, peer)
            else:
                newcomer.close()
            await asyncio.sleep(time.perf_counter() - begun_s)


@dataclass(slots=True)
class Handshakes:
    """Takes accepted sockets, and passes them on after their handshake to a protocol that ``make`` gives."""

    _make: Callable[[], asyncio.Protocol]
    _client_of: Callable[[Peer], str]
    _tls: TlsContexts
    _patience_s: float
    _under_way: dict[asyncio.Task[None], str] = field(default_factory=dict)

    async def begin(self, accepted: socket.socket, peer: Peer) -> None:
        """Begin the handshake of a newcomer, and do not wait for its end."""
        client = self._client_of(peer)
        self._make_room(client)
        task = asyncio.create_task(self._shake(accepted), name="handshake")
        self._under_way[task] = client
        task.add_done_callback(self._under_way.pop)

    def end(self) -> None:
        """End all that are under way."""
        for task in self._under_way:
            task.cancel()

    def _make_room(self, client: str) -> None:
        """End the oldest handshake of a client with too many; if all together are too many, of the client with most."""
        held = Counter(self._under_way.values())
        if held[client] < _SHAKING_MAX_PER_CLIENT:
            if len(self._under_way) < _SHAKING_MAX:
                return
            client = held.most_common(1)[0][0]
        oldest = next(task for task, its_client in self._under_way.items() if its_client == client)
        del self._under_way[oldest]
        oldest.remove_done_callback(self._under_way.pop)
        oldest.cancel()

    async def _shake(self, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make, accepted, ssl=self._tls.pages, ssl_handshake_timeout=self._patience_s
            )
        except OSError:  # no TLS, a refused certificate, or too slow
            accepted.close()
