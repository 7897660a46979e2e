"""What is done now and then: measuring the journal, writing about ourselves, judging the clock, remembering subscriptions."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from random import random
from typing import Final

from gateway.core.delivery.batch import Body, encode
from gateway.core.delivery.write_result import Fate, fate_of
from gateway.core.message import Reading
from gateway.core.status.health import health_lines, registered_devices
from gateway.delivery.bounded_journal import BoundedJournal, JournalFull
from gateway.delivery.circuit_breaker import CircuitBreaker
from gateway.delivery.live_lane import Writer
from gateway.status.status import Status
from gateway.storage import journal, keyvalue, quarantine, rejects
from gateway.storage.database import Database, DatabaseFault
from gateway.storage.quarantine import Row
from gateway.storage.recovery.set_aside import note_salvaged
from schemas.quantities import HEALTH

log = logging.getLogger("gateway.jobs.housekeeping")

NEWEST_TIME: Final = "newest_time_ms"
DROPPED: Final = "broker_dropped"
_REPORT_EVERY_S: Final = 60.0
_FIRST_ANSWER_S: Final = 0.15
_MEASURE_EVERY_S: Final = 5.0
_RATES_EVERY_S: Final = 1.0
_SALVAGED_TOGETHER: Final = 20
_DEVICES_TOGETHER: Final = 1000
_SAVE_CLOCK_EVERY_S: Final = 900.0


class Housekeeping:
    """The slow tasks of a gateway."""

    def __init__(
        self,
        file: Database,
        store: BoundedJournal,
        influxdb: Writer,
        breaker: CircuitBreaker,
        state: Status,
    ) -> None:
        self._database = file
        self._store = store
        self._influxdb = influxdb
        self._breaker = breaker
        self._state = state
        self._answered = asyncio.Event()
        self._rejects_bytes = 0
        self._drops_saved: int | None = None

    async def salvage(self, backlog_grew: Callable[[], None], take_back: Callable[[list[Row]], Awaitable[None]]) -> None:
        """Bring what can be read of damaged files into the new one, behind the readings, a little at a time.

        What the journal should hold and does not hold then is lost.
        """
        tally = self._database.tally
        for aside in self._database.to_salvage():
            self._state.events.salvaging(aside.name)
            try:
                saved, broken = await self._salvage(aside, backlog_grew, take_back)
                lost = await self._database.in_thread(partial(tally.found, saved, broken))
                note_salvaged(self._database.path, aside)
            except OSError as error:
                self._state.events.not_salvaged(aside.name, error.strerror or str(error))
            else:
                self._state.gone(lost)
                self._state.events.salvaged(aside.name, saved, lost)
        if not self._database.to_salvage():
            self._state.gone(await self._database.in_thread(tally.give_up))
        self._state.events.missing(tally.missing, self._database.path.name)

    async def _salvage(
        self, aside: Path, backlog_grew: Callable[[], None], take_back: Callable[[list[Row]], Awaitable[None]]
    ) -> tuple[int, int]:
        """Bring one file in; how many readings are saved, and how many its broken rows say they held."""
        saved = broken = 0
        entries = journal.salvage(aside)
        while some := await asyncio.to_thread(lambda rows: list(islice(rows, _SALVAGED_TOGETHER)), entries):
            new = await self._database.run(journal.not_standing, some)
            bodies = [entry.body for entry in new if entry.intact]
            self._state.salvaged(bodies)  # first: the drain may have written a row before its commit is known here
            await self._store_with_patience(bodies)
            saved += sum(body.readings for body in bodies)
            broken += sum(entry.body.readings for entry in new if not entry.intact)
            backlog_grew()
        waiting = quarantine.salvage(aside)
        while found := await asyncio.to_thread(lambda rows: list(islice(rows, _SALVAGED_TOGETHER)), waiting):
            await take_back(found)
        return saved, broken

    async def _store_with_patience(self, bodies: list[Body]) -> None:
        """Store bodies once there is room for them: no other must make room for what was salvaged."""
        while True:
            if self._store.has_room(bodies):
                with suppress(JournalFull):
                    await self._store.append(bodies)
                    return
            await asyncio.sleep(_MEASURE_EVERY_S)

    async def measure(self) -> None:
        """Look at what the journal holds; until cancelled."""
        while True:
            try:
                stock = await self._database.run(journal.stock)
                self._store.used_bytes = await self._database.measure()
                self._state.journal.note(stock, self._store.used_bytes)
                await self._count_rejects()
                events = self._state.events
                if events.journal_trouble and events.influxdb_up and await self._store.takes_something():
                    events.journal_took(0)  # nothing waits that would show it
            except DatabaseFault as fault:
                log.debug("the journal cannot be measured: %s", fault)
            await self._look_for_drops()
            await asyncio.sleep(_MEASURE_EVERY_S)

    async def _look_for_drops(self) -> None:
        """Look whether many devices miss readings, and save the broker's count of drops, for the next start to compare."""
        processor, events, now_ms = self._state.processor, self._state.events, time.time_ns() // 1_000_000
        if found := processor.judge.gaps.look(processor.streams.devices.values(), now_ms):
            events.many_gaps(*found, now_ms)
        if events.drops.total != self._drops_saved:
            self._drops_saved = events.drops.total
            await self._keep(DROPPED, str(self._drops_saved))

    async def _count_rejects(self) -> None:
        """Count the rejects on disk when there are others than before."""
        size_bytes = await self._database.run(rejects.size)
        if size_bytes != self._rejects_bytes:
            self._state.rejects_kept = await self._database.run(rejects.count)
            self._rejects_bytes = size_bytes

    async def follow_rates(self) -> None:
        """Note each second what came and what was written, for who opens the page; until cancelled."""
        ledger = self._state.ledger
        while True:
            self._state.rates.look(time.monotonic(), ledger.received["mqtt"], ledger.total("written"))
            await asyncio.sleep(_RATES_EVERY_S)

    async def first_answer(self) -> None:
        """Wait a moment for InfluxDB's first answer: its date may show that our clock is wrong before a reading is judged."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_ANSWER_S):
                await self._answered.wait()

    async def report(self) -> None:
        """Write the point about ourselves at the start and every minute, dropped while InfluxDB is away; until cancelled.

        It also tells a gateway without readings whether InfluxDB would take them, and what time it is there. Gateways that are
        switched on together are not to report together for ever: the first minute is a shorter one.
        """
        wait_s = _REPORT_EVERY_S * random()  # noqa: S311 - jitter is no secret
        while True:
            if not self._breaker.is_open:
                answer = await self._influxdb.write(self._state.self_point())
                self._answered.set()
                if fate_of(answer) is Fate.WRITTEN:
                    self._breaker.close()
                    await self._report_devices()
                else:
                    self._breaker.open(answer)
            await asyncio.sleep(wait_s)
            wait_s = _REPORT_EVERY_S

    async def _report_devices(self) -> None:
        """Write how each registered device is, unless nobody can be heard: then silence says nothing of them."""
        if not self._state.events.mqtt_connected:
            return
        now_ms = time.time_ns() // 1_000_000
        devices = registered_devices(self._state.processor.streams)
        for lines in health_lines(devices, self._state.silence, now_ms, _DEVICES_TOGETHER):
            await self._influxdb.write(encode([Reading(line, HEALTH) for line in lines]).gzip)

    async def follow_clock(self) -> None:
        """Judge the clock every minute and save it every quarter of an hour: the next start then knows how late it is."""
        next_save_s = time.monotonic() + _SAVE_CLOCK_EVERY_S
        while True:
            trust, now_ms = self._state.processor.trust, time.time_ns() // 1_000_000
            trust.see_time(now_ms, time.monotonic_ns() // 1_000_000)
            trust.judge(now_ms)
            await asyncio.sleep(_REPORT_EVERY_S)
            if time.monotonic() >= next_save_s:
                next_save_s += _SAVE_CLOCK_EVERY_S
                await self.save_clock()

    async def save_clock(self) -> None:
        """Save the time, if we believe in it."""
        if not self._state.processor.trust.doubted:
            await self._keep(NEWEST_TIME, str(time.time_ns() // 1_000_000))

    async def _keep(self, name: str, value: str) -> None:
        try:
            await self._database.run(keyvalue.put, name, value)
        except DatabaseFault as fault:
            log.warning("%s cannot be saved: %s", name, fault)
