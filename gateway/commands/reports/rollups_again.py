"""``gateway rollups again``: the past is written anew, by the gateway, whether it runs now or at its next start."""

import argparse
import asyncio
from datetime import date
from zoneinfo import ZoneInfo

from gateway.commands.running import ask, record, store
from gateway.commands.terminal import with_config
from gateway.core.readings.replay import LateReadings
from gateway.ingest.storage.hours_again import HoursAgain
from gateway.monitoring.reports.boundaries import midnight_ms
from gateway.monitoring.reports.rollup_points import written_name
from gateway.runtime.jobs.periods.progress import PeriodProgress
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.registry.registry import load_registry


def add_options(rollups: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway rollups``."""
    with_config(rollups, rollups_command)
    rollups.add_argument("action", choices=["again"], help="again: write hours, days and months of all devices anew")
    rollups.add_argument("--from", dest="first", required=True, metavar="D", help="first day: 2026-10-01")


def rollups_command(config: Config, options: argparse.Namespace) -> None:
    """Mark the closed hours since a day; ConfigurationFault if no hour since then is closed."""
    try:
        from_ms = max(0, midnight_ms(date.fromisoformat(options.first), ZoneInfo(config.time.zone)))
    except ValueError:
        raise ConfigurationFault([f"--from: {options.first!r} is not a day; write 2026-10-31"]) from None
    with store(config) as file:
        if file is None:
            hours = int(ask(config, "POST", "/api/rollups/again", {"from_ms": from_ms})["hours"])
        else:
            end_ms = PeriodProgress(file).hour_ms
            names = [written_name(device) for device in load_registry(config.devices.registry).devices]
            again = HoursAgain(file, LateReadings(), lambda _: True)
            hours = again.mark_all(names, from_ms, end_ms)
            asyncio.run(again.save())
            record(config, "roll-ups written again", subject={"from_ms": from_ms}, after={"hours": hours})
    if not hours:
        raise ConfigurationFault([f"--from: no hour since {options.first} is written yet"])
    when = "after the next hour" if file is None else "when the gateway runs"
    print(f"{hours:,} hours are written again, with their days and months, {when}")
