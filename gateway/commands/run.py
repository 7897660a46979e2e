"""``gateway run``: a gateway from start to stop."""

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from typing import Final

from gateway.ingest.storage.beside import InUse
from gateway.ingest.storage.database import Damaged, Database, DatabaseFault, begin
from gateway.ingest.storage.device_snapshots import note_running
from gateway.runtime.jobs.supervision import Supervision
from gateway.runtime.pipeline.build import Parts, workers
from gateway.runtime.pipeline.foundation import Lanes
from gateway.support.clock import WallClock, wall_clock
from gateway.support.commit import running_commit
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.logs import ServiceManager, set_up_logging
from gateway.web.entrance import Entrance

log = logging.getLogger("gateway")

_WRITE_PATIENCE_S: Final = 2.0
_COMMIT_PATIENCE_S: Final = 1.5
_AGAIN_AFTER_S: Final = 1.0
"""Least time between two new journal files, or two roles."""
_LOOK_EVERY_S: Final = 2.0
"""Interval between attempts to open a missing journal."""


class StoodBack(Exception):  # noqa: N818 - what it says is no fault
    """This machine was live, and another one of its pair is now."""


def run(config: Config) -> int:
    """Run until SIGTERM or SIGINT; ConfigurationFault if registry, certificate, port or scaled clock cannot be used."""
    early = _EarlyReload()
    early.listen()
    set_up_logging(config.log)
    clock, manager = wall_clock(config, os.environ), ServiceManager.of(os.environ)
    file: Database | None = _begin(config)
    while file is not None:
        file = _run_on(config, file, clock, manager, early)
    return 0


class _EarlyReload:
    """A SIGHUP while no loop runs that could hear it: it must not end the gateway, and what was read may be old by then."""

    def __init__(self) -> None:
        self.is_asked = False

    def listen(self) -> None:
        """Note it from now on, until a loop does."""
        signal.signal(signal.SIGHUP, self._came)

    def _came(self, *_: object) -> None:
        self.is_asked = True


def _run_on(config: Config, file: Database, clock: WallClock, manager: ServiceManager, early: _EarlyReload) -> Database | None:
    """Run until stopped, or until there is another file to go on with; unacknowledged messages then come again.

    That is a new file after this one was found damaged, the journal once it can be opened, or the same file in another role.
    """
    began_s, is_damaged = time.monotonic(), False
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(config, file, clock, manager, early))
    except* StoodBack:
        log.info("the other machine is live; this one goes on as its standby")
    except* Damaged as found:
        log.error("%s", "; ".join(sorted({str(fault) for fault in found.exceptions})))  # noqa: TRY400 - no fault of ours
        is_damaged = True
    finally:
        early.listen()
        file.close()
    time.sleep(max(0.0, began_s + _AGAIN_AFTER_S - time.monotonic()))
    return _begin(config, damaged=is_damaged)


def _begin(config: Config, *, damaged: bool = False) -> Database:
    try:
        return begin(config.journal.path, damaged=damaged)
    except InUse as fault:
        raise ConfigurationFault([f"{config.journal.path}: journal.path: {fault}"]) from fault


HANDED_ON_AFTER_S: Final = 0.001
"""A thread that computes hands the interpreter to the loop after this, once the loop has work; Python's default is 5 ms."""

_COLLECTED_AFTER: Final = 50_000
"""New objects that may be part of a cycle."""


