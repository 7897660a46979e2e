"""Watches the gateway: asks it over HTTP what became of the messages that were sent, and how it is."""

import asyncio
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from firmware_sim.technician.fates import FateFinder, MessageFate, SeenMessage, seen_last, seen_rejects
from firmware_sim.technician.played import PlayedMessage
from schemas.rejects import RejectReason

ASK_S: Final = 0.2
"""Time between two questions while the fate of a message is open: it must be on the screen within a second."""
IDLE_S: Final = 2.0
ANSWER_S: Final = 5.0
NOT_FOUND, UNAUTHORIZED, FORBIDDEN = 404, 401, 403


@dataclass(frozen=True, slots=True)
class GatewayAccess:
    """The gateway whose judgement is asked for.

    :ivar token: one that may read; None: it is on this machine.
    :ivar tls: for https.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = None


class GatewayWatch:
    """Asks one gateway about one device until cancelled.

    :ivar trouble: why it does not answer, in English; empty while it does.
    :ivar met: True once it has told of a message.
    :ivar influxdb_up: False while the gateway keeps its points in the journal; None until it is known.
    """

    def __init__(
        self, gateway: GatewayAccess, names: Sequence[str], on_fate: Callable[[PlayedMessage, MessageFate], None]
    ) -> None:
        self.trouble = "…"
        self.influxdb_up: bool | None = None
        self.met = False
        self._url = gateway.url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {gateway.token}"} if gateway.token else {}
        self._tls: ssl.SSLContext | bool = gateway.tls or True
        self._names = list(dict.fromkeys(names))
        self._on_fate = on_fate
        self._began_s = time.monotonic()
        self._finder = FateFinder()
        self._news = asyncio.Event()

    @property
    def open(self) -> int:
        """Number of messages whose fate is not known yet."""
        return len(self._finder.open)

    def sent(self, message: PlayedMessage) -> None:
        """Look for this message; called before it is sent."""
        self._finder.sent(message)
        self._news.set()

    async def run(self) -> None:
        """Ask, soon while fates are open, else seldom."""
        async with AsyncExitStack() as stack:
            timeout = aiohttp.ClientTimeout(total=ANSWER_S)
            http = await stack.enter_async_context(aiohttp.ClientSession(headers=self._headers, timeout=timeout))
            while True:
                try:
                    await self._ask(http)
                    self.trouble = ""
                except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
                    self.trouble = str(error) or "no answer"
                await self._pause()

    async def _pause(self) -> None:
        if self._finder.open:
            await asyncio.sleep(ASK_S)
            return
        self._news.clear()
        try:
            await asyncio.wait_for(self._news.wait(), IDLE_S)
        except TimeoutError:
            return

    async def _ask(self, http: aiohttp.ClientSession) -> None:
        if not self._finder.open:
            status = await self._get(http, "/api/status")
            self.influxdb_up = bool(status["influxdb"]["up"])
            return
        for name in self._names:
            device = await self._get(http, f"/api/devices/{quote(name, safe='')}")
            if device is not None:
                refused = f"device={quote(name, safe='')}" if device["rejects"] else ""
                since_ms = device["now"] - round((time.monotonic() - self._began_s) * 1000)
                self._find(seen_last(device), await self._rejects(http, refused), since_ms)
                return
        self._find(None, await self._rejects(http, f"reason={RejectReason.UNKNOWN_TOPIC.value}"))

    async def _rejects(self, http: aiohttp.ClientSession, which: str) -> list[SeenMessage]:
        if not which:
            return []
        listed = await self._get(http, f"/api/rejects?{which}&payloads=1")
        return seen_rejects(listed["rejects"])

    def _find(self, last: SeenMessage | None, rejects: Sequence[SeenMessage], since_ms: int = 0) -> None:
        for message, fate in self._finder.find(last, rejects, time.monotonic_ns() // 1_000_000, since_ms):
            self.met = True
            self._on_fate(message, fate)

    async def _get(self, http: aiohttp.ClientSession, path: str) -> Any:  # noqa: ANN401 - any JSON
        """The document at a path; None where there is none.

        :raises ValueError: with a sentence, when the gateway does not let us read.
        """
        async with http.get(self._url + path, ssl=self._tls) as answer:
            if answer.status == NOT_FOUND:
                return None
            if answer.status in {UNAUTHORIZED, FORBIDDEN}:
                raise ValueError("the gateway wants a token: --gateway-token-file FILE")
            if not answer.ok:
                raise ValueError(f"the gateway answers {answer.status}")
            return await answer.json(content_type=None)
