"""Commands that pages may send to the gateway; everything else is read-only."""

import sqlite3
from collections import Counter
from dataclasses import dataclass

from gateway.core.devices.device import Device
from gateway.core.devices.exchange import exchange_doubt, exchange_fault, step_said
from gateway.core.message import Unresolved, WaitCause
from gateway.core.readings.sums import ExchangeEffect, StepState, StepToConfirm, StoredExchange, ToldExchange
from gateway.ingest.delivery.backlog import Backlog
from gateway.ingest.events import Events
from gateway.ingest.replay import Process, replay_rejects
from gateway.ingest.storage import journal, quarantine, rejects
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import DeviceMemory
from gateway.ingest.storage.device_snapshots import DeviceSnapshots
from gateway.ingest.storage.rejects import RejectFilter
from gateway.ingest.storage.settlement import Committed, JournalAccount, Limits, QuarantineAccount, Replayed
from gateway.monitoring.status.known_devices import nobody
from gateway.monitoring.status.status import Status
from gateway.runtime.jobs.resums import ExchangeWriter, Resums
from gateway.support.clock import WallClock
from gateway.web.changes.changes import Registrar


class CommandRefused(Exception):  # noqa: N818 - says what it is
    """A command that cannot be carried out; ``status``: of the answer over HTTP."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class MeterExchange:
    """The command that records the exchange of a meter."""

    status: Status
    memory: DeviceMemory
    device_snapshots: DeviceSnapshots
    events: Events
    exchanges: ExchangeWriter

    async def exchange(self, name: str, told: ToldExchange, *, force: bool = False) -> tuple[str, ExchangeEffect]:
        """Note that the meter of a device was exchanged; return its id and the effect on its registers.

        :param force: also where a register seems to be a mistake.
        :raises CommandRefused: there is no such device or register, or the exchange cannot be as it is told.
        """
        device = self.met(name)
        if fault := exchange_fault(device, told, self.status.clock.now_ms()):
            raise CommandRefused(fault, 404 if told.field is not None and "has no register" in fault else 409)
        if not force and (doubt := exchange_doubt(device, told)):
            raise CommandRefused(if_it_is_right(doubt), 409)
        effect = device.counters.exchange(told) if device.counters is not None else ExchangeEffect([], [])
        await self.exchanges.put(device, StoredExchange(told, is_late=bool(effect.later)))
        if effect.names:
            await self.device_snapshots.meter_exchanged(device)
            await self.exchanges.put_steps(device, self.device_snapshots.save_counters)
        self.events.meter_exchanged(device.name, effect.names)
        self.status.evaluator.late.note_since(device.name, told.at_ms)
        return device.name, effect

    async def say_used(
        self, name: str, first_ms: int, counter: str | None, resums: Resums, *, is_used: bool
    ) -> tuple[StepState, StepToConfirm]:
        """Note that a step was really used, or that this is open again, and have the sums since then worked out.

        :return: its state before, and the step.

        :raises CommandRefused: there is no such step, or it cannot have been used.
        """
        device = self.met(name)
        step = step_said(device, first_ms, counter, is_used=is_used)
        if isinstance(step, str):
            raise CommandRefused(step, 404)
        if device.counters is not None:
            device.counters.say_used(step, is_used=is_used)
        await (self.device_snapshots.meter_exchanged if is_used else self.device_snapshots.save_counters)(device)
        await self.exchanges.put_steps(device, self.device_snapshots.save_counters)
        resums.start(device, step.from_ms)
        return step.state, step.said(StepState.USED if is_used else StepState.OPEN)

    def met(self, name: str) -> Device:
        """The device with an id, in any writing; CommandRefused if there is none."""
        devices = self.status.devices
        device = devices.find(name)
        if device is None and not self.memory.remembers(name):
            raise CommandRefused(nobody(name), 404)
        admitted = devices.streams.meet(device.name if device is not None else name)
        if isinstance(admitted, Unresolved):
            raise CommandRefused(admitted.detail, 409)
        return admitted


@dataclass(frozen=True, slots=True)
class PageCommands:
    """All that pages may do. What they ask of the disk fails with a ``DatabaseFault``."""

    database: Database
    events: Events
    clock: WallClock
    through_core: Process
    limits: Limits
    backlog: Backlog
    journal_account: JournalAccount
    quarantine_account: QuarantineAccount
    exchange: MeterExchange
    resums: Resums
    registrar: Registrar

    async def replay(self, chosen: RejectFilter) -> dict[str, int]:
        """Replay the chosen rejects; return the counts of the results."""
        return await replay_rejects(self.database, self.through_core, self.limits, self.clock, chosen, self._replayed)

    def _replayed(self, result: Replayed, done: Committed) -> None:
        self.journal_account.replayed(result, done)
        self.backlog.grew.set()

    async def purge_rejects(self, chosen: RejectFilter) -> int:
        """Remove the chosen rejects; return their number."""
        return await self.database.run(rejects.purge, chosen)

    async def drop_journal(self) -> int:
        """Drop all readings in the journal; return the number that expire."""
        return self.backlog.give_up(await self.database.run(journal.drop))

    async def acknowledge_missing(self) -> tuple[int, list[str]]:
        """End the alarm about missing readings, and what stands until a person has seen it; return their number, and that."""
        readings = await self.database.in_thread(self.database.tally.acknowledge)
        self.events.missing_acknowledged(readings)
        return readings, await self.database.in_thread(self.events.session.seen)

    async def purge_waiting(self, key: str, cause: WaitCause) -> int:
        """Remove the messages that wait for a key now; return their number. In the account they expire."""
        removed, until = 0, await self.database.run(quarantine.newest_number)
        while True:
            domains, stock = await self.database.run_freeing(_purge, key, cause, until)
            if not domains:
                return removed
            self.quarantine_account.purged(domains, stock)
            removed += domains.total()


def _purge(
    connection: sqlite3.Connection, key: str, cause: WaitCause, until: int
) -> tuple[Counter[str], quarantine.QuarantineUse]:
    return quarantine.purge(connection, key, cause, until), quarantine.stock(connection)


def if_it_is_right(doubt: str) -> str:
    """Say what to do about something that seems to be a mistake."""
    return f"{doubt}; if it is right, repeat with --force"
