"""Long answers: made in short turns of the loop and sent as they are read, so that no answer is ever held whole.

They are made one turn at a time over all readers together, and after each turn the loop belongs to the
readings for as long. A thread would be no better: it takes the interpreter for 5 ms at a time.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Concatenate, Final, ParamSpec, TypeVar

from aiohttp import web

from gateway.ingest.storage.database import Database, DatabaseFault

P = ParamSpec("P")
T = TypeVar("T")

_TURN_S: Final = 0.002
_PIECE_LETTERS: Final = 16_384


class Turns:
    """The loop's time for readers, one at a time.

    :param disk_patience_s: a reader is told after this that the disk does not answer.
    """

    def __init__(self, disk_patience_s: float = 15.0) -> None:
        self._disk_patience_s = disk_patience_s
        self._mine = asyncio.Lock()
        self._disk = asyncio.Lock()

    async def read(
        self, database: Database, do: Callable[Concatenate[sqlite3.Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Read from the disk, one reader at a time, so that a write waits behind one of them at most.

        :raises DatabaseFault: the disk has not answered for long. A hanging read keeps its turn: no other is sent after it.
        """
        try:
            async with asyncio.timeout(self._disk_patience_s):
                await self._disk.acquire()
                reading = asyncio.ensure_future(database.run(do, *args, **kwargs))
                reading.add_done_callback(self._disk_is_free)
                return await asyncio.shield(reading)
        except TimeoutError as error:
            raise DatabaseFault(f"the disk has not answered for {self._disk_patience_s:g} s; try again later") from error

    def _disk_is_free(self, reading: asyncio.Future[T]) -> None:
        self._disk.release()
        if not reading.cancelled():
            reading.exception()  # the reader may have left

    async def each(self, work: Iterable[T]) -> AsyncIterator[T]:
        """The items of something lazy that takes long, made a few at a time."""
        rest = iter(work)
        while some := await self._turn(rest):
            for item in some:
                yield item

    async def _turn(self, rest: Iterator[T]) -> list[T]:
        async with self._mine:
            begun_s, made = time.perf_counter(), []
            for item in rest:
                made.append(item)
                took_s = time.perf_counter() - begun_s
                if took_s >= _TURN_S:
                    await asyncio.sleep(took_s)
                    break
            return made


def some_at_a_time(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """The items in lists of at most ``most``."""
    rest = iter(items)
    while some := list(islice(rest, most)):
        yield some


async def send_list(
    request: web.Request, turns: Turns, key: str, items: Iterable[object], **beside: object
) -> web.StreamResponse:
    """Answer with the JSON ``{beside, key: [items]}``; each item is made when the reader has taken those before it."""
    response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
    try:
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        async for piece in _pieces(turns, key, items, beside):
            await response.write(piece.encode())
        await response.write_eof()
    except ConnectionError:  # the reader left
        return response
    return response


async def _pieces(turns: Turns, key: str, items: Iterable[object], beside: dict[str, object]) -> AsyncIterator[str]:
    piece = "{" + "".join(f"{json.dumps(name)}: {json.dumps(value)}, " for name, value in beside.items())
    piece, comma = f'{piece}"{key}": [', ""
    async for text in turns.each(json.dumps(item) for item in items):
        piece, comma = piece + comma + text, ", "
        if len(piece) >= _PIECE_LETTERS:
            yield piece
            piece = ""
    yield f"{piece}]}}"
