"""The keeper of alarms: stores the engine's changes on disk, passes them to the senders, and takes the decisions of people.

Theory of operation
-------------------
The engine wakes the keeper at the first change of which people are told. Half a second later the keeper fetches all of these
and commits them at once: states, history, notices for InfluxDB and the webhook. The senders get them after that, so a restart
sends nothing twice. If the commit fails, the senders get them all the same, and the commit is tried again. Conditions of which
nobody is told yet are stored once a minute, and at the end.

What is too much of one alarm is kept back and counted (:mod:`gateway.core.alarms.flapping`). Pages show its state of now; on
disk stays the one that was told last, from which a restart goes on: the next reading tells what has changed since.

Of the two machines of a pair the passive one follows: it takes the states of the live one
(:mod:`gateway.monitoring.alarms.shared_alarms`) and tells nobody, until it leads. It then goes on with them as after a restart
of its own.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec.json import encode as to_json

from gateway.core.alarms.alarm import Acknowledged, AlarmKey, AlarmState, Change, Severity, Transition
from gateway.core.alarms.engine import Alarms
from gateway.core.alarms.flapping import Flapping
from gateway.core.alarms.rules import Rules
from gateway.core.status.rungs import NO_ALARMS, DeviceAlarms
from gateway.ingest.storage import alarms as stored
from gateway.ingest.storage.alarms import Changes, Notice, PlannedWork, SavedState, SharedState
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.alarms.documents import AlarmEvents, PointTimes, alarm_point, change_points
from gateway.monitoring.alarms.folding import notice_body
from gateway.monitoring.alarms.outbox import INFLUXDB, WEBHOOK, Outbox, Revision
from gateway.monitoring.alarms.planned_work import HeldBack, PlannedWorks
from gateway.support.clock import WallClock
from schemas.registry import RegisteredDevice

_GATHERS_S: Final = 0.5
"""Time from the first change to the commit, in which others come."""
_GATHERS_LEAST_S: Final = 0.02
"""The same on a scaled clock, at least."""
_SAVE_PENDING_EVERY_S: Final = 60.0
"""Pending states are saved so often, for each reading changes them."""
_SAVE_AGAIN_S: Final = 5.0
"""The time after which it is tried again to save what could not be saved."""
_AT_A_TIME: Final = 100
"""Changes that are put into words before others get their turn: a province that loses its network has thousands."""
_UNSAVED_MAX: Final = 1000
"""Most changes that wait in memory while the disk fails; the oldest ones are then lost at a restart."""


class AlarmKeeper:
    """Keeps the alarms of one gateway; ``changed`` grows with each round, ``follows``: another machine decides and tells."""

    def __init__(
        self, alarms: Alarms, database: Database, clock: WallClock, *, has_webhook: bool, follows: bool = False
    ) -> None:
        self.follows = follows
        self._alarms = alarms
        self._database = database
        self._clock = clock
        self._held_back = HeldBack()
        self._unsaved = Changes()
        self._committing = asyncio.Lock()
        self._woken = asyncio.Event()
        self._woken.set()  # for what the previous run left
        alarms.states.wake = self._woken.set
        self._flapping = Flapping()
        self._point_times = PointTimes()
        self.events = AlarmEvents()
        self.planned = PlannedWorks()
        self.outbox = Outbox([INFLUXDB, WEBHOOK] if has_webhook else [INFLUXDB])
        self.changed = Revision()

    def load(self, registered: Mapping[str, RegisteredDevice]) -> None:
        """Restore the alarms of the previous run whose rule and device still exist."""
        now_ms, read = self._clock.now_ms(), self._database.run_here
        states = read(stored.states)
        self.planned.update(read(stored.planned_work, now_ms))
        self.outbox.restore(read(stored.notices))
        self._held_back.update(state.key for state, held_back in states if held_back)
        if self.follows:  # those whose rule or device is gone end when it leads
            self._alarms.replace_registry(registered, now_ms)
            self._alarms.states.follow([state for state, _ in states])
        else:
            self._alarms.restore([state for state, _ in states], now_ms)
            self._alarms.replace_registry(registered, now_ms)
        self._point_times.repeat([state.key for state, _ in states], now_ms)
        self.events.loaded(sum(state.is_active for state, _ in states), len(states))

    def replace(self, rules: Rules, registered: Mapping[str, RegisteredDevice]) -> None:
        """Take other rules and another registry."""
        now_ms = self._clock.now_ms()
        self._alarms.replace_rules(rules, now_ms)
        self._alarms.replace_registry(registered, now_ms)

    async def run(self) -> None:
        """Commit what changes until cancelled."""
        time_s, saved_s = asyncio.get_running_loop().time, -_SAVE_PENDING_EVERY_S
        while True:
            await self._sleep()
            await asyncio.sleep(max(_GATHERS_LEAST_S, self._clock.real_s(_GATHERS_S)))
            self._woken.clear()
            is_due = time_s() >= saved_s + self._clock.real_s(_SAVE_PENDING_EVERY_S)
            await self.commit(pending=is_due)
            if is_due:
                saved_s = time_s()

    async def _sleep(self) -> None:
        """Sleep until something changes or planned work is over; a minute at most, for what may be saved or told then."""
        left_ms = self.planned.left_ms(self._clock.now_ms())
        wait_s = _SAVE_AGAIN_S if self._unsaved else _SAVE_PENDING_EVERY_S
        with suppress(TimeoutError):
            async with asyncio.timeout(self._clock.real_s(wait_s if left_ms is None else min(wait_s, left_ms / 1000))):
                await self._woken.wait()

    async def commit(self, *, pending: bool = True, everything: bool = False) -> None:
        """Store the changes, and pass them to the senders.

        ``pending``: also store states that nobody is told of yet; ``everything``: and tell what was kept back.
        """
        async with self._committing:
            now_ms = self._clock.now_ms()
            if everything:
                self._alarms.settle()
            drained, changes = self._alarms.states.drain(pending=pending), list[Transition]()
            if not self.follows:
                changes = [*self._flapping.admit(drained.transitions, now_ms)]
                changes += self._flapping.due(now_ms, everything=everything)
            rewritten, gone = self.outbox.unsaved()
            late = () if self.follows else self._held_back.late(self._alarms.states.find, self.planned, now_ms)
            raised = [Transition.of(state, Change.RAISED, state.raised_ms) for state in late]
            notices = self.outbox.number(self._to_webhook(change) for change in raised)
            for at in range(0, len(changes), _AT_A_TIME):
                notices += self.outbox.number(self._messages(changes[at : at + _AT_A_TIME]))
                await asyncio.sleep(0)
            self._unsaved.keep([*rewritten, *notices], gone)
            self._note({*drained.states, *(change.key for change in [*changes, *raised])}, changes)
            is_news = self.planned.drop_over(now_ms) or bool(changes or notices)
            if is_news or rewritten or gone or (self._unsaved and (pending or self.events.disk_trouble)):
                await self._save()
            if given_up := self.outbox.add(notices):
                self.events.no_room(given_up, now_ms)
                self._woken.set()
            if is_news or gone:
                self.changed.bump()

    def _note(self, keys: Iterable[AlarmKey], changes: list[Transition]) -> None:
        """Add changes to those to be saved, with a limit: the disk may fail for long."""
        unsaved = self._unsaved
        for key in keys:
            if not self._flapping.keeps_back(key):
                state = self._alarms.states.find(key)
                unsaved.states[key] = None if state is None else SavedState(to_json(state), key in self._held_back)
        unsaved.transitions = [*unsaved.transitions, *changes][-_UNSAVED_MAX:]
        for number in list(unsaved.notices)[:-_UNSAVED_MAX]:
            del unsaved.notices[number]

    async def _save(self) -> None:
        try:
            await self._database.run(stored.commit, self._unsaved)
        except DatabaseFault as fault:
            self.events.not_saved(str(fault))
        else:
            self.events.saved()
            self._unsaved = Changes()

    def _messages(self, transitions: Iterable[Transition]) -> Iterator[tuple[str, str, str]]:
        """Yield the receiver, the alarm and the body of each message about these changes."""
        now_ms = self._clock.now_ms()
        for change in transitions:
            self.events.changed(change)
            silenced = self.planned.cover(change.tags, now_ms)
            time_ms = self._point_times.of_change(change.key, change.at_ms, now_ms)
            is_stuck = self._alarms.rules.is_stuck(change.key.alarm)
            yield INFLUXDB, change.key.id, change_points(change, time_ms, silenced=silenced, is_stuck=is_stuck)
            if self._held_back.is_told(change, silenced=silenced):
                yield self._to_webhook(change)

    def _to_webhook(self, change: Transition) -> tuple[str, str, str]:
        return WEBHOOK, change.key.id, notice_body(change, self._alarms.rules)

    # ---- for the other machine of a pair ----

    def shared(self) -> list[SharedState]:
        """All states, for the other machine to go on with; pending ones too."""
        untold, keeps_back = self.outbox.untold(), self._flapping.keeps_back
        return [
            SharedState(state, state.key in self._held_back or state.key.id in untold or keeps_back(state.key))
            for state in self._alarms.states
        ]

    def follow(self, shared: Sequence[SharedState], of_bucket: Callable[[AlarmKey], bool]) -> None:
        """Take the live machine's states in place of those here; ``of_bucket``: these would be all states of such alarms."""
        known = {state.key for state, _ in shared}
        gone = [state.key for state in self._alarms.states if of_bucket(state.key) and state.key not in known]
        self._alarms.states.follow([state for state, _ in shared], gone)
        self._held_back -= known.union(gone)
        self._held_back |= {state.key for state, held_back in shared if held_back}
        self._point_times.repeat(known, self._clock.now_ms())
        self.changed.bump()

    def planned_works(self) -> list[PlannedWork]:
        """The planned work that is not over, for the other machine to plan it too."""
        return [work for _, work in self.planned.going_on(self._clock.now_ms())]

    async def follow_planned(self, works: Collection[PlannedWork]) -> None:
        """Plan here the work that is planned at the live machine, and end what it has no more."""
        try:
            await self.planned.follow(works, self._database, self._clock.now_ms())
        except DatabaseFault as fault:
            self.events.not_saved(str(fault))
        self._woken.set()
        self.changed.bump()

    def lead(self, registered: Mapping[str, RegisteredDevice]) -> None:
        """Decide and tell from now on; alarms whose rule or device is gone end now."""
        self.follows = False
        self.replace(self._alarms.rules, registered)

    # ---- for pages and senders ----

    @property
    def rules(self) -> Rules:
        """The rules that are active."""
        return self._alarms.rules

    def active(self) -> list[AlarmState]:
        """The active alarms, the newest first."""
        return sorted(filter(lambda state: state.is_active, self._alarms.states), key=lambda state: -state.since_ms)

    def repeated_points(self) -> list[str]:
        """The points that repeat the active alarms now."""
        now_ms, active = self._clock.now_ms(), self.active()
        self._point_times.repeat([state.key for state in active], now_ms)
        return [alarm_point(state, now_ms, silenced=self.planned.cover(state.tags, now_ms)) for state in active]

    def taken(self, notices: Sequence[Notice]) -> None:
        """Forget notices that their receiver took."""
        self.outbox.remove(notices)
        self._woken.set()

    def refused(self, receiver: str, why: str, *notices: Notice) -> None:
        """Tell people of what a receiver will never take."""
        self.events.refused(receiver, why, notices, self._clock.now_ms())

    def is_silenced(self, state: AlarmState) -> bool:
        """Tell if planned work goes on at the place of an alarm."""
        return self.planned.cover(state.tags, self._clock.now_ms())

    def told(self) -> list[AlarmState]:
        """The active alarms that lie outside planned work."""
        return [state for state in self.active() if not self.is_silenced(state)]

    def weigh(self) -> tuple[int, int]:
        """Count the critical and the overdue alarms that nobody acknowledged, and all others that are not mere information."""
        return self._weigh(self._alarms.states)[:2]

    def of_device(self, name: str) -> DeviceAlarms:
        """The alarms of a device, weighed in the same way."""
        return self._weigh(self._alarms.states.at(name).values())

    def _weigh(self, states: Iterable[AlarmState]) -> DeviceAlarms:
        active = (state for state in states if state.is_active and state.severity is not Severity.INFO)
        told = [state for state in active if not self.is_silenced(state)]
        if not told:
            return NO_ALARMS
        urgent = sum(state.is_urgent for state in told)
        worst = min(told, key=lambda state: (not state.is_urgent, state.severity.rank, state.since_ms))
        return DeviceAlarms(urgent, len(told) - urgent, worst.key.alarm)

    # ---- decisions of people ----

    async def acknowledge(self, name: str, by: str, note: str) -> bool:
        """Note that a person knows of an alarm, by its id; False: it is not active."""
        alarm, _, place = name.partition("@")
        found = self._alarms.states.acknowledge(AlarmKey(alarm, place), Acknowledged(by, self._clock.now_ms(), note))
        await self.commit()
        return found

    async def plan(self, work: PlannedWork) -> int:
        """Add planned work; return its number; DatabaseFault if it could not be saved, and does not hold."""
        number = await self._database.run(stored.plan, work)
        self.planned[number] = work
        self.events.planned(number, work)
        self._woken.set()
        self.changed.bump()
        return number

    async def end_work(self, number: int) -> bool:
        """End planned work; False: none of that number goes on; DatabaseFault if its end could not be saved, and it goes on."""
        ended = await self._database.run(stored.end_work, number, self._clock.now_ms())
        self.planned.pop(number, None)
        if ended:
            self.events.work_over(number)
        await self.commit()
        self.changed.bump()
        return ended