def calm_garbage_collector() -> None:
    """Collect cycles rarely, and never among what a start has made: code, registry and profiles stay.

    Readings are freed by reference count; a search every 2,000 objects costs a tenth of the CPU.
    """
    if gc.get_threshold()[0] == _COLLECTED_AFTER:  # a later pipeline: the one before it is garbage, and must not be frozen
        return
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER, 20, 20)
    gc.enable()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop if there is a wheel for the processor; else asyncio's own, at a tenth more CPU below some hundred readings/s.

    See docs/decisions/0010-uvloop-and-isal.md.
    """
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:
        return None
    return new_event_loop


async def _run(
    config: Config, file: Database, clock: WallClock, manager: ServiceManager, early: _EarlyReload
) -> Database | None:
    parts = Parts(config, file, clock)
    _find_backlog(parts)
    calm_garbage_collector()
    sys.setswitchinterval(HANDED_ON_AFTER_S)
    stop, watch = _Ending(), parts.pairing.watch
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.tell)
    loop.add_signal_handler(signal.SIGHUP, parts.reload.start)
    if early.is_asked:
        early.is_asked = False
        parts.reload.start()
    async with (
        parts.delivery.destination,
        Entrance(config.http, parts.foundation.access, parts.foundation.tls) as entrance,
        asyncio.TaskGroup() as group,
    ):
        lanes: Lanes = {**parts.lanes, "pages": partial(_serve_pages, parts, entrance)}
        if watch is not None:
            lanes = {**lanes, "role": partial(stop.when, watch.stood_back)}
        if manager.listens:
            lanes = {**lanes, "supervision": Supervision(manager, parts.watching.status, workers(parts)).run}
        tasks = [group.create_task(work(), name=name) for name, work in lanes.items()]  # a fault of one ends all
        manager.ready()
        found = await _until_stopped(stop.event, file, parts)
        if stop.is_told:
            manager.stopping()
        log.info("stopping" if found is None else "journal available again, restarting the pipeline to use it")
        await _stop(parts)
        for task in tasks:
            task.cancel()
    log.info("stopped; %s", parts.foundation.ledger.document())
    if found is None and not stop.is_told:
        raise StoodBack
    return found


@dataclass(slots=True)
class _Ending:
    """The end of a run; ``is_told``: a signal asked for it; else the run goes on in another role."""

    event: asyncio.Event = field(default_factory=asyncio.Event)
    is_told: bool = False

    def tell(self) -> None:
        """Stop for good."""
        self.is_told = True
        self.event.set()

    async def when(self, stood_back: asyncio.Event) -> None:
        """Stop when this machine has stood back."""
        await stood_back.wait()
        self.event.set()


async def _serve_pages(parts: Parts, entrance: Entrance) -> None:
    """Load the pages once somebody is there, and serve them."""
    await entrance.first_client()
    await asyncio.to_thread(import_module, "gateway.web.server")  # a few hundred milliseconds: readings go on meanwhile
    await asyncio.to_thread(running_commit)
    from gateway.web.server import serve_pages  # noqa: PLC0415

    await serve_pages(parts, entrance)


async def _until_stopped(stop: asyncio.Event, file: Database, parts: Parts) -> Database | None:
    """Return when the gateway is to stop or, if it has no journal, once that can be opened."""
    found = file
    while found.absence:
        parts.foundation.events.journal_absent(found.absence)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await stop.wait()
        if stop.is_set():
            return None
        with suppress(InUse):
            found = await asyncio.to_thread(begin, file.path)
    if found is not file:
        note_running(found)  # a run on another file, which has read on without it
        return found
    await stop.wait()
    return None


def _find_backlog(parts: Parts) -> None:
    """Load the rows that earlier runs left in the file."""
    fallback = parts.delivery.fallback
    stock = fallback.journal.stock()
    fallback.journal_account.found(stock)
    parts.watching.status.journal.note(stock, fallback.journal.used_bytes)
    if stock.batches:
        fallback.backlog.grew.set()
    parts.waiting.quarantine_in.find_stock()
    parts.processing.device_snapshots.load()
    parts.alarming.keeper.load(parts.processing.processor.streams.registry)


async def _stop(parts: Parts) -> None:
    """Stop reading, give the write in flight its time, the rest to the journal, acknowledge, keep the session."""
    delivery, waiting = parts.delivery, parts.waiting
    parts.receiving.intake.stop_reading()
    await delivery.live_lane.finish(_WRITE_PATIENCE_S)
    try:
        async with asyncio.timeout(_COMMIT_PATIENCE_S):
            await delivery.spool.finish()
            await delivery.fallback.reject_writer.flush()
            await delivery.fallback.reject_counts.save(parts.foundation.database)
            await waiting.quarantine_in.flush()
            await delivery.fallback.backlog.remove_settled()
            await parts.watching.clock_watch.save()
            await parts.watching.rate_watch.save()
            await parts.alarming.keeper.commit(everything=True)
            await parts.closing.job.save()
            await delivery.queue.deliveries.save(parts.foundation.database)
            all_durable = not parts.foundation.ledger.pending["memory"] and not waiting.quarantine_out.releasing
            await parts.processing.device_snapshots.save_at_stop(windows=all_durable)
    except TimeoutError:
        log.warning("the disk did not store everything in time; unacknowledged messages come again")
    except (DatabaseFault, Damaged) as fault:
        log.warning("settled rows stay in the journal and will be written again: %s", fault)
    await parts.pairing.connection.disconnect()
    if parts.pairing.watch is not None:
        await parts.pairing.watch.leave()
