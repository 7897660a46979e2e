"""Subscriptions: the wanted topic filters, and stale ones that the broker still holds.

The broker keeps a session's subscriptions over a restart of the gateway. So they are saved, and the next run
unsubscribes from those that its configuration no longer names.
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
    """The part of the connection that subscribes."""

    def subscribe(self, wanted: dict[str, mqtt5.RetainHandling], stale: list[str]) -> None:
        """Subscribe to the wanted filters and unsubscribe from stale ones, if the connection is open."""


class Subscriptions:
    """Topic filters.

    :ivar wanted: topic filter → retain handling.
    :ivar stale: filters that were subscribed earlier and are no longer wanted.
    """

    def __init__(self, database: Database, connection: Subscriber, wanted: dict[str, mqtt5.RetainHandling]) -> None:
        self._database = database
        self._connection = connection
        self._saved: list[str] = json.loads(database.run_here(keyvalue.get, _NAME) or "[]")
        self._changed = asyncio.Event()
        self.wanted = wanted
        self.stale = [pattern for pattern in self._saved if pattern not in wanted]

    @property
    def held(self) -> bool:
        """Tell if the broker held subscriptions of this gateway, in this run or an earlier one."""
        return bool(self._saved)

    def send(self) -> None:
        """Subscribe to the wanted filters and unsubscribe from the others; does nothing while disconnected."""
        also = {BROKER_DROPPED: mqtt5.RetainHandling.SEND_ALWAYS}  # if the broker publishes it and we may read it
        self._connection.subscribe(self.wanted | also if self.wanted else {}, self.stale)

    def replace(self, wanted: dict[str, mqtt5.RetainHandling]) -> None:
        """Want these filters from now on, and unsubscribe from all others."""
        before = dict.fromkeys([*self.stale, *self.wanted])
        self.wanted = wanted
        self.stale = [pattern for pattern in before if pattern not in wanted]
        self.send()

    def confirm(self) -> None:
        """Save the wanted filters, which the broker holds now."""
        confirmed = list(self.wanted)
        if sorted(confirmed) != sorted(self._saved):
            self._saved = confirmed
            self._changed.set()

    async def run(self) -> None:
        """Save the filters that the broker holds whenever they change, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await keyvalue.save(self._database, _NAME, json.dumps(self._saved))
