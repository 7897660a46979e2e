"""Server-sent events: a page that stays open is told what changed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from aiohttp import web

from gateway.web.http.connections import Connections
from gateway.web.http.handlers import Document

_HEADERS: Final = {"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
_ALIVE_EVERY: Final = 30
"""Turns after which a stream that had nothing to say shows that it lives."""
_ALIVE: Final = b":\n\n"


def event_of(document: Document) -> bytes:
    """A document as an event."""
    return f"data: {json.dumps(document)}\n\n".encode()


class EventStreams:
    """Answers requests with a stream of events.

    :param admits: tells if a reader may go on: false once its session has ended.
    """

    def __init__(self, connections: Connections, admits: Callable[[web.Request], bool]) -> None:
        self._connections = connections
        self._admits = admits

    async def answer(
        self, request: web.Request, next_event: Callable[[], Awaitable[bytes | None]], every_s: float
    ) -> web.StreamResponse:
        """Send what ``next_event`` returns, which is asked every so many seconds; None: nothing has changed.

        :param next_event: the same bytes for all streams that say the same; see :func:`event_of`.
        """
        response, quiet = web.StreamResponse(headers=_HEADERS), 0
        with self._connections.following(request), suppress(ConnectionError):
            await response.prepare(request)
            while self._admits(request):
                event, quiet = await next_event(), quiet + 1
                if event is not None or quiet >= _ALIVE_EVERY:
                    await response.write(event or _ALIVE)
                    quiet = 0
                await asyncio.sleep(every_s)
        return response
