"""Settlement of messages that left the quarantine: readings into the journal, refusals to the rejects, in one commit.

The core has seen these messages and would treat them as duplicates if they came again, so the commit is tried until the disk
works.
"""

import asyncio
import sqlite3
from typing import Final

from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.quarantine_account import QuarantineAccount
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import Committed, Limits, Replayed, commit
from gateway.support.clock import WallClock

_RETRY_S: Final = 1.0


class QuarantineSettlement:
    """Commits the outcomes of messages, and counts them."""

    def __init__(
        self,
        database: Database,
        account: QuarantineAccount,
        rejects: RejectAccount,
        journaled: asyncio.Event,
        limits: Limits,
        clock: WallClock,
    ) -> None:
        """:param journaled: set when rows were added to the journal."""
        self._database = database
        self._account = account
        self._rejects = rejects
        self._journaled = journaled
        self._limits = limits
        self._clock = clock

    async def settle(self, result: Replayed) -> Committed:
        """Commit, however long it takes; return the result."""
        result.kept = self._rejects.choose(result.refused)
        first_row = self._database.reserve_rows(len(result.bodies))
        while True:
            try:
                now_ms = self._clock.now_ms()
                done, stock = await self._database.run(_commit, result, first_row, now_ms, self._limits)
                break
            except DatabaseFault as fault:
                self._account.disk_fault(fault)
                await asyncio.sleep(_RETRY_S)
        self._account.settled(result, done, stock)
        self._rejects.settle(result.refused, result.kept, "quarantine")
        if result.bodies:
            self._journaled.set()
        return done


def _commit(
    connection: sqlite3.Connection, result: Replayed, first_row: int, now_ms: int, limits: Limits
) -> tuple[Committed, quarantine.QuarantineUse]:
    return commit(connection, result, quarantine.remove, first_row, now_ms, limits), quarantine.stock(connection)
