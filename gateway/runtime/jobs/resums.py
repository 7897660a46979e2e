"""Counters put right: exchanges written to the database, and sums worked out again.

What is said of an exchange waits in the file until it stands in the database, and outlives the file. Sums are worked out at
once where somebody asks, in the night for counters that need it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from random import random
from typing import Final
from zoneinfo import ZoneInfo

from gateway.core.batching.batch import packed
from gateway.core.batching.pacing import Backoff
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.evaluate import Evaluator
from gateway.core.ledger import Ledger
from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import HOUR_MS
from gateway.core.readings.sums import StepToConfirm, StoredExchange
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.circuit_breaker import CircuitBreaker
from gateway.ingest.delivery.influxdb import LinkedOutput, Output
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.monitoring.reports.boundaries import midnight_ms
from gateway.monitoring.reports.resum import SUMS_AWAITED, ResumProgress, work_out
from gateway.monitoring.reports.stored_counters import exchange_lines, step_line
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from schemas.registry import RegisteredDevice

log = logging.getLogger("gateway.jobs")

_PREFIX: Final = "exchange "
_TOGETHER: Final = 500
_NIGHT_MS: Final = 90 * 60_000
"""After midnight: the day is closed then."""
_JITTER_MS: Final = 60 * 60_000
"""So that the gateways of a province do not ask one database at once."""
_NIGHTLY_MAX: Final = 500
"""Most devices in one night; the others wait for the next."""
_PAUSE_S: Final = 0.2
"""Between two devices of a night."""
_SETTLE_S: Final = 3.0
"""Within it a reading that was received stands in the database, if that answers."""
_SETTLE_MOST_S: Final = 60.0
"""A write takes no longer: else what it brings would stand there with old sums, written over the right ones."""
_SETTLE_LOOK_S: Final = 0.1
_STEPS_LOOK_S: Final = 5.0
_KEPT: Final = 100
"""Devices whose last progress is remembered."""

SaveCounters = Callable[[Device], Awaitable[None]]


def kept_exchange(device: str, registered: RegisteredDevice | None, exchange: StoredExchange, said_ms: int) -> tuple[str, str]:
    """The name and the text of an exchange, as it waits in the file; the device is called as in the database."""
    return f"{_PREFIX}{said_ms} {device}", exchange_lines(device, registered, exchange, said_ms)


def kept_step(device: str, registered: RegisteredDevice | None, step: StepToConfirm, said_ms: int) -> tuple[str, str]:
    """The name and the text of a step, as it waits in the file; the device is called as in the database."""
    return f"{_PREFIX}{said_ms} {device} step", step_line(device, registered, step, said_ms)


class ExchangeWriter:
    """Exchanges that wait. Their points are outside the ledger, and never in the journal."""

    def __init__(self, database: Database, influxdb: Output, breaker: CircuitBreaker, clock: WallClock) -> None:
        self._database = database
        self._influxdb = influxdb
        self._breaker = breaker
        self._clock = clock
        self._waiting = database.run_here(keyvalue.get_prefix, _PREFIX)
        self._came = asyncio.Event()
        self._came.set()

    async def put_steps(self, device: Device, save: SaveCounters) -> None:
        """Have what is new of a device's steps written."""
        registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
        steps = device.counters.steps_told() if device.counters is not None else []
        for said_ms, step in enumerate(steps, self._clock.now_ms()):
            await self._keep(*kept_step(device.name, registered, step, said_ms))
        if steps:
            await save(device)

    async def put(self, device: Device, *exchanges: StoredExchange) -> None:
        """Have exchanges of a device written. While the disk fails they wait in memory alone, which is logged."""
        registered = device.registered if isinstance(device.registered, RegisteredDevice) else None
        for said_ms, exchange in enumerate(exchanges, self._clock.now_ms()):  # two of one time would be one point
            await self._keep(*kept_exchange(device.name, registered, exchange, said_ms))

    async def tell(self, device: str, line: str, said_ms: int) -> None:
        """Have something else that is said of a device written in the same way."""
        await self._keep(f"{_PREFIX}{said_ms} {device}", line)

    def waits_for(self, device: str) -> bool:
        """Tell if something that was said of a device is not written yet."""
        return any(name.split(" ")[2] == device for name in self._waiting)

    async def _keep(self, name: str, lines: str) -> None:
        self._waiting[name] = lines
        self._came.set()
        await keyvalue.save(self._database, name, lines)

    async def run(self) -> None:
        """Write until cancelled."""
        backoff = Backoff(0.5, 60.0)
        while True:
            await self._came.wait()
            await self._breaker.closed.wait()
            self._came.clear()
            some = dict(islice(self._waiting.items(), _TOGETHER))
            if not some:
                continue
            answer = await self._influxdb.write(packed(some.values()))
            fate = fate_of(answer)
            if fate.is_of_the_batch:
                if fate is not Fate.WRITTEN:  # for its content: it would be refused for ever
                    log.error("InfluxDB refuses %d exchanges of meters, which are left out: %s", len(some), answer.describe())
                backoff.reset()
                for name in some:
                    del self._waiting[name]
                await keyvalue.forget(self._database, some)
            else:
                await asyncio.sleep(backoff.next_s(random(), answer.retry_after_s))  # noqa: S311 - jitter is no secret
            if self._waiting:
                self._came.set()


