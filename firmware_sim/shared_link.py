"""One connection for many devices, for high rates: many messages under way at a time."""

import asyncio
import os
import random
from collections import deque
from typing import Final

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.publish import Account, BrokerAccess, pauses
from firmware_sim.shared_connection import SharedConnection

CONNECTIONS: Final = 4
UNDER_WAY: Final = 1000
"""Most messages of a connection that await their PUBACK."""


class SharedLink:
    """A connection that carries some of the fleet.

    :ivar waiting: what was not handed to the connection yet, oldest first.
    :ivar connected: set while the connection stands.
    :ivar trouble: why the last attempt failed.
    """

    def __init__(self, identifier: str, broker: BrokerAccess, account: Account) -> None:
        self.waiting: deque[OutgoingMessage] = deque()
        self.connected = asyncio.Event()
        self.trouble = ""
        self._identifier = identifier
        self._broker = broker
        self._account = account
        self._closing = False
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way: dict[int, OutgoingMessage] = {}
        self._most_under_way = UNDER_WAY
        self._connection: SharedConnection | None = None

    def put(self, message: OutgoingMessage) -> None:
        """Take a message to send."""
        if self._account.admit(message, held=len(self.waiting) + len(self._under_way)):
            self.waiting.append(message)
            self._pump()

    def reach(self, *, is_online: bool) -> None:
        """Other devices are on this connection too: it stands."""

    def close(self) -> None:
        """No more messages will come: end once all are acknowledged."""
        self._closing = True
        self._pump()

    async def run(self) -> None:
        """Connect, send, and connect again, until closed and empty."""
        attempts = pauses(random.Random())  # noqa: S311 - spreads reconnecting clients
        while True:
            connection = SharedConnection(self._on_puback, self._pump)
            try:
                await connection.open(self._identifier, self._broker)
                attempts = pauses(random.Random())  # noqa: S311 - as above
                self._connection = connection
                self._most_under_way = min(UNDER_WAY, connection.window)
                self.connected.set()
                self._pump()
                await asyncio.wait((connection.lost, self._finished), return_when=asyncio.FIRST_COMPLETED)
                if self._finished.done():
                    return
                self.trouble = connection.lost.result()
            except OSError as error:
                self.trouble = os.strerror(error.errno) if error.errno else str(error) or "the broker does not answer"
            finally:
                connection.close()
                self._forget()
            await asyncio.sleep(next(attempts))

    def _pump(self) -> None:
        """Hand over what waits, as far as the window goes."""
        connection = self._connection
        if connection is not None:
            while self.waiting and len(self._under_way) < self._most_under_way:
                message = self.waiting.popleft()
                message.sent += 1
                self._under_way[connection.publish(message)] = message
        if self._closing and not self.waiting and not self._under_way and not self._finished.done():
            self._finished.set_result(None)

    def _on_puback(self, identifier: int, refused: str) -> None:
        message = self._under_way.pop(identifier, None)
        if message is None:
            return
        if refused:
            self.trouble = refused
            self._account.refused(message)
        else:
            self._account.acknowledged(message)

    def _forget(self) -> None:
        """The connection is gone: what it had under way waits again, in its order."""
        self.connected.clear()
        self._connection = None
        self.waiting.extendleft(reversed(self._under_way.values()))
        self._under_way.clear()
