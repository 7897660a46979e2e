"""``gateway devices exchange`` and ``resum``: the meter of a device was exchanged, and its sums are worked out again."""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.commands import UNREACHABLE
from gateway.commands.devices.registering import write_registry
from gateway.commands.running import ask, is_running, meant, record, store
from gateway.commands.terminal import Actions, ProgressLine, add_action, instant_ms
from gateway.core.devices.device import Device
from gateway.core.devices.exchange import exchange_doubt, exchange_fault
from gateway.core.readings.counters import CounterState
from gateway.core.readings.sums import StoredExchange, ToldExchange
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import keep_counters, stored_device
from gateway.monitoring.reports.boundaries import local_text
from gateway.monitoring.reports.resum import SUMS_AWAITED, ResumProgress, work_out
from gateway.monitoring.status.known_devices import nobody
from gateway.runtime.jobs.resums import kept_exchange
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.changes import ChangeRefused, with_source
from gateway.support.registry.registry import load_registry
from gateway.web.changes.commands import if_it_is_right
from gateway.web.devices.counters import progress_document
from schemas.printable import printable
from schemas.registry import device_key

_HOW: Final = "write a local time such as '2026-11-20 14:30', a span such as 2h for two hours ago, or RFC 3339"


def add_exchange(actions: Actions) -> None:
    """Add the action, with its options."""
    exchanged = add_action(actions, "exchange", "record that the meter of a device was exchanged", exchange)
    exchanged.add_argument("id", metavar="ID", help="the device")
    exchanged.add_argument("--at", metavar="T", help="when: '2026-11-20 14:30', or 2h for two hours ago (default: now)")
    exchanged.add_argument("--final", type=float, metavar="R", help="last register of the old meter")
    exchanged.add_argument("--register", type=float, metavar="R", help="first register of the new meter")
    exchanged.add_argument("--source", metavar="NEW_ID", help="name that the new meter sends under, for the registry")
    exchanged.add_argument("--field", help="only this register, such as volume_m3 (default: all)")
    exchanged.add_argument("--force", action="store_true", help="also with a register that seems to be a mistake")


def exchange(config: Config, options: argparse.Namespace) -> None:
    """Record the exchange of a meter, through the running gateway or in its file; ConfigurationFault if it cannot be."""
    zone, now_ms = ZoneInfo(config.time.zone), wall_clock(config, os.environ).now_ms()
    told = ToldExchange(options.field, past_ms(options.at, zone, now_ms), options.final, options.register)
    renamed = partial(with_source, name=options.id, source=options.source) if options.source is not None else None
    if renamed is not None:  # the new meter's name is refused before its exchange is recorded
        try:
            renamed(load_registry(config.devices.registry))
        except ChangeRefused as refused:
            raise ConfigurationFault([f"--source: {what}" for what in refused.faults.values()]) from None
    if is_running(config):
        query = {"field": told.field, "at_ms": told.at_ms, "final": told.final, "register": told.register}
        path = f"/api/devices/{quote(options.id, safe='')}/exchange"
        answer = ask(config, "POST", path, query | {"force": 1 if options.force else None})
    else:
        answer = _exchange_on_file(config, options.id, told, now_ms, force=options.force)
    _say_exchange(answer, told, zone)
    if renamed is not None:
        write_registry(config, renamed, quiet=False)


def past_ms(text: str | None, zone: ZoneInfo, now_ms: int) -> int:
    """A local time, a span before now, or RFC 3339, None: now; ConfigurationFault if it is none of these."""
    try:
        return now_ms if text is None else instant_ms(text, zone, now_ms, is_ahead=False)
    except (ValueError, OverflowError):
        raise ConfigurationFault([f"{text!r} is no time; {_HOW}"]) from None


def _exchange_on_file(config: Config, name: str, told: ToldExchange, now_ms: int, *, force: bool) -> dict[str, Any]:
    """Note the exchange while the gateway does not run; it finds it at its start."""
    with device_in_file(config, name) as (database, device):
        if fault := exchange_fault(device, told, now_ms):
            raise ConfigurationFault([fault])
        if not force and (doubt := exchange_doubt(device, told)):
            raise ConfigurationFault([if_it_is_right(doubt)])
        effect = device.counters.exchange(told) if device.counters is not None else None
        if effect is None or not effect.names:
            return {"device": device.name, "begin_anew": [], "told_late": []}
        keep_counters(database, device)
        entry = load_registry(config.devices.registry).by_id().get(device_key(device.name))
        exchange = StoredExchange(told, is_late=bool(effect.later))
        database.run_here(keyvalue.put, *kept_exchange(device.name, entry, exchange, now_ms))
    answer = {"device": device.name, "begin_anew": effect.at_once, "told_late": effect.later}
    record(config, "meter exchanged", subject={"device": device.name}, after=answer | told._asdict())
    return answer


