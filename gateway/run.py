"""``gateway run``: a gateway from start to stop."""

import asyncio
import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

from gateway.clock import WallClock, wall_clock
from gateway.config.files import ConfigurationFault
from gateway.config.model import Config
from gateway.jobs.rate_watch import watch_rates
from gateway.logs import set_up_logging
from gateway.pipeline import Parts, build, replay_limits
from gateway.storage.database import Damaged, Database, DatabaseFault, begin
from gateway.storage.file_lock import InUse
from gateway.web.commands import MeterExchange, StoreCommands
from gateway.web.server import WebServer

log = logging.getLogger("gateway")

_WRITE_PATIENCE_S: Final = 2.0
_COMMIT_PATIENCE_S: Final = 1.5
_DAMAGED_AGAIN_S: Final = 1.0
"""No new file is begun sooner after the last."""
_LOOK_EVERY_S: Final = 2.0
"""After the journal, by a gateway that has none."""


def run(config: Config) -> int:
    """Run until SIGTERM or SIGINT; the exit status.

    :raises ConfigurationFault: the registry, a certificate or the HTTP port cannot be used, or the clock not scaled here.
    """
    set_up_logging(config.log)
    clock = wall_clock(config, os.environ)
    _calm_garbage_collector()
    file: Database | None = _begin(config)
    while file is not None:
        file = _run_on(config, file, clock)
    return 0


def _run_on(config: Config, file: Database, clock: WallClock) -> Database | None:
    """Run until stopped, or until there is another file to go on with: what is not acknowledged then comes again.

    That is a new one when this one was found damaged, and the journal when there was none and it can be opened at last.
    """
    began_s = time.monotonic()
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_run(config, file, clock))
    except* Damaged as found:
        log.error("%s", "; ".join(sorted({str(fault) for fault in found.exceptions})))  # noqa: TRY400 - no fault of ours
    finally:
        file.close()
    time.sleep(max(0.0, began_s + _DAMAGED_AGAIN_S - time.monotonic()))
    return _begin(config, damaged=True)


def _begin(config: Config, *, damaged: bool = False) -> Database:
    try:
        return begin(config.journal.path, damaged=damaged)
    except InUse as fault:
        raise ConfigurationFault([f"{config.journal.path}: journal.path: {fault}"]) from fault


def _calm_garbage_collector() -> None:
    """Readings are no cycles and die by reference count; looking for cycles every 700 objects would cost a tenth of the CPU."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Uvloop where there is a wheel for the processor; asyncio's own loop elsewhere, at a third more CPU."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:
        return None
    return new_event_loop


async def _run(config: Config, file: Database, clock: WallClock) -> Database | None:
    parts = build(config, file, clock)
    _find_backlog(parts)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, parts.reload.start)
    async with parts.influxdb, _web_server(parts), asyncio.TaskGroup() as group:
        tasks = [group.create_task(work, name=name) for name, work in _lanes(parts).items()]
        found = await _until_stopped(stop, parts)
        log.info("stopping" if found is None else "journal available again, restarting the pipeline to use it")
        await _stop(parts)
        for task in tasks:
            task.cancel()
    log.info("stopped; %s", parts.status.ledger.document())
    return found


def _web_server(parts: Parts) -> WebServer:
    """Give the pages what they show and the commands they may give, and nothing else."""
    commands = StoreCommands(
        parts.database,
        parts.replay_pipeline,
        parts.backlog,
        parts.journal_account,
        parts.status.events,
        replay_limits(parts.config),
        parts.clock,
    )
    exchange = MeterExchange(parts.status, parts.device_memory, parts.device_snapshots)
    return WebServer(parts.status, parts.database, commands, exchange)


async def _until_stopped(stop: asyncio.Event, parts: Parts) -> Database | None:
    """Return when the gateway is to stop; or, if it has no journal, with the journal as soon as that can be opened."""
    file = parts.database
    while file.absence:
        parts.status.events.journal_absent(file.absence)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_EVERY_S):
                await stop.wait()
        if stop.is_set():
            return None
        with suppress(InUse):
            file = await asyncio.to_thread(begin, file.path)
    if file is not parts.database:
        return file
    await stop.wait()
    return None


def _lanes(parts: Parts) -> dict[str, Coroutine[Any, Any, None]]:
    """Everything that runs side by side while the gateway runs. If one of them ends by a fault, all end."""
    return {
        "live lane": parts.live_lane.run(),
        "probe": parts.probe.run(),
        "spool": parts.spool.run(),
        "rejects": parts.reject_writer.run(),
        "drain lane": parts.drain_lane.run(),
        "unspooled refusals": parts.unspooled.run(),
        "intake": _take_in(parts),
        "codecs": parts.codecs.run(),
        "quarantine in": parts.quarantine_in.run(),
        "quarantine out": parts.quarantine_out.run(),
        "device states": parts.device_snapshots.run(),
        "places": parts.device_snapshots.watch_places(),
        "births": parts.births.run(),
        "subscriptions": parts.subscriptions.run(),
        "damage": parts.database.watch(),
        "salvage": parts.salvage.run(),
        "journal gauge": parts.journal_gauge.run(),
        "drops": parts.drop_watch.run(),
        "report": parts.self_report.run(),
        "rates": watch_rates(parts.status.rates, parts.status.ledger),
        "clock": parts.clock_watch.run(),
        "floods": parts.flood_watch.run(),
    }


async def _take_in(parts: Parts) -> None:
    await parts.self_report.first_answer()
    await parts.intake.run()


def _find_backlog(parts: Parts) -> None:
    """Find what earlier runs have left in the file."""
    stock = parts.bounded_journal.stock()
    parts.journal_account.found(stock)
    parts.status.journal.note(stock, parts.bounded_journal.used_bytes)
    if stock.batches:
        parts.backlog.grew.set()
    parts.quarantine_in.find_stock()
    parts.device_snapshots.load()


async def _stop(parts: Parts) -> None:
    """Stop reading, give the write in flight its time, the rest to the journal, acknowledge, keep the session."""
    parts.intake.stop_reading()
    await parts.live_lane.finish(_WRITE_PATIENCE_S)
    try:
        async with asyncio.timeout(_COMMIT_PATIENCE_S):
            await parts.spool.finish()
            await parts.reject_writer.flush()
            await parts.quarantine_in.flush()
            await parts.backlog.remove_settled()
            await parts.clock_watch.save()
            all_durable = not parts.status.ledger.pending["memory"] and not parts.quarantine_out.releasing
            await parts.device_snapshots.save(windows=all_durable)
    except TimeoutError:
        log.warning("the disk did not take everything in time; what is not acknowledged comes again")
    except (DatabaseFault, Damaged) as fault:
        log.warning("settled rows stay in the journal and will be written again: %s", fault)
    await parts.connection.disconnect()
