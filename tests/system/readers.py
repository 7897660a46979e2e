"""Readers that want nothing good: ``python -m tests.system.readers PORT ADDRESS`` opens their connections and holds them.

A program of its own, so that what it costs is not paid by those who measure. Says ``all are open`` when they are, opens again
what the gateway ends, and goes on until it is killed. They come from the address, one of this machine.
"""

import asyncio
import resource
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

IDLE, SLOW, UNREAD, FOLLOWERS = 1100, 200, 20, 20
_LISTS = ("/api/rejects?payloads=1", "/api/rejects", "/api/devices")
_STEP_S, _HELD = 1.0, 5


def requests() -> Iterator[bytes]:
    """The beginning of what each of them sends."""
    yield from [_get(_LISTS[number % len(_LISTS)]) for number in range(UNREAD)]
    yield from [_get("/api/events")] * FOLLOWERS
    yield from [b"GET / HTTP/1.1\r\nX: "] * SLOW
    yield from [b""] * IDLE


def _get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


async def hold(port: int, address: str, sent: bytes, opened: asyncio.Semaphore) -> None:
    """Hold a connection, read nothing of it, and open it again when it is ended or was held for a while."""
    loop = asyncio.get_running_loop()
    while True:
        with suppress(OSError), socket.socket() as connection:
            connection.setblocking(False)  # noqa: FBT003 - as sockets have it
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.bind((address, 0))
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, sent)
            opened.release()
            if not sent:
                await loop.sock_recv(connection, 1)
            for _ in range(_HELD):
                await asyncio.sleep(_STEP_S)
                await loop.sock_sendall(connection, b"" if sent.endswith(b"\r\n\r\n") else b"x")
        await asyncio.sleep(_STEP_S)


async def main(port: int, address: str) -> None:
    """Open all of them, say so, and hold them."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    opened = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for sent in requests():
            group.create_task(hold(port, address, sent, opened))
        for _ in range(IDLE + SLOW + UNREAD + FOLLOWERS):
            await opened.acquire()
        print("all are open", flush=True)  # noqa: T201 - for who started it


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