@contextmanager
def device_in_file(config: Config, name: str) -> Iterator[tuple[Database, Device]]:
    """The gateway's file, and a device in it; ConfigurationFault if a gateway has just started, or nobody knows the device."""
    entry = load_registry(config.devices.registry).by_id().get(device_key(name))
    names = frozenset({name, device_key(name), *([entry.id, device_key(entry.id)] if entry is not None else ())})
    with store(config) as database:
        if database is None:
            raise ConfigurationFault([f"{config.journal.path}: the gateway has just started; repeat the command"])
        device = stored_device(database, names)
        if device is None:
            raise ConfigurationFault([nobody(name) + meant(config, name)])
        yield database, device


def _say_exchange(answer: dict[str, Any], told: ToldExchange, zone: ZoneInfo) -> None:
    device, anew, late = answer["device"], answer["begin_anew"], answer["told_late"]
    if anew or not late:
        print(printable(f"{device}: counters that start again with the next reading: {', '.join(anew) or 'none known'}"))
    if late:
        since = datetime.fromtimestamp(told.at_ms / 1000, zone).isoformat(sep=" ", timespec="seconds")
        said = "readings came since then: the sums are worked out again in the night, or now by"
        print(printable(f"{device}: {', '.join(late)}: {said}"))
        print(printable(f"gateway devices resum {device} --from '{since}'"))


_LOOK_EVERY_S: Final = 0.3


def add_resum(actions: Actions) -> None:
    """Add the action, with its options."""
    summed = add_action(actions, "resum", "work out the sums of a device again, from the database", resum)
    summed.add_argument("id", metavar="ID", help="the device")
    summed.add_argument("--from", dest="since", required=True, metavar="T", help="since when: '2026-11-20 14:30', or 40d")


def resum(config: Config, options: argparse.Namespace) -> int:
    """Work out the sums since a time; 3 when the database does not answer, ConfigurationFault without such a device."""
    zone, now_ms = ZoneInfo(config.time.zone), wall_clock(config, os.environ).now_ms()
    from_ms = past_ms(options.since, zone, now_ms)
    if from_ms >= now_ms:
        raise ConfigurationFault(["--from: this time has not come yet"])
    line = ProgressLine(sys.stderr)
    if is_running(config):
        found = _by_the_gateway(config, options.id, from_ms, line, zone)
    else:
        found = asyncio.run(_on_its_file(config, options.id, ResumProgress("", from_ms, now_ms, from_ms), line, zone))
    line.clear()
    return _say(found)


def _by_the_gateway(config: Config, name: str, from_ms: int, line: ProgressLine, zone: ZoneInfo) -> dict[str, Any]:
    path = f"/api/devices/{quote(name, safe='')}/resum"
    found = ask(config, "POST", path, {"from_ms": from_ms})
    while not found["done"] and not found["fault"]:
        line.say(_how_far(found, zone))
        time.sleep(_LOOK_EVERY_S)
        found = ask(config, "GET", path, {})
    return found


async def _on_its_file(
    config: Config, name: str, progress: ResumProgress, line: ProgressLine, zone: ZoneInfo
) -> dict[str, Any]:
    with device_in_file(config, name) as (database, device):
        if device.counters is None:
            raise ConfigurationFault([nobody(name)])
        if device.counters.awaits:
            raise ConfigurationFault([f"{device.name}: {SUMS_AWAITED}"])
        progress.device = device.name
        progress.until_ms += round(config.time.max_future.total_seconds() * 1000)
        live = _StoredCounters(database, device, device.counters)
        try:
            async with open_store(config.influxdb) as asked, InfluxdbClient(config.influxdb) as writer:
                working = asyncio.create_task(work_out(asked, writer, live, progress))
                while not working.done():
                    line.say(_how_far(progress_document(progress), zone))
                    await asyncio.wait([working], timeout=_LOOK_EVERY_S)
                await working
            # The gateway looks again in the night, and works out the periods that it had closed.
            device.counters.note_wrong(progress.from_ms)
            await live.save()
        except StoreFault as fault:
            progress.fault = str(fault)
    return progress_document(progress)


class _StoredCounters:
    """The counters of a device while no gateway runs."""

    def __init__(self, database: Database, device: Device, counters: CounterState) -> None:
        self._database = database
        self._of = device
        self.device = device.name
        self.counters = counters

    async def save(self) -> None:
        """Save them at once."""
        keep_counters(self._database, self._of)

    async def settle(self) -> bool:
        """Tell if all readings that were received stand in the database."""
        return not self._database.run_here(journal.stock).readings


def _how_far(found: dict[str, Any], zone: ZoneInfo) -> str:
    return (
        f"{found['device']}: up to {local_text(found['at_ms'], zone)}, {found['read']:,} readings, {found['changed']:,} changed"
    )


def _say(found: dict[str, Any]) -> int:
    device = found["device"]
    if found["fault"] and not found["done"]:
        print(printable(f"{device}: {found['fault']}; {found['changed']} sums were changed so far"), file=sys.stderr)
        return UNREACHABLE
    if found["written"]:
        print(printable(f"{device}: {found['changed']} sums changed, of {found['read']} readings"))
    else:
        print(printable(f"{device}: this database does not replace points: reports work the sums out while they read"))
        print(printable(f"{device}: {found['read']} readings; from now on its sums are written right"))
    return 0