@dataclass(slots=True)
class Resums:
    """Devices whose sums are worked out again."""

    _config: Config
    _streams: Streams
    _evaluator: Evaluator
    _ledger: Ledger
    _save_counters: SaveCounters
    _writer: LinkedOutput
    _exchanges: ExchangeWriter
    _clock: WallClock
    _progress: dict[str, ResumProgress] = field(default_factory=dict)
    _waiting: asyncio.Queue[Device] = field(default_factory=asyncio.Queue)

    async def tell_steps(self) -> None:
        """Write the steps that people must confirm to the database; until cancelled."""
        devices, stepped = self._streams.devices, self._evaluator.counting.stepped
        stepped |= {one.name for one in devices.values() if one.counters is not None and one.counters.past.steps}
        while True:
            while stepped:
                device = devices.get(stepped.pop())
                if device is not None:
                    await self._exchanges.put_steps(device, self._save_counters)
            await asyncio.sleep(_STEPS_LOOK_S)

    def start(self, device: Device, from_ms: int) -> ResumProgress:
        """Begin to work out the sums of a device since a time; return how far it is. One that is at it goes on."""
        known = self._progress.get(device.name)
        if known is not None and not known.is_done and not known.fault:
            return known
        progress = self._progress[device.name] = self._begun(device, from_ms)
        if len(self._progress) > _KEPT:
            ended = [name for name, progress in self._progress.items() if progress.is_done or progress.fault]
            for name in ended[:_KEPT]:
                del self._progress[name]
        self._waiting.put_nowait(device)
        return progress

    def _begun(self, device: Device, from_ms: int) -> ResumProgress:
        until_ms = self._clock.now_ms() + round(self._config.time.max_future.total_seconds() * 1000)
        return ResumProgress(device.name, from_ms, until_ms, from_ms)

    def progress(self, device: str) -> ResumProgress | None:
        """Return how far a device is; None if nobody asked."""
        return self._progress.get(device)

    async def run(self) -> None:
        """Work out what is asked for, one device after the other; until cancelled."""
        while True:
            device = await self._waiting.get()
            await self._work_out(device, self._progress[device.name])

    async def nights(self) -> None:
        """Work out in each night what needs it; until cancelled."""
        while True:
            await self._clock.sleep_until(self._next_night_ms())
            for device in self._marked()[:_NIGHTLY_MAX]:
                counters = device.counters
                if counters is not None and counters.past.again_ms is not None:
                    await self._work_out(device, self._begun(device, int(counters.past.again_ms)))
                    await asyncio.sleep(_PAUSE_S)

    def _next_night_ms(self) -> int:
        zone, now_ms = ZoneInfo(self._config.time.zone), self._clock.now_ms()
        tomorrow = datetime.fromtimestamp(now_ms / 1000, zone).date() + timedelta(days=1)
        return midnight_ms(tomorrow, zone) + _NIGHT_MS + round(_JITTER_MS * random())  # noqa: S311 - jitter is no secret

    def _marked(self) -> list[Device]:
        devices = self._streams.devices.values()
        return [one for one in devices if one.counters is not None and one.counters.past.again_ms is not None]

    async def _work_out(self, device: Device, progress: ResumProgress) -> None:
        counters = device.counters
        if counters is None or counters.awaits:
            progress.fault = SUMS_AWAITED
            return
        live, told = _RunningCounters(device, counters, self._save_counters, self._ledger), counters.past.told
        try:
            async with open_store(self._config.influxdb, self._writer.link) as store:
                live.is_read_at_once = store.is_overwritten
                await work_out(store, self._writer, live, progress)
        except (StoreFault, ConfigurationFault, DatabaseFault) as fault:
            progress.fault = str(fault)
        if progress.is_done and progress.is_written:
            worked_in = [one for one in told if one.at_ms >= progress.from_ms and one in counters.past.told]
            await self._exchanges.put(device, *(StoredExchange(one, is_late=False) for one in worked_in))
        self._evaluator.counting.stepped.add(device.name)
        # Until the first reading with the new offset, sums step from the old one where the database did not take them.
        self._evaluator.late.note_since(device.name, progress.from_ms, self._clock.now_ms() + HOUR_MS)
        found = progress.device, progress.changed, progress.read, progress.fault or "done"
        log.info("the sums of %s were worked out again: %d of %d changed; %s", *found)


class _RunningCounters:
    """The counters of a device that goes on; ``is_read_at_once``: the database answers with a point once it has taken it."""

    def __init__(self, device: Device, counters: CounterState, save: SaveCounters, ledger: Ledger) -> None:
        self._of = device
        self.is_read_at_once = False
        self.device = device.name
        self.counters = counters
        self._save = save
        self._ledger = ledger

    async def save(self) -> None:
        """Save them at once."""
        await self._save(self._of)

    async def settle(self) -> bool:
        """Wait for readings on their way to the database; False when some are for long, or stand in the journal."""
        ledger, due = self._ledger, self._ledger.received.total()
        least = 1 if self.is_read_at_once else round(_SETTLE_S / _SETTLE_LOOK_S)
        for look in range(1, round(_SETTLE_MOST_S / _SETTLE_LOOK_S)):
            await asyncio.sleep(_SETTLE_LOOK_S)
            # Newer ones always wait: these go on with the right offset.
            if look >= least and ledger.received.total() - ledger.pending["memory"] >= due:
                return not ledger.backlog
        return False
