"""Real databases with points in them, asked through the gateway's store."""

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gateway.commands.demo.services import Service
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store
from gateway.support.config.model import Influxdb

T = TypeVar("T")


@dataclass(frozen=True)
class Filled:
    """A database that a test fills and asks."""

    service: Service

    @property
    def config(self) -> Influxdb:
        """The settings that lead to it."""
        return Influxdb(url=self.service.url, api="v1")

    def write(self, lines: Iterable[str]) -> None:
        """Write points, and return when they can be asked for."""
        self._post("/write?db=iot&precision=ms", "\n".join(lines).encode())
        if self.service.name == "victoria-metrics":
            self._post("/internal/force_flush", b"")

    def ask(self, question: Callable[[Store], Awaitable[T]]) -> T:
        """Open the store and ask it."""

        async def opened() -> T:
            async with open_store(self.config) as store:
                return await question(store)

        return asyncio.run(opened())

    def every(self, question: Callable[[Store], AsyncIterator[T]]) -> list[T]:
        """Return all that a question yields."""

        async def collected(store: Store) -> list[T]:
            return [answer async for answer in question(store)]

        return self.ask(collected)

    def _post(self, path: str, body: bytes) -> None:
        request = urllib.request.Request(f"{self.service.url}{path}", body)  # noqa: S310 - our own service
        with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
            assert response.status in {200, 204}
