"""The watch over the clock: it judges it each minute, and saves the time so that the next start sees if it was set back."""

from itertools import count
from typing import Final

from gateway.core.readings.clock_trust import ClockTrust
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock

NEWEST_TIME: Final = "newest_time_ms"
"""Name of the saved time."""
_JUDGE_EVERY_S: Final = 60.0
_SAVE_EVERY: Final = 15
"""Number of judgements between two saves."""


class ClockWatch:
    """Judges the clock and saves the time."""

    def __init__(self, database: Database, trust: ClockTrust, clock: WallClock) -> None:
        self._database = database
        self._trust = trust
        self._clock = clock

    async def run(self) -> None:
        """Judge each minute and save every quarter of an hour, until cancelled."""
        for judged in count(1):
            now_ms, steady_ms = self._clock.now_and_steady_ms()
            self._trust.see_time(now_ms, steady_ms)
            self._trust.judge(now_ms)
            await self._clock.sleep(_JUDGE_EVERY_S)
            if judged % _SAVE_EVERY == 0:
                await self.save()

    async def save(self) -> None:
        """Save the time, if it is trusted."""
        if not self._trust.doubted:
            await keyvalue.save(self._database, NEWEST_TIME, str(self._clock.now_ms()))
