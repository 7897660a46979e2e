"""From the session of a former client id to that of the present one: nothing that waits is lost, and nothing comes twice.

Theory of operation
-------------------
The broker keeps what waits for an absent gateway under its client id. So a gateway that gets another id first takes all that
waits under the former one. What is known of the move is saved before each step, and a gateway that was killed goes on with it:

1. It connects as before, and takes what comes. A message to itself that comes back tells that nothing waits any more.
2. Another connection makes the new session, subscribes it, and publishes the mark (:mod:`gateway.ingest.intake.session_cut`).
   One that an interrupted move left is ended before: the former one holds all of it.
3. The mark comes by the former session. Once all before it is durable, that session is ended; only then the new one is opened,
   and read from the mark on.

A kill before the former session is ended: the move begins anew. After it: there is no such session any more, and the saved mark
tells where the new one is read from. The mark is acknowledged after it is saved that the move is done: so it comes again.
"""

import asyncio
import json
import logging
import secrets
from dataclasses import replace
from typing import Final

import mqtt5

from gateway.core.batching.batch import Acknowledger
from gateway.core.mqtt_session import SessionOptions, Subscribed
from gateway.ingest.broker.enrolling import AdministrationFault, as_faults, linked
from gateway.ingest.intake.connection import Connection
from gateway.ingest.intake.session_cut import CutPhase, SessionCut
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.support.clock import set_within

log = logging.getLogger("gateway")

_NAME: Final = "session"
_TOKEN_BYTES: Final = 16
_LOOK_EVERY_S: Final = 0.2
_AGAIN_AFTER_S: Final = 5.0


class SessionMove:
    """Moves the session of a connection, which opens the former one first, and ends once that is done."""

    def __init__(
        self, database: Database, connection: Connection, acknowledger: Acknowledger, cut: SessionCut, name: str
    ) -> None:
        """Find out what is to do; ``name``: the former client id where none is saved."""
        self._database, self._connection, self._acknowledger, self.cut = database, connection, acknowledger, cut
        self._present = connection.session.options
        saved = json.loads(database.run_here(keyvalue.get, _NAME) or "{}")
        self._former, self._saved = str(saved.get("id", name)), str(saved.get("mark", "")).encode()
        if self._former != self._present.client_id:
            cut.phase, cut.is_told = CutPhase.LEAVING, bool(self._saved)
            connection.session.options = replace(self._present, client_id=self._former)
        elif self._saved:
            cut.phase, cut.mark = CutPhase.ENTERING, self._saved

    async def run(self, subscriptions: Subscriptions) -> None:
        """Move it, however often that takes."""
        self._subscriptions = subscriptions
        while self.cut.phase is not CutPhase.SETTLED or self.cut.mark:
            try:
                with as_faults(self._connection.address):
                    await self._go_on()
            except (AdministrationFault, DatabaseFault) as fault:
                log.warning("the session of before cannot be left yet: %s", fault)
                await asyncio.sleep(_AGAIN_AFTER_S)

    async def _go_on(self) -> None:
        cut = self.cut
        if cut.phase is CutPhase.LEAVING:
            await self._subscribed()
            await self._cut()
            if cut.is_absent:  # it was ended before a kill, or the broker has lost it
                cut.mark, cut.is_told = self._saved, True
            cut.phase = CutPhase.BETWEEN
            cut.may_open.clear()
            self._connection.session.options = self._present
            self._connection.end("it goes on under its new client id")
        if cut.phase is CutPhase.BETWEEN:
            async with linked(self._connection.address, self._briefly(self._former)):
                pass
            await self._save(self._present.client_id, cut.mark)
            self._connection.end("it goes on under its new client id")  # if it was opened meanwhile
            cut.seen.clear()  # the mark came by the former session; it comes again
            cut.phase = CutPhase.ENTERING if cut.mark else CutPhase.SETTLED
            cut.may_open.set()
        if cut.phase is CutPhase.ENTERING:
            cut.guard = _token()
            await self._publish(self._briefly(f"{self._present.client_id}-guard"), cut.guard)
            await self._until_seen(cut.mark, cut.guard)
        await self._save(self._present.client_id, b"")
        self._connection.acknowledge(cut.owed)
        cut.mark = b""

    async def _cut(self) -> None:
        """Make the new session, and take the former one up to the mark."""
        if self.cut.mark:  # another try: what came behind that mark was left out, and comes again
            self.cut.mark = b""
            self._connection.end("it leaves its session anew")
        if self.cut.topic in self._subscriptions.refused:
            raise AdministrationFault(f"the account may not read {self.cut.topic}")
        first, mark = _token(), _token()
        if self.cut.is_absent:
            return
        await self._publish(self._briefly(self._present.client_id), first)
        await self._until_seen(first)
        if self.cut.is_absent:
            return
        await self._save(self._former, mark)
        self.cut.mark = self._saved = mark
        await self._publish(self._present, mark, subscribes=True)
        await self._until_seen(mark)
        before = self._acknowledger.unfinished()
        while self._acknowledger.has_any(before):  # noqa: ASYNC110 - the way of a reading tells nobody but the broker
            await asyncio.sleep(_LOOK_EVERY_S)

    def _briefly(self, client_id: str) -> SessionOptions:
        """A session that ends with its connection, and ends what the broker held under this id."""
        return replace(self._present, client_id=client_id, session_expiry_s=0)

    async def _publish(self, options: SessionOptions, token: bytes, *, subscribes: bool = False) -> None:
        """Publish a message to this gateway itself, by another connection, so that it waits behind all others."""
        async with linked(self._connection.address, options) as link:
            if subscribes:
                wanted = self._subscriptions
                always = dict.fromkeys(wanted.states, mqtt5.RetainHandling.SEND_ALWAYS)
                link.writer.write(link.session.subscribe(wanted.wanted | always))
                await link.wait(Subscribed)
            link.writer.write(link.session.publish_surely(self.cut.topic, token))
            await link.wait(mqtt5.PubAckPacket)

    async def _subscribed(self) -> None:
        """Return once the session is open and the broker has answered for all filters, or has no such session."""
        while not (self.cut.is_absent or (self._connection.session.connected and self._subscriptions.settled)):
            self.cut.news.clear()
            await set_within(self.cut.news, _LOOK_EVERY_S)

    async def _until_seen(self, *tokens: bytes) -> None:
        cut = self.cut
        while cut.seen.isdisjoint(tokens) and cut.phase is not CutPhase.SETTLED and not cut.is_absent:
            self.cut.news.clear()
            await set_within(self.cut.news, _LOOK_EVERY_S)

    async def _save(self, client_id: str, mark: bytes) -> None:
        await self._database.run(keyvalue.put, _NAME, json.dumps({"id": client_id, "mark": mark.decode()}))


def _token() -> bytes:
    return secrets.token_hex(_TOKEN_BYTES).encode()
