"""A fence: a message of the gateway to itself, which comes back behind all that came to its queue before.

A broker that keeps a session as a queue delivers in order. So when the fence is back, everything that came before it was sent
is here. It goes out without an acknowledgement; whoever waits sends it again on the next connection.
"""

import asyncio
import secrets
from contextlib import suppress
from typing import Protocol

from gateway.core.batching.acknowledgements import Acknowledger
from gateway.core.gateways.tenures import fence_topic

_LOOK_EVERY_S = 1.0


class Publisher(Protocol):
    """The connection to the broker."""

    def publish(self, topic: str, payload: bytes) -> bool:
        """Send a message without an acknowledgement; False: the connection is not open."""


class Fence:
    """The fences of one gateway.

    :ivar topic: their topic, which nobody else reads.
    """

    def __init__(self, connection: Publisher, acknowledger: Acknowledger, client_id: str) -> None:
        self.topic = fence_topic(client_id)
        self._connection = connection
        self._acknowledger = acknowledger
        self._waiting: dict[bytes, asyncio.Event] = {}

    def came(self, payload: bytes) -> None:
        """Note that one is back; an old one, or a stranger's, tells nothing."""
        waiting = self._waiting.get(payload)
        if waiting is not None:
            waiting.set()

    async def passed(self) -> None:
        """Return when all that came to the queue before this call is durable: in the database or in the journal."""
        token = secrets.token_hex(8).encode()
        back = self._waiting[token] = asyncio.Event()
        try:
            sent_on = 0
            while not back.is_set():
                if self._acknowledger.connection != sent_on and self._connection.publish(self.topic, token):
                    sent_on = self._acknowledger.connection
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_S):
                        await back.wait()
        finally:
            del self._waiting[token]
        before = self._acknowledger.unfinished()
        while self._acknowledger.has_any(before):  # noqa: ASYNC110 - the way of a reading tells nobody but the broker
            await asyncio.sleep(_LOOK_EVERY_S / 10)
