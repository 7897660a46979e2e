"""The watch over rates: readings received and written, each second and minute, and silent devices each quarter of an hour."""

import asyncio
import time
from itertools import count
from typing import Final

from gateway.core.status.history import SHARE_EVERY_MIN
from gateway.core.status.verdict import Fleet, silent_of
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.status.status import Status

HISTORY: Final = "history"
"""Name of the stored last hours."""
_LOOK_EVERY_S: Final = 1.0
_SAVE_EVERY: Final = SHARE_EVERY_MIN * 60
"""Looks between two savings: 12 KiB each, 48 KiB an hour."""
_FIRST_SHARE: Final = 60
"""Looks before silence is counted first: who sends often has been heard again by then."""


class RateWatch:
    """Keeps the rates and the last hours of the gateway."""

    def __init__(self, database: Database, status: Status) -> None:
        self._database = database
        self._status = status

    async def run(self) -> None:
        """Note the counts each second until cancelled; begin with the hours that an earlier run stored."""
        status, ledger = self._status, self._status.ledger
        try:
            if (kept := await self._database.run(keyvalue.get, HISTORY)) is not None:
                status.history.load(kept)
        except DatabaseFault:
            pass  # said elsewhere; the chart begins empty
        for look in count(1):
            received, written = ledger.received["mqtt"], ledger.total("written")
            status.rates.sample(time.monotonic(), received, written)
            status.history.count(status.clock.now_ms(), received, written)
            if look % _SAVE_EVERY == _FIRST_SHARE:
                await self._note_silent()
                await self.save()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def save(self) -> None:
        """Store the last hours."""
        await keyvalue.save(self._database, HISTORY, self._status.history.text())

    async def _note_silent(self) -> None:
        now_ms, fleet = self._status.clock.now_ms(), Fleet()
        for fleet in self._status.devices.look_at_fleet(now_ms):  # noqa: B007 - the last one is whole
            await asyncio.sleep(0)
        self._status.history.note_silent(now_ms, *silent_of(fleet.total))
