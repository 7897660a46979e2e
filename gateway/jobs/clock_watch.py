"""The watch over the clock: it is judged each minute, and saved so that the next start can tell if it was set back."""

import asyncio
import time
from typing import Final

from gateway.core.readings.clock_trust import ClockTrust
from gateway.storage import keyvalue
from gateway.storage.database import Database

NEWEST_TIME: Final = "newest_time_ms"
"""Name of the saved time."""
_JUDGE_EVERY_S: Final = 60.0
_SAVE_EVERY_S: Final = 900.0


class ClockWatch:
    """Judges the clock and saves the time."""

    def __init__(self, database: Database, trust: ClockTrust) -> None:
        self._database = database
        self._trust = trust

    async def run(self) -> None:
        """Judge each minute and save every quarter of an hour; until cancelled."""
        next_save_s = time.monotonic() + _SAVE_EVERY_S
        while True:
            now_ms = time.time_ns() // 1_000_000
            self._trust.see_time(now_ms, time.monotonic_ns() // 1_000_000)
            self._trust.judge(now_ms)
            await asyncio.sleep(_JUDGE_EVERY_S)
            if time.monotonic() >= next_save_s:
                next_save_s += _SAVE_EVERY_S
                await self.save()

    async def save(self) -> None:
        """Save the time, if we believe in it."""
        if not self._trust.doubted:
            await keyvalue.save(self._database, NEWEST_TIME, str(time.time_ns() // 1_000_000))
