"""``gateway devices resum``: sums of a device worked out again, by the running gateway or on its file."""

import argparse
import asyncio
import os
import sys
import time
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from gateway.commands.devices.exchange import names_in_file, past_ms
from gateway.commands.options import UNREACHABLE, Actions, add_action
from gateway.commands.reports.report_output import ProgressLine
from gateway.commands.running import ask, is_running, store
from gateway.core.devices.device import Device
from gateway.core.readings.counters import CounterState
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import keep_counters, stored_device
from gateway.monitoring.reports.boundaries import local_text
from gateway.monitoring.reports.resum import SUMS_AWAITED, ResumProgress, work_out
from gateway.monitoring.status.known_devices import nobody
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.web.devices.counters import progress_document
from schemas.printable import printable

_LOOK_EVERY_S: Final = 0.3


def add_resum(actions: Actions) -> None:
    """Add the action, with its options."""
    summed = add_action(actions, "resum", "work out the sums of a device again, from the database", resum)
    summed.add_argument("id", metavar="ID", help="the device")
    summed.add_argument("--from", dest="since", required=True, metavar="T", help="since when: '2026-11-20 14:30', or 40d")


def resum(config: Config, options: argparse.Namespace) -> int:
    """Work out the sums of a device since a time; return the exit status, 3 when the database does not answer.

    :raises ConfigurationFault: there is no such device or time.
    """
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
    with store(config) as database:
        if database is None:
            raise ConfigurationFault([f"{config.journal.path}: the gateway has just started; repeat the command"])
        device = stored_device(database, names_in_file(config, name))
        if device is None or device.counters is None:
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
