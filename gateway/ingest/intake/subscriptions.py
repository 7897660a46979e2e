"""Subscriptions: the wanted topic filters, and stale ones that the broker still holds.

The broker keeps a session's subscriptions over a restart of the gateway. So they are saved, and the next run
unsubscribes from those that its configuration no longer names.

RabbitMQ gives no retained messages to wildcards, and the first subscription to a topic takes it 2 ms, in which the connection
is served nothing else. So states may be named topic by topic, beside the filter that takes them too: they are asked for in
small packets, one after the other, behind the filters that readings come by. One copy of each message comes all the same.

A fence is a message of the gateway to itself, which comes back behind all that came to its queue before: a broker that keeps a
session as a queue delivers in order. It goes out without an acknowledgement; whoever waits sends it again on the next
connection.
"""

import asyncio
import json
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import mqtt5

from gateway.core.batching.batch import Acknowledger
from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.gateways.tenures import fence_topic
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.clock import set_within

_NAME: Final = "subscriptions"
_TOGETHER: Final = 100
"""Topics in one packet: RabbitMQ answers within a quarter of a second, and readings come between two."""
_LOOK_EVERY_S: Final = 1.0


Subscribe = Callable[[dict[str, mqtt5.RetainHandling], list[str]], None]
"""Subscribes to wanted filters and unsubscribes from stale ones, if the connection is open."""


class Subscriptions:
    """Topic filters.

    :ivar states: topics whose retained messages are asked for one by one.
    :ivar stale: filters that were subscribed earlier and are no longer wanted.
    :ivar confirmed: the broker has answered for the wanted filters since they were sent.
    """

    def __init__(
        self, database: Database, subscribe: Subscribe, wanted: dict[str, mqtt5.RetainHandling], states: Sequence[str] = ()
    ) -> None:
        self._database = database
        self._subscribe = subscribe
        self._saved: list[str] = json.loads(database.run_here(keyvalue.get, _NAME) or "[]")
        self._changed = asyncio.Event()
        self._later: deque[tuple[dict[str, mqtt5.RetainHandling], list[str]]] = deque()
        self._unanswered = 0
        self.sent = 0
        self.confirmed = False
        self.refused: frozenset[str] = frozenset()
        self.wanted = wanted
        self.states = states
        self.stale = self._others(self._saved)

    @property
    def held(self) -> bool:
        """Tell if the broker held subscriptions of this gateway, in this run or an earlier one."""
        return bool(self._saved)

    @property
    def settled(self) -> bool:
        """Tell if the broker has answered all that it was asked."""
        return self.confirmed and self._unanswered <= 0 and not self._later

    def send(self) -> None:
        """Subscribe to the wanted filters and unsubscribe from the others; does nothing while disconnected."""
        self._send(list(self.states))

    def replace(self, wanted: dict[str, mqtt5.RetainHandling], states: Sequence[str] = ()) -> None:
        """Want these filters from now on, and unsubscribe from all others; ask for those states that are new."""
        before, held = dict.fromkeys([*self.stale, *self.wanted, *self.states]), set(self.states)
        self.wanted, self.states = wanted, states
        self.stale = self._others(before)
        self._send([topic for topic in states if topic not in held])

    def renew(self, filters: Sequence[str]) -> None:
        """Subscribe again to wanted filters that the broker has lost without saying so.

        A broker does nothing for a filter that it believes to hold: it is given up first.
        """
        self._subscribe({}, list(filters))
        self._subscribe({pattern: self.wanted[pattern] for pattern in filters}, [])
        self._unanswered += 2
        self.sent += 1

    def confirm(self, refused: Iterable[str] = ()) -> None:
        """Save what the broker holds now or is about to hold, and what it has not confirmed to be gone."""
        self.confirmed, self.refused = True, frozenset(refused)
        self._save()

    def unsubscribed(self, filters: Sequence[str]) -> None:
        """Note that the broker holds some filters no longer."""
        self.stale = [pattern for pattern in self.stale if pattern not in filters]
        if self.confirmed:
            self._save()

    def answered(self) -> None:
        """Take an answer of the broker; when none is owed, send the next packet."""
        self._unanswered -= 1
        if self._unanswered <= 0:
            self._send_next()

    async def run(self) -> None:
        """Save the filters that the broker holds whenever they change, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            await keyvalue.save(self._database, _NAME, json.dumps(self._saved))

    def _save(self) -> None:
        held = [*self.wanted, *self.states, *self.stale]
        if sorted(held) != sorted(self._saved):
            self._saved = held
            self._changed.set()

    def _others(self, filters: Iterable[str]) -> list[str]:
        """Those that are not wanted."""
        kept = {*self.wanted, *self.states}
        return [pattern for pattern in filters if pattern not in kept]

    def _send(self, states: list[str]) -> None:
        also = {BROKER_DROPPED: mqtt5.RetainHandling.SEND_ALWAYS}  # if the broker publishes it and we may read it
        always = mqtt5.RetainHandling.SEND_ALWAYS
        self.confirmed = False
        self.sent += 1
        self._later.clear()
        self._later.append((self.wanted | also if self.wanted else {}, self.stale[:_TOGETHER]))
        self._later += [(dict.fromkeys(some, always), []) for some in _in_parts(states)]
        self._later += [({}, some) for some in _in_parts(self.stale[_TOGETHER:])]
        self._send_next()

    def _send_next(self) -> None:
        if self._later:
            wanted, stale = self._later.popleft()
            self._unanswered = bool(wanted) + bool(stale)
            self._subscribe(wanted, stale)


def _in_parts(names: list[str]) -> list[list[str]]:
    return [names[at : at + _TOGETHER] for at in range(0, len(names), _TOGETHER)]


class Fence:
    """The fences of one gateway, which have a ``topic`` that nobody else reads."""

    def __init__(self, publish: Callable[[str, bytes], bool], acknowledger: Acknowledger, client_id: str) -> None:
        self.topic = fence_topic(client_id)
        self._publish = publish
        self._acknowledger = acknowledger
        self._waiting: dict[bytes, asyncio.Event] = {}

    def came(self, payload: bytes) -> None:
        """Note that one is back; an old one, or a stranger's, tells nothing."""
        if (waiting := self._waiting.get(payload)) is not None:
            waiting.set()

    async def passed(self) -> None:
        """Return when all that came to the queue before this call is durable: in the database or in the journal."""
        token = secrets.token_hex(8).encode()
        back = self._waiting[token] = asyncio.Event()
        try:
            sent_on = 0
            while not back.is_set():
                if self._acknowledger.connection != sent_on and self._publish(self.topic, token):
                    sent_on = self._acknowledger.connection
                await set_within(back, _LOOK_EVERY_S)
        finally:
            del self._waiting[token]
        before = self._acknowledger.unfinished()
        while self._acknowledger.has_any(before):  # noqa: ASYNC110 - the way of a reading tells nobody but the broker
            await asyncio.sleep(_LOOK_EVERY_S / 10)
