"""A link between a gateway and its database that carries every byte, and notes how many it carried when."""

import asyncio
import threading
import time
from contextlib import suppress
from itertools import accumulate
from typing import Final, Self

from gateway.commands.demo.services import Service, free_port

_WRITE: Final = b"POST /write"
_CHUNK_BYTES: Final = 1448
_SEGMENT_BYTES: Final = 52
"""The heads of a segment with IPv4; each chunk has an acknowledgement, too."""


class CountingProxy:
    """Use as a context manager.

    :ivar carried: instant (monotonic, in s) and bytes of each chunk of the connections that write, with its heads, in both
        directions.
    :ivar asked_bytes: of the connections that ask.
    """

    def __init__(self, behind: Service) -> None:
        self.carried: list[tuple[float, int]] = []
        self.asked_bytes = 0
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._behind = behind
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._work()), name="link")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def most_per_s(self, window_s: float) -> float:
        """The most bytes a second over any window that begins with a chunk."""
        carried = list(self.carried)
        sums = [0, *accumulate(each for _, each in carried)]
        most, end = 0, 0
        for begin, (at_s, _) in enumerate(carried):
            while end < len(carried) and carried[end][0] < at_s + window_s:
                end += 1
            most = max(most, sums[end] - sums[begin])
        return most / window_s

    async def _work(self) -> None:
        async with await asyncio.start_server(self._connect, "127.0.0.1", self.port):
            while not self._stopping.is_set():  # noqa: ASYNC110 - set by another thread
                await asyncio.sleep(0.05)

    async def _connect(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection(self._behind.host, self._behind.port)
        with suppress(OSError, asyncio.CancelledError):
            first = await near.read(_CHUNK_BYTES)
            writes = first.startswith(_WRITE)
            self._count(first, writes=writes)
            to_far.write(first)
            await asyncio.gather(self._carry(near, to_far, writes=writes), self._carry(far, to_near, writes=writes))
        for end in (to_near, to_far):
            end.close()

    async def _carry(self, one: asyncio.StreamReader, other: asyncio.StreamWriter, *, writes: bool) -> None:
        while chunk := await one.read(_CHUNK_BYTES):
            self._count(chunk, writes=writes)
            other.write(chunk)
            await other.drain()
        other.close()

    def _count(self, chunk: bytes, *, writes: bool) -> None:
        sent_bytes = len(chunk) + 2 * _SEGMENT_BYTES
        if writes:
            self.carried.append((time.monotonic(), sent_bytes))
        else:
            self.asked_bytes += sent_bytes
