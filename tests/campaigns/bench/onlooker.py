"""People who look on, who open pages as a browser does: ``python -m tests.campaigns.bench.onlooker PORT KIND NUMBER``.

- ``events``: the streams that pages follow, half of them of the gateway and half of devices; nothing is fetched again.
- ``start``: the start page, fetched again as often as it asks for.
- ``device``: the page of a device, fetched again at each of its events.

It prints ``subscribed`` when all are open.
"""

import asyncio
import sys
from typing import Final

from aiohttp import ClientSession, ClientTimeout, TCPConnector

from tests.campaigns.bench.messages import device_id

_START_EVERY_S: Final = 3.0


class Onlooker:
    """One page of one person."""

    def __init__(self, session: ClientSession, opened: asyncio.Semaphore) -> None:
        self._session = session
        self._opened = opened

    async def follow(self, path: str, page: str | None = None) -> None:
        """Follow a stream, and fetch the page again at each event."""
        async with self._session.get(path) as stream:
            assert stream.status == 200, stream.status
            self._opened.release()
            async for line in stream.content:
                if page and line.startswith(b"data:"):
                    await self._fetch(page)

    async def look(self, page: str, every_s: float) -> None:
        """Fetch a page again and again."""
        await self._fetch(page)
        self._opened.release()
        while True:
            await asyncio.sleep(every_s)
            await self._fetch(page)

    async def _fetch(self, page: str) -> None:
        async with self._session.get(page, headers={"Accept": "text/html"}) as answer:
            assert answer.status == 200, answer.status
            await answer.read()


async def main(port: int, kind: str, number: int) -> None:
    """Open all, and look."""
    opened = asyncio.Semaphore(0)
    connector, forever = TCPConnector(limit=0), ClientTimeout(total=None)
    async with (
        ClientSession(f"http://127.0.0.1:{port}", connector=connector, timeout=forever) as session,
        asyncio.TaskGroup() as group,
    ):
        for place in range(number):
            page, device = Onlooker(session, opened), device_id(place)
            if kind == "start":
                group.create_task(page.look("/", _START_EVERY_S))
            elif kind == "device":
                group.create_task(page.follow(f"/api/devices/{device}/events", f"/devices/{device}"))
            else:
                group.create_task(page.follow("/api/events" if place % 2 else f"/api/devices/{device}/events"))
        for _ in range(number):
            await opened.acquire()
        sys.stdout.write("subscribed\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
