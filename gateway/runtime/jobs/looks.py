"""Looks that are repeated while the gateway runs, each in its own interval.

The clock, and the time that is saved so that the next start sees if it was set back. Readings that were dropped: gaps at many
devices at once, and the broker's own count. The journal and the rejects, for pages, metrics and limits. Rates: readings
received and written, each second and minute, and silent devices each quarter of an hour. And the rounds of the alarm engine:
all registered devices, for silence and wrong clocks.
"""

import asyncio
import logging
import time
from typing import Final

from gateway.core.alarms.engine import Alarms
from gateway.core.devices.broker_drops import SequenceGaps
from gateway.core.devices.streams import Streams
from gateway.core.readings.clock_trust import ClockTrust
from gateway.core.status.health import registered_devices
from gateway.core.status.history import SHARE_EVERY_MIN
from gateway.core.status.verdict import Fleet, silent_of
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.events import Events
from gateway.ingest.storage import journal, keyvalue, rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.status.status import JournalState, Status
from gateway.support.clock import WallClock, every
from gateway.support.config.model import Config
from gateway.support.port_limit import open_port

log = logging.getLogger("gateway.jobs")

HISTORY: Final = "history"
_JUDGE_EVERY_S: Final = 60.0
_SAVE_TIME_EVERY: Final = 15
"""Number of judgements between two saves."""
_DROPS_EVERY_S: Final = 5.0
_MEASURE_EVERY_S: Final = 5.0
_COUNT_EVERY_S: Final = 1.0
_SAVE_HISTORY_EVERY: Final = SHARE_EVERY_MIN * 60
"""Counts between two savings: 12 KiB each, 48 KiB an hour."""
_FIRST_SHARE: Final = 60
"""Counts before silence is counted first: who sends often has been heard again by then."""
PORT_EVERY_S: Final = 60.0
_ROUND_EVERY_S: Final = 60.0
_STEP_MS: Final = 5000
"""A clock that moved further than time passed, by more than this, was set, or the machine slept."""


class ClockWatch:
    """Judges the clock and saves the time."""

    def __init__(self, database: Database, trust: ClockTrust, clock: WallClock) -> None:
        self._database = database
        self._trust = trust
        self._clock = clock
        self._judged = 0

    async def run(self) -> None:
        """Judge each minute and save every quarter of an hour, until cancelled."""
        await every(_JUDGE_EVERY_S, self._clock, self._look)

    async def _look(self) -> None:
        if self._judged and self._judged % _SAVE_TIME_EVERY == 0:
            await self.save()
        now_ms, steady_ms = self._clock.now_and_steady_ms()
        self._trust.see_time(now_ms, steady_ms)
        self._trust.judge(now_ms)
        self._judged += 1

    async def save(self) -> None:
        """Save the time, if it is trusted."""
        if not self._trust.doubted:
            await keyvalue.save(self._database, keyvalue.NEWEST_TIME, str(self._clock.now_ms()))


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
        await every(_DROPS_EVERY_S, self._clock, self._look)  # gaps are counted in minutes of this clock

    async def _look(self) -> None:
        events, now_ms = self._events, self._clock.now_ms()
        if found := self._gaps.look(self._streams.devices.values(), now_ms):
            events.many_gaps(*found, now_ms)
        if events.drops.total != self._saved:
            self._saved = events.drops.total
            await keyvalue.save(self._database, keyvalue.DROPPED, str(self._saved))


async def look_at_port(events: Events, config: Config) -> None:
    """See if what devices send to the broker is limited."""
    events.port_looked_at(await asyncio.to_thread(open_port, config))


class JournalGauge:
    """Measures the content of the file."""

    def __init__(self, database: Database, store: BoundedJournal, state: JournalState, events: Events) -> None:
        self._database = database
        self._store = store
        self._state = state
        self._events = events
        self._rejects_bytes = 0

    async def run(self) -> None:
        """Measure until cancelled."""
        await every(_MEASURE_EVERY_S, WallClock(), self._look)

    async def _look(self) -> None:
        try:
            stock, used_bytes = await self._database.run(journal.stock), await self._store.measure()
            self._state.note(stock, used_bytes)
            self._state.note_room(time.monotonic(), self._store.room_bytes(), self._database.free_bytes())
            size_bytes = await self._database.run(rejects.size)
            if size_bytes != self._rejects_bytes:
                self._state.rejects = await self._database.run(rejects.count)
                self._rejects_bytes = size_bytes
            if self._events.journal_trouble and self._events.influxdb_up and await self._store.takes_something():
                self._events.journal_took(0)  # nothing waits that would show it
        except DatabaseFault as fault:
            log.debug("the journal cannot be measured: %s", fault)


class RateWatch:
    """Keeps the rates and the last hours of the gateway."""

    def __init__(self, database: Database, status: Status) -> None:
        self._database = database
        self._status = status
        self._counted = 0

    async def run(self) -> None:
        """Note the counts each second until cancelled; begin with the hours that an earlier run stored."""
        try:
            if (kept := await self._database.run(keyvalue.get, HISTORY)) is not None:
                self._status.history.load(kept)
        except DatabaseFault:
            pass  # said elsewhere; the chart begins empty
        await every(_COUNT_EVERY_S, WallClock(), self._look)

    async def _look(self) -> None:
        status, ledger = self._status, self._status.ledger
        received, written = ledger.received["mqtt"], ledger.total("written")
        status.rates.sample(time.monotonic(), received, written)
        status.history.count(status.clock.now_ms(), received, written)
        self._counted += 1
        if self._counted % _SAVE_HISTORY_EVERY == _FIRST_SHARE:
            now_ms, fleet = status.clock.now_ms(), Fleet()
            for fleet in status.devices.look_at_fleet(now_ms):  # noqa: B007 - the last one is whole
                await asyncio.sleep(0)
            status.history.note_silent(now_ms, *silent_of(fleet.total))
            await self.save()

    async def save(self) -> None:
        """Store the last hours."""
        await keyvalue.save(self._database, HISTORY, self._status.history.text())


class AlarmRounds:
    """Runs the engine's rounds. While the broker is away it runs none: no device can be heard then."""

    def __init__(self, alarms: Alarms, streams: Streams, trust: ClockTrust, events: Events, clock: WallClock) -> None:
        self._alarms = alarms
        self._streams = streams
        self._trust = trust
        self._events = events
        self._clock = clock
        self._before = (0, 0)

    async def run(self) -> None:
        """Make a round each minute until cancelled."""
        self._before = self._clock.now_and_steady_ms()
        await every(_ROUND_EVERY_S, self._clock, self._look, first_s=_ROUND_EVERY_S)

    async def _look(self) -> None:
        (before_ms, steady_before_ms), (now_ms, steady_ms) = self._before, self._clock.now_and_steady_ms()
        self._before = now_ms, steady_ms
        if not self._events.mqtt_connected:
            return
        stepped_ms = (now_ms - before_ms) - (steady_ms - steady_before_ms)
        if stepped_ms > _STEP_MS:  # a clock may be hours behind until there is a network: nobody was silent for the step
            self._events.reception.lose(now_ms - stepped_ms)
            self._events.reception.regain(now_ms)
        for _ in self._alarms.tick(now_ms, registered_devices(self._streams), clock_trusted=not self._trust.doubted):
            await asyncio.sleep(0)
