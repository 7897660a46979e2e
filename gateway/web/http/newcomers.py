"""Newcomers: connections accepted from a bound socket one at a time, so that a burst delays nothing else.

The event loop's own server accepts all waiting ones in one turn, and makes a transport and a protocol for each: a thousand
block the loop for a tenth of a second, and with it every reading. Here the loop belongs to the readings after each newcomer
for as long as that one took, and one that no place is free for is closed before anything is made for it.
"""

import asyncio
import errno
import os
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Final

Peer = tuple[str, int] | tuple[str, int, int, int]

_BACKLOG: Final = 1024
"""Newcomers that the kernel keeps until they are accepted. Further ones try again after 1, 3, 7 s: a burst of somebody's
connections would keep everybody else out."""
_SEND_BUFFER_BYTES: Final = 65_536
"""Socket buffer for each connection; by default the kernel takes megabytes for a client that reads nothing."""
_EXHAUSTED: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_TRY_AGAIN_S: Final = 1.0


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
    """Accept until cancelled; closes the socket in the end.

    :param take: owns the newcomer's socket from then on.
    """
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
