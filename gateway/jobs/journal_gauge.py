"""The gauge of the journal and the rejects: they are measured every few seconds, for pages, metrics and limits."""

import asyncio
import logging
from typing import Final

from gateway.delivery.bounded_journal import BoundedJournal
from gateway.status.status import Status
from gateway.storage import journal, rejects
from gateway.storage.database import Database, DatabaseFault

log = logging.getLogger("gateway.jobs")

_MEASURE_EVERY_S: Final = 5.0


class JournalGauge:
    """Measures what the file holds."""

    def __init__(self, database: Database, store: BoundedJournal, status: Status) -> None:
        self._database = database
        self._store = store
        self._status = status
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
        self._store.used_bytes = await self._database.measure()
        self._status.journal.note(stock, self._store.used_bytes)
        await self._count_rejects()
        events = self._status.events
        if events.journal_trouble and events.influxdb_up and await self._store.takes_something():
            events.journal_took(0)  # nothing waits that would show it

    async def _count_rejects(self) -> None:
        """Count the rejects on disk when there are others than before."""
        size_bytes = await self._database.run(rejects.size)
        if size_bytes != self._rejects_bytes:
            self._status.rejects_kept = await self._database.run(rejects.count)
            self._rejects_bytes = size_bytes
