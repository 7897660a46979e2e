"""Salvage: it moves the readable rows of damaged files into the new one, a few at a time, while readings go on.

Readings that are missing from the journal after that are counted as lost, and an alarm is raised.
"""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from gateway.core.batching.batch import Body
from gateway.core.status.verdict import Finding, Level
from gateway.ingest.delivery.backlog import BoundedJournal, JournalFull
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, quarantine
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.quarantine_lanes import QuarantineIn
from gateway.ingest.storage.recovery.set_aside import note_salvaged
from gateway.ingest.storage.settlement import JournalAccount
from gateway.support.clock import WallClock

Salvaged = TypeVar("Salvaged")

_TOGETHER: Final = 20
_ROOM_EVERY_S: Final = 5.0


@dataclass(slots=True)
class Salvage:
    """Salvages the damaged files that were set aside; ``backlog`` is set when rows were added to the journal."""

    _database: Database
    _store: BoundedJournal
    _quarantine_in: QuarantineIn
    _account: JournalAccount
    _events: Events
    _backlog: asyncio.Event
    _clock: WallClock

    async def run(self) -> None:
        """Salvage all files, and count the missing readings."""
        tally, events = self._database.tally, self._events
        for aside in self._database.to_salvage():
            events.salvaging(aside.name)
            try:
                saved, broken = await self._salvage(aside)
                lost = await self._database.in_thread(partial(tally.found, saved, broken, self._clock.now_ms()))
                note_salvaged(self._database.path, aside)
            except OSError as error:
                events.not_salvaged(aside.name, error.strerror or str(error))
            else:
                self._account.gone(lost)
                events.salvaged(aside.name, saved, lost)
        if newer := self._database.newer():
            self._account.waits_for_newer(tally.gap)
            events.damage = Finding("journal_newer", Level.ATTENTION, {"file": newer[0].name, "count": tally.gap})
        elif not self._database.to_salvage():
            self._account.gone(await self._database.in_thread(partial(tally.give_up, self._clock.now_ms())))
        events.missing(tally.missing, self._database.path.name)

    async def _salvage(self, aside: Path) -> tuple[int, int]:
        """Salvage one file; return the number of readings saved, and the number that its broken rows claim."""
        saved = broken = 0
        entries = journal.salvage(aside)
        while some := await _next(entries):
            new = await self._database.run(journal.not_standing, some)
            bodies = [entry.body for entry in new if entry.intact]
            self._account.salvaged(bodies)  # first: the drain may have written a row before its commit is known here
            await self._store_with_patience(bodies)
            saved += sum(body.readings for body in bodies)
            broken += sum(entry.body.readings for entry in new if not entry.intact)
            self._backlog.set()
        waiting = quarantine.salvage(aside)
        while found := await _next(waiting):
            await self._quarantine_in.take_back(found)
        return saved, broken

    async def _store_with_patience(self, bodies: list[Body]) -> None:
        """Wait until there is room for bodies, and store them: salvaged readings must not push out others."""
        while True:
            if self._store.has_room(bodies):
                with suppress(JournalFull):
                    await self._store.append(bodies)
                    return
            await asyncio.sleep(_ROOM_EVERY_S)


async def _next(rows: Iterator[Salvaged]) -> list[Salvaged]:
    """Read some rows of a damaged file in a thread."""
    return await asyncio.to_thread(lambda: list(islice(rows, _TOGETHER)))
