"""Answers: the headers of each, the words of a refusal (JSON for programs, a page for people), and those that take long.

Handlers say in English what is wrong, as commands print it. Who asks for Vietnamese gets the sentence of :mod:`schemas.details`
in its place; what a server or a maker's codec said stays in it as it was.

Long answers are made in short turns of the loop, once for all who ask, or sent bit by bit as things happen. Turns are made one
at a time over all readers together, and after each the loop belongs to the readings for as long. A thread would be no better:
it takes the interpreter for 5 ms at a time.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar

from aiohttp import web

from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.web.http.connections import Connections
from gateway.web.http.handlers import Document, Handler, language_of
from gateway.web.http.pages import PageRenderer
from schemas.details import in_vietnamese

_DATA_POLICY: Final = "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Policy for answers that are not pages: nothing in them may run. A page brings its own policy."""
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # tells others nothing, and lets a form of ours say which page it is of
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


async def protect(_: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer; aiohttp calls it for each, errors of its own included."""
    response.headers.update(_ALWAYS)
    response.headers.setdefault("Content-Security-Policy", _DATA_POLICY)
    response.headers.pop("Server", None)  # hide the versions


_REFUSED: Final = 400
_API: Final = "/api/"
_OF_THE_BODY: Final = frozenset({"Content-Type", "Content-Length"})


class Refusals:
    """Answers in place of those that refuse a request."""

    def __init__(self, pages: PageRenderer) -> None:
        self._pages = pages

    @web.middleware
    async def check(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Pass a request on; put a refusal into words."""
        try:
            response = await handler(request)
        except web.HTTPException as refusal:
            if refusal.status < _REFUSED:
                raise
            text, only_status = (refusal.text or "").strip(), f"{refusal.status}: {refusal.reason}"
            return self._said(request, refusal, {"error": "" if text == only_status else text})
        if isinstance(response, web.Response) and response.status >= _REFUSED and response.content_type == "application/json":
            return self._said(request, response, json.loads(response.text or "{}"))
        return response

    def _said(self, request: web.Request, refusal: web.Response | web.HTTPException, document: Document) -> web.Response:
        headers = {name: value for name, value in refusal.headers.items() if name not in _OF_THE_BODY}
        if not request.path.startswith(_API) and "text/html" in request.headers.get("Accept", ""):
            page = self._pages.page(
                request, "refusal", status=refusal.status, answered=refusal.status, why=document.get("error", "")
            )
            page.headers.update(headers)
            return page
        texts = self._pages.texts(language_of(request, "en"))  # programs and commands that ask for none read English
        document["error"] = document.get("error") or texts.known(f"status_{refusal.status}", texts.text("status_other"))
        said = _in_vietnamese(document) if texts.language == "vi" else document
        return web.json_response(said, status=refusal.status, headers=headers)


def _in_vietnamese(document: Document) -> dict[str, Any]:
    faults = {key: in_vietnamese(what) for key, what in document.get("faults", {}).items()}
    return document | {"error": in_vietnamese(document["error"])} | ({"faults": faults} if faults else {})


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


_SHARE: Final = 10
"""Least age of an answer, in multiples of the time it took to make: with many devices it is made less often."""


class Fresh(Generic[T]):
    """A value that is made at most once in an interval, however many readers ask for it."""

    def __init__(self, make: Callable[[], Awaitable[T]], for_s: float = 0.0) -> None:
        self._make = make
        self._for_s = for_s
        self._made: tuple[object, float, T] | None = None
        self._made_s = 0.0
        self._making = asyncio.Lock()

    async def get(self, basis: object = None) -> T:
        """Return the value; made again if it is old, or if ``basis`` is another object than before."""
        async with self._making:
            began_s = time.monotonic()
            if self._made is None or self._made[0] is not basis or began_s >= self._made[1]:
                made, ended_s = await self._make(), time.monotonic()
                self._made_s = ended_s
                self._made = basis, max(began_s + self._for_s, ended_s + _SHARE * (ended_s - began_s)), made
            return self._made[2]

    def newest(self, within_s: float) -> T | None:
        """The value as it was made last, if that is not longer ago; nothing is made."""
        return self._made[2] if self._made is not None and time.monotonic() - self._made_s <= within_s else None


_ALIVE_EVERY: Final = 30
"""Turns after which a stream that had nothing to say shows that it lives."""
_ALIVE: Final = b":\n\n"


def event_of(document: Document) -> bytes:
    """A document as an event."""
    return f"data: {json.dumps(document)}\n\n".encode()


class EventStreams:
    """Answers requests with a stream of events; ``admits``: tells if a reader may go on: false once its session has ended."""

    def __init__(self, connections: Connections, admits: Callable[[web.Request], bool]) -> None:
        self._connections = connections
        self._admits = admits

    async def answer(
        self, request: web.Request, next_event: Callable[[], Awaitable[bytes | None]], every_s: float
    ) -> web.StreamResponse:
        """Send what ``next_event`` returns, which is asked every so many seconds; None: nothing has changed.

        :param next_event: the same bytes for all streams that say the same; see :func:`event_of`.
        """
        response, quiet = web.StreamResponse(headers={"Content-Type": "text/event-stream"}), 0
        with self._connections.following(request), suppress(ConnectionError):
            await response.prepare(request)
            while self._admits(request):
                event, quiet = await next_event(), quiet + 1
                if event is not None or quiet >= _ALIVE_EVERY:
                    await response.write(event or _ALIVE)
                    quiet = 0
                await asyncio.sleep(every_s)
        return response
