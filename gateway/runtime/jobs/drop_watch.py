"""The watch over dropped readings: gaps at many devices at once, and the broker's own count of drops."""

from typing import Final

from gateway.core.devices.broker_drops import SequenceGaps
from gateway.core.devices.streams import Streams
from gateway.ingest.events import Events
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock

DROPPED: Final = "broker_dropped"
"""Name of the saved count of drops."""
_LOOK_EVERY_S: Final = 5.0


class DropWatch:
    """Reports gaps, and saves the count of drops for comparison at the next start."""

    def __init__(self, database: Database, streams: Streams, gaps: SequenceGaps, events: Events, clock: WallClock) -> None:
        self._database = database
        self._streams = streams
        self._gaps = gaps
        self._events = events
        self._clock = clock
        self._saved: int | None = None

    async def run(self) -> None:
        """Check until cancelled."""
        while True:
            await self._look()
            await self._clock.sleep(_LOOK_EVERY_S)  # gaps are counted in minutes of this clock

    async def _look(self) -> None:
        events, now_ms = self._events, self._clock.now_ms()
        if found := self._gaps.look(self._streams.devices.values(), now_ms):
            events.many_gaps(*found, now_ms)
        if events.drops.total != self._saved:
            self._saved = events.drops.total
            await keyvalue.save(self._database, DROPPED, str(self._saved))
