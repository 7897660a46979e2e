"""The job that closes periods, one after the other.

Theory of operation
-------------------
An hour is closed some minutes after its end, when most devices have sent a reading behind it: only then is known what their
sums stood at. A day is closed behind its last hour, a month behind its last day. A period counts as closed when the database
has confirmed all points of it, so a job that was killed begins with the period that it had not finished. After an outage it
closes what has ended meanwhile, the oldest first.

From the moment at which an hour is asked for each reading of a time before that moment is late: it may lie in the hour, or be
the first one behind it. The core notes it by device and hour
(:class:`gateway.core.readings.replay.LateReadings`); after the next hour those are worked out again, with their days and
months. So are the hours of a device that had not sent anything behind them: they wait until it does.

Readings that stand in the journal would be missing in what is worked out, so nothing is while there are some. What stands in
another gateway's is told by that one (:mod:`gateway.runtime.jobs.periods.progress`) once it is written.
"""

import asyncio
import logging
from collections.abc import Mapping
from random import random
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.readings.steps import HOUR_MS
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store, StoreFault, TimeSpan
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.monitoring.reports.amendments import amended_store, late_sums_of
from gateway.monitoring.reports.boundaries import day_of, hours, local_text, month_of
from gateway.monitoring.reports.rollup_points import written_name
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.reports.silent_meters import UsualDays
from gateway.monitoring.status.status import Status
from gateway.runtime.jobs.periods.closing import PeriodCloser
from gateway.runtime.jobs.periods.progress import (
    READABLE_AFTER_S,
    LateDay,
    PeriodProgress,
    late_days,
    late_hours,
    newest_closed_day,
    with_neighbours,
)
from gateway.runtime.jobs.periods.sinks import AlarmFeeds, Postponed, RollupWriter
from gateway.support.clock import every
from schemas.registry import RegisteredDevice

log = logging.getLogger("gateway.jobs")

_LOOK_EVERY_S: Final = 60.0
_SETTLE_MS: Final = 17 * 60_000
"""Devices send every 15 minutes, most of them."""
_JITTER_MS: Final = 120_000
"""So that the gateways of a province do not ask one database at once."""
_ON_THE_WAY_S: Final = 2.0
"""Within this time a reading that was noted as late just now is in the database, or in the journal; some show it later."""
_AFTER_FAULT_MS: Final = 300_000
_BACK_MS: Final = 40 * 24 * HOUR_MS
"""What ended longer ago is not worked out after an outage."""
_HEARD_BACK_MS: Final = 2 * 86_400_000
_JUDGED_BACK_MS: Final = 3 * 24 * HOUR_MS
_CLOCKS_APART_MS: Final = 900_000
"""What others told is asked for twice around the last time: their clocks differ, and a write takes time."""


