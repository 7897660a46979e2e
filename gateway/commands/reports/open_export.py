"""``gateway export open``: the figures of a day that everybody may have, as files, whether the gateway runs or not."""

import argparse
import asyncio
import json
import os
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.commands import reaching
from gateway.commands.reports.report_rows import registry_to_report, with_late_sums
from gateway.commands.terminal import add_action
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store, StoreFault, TimeSpan, batches
from gateway.monitoring.exports.open_files import (
    CATALOG,
    DEVICES_MIN,
    OpenDay,
    OpenFigure,
    OpenFile,
    OpenFiles,
    catalog,
    row_of,
)
from gateway.monitoring.reports.boundaries import ReportStep, periods
from gateway.monitoring.reports.consumption import ReportGroup
from gateway.monitoring.reports.flows import GroupFlows, group_figures
from gateway.monitoring.reports.rollups import rolled
from gateway.monitoring.reports.roster import Roster
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from schemas.open_data import CONTEXT_FILE, open_data_context
from schemas.printable import printable
from schemas.registry import Registry


def add_options(export: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway export``."""
    kinds = export.add_subparsers(required=True, metavar="KIND")
    opened = add_action(kinds, "open", "the figures of a day, of areas of at least ten devices", open_export)
    opened.add_argument("--day", metavar="D", help="the day, such as 2026-10-31 (default: yesterday)")


def open_export(config: Config, options: argparse.Namespace) -> None:
    """Write the files of a day; ConfigurationFault if the registry or the day is faulty, or a file stays unwritten."""
    registry, zone = registry_to_report(config), ZoneInfo(config.time.zone)
    now_ms = wall_clock(config, os.environ).now_ms()
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    day = _day(options.day, today)
    (span,) = periods(day, day, ReportStep.DAY, zone)
    try:
        with reaching(StoreFault):
            made = asyncio.run(_written(config, registry, day, span, now_ms))
        _describe(config, OpenFiles(config.journal.path).keep(made, today - config.open_data.keep))
    except OSError as error:
        raise ConfigurationFault([f"{error.filename}: cannot be written: {error.strerror}"]) from error
    for file in made:
        print(printable(f"{OpenFiles(config.journal.path).folder / file.name}: {file.rows} rows"))
    if not any(file.rows for file in made):
        print(f"no area has {DEVICES_MIN} devices with figures on this day, so there is nothing that everybody may see")


def _day(text: str | None, today: date) -> date:
    """The day that is asked for, without one yesterday; ConfigurationFault if it is none, or is not over."""
    try:
        day = today - timedelta(days=1) if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationFault([f"--day: {text!r} is not a day; write 2026-10-31"]) from error
    if day >= today:
        raise ConfigurationFault([f"--day: {day} is not over"])
    return day


async def _written(config: Config, registry: Registry, day: date, span: TimeSpan, now_ms: int) -> list[OpenFile]:
    files, roster, made = OpenFiles(config.journal.path), Roster(registry.devices), []
    async with open_store(config.influxdb) as found:
        store = await with_late_sums(config, found, roster, span.end_ms, now_ms)
        for domain in roster.domains():
            figures = await _figures(store, roster, domain, span, ZoneInfo(config.time.zone), now_ms)
            rows = (row_of(day.isoformat(), figure, registry.areas) for figure in figures)
            made.append(files.write(day.isoformat(), domain, rows, now_ms))
    return made


async def _figures(store: Store, roster: Roster, domain: str, span: TimeSpan, zone: ZoneInfo, now_ms: int) -> list[OpenFigure]:
    """The figures of a domain. Some hundred devices are asked about at a time."""
    found = OpenDay(domain, roster.customers())
    for ids in batches(roster.of_domain(domain)):
        part = Roster(roster.by_id[id_] for id_ in ids)
        async for rolled_up in rolled(store, part, domain, [span], now_ms):
            found.add(rolled_up, part)
    async for group in group_figures(store, roster, domain, [span], zone, now_ms, ReportGroup.AREA):
        if isinstance(group, GroupFlows):
            found.add_flows(group)
    return list(found.figures())


def _describe(config: Config, listed: list[OpenFile]) -> None:
    """Write what describes the files: the meaning of rows, and the catalogue."""
    files, about = OpenFiles(config.journal.path), config.open_data
    documents = {CONTEXT_FILE: open_data_context(), CATALOG: catalog(listed, about.publisher, about.license)}
    for name, document in documents.items():
        files.put(name, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())
