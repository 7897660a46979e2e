"""The gauge of the journal and the rejects: it measures them every few seconds, for pages, metrics and limits."""

import asyncio
import logging
import time
from typing import Final

from gateway.ingest.delivery.bounded_journal import BoundedJournal
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.status.status import JournalState

log = logging.getLogger("gateway.jobs")

_MEASURE_EVERY_S: Final = 5.0


class JournalGauge:
    """Measures the content of the file."""

    def __init__(self, database: Database, store: BoundedJournal, state: JournalState, events: Events) -> None:
        self._database = database
        self._store = store
        self._state = state
        self._events = events
        self._rejects_bytes = 0

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            try:
                await self._measure()
            except DatabaseFault as fault:
                log.debug("the journal cannot be measured: %s", fault)
            await asyncio.sleep(_MEASURE_EVERY_S)

    async def _measure(self) -> None:
        stock = await self._database.run(journal.stock)
        used_bytes = await self._store.measure()
        self._state.note(stock, used_bytes)
        self._state.note_room(time.monotonic(), self._store.room_bytes(), self._database.free_bytes())
        await self._count_rejects()
        events = self._events
        if events.journal_trouble and events.influxdb_up and await self._store.takes_something():
            events.journal_took(0)  # nothing waits that would show it

    async def _count_rejects(self) -> None:
        """Count the rejects on disk again when their size has changed."""
        size_bytes = await self._database.run(rejects.size)
        if size_bytes != self._rejects_bytes:
            self._state.note_rejects(await self._database.run(rejects.count))
            self._rejects_bytes = size_bytes