class PeriodJob:
    """Closes hours, days and months."""

    def __init__(
        self,
        status: Status,
        hours_again: HoursAgain,
        database: Database,
        breaker: CircuitBreaker,
        writer: RollupWriter,
        feeds: AlarmFeeds,
    ) -> None:
        """Go on where the run before has stopped; ``database`` is open."""
        self._status = status
        self._clock = status.clock
        self._hours_again = hours_again
        self._zone = ZoneInfo(status.config.time.zone)
        self._breaker = breaker
        self._writer = writer
        self._feeds = feeds
        self._progress = PeriodProgress(database)
        status.day_completeness = self._progress.completeness
        self._delay_ms = _SETTLE_MS + round(_JITTER_MS * random())  # noqa: S311 - jitter is no secret
        self._not_before_ms = 0
        self._first_ms = day_of(self._clock.now_ms(), self._zone).start_ms
        self._roster = Roster(())
        self._registry: Mapping[str, RegisteredDevice] | None = None
        self._trouble = ""
        self._usual: UsualDays = {}
        self._stuck: list[tuple[str, int]] = []
        self._begin()

    def _begin(self) -> None:
        """Begin where the run before stopped, if that is not long ago; a machine of a pair with what the database has."""
        progress = self._progress
        if self._status.config.mqtt.standby.machine is not None:
            progress.begin_anew()
        if progress.hour_ms:
            progress.begin_at(day_of(self._clock.now_ms() - _BACK_MS, self._zone).start_ms)
        if self._status.devices.registry_entries() and self._status.devices.silence.membership.leads:
            self._hours_again.close(max(progress.hour_ms or self._first_ms, progress.asked_ms))

    async def _resume(self, store: Store) -> None:
        """Without a run before, or after its file was lost, begin with the newest day in the database, or with this one.

        That day is worked out again: what came late to it was noted in the file.
        """
        if self._progress.hour_ms:
            return
        window = TimeSpan(self._first_ms - _BACK_MS, self._clock.now_ms())
        newest_ms = await newest_closed_day(store, self._roster, window)
        if newest_ms is None:
            self._progress.begin_at(self._first_ms)
            return
        day = day_of(newest_ms, self._zone)
        self._progress.begin_at(day.start_ms)
        log.info("roll-ups go on with the day from %s, the newest in the database", local_text(day.start_ms, self._zone))

    async def run(self) -> None:
        """Close what has ended; until cancelled."""
        await every(_LOOK_EVERY_S, self._clock, self._look, first_s=_LOOK_EVERY_S)

    async def _look(self) -> None:
        if self.is_due():
            await self.close_ended()

    async def remember(self) -> None:
        """Save each minute what came late; until cancelled."""
        await every(_LOOK_EVERY_S, self._clock, self.save, first_s=_LOOK_EVERY_S)

    async def save(self) -> None:
        """Save what must be worked out again."""
        try:
            await self._hours_again.save()
        except DatabaseFault as fault:
            self._say(f"what came late is not remembered over a restart: {fault}")

    def is_due(self) -> bool:
        """Tell if an hour has ended, and its readings are where they can be asked for."""
        status, now_ms = self._status, self._clock.now_ms()
        if now_ms < max(self._not_before_ms, self._progress.hour_ms + HOUR_MS + self._delay_ms):
            return False
        is_hindered = self._breaker.is_open or status.evaluator.trust.doubted or status.ledger.backlog
        return not is_hindered and bool(status.devices.registry_entries())

    async def close_ended(self) -> None:
        """Close what has ended; what cannot be done now is tried again later."""
        try:
            async with open_store(self._status.config.influxdb, self._status.link) as store:
                await self._refresh_roster()
                await self._resume(store)
                while (hour := self._next_hour()) is not None:
                    await self._close_hour(store, hour)
                    await self._close_days(store)
                await self._hear(store)
                await self._work_again(store)
            while self._stuck:  # with the next hour: what tells of it, and marks them, is in the database by then
                device, since_ms = self._stuck.pop()
                self._hours_again.mark_all([device], since_ms, self._progress.hour_ms)
            self._trouble = ""
        except (StoreFault, Postponed, DatabaseFault) as fault:
            self._writer.drop()
            self._not_before_ms = self._clock.now_ms() + _AFTER_FAULT_MS
            self._say(f"roll-ups and completeness wait: {fault}")

    def _say(self, text: str) -> None:
        if text != self._trouble:
            self._trouble = text
            log.warning("%s", text)

    async def _refresh_roster(self) -> None:
        """Take the registry that is active; ten thousand devices would hold up the loop."""
        if self._registry is not (registry := self._status.devices.streams.registry):
            self._roster = await asyncio.to_thread(Roster, self._status.devices.registry_entries())
            self._registry = registry

    def _closer(self, store: Store) -> PeriodCloser:
        now_ms, newest_ms = self._clock.now_ms(), self._progress.day_ms
        return PeriodCloser(store, self._roster, self._zone, self._writer, self._feeds, now_ms, newest_ms, usual=self._usual)

    def _next_hour(self) -> TimeSpan | None:
        """The next hour to close; None while it has not ended."""
        begin_ms = self._progress.hour_ms
        span = next(span for span in hours(day_of(begin_ms, self._zone)) if span.end_ms > begin_ms)
        is_over = self._clock.now_ms() >= span.end_ms + self._delay_ms
        return TimeSpan(begin_ms, span.end_ms) if is_over and not self._breaker.is_open else None

    async def _close_hour(self, store: Store, hour: TimeSpan) -> None:
        progress, again, closer = self._progress, self._hours_again, self._closer(store)
        closer.writing = self._number(store, day_of(hour.start_ms, self._zone), again=False)
        self._hours_again.close(closer.now_ms)  # before the first question: what comes meanwhile may be missed
        unfinished = await closer.close_hours([hour])
        waiting = {written_name(closer.roster.by_id[id_]): last_ms for id_, last_ms in unfinished.items()}
        for device in again.waits_from.keys() - waiting.keys():
            again.end_waiting(device, -(-hour.start_ms // HOUR_MS))
        for device, last_ms in waiting.items():
            again.wait(device, last_ms // HOUR_MS)
        await again.save()
        await progress.close_hour(hour.end_ms, closer.now_ms)

    async def _close_days(self, store: Store) -> None:
        """Close the days whose hours are closed, and their months."""
        while (day := day_of(self._progress.day_ms, self._zone)).end_ms <= self._progress.hour_ms:
            self._usual.clear()  # it was learnt with the first hours of a silence: late readings may have come since
            closer = self._closer(await self._amended(store))
            closer.writing = self._number(store, day, again=False)
            await closer.close_day(day)
            month = month_of(day.start_ms, self._zone)
            if month.end_ms == day.end_ms:
                closer.writing = self._number(store, month)
                await closer.close_month(month)
            is_recent = self._clock.now_ms() - day.end_ms < _JUDGED_BACK_MS
            if is_recent:  # after an outage of weeks what is usual is asked for the last days; who lags is judged all the same
                await self._feeds.learn_usual(store, closer.roster, day.end_ms)
            await self._progress.close_day(day.end_ms)
            if is_recent:
                await self._note_completeness(closer, day)  # waits until the day can be read back
                self._stuck += await self._feeds.judge_counted(store, closer.roster, day.end_ms, closer.now_ms)

    async def _amended(self, store: Store) -> Store:
        """The database with the sums that were worked out again, where it did not take them."""
        if store.is_overwritten:
            return store
        late = late_sums_of(self._status.devices.streams.devices.values())
        return await amended_store(store, late, self._clock.now_ms())

    def _number(self, store: Store, period: TimeSpan, *, again: bool = True) -> int:
        """The number of the writing of a day or month; 0 on a database where a point replaces the one before."""
        return 0 if store.is_overwritten else self._progress.number(period, self._clock.now_ms(), again=again)

    async def _hear(self, store: Store) -> None:
        """Note the hours that late readings changed at other gateways."""
        is_alone = self._status.config.mqtt.standby.machine is None
        if is_alone and self._status.devices.silence.membership.elsewhere is None:
            return
        progress, now_ms = self._progress, self._clock.now_ms()
        told = TimeSpan((progress.heard_ms or now_ms - _HEARD_BACK_MS) - _CLOCKS_APART_MS, now_ms + _CLOCKS_APART_MS)
        found = await late_hours(store, self._roster.names(self._roster.by_id), told)
        for device, runs in found.items():
            self._hours_again.mark(device, runs)
        await self._hours_again.save()
        await progress.note_heard(now_ms)

    async def _work_again(self, store: Store) -> None:
        """Work out again what late readings have changed: hours, their days, and their months."""
        progress, closer = self._progress, self._closer(store)
        taken = self._hours_again.take(progress.hour_ms // HOUR_MS)  # later ones are closed first
        marks = {id_: runs for device, runs in taken.items() if (id_ := closer.roster.id_of(device)) is not None}
        if marks:
            await asyncio.sleep(_ON_THE_WAY_S if store.is_overwritten else READABLE_AFTER_S)
            if self._status.ledger.backlog:
                raise Postponed("late readings are in the journal")
            self._usual = {key: usual for key, usual in self._usual.items() if key[1][0].device not in marks}
            closer = self._closer(await self._amended(store))
            late = await with_neighbours(store, closer.roster, marks, self._zone, progress.hour_ms)
            months: dict[TimeSpan, set[str]] = {}
            for day in await asyncio.to_thread(late_days, late, self._zone, progress.hour_ms):
                await self._close_again(store, closer, day)
                month = month_of(day.day.start_ms, self._zone)
                if month.end_ms <= progress.day_ms:
                    months.setdefault(month, set()).update(day.devices)
            for month, devices in months.items():
                closer.writing, closer.only = self._number(store, month), devices
                await closer.close_month(month)
        await self._hours_again.settle()

    async def _close_again(self, store: Store, closer: PeriodCloser, late: LateDay) -> None:
        closer.writing, closer.only = self._number(store, late.day), late.devices
        await closer.close_hours(late.hours)
        if late.day.end_ms <= self._progress.day_ms:
            await closer.close_day(late.day)
            if late.day.end_ms == self._progress.day_ms:
                await self._note_completeness(closer, late.day)

    async def _note_completeness(self, closer: PeriodCloser, day: TimeSpan) -> None:
        await self._progress.keep_completeness(await closer.completeness_of_day(day))
        self._status.day_completeness = self._progress.completeness
