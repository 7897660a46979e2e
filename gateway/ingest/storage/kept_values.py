"""Small values of messages, saved as they come: births of Sparkplug nodes, and counters that took a step.

The batch of a message with such a value is held until the value is saved. A disk that does not take it costs no reading: a node
is asked for its birth later, and a counter goes on from its last snapshot.
"""

import asyncio
import logging
from collections.abc import Mapping

from gateway.core.batching.batch import Batch
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.holds import BatchHolds

log = logging.getLogger("gateway.storage")


class KeptValueWriter:
    """Saves values by name and forgets them, many in one commit."""

    def __init__(self, database: Database, holds: BatchHolds) -> None:
        self._database = database
        self._holds = holds
        self._values: dict[str, str | None] = {}
        self._batches: list[Batch] = []
        self._came = asyncio.Event()

    def save(self, values: Mapping[str, str | None], batch: Batch | None) -> None:
        """Save values by name, or forget those of None; ``batch`` is held until then."""
        if not values:
            return
        self._values.update(values)
        if batch is not None:
            batch.holds += 1
            self._batches.append(batch)
        self._came.set()

    async def run(self) -> None:
        """Save until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            values, self._values = self._values, {}
            batches, self._batches = self._batches, []
            try:
                await self._database.run(keyvalue.put_all, values)
            except DatabaseFault as fault:
                kinds = ", ".join(sorted({name.partition(" ")[0] for name in values}))
                log.warning("%s of devices cannot be saved: %s", kinds, fault)
            for batch in batches:
                self._holds.release(batch)
