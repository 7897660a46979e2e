"""The log of deliveries: follows batches on their way to InfluxDB, and is saved like the state of devices."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from msgspec import DecodeError, ValidationError
from msgspec.json import decode, encode

from gateway.core.batching.batch import Batch
from gateway.core.batching.deliveries import Deliveries, SavedDeliveries, Whereabouts
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock

_NAME: Final = "deliveries"
_SAVE_EVERY_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class DeliveryLog:
    """Follows batches, and tells where the readings of a time are."""

    _clock: WallClock
    _deliveries: Deliveries = field(default_factory=Deliveries)

    def find(self, arrival_ms: int) -> Whereabouts:
        """Tell where the readings are that arrived at this time."""
        return self._deliveries.find(arrival_ms)

    def posted(self, batch: Batch, now_s: float) -> None:
        """A batch leaves the queue."""
        if batch.arrivals:
            now_ms, arrivals = self._clock.now_ms(), batch.arrivals
            first_s, last_s = min(arrivals), max(arrivals)
            self._deliveries.post(batch, now_ms - round(1000 * (now_s - first_s)), now_ms - round(1000 * (now_s - last_s)))

    def settled(self, batch: Batch, *, written: bool) -> None:
        """A batch that is not in the journal was written, or given up."""
        if written:
            self._deliveries.wrote(batch, self._clock.now_ms())
        else:
            self._deliveries.gave_up(batch)

    def stored(self, batch: Batch, row: int, now_s: float) -> None:
        """A batch stands in a row of the journal."""
        self.posted(batch, now_s)
        self._deliveries.store(batch, row)

    def row_settled(self, row: int, *, written: bool) -> None:
        """A row of the journal was written, or given up."""
        self._deliveries.settle_row(row, self._clock.now_ms(), written=written)

    def drained(self) -> None:
        """The journal is empty."""
        self._deliveries.drained(self._clock.now_ms())

    def restore(self, database: Database) -> None:
        """Go on where the last run ended."""
        text = database.run_here(keyvalue.get, _NAME)
        with suppress(DecodeError, ValidationError):  # of another version: it begins anew
            self._deliveries.saved = decode(text or "{}", type=SavedDeliveries)

    async def save(self, database: Database) -> None:
        """Save it."""
        await keyvalue.save(database, _NAME, encode(self._deliveries.saved).decode())

    async def run(self, database: Database) -> None:
        """Save it as often as devices, until cancelled."""
        while True:
            await self._clock.sleep(_SAVE_EVERY_S)
            await self.save(database)
