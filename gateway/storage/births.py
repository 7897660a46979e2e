"""Births of Sparkplug nodes, saved as they come: after a restart a node need not be asked for its birth again.

The batch of a message with a birth is held until the birth is saved. A disk that does not take it costs a request for rebirth
later, and no reading.
"""

import asyncio
import logging
from collections.abc import Mapping

from gateway.core.delivery.batch import Batch
from gateway.storage import keyvalue
from gateway.storage.database import Database, DatabaseFault
from gateway.storage.holds import BatchHolds

log = logging.getLogger("gateway.storage")


class BirthWriter:
    """Saves births and forgets them, many in one commit."""

    def __init__(self, database: Database, holds: BatchHolds) -> None:
        self._database = database
        self._holds = holds
        self._births: dict[str, str | None] = {}
        self._batches: list[Batch] = []
        self._came = asyncio.Event()

    def save(self, births: Mapping[str, str | None], batch: Batch | None) -> None:
        """Save births by name, or forget those of None; ``batch`` is held until then."""
        if not births:
            return
        self._births.update(births)
        if batch is not None:
            batch.holds += 1
            self._batches.append(batch)
        self._came.set()

    async def run(self) -> None:
        """Save until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            births, self._births = self._births, {}
            batches, self._batches = self._batches, []
            try:
                await self._database.run(keyvalue.put_all, births)
            except DatabaseFault as fault:
                log.warning("births of Sparkplug nodes cannot be saved: %s", fault)
            for batch in batches:
                self._holds.release(batch)
