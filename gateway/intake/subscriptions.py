"""Subscriptions: the messages that the broker is to send, and those it still sends though they are not wanted any more.

The broker keeps the subscriptions of a session over a restart of the gateway. So those it holds are saved, and the next run
gives up what its configuration no longer names.
"""

import asyncio
import json
from typing import Final, Protocol

import mqtt5

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.storage import keyvalue
from gateway.storage.database import Database

_NAME: Final = "subscriptions"


class Subscriber(Protocol):
    """The connection, as far as it subscribes."""

    def subscribe(self, wanted: dict[str, mqtt5.RetainHandling], stale: list[str]) -> None:
        """Ask for what is wanted and give up what is stale, if the broker is there."""


class Subscriptions:
    """Topic filters.

    :ivar wanted: topic filter → retain handling.
    :ivar stale: filters that were subscribed before and are not wanted any more.
    """

    def __init__(self, database: Database, connection: Subscriber, wanted: dict[str, mqtt5.RetainHandling]) -> None:
        self._database = database
        self._connection = connection
        self._saved: list[str] = json.loads(database.run_here(keyvalue.get, _NAME) or "[]")
        self._changed = asyncio.Event()
        self.wanted = wanted
        self.stale = [pattern for pattern in self._saved if pattern not in wanted]

    def send(self) -> None:
        """Ask for what is wanted and give up what is not; nothing happens while the broker is away."""
        also = {BROKER_DROPPED: mqtt5.RetainHandling.SEND_ALWAYS}  # where the broker tells it, and we may read it
        self._connection.subscribe(self.wanted | also if self.wanted else {}, self.stale)

    def replace(self, wanted: dict[str, mqtt5.RetainHandling]) -> None:
        """Want these from now on, and give up what is not among them."""
        before = dict.fromkeys([*self.stale, *self.wanted])
        self.wanted = wanted
        self.stale = [pattern for pattern in before if pattern not in wanted]
        self.send()

    def confirm(self) -> None:
        """The broker holds what is wanted now: save that."""
        confirmed = list(self.wanted)
        if sorted(confirmed) != sorted(self._saved):
            self._saved = confirmed
            self._changed.set()

    async def run(self) -> None:
        """Save what the broker holds at once when it changes; until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await keyvalue.save(self._database, _NAME, json.dumps(self._saved))
