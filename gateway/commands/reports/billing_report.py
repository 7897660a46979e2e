"""``gateway report billing``: the lines of a month for accounting, and its closing, which seals them."""

import argparse
import asyncio
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from gateway import __version__
from gateway.commands.reports.report_output import TextOutput, output_of
from gateway.commands.reports.report_rows import ReportRow, amount
from gateway.commands.reports.report_sources import registry_to_report, with_late_sums
from gateway.commands.running import ask, is_running, paged, record
from gateway.commands.starting import reaching
from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault, TimeSpan
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.monitoring.reports.billing import BillingLine, BillingMark, LineKind, MonthPlan, billing, month_span, next_month
from gateway.monitoring.reports.boundaries import local_text
from gateway.monitoring.reports.roster import NEWEST_MS, Roster
from gateway.monitoring.reports.seals import MONTH_CLOSED, MonthSealed, SealHead, Seals, noted_seals
from gateway.support.audit.log import AuditLog
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.reports import report_words
from schemas.printable import printable
from schemas.quantities import TEXT_TAGS
from schemas.registry import READING_DAY_MAX

_MONTH: Final = re.compile(r"(?:19|20|21)\d{2}-(?:0[1-9]|1[0-2])")
_LINE: Final = (
    *("kind", "month", "from", "to", "contract", "device", *TEXT_TAGS, "serial", "area", "site", "domain", "counter", "unit"),
    *("from_register", "from_time", "to_register", "to_time", "used", "mark", "cause", "sealed"),
)
"""The columns of a line for programs."""
_SHOWN: Final = (
    *("kind", "period", "contract", "device", "counter", "from_register", "to_register", "used", "unit", "mark", "note"),
)
_PAGE: Final = 500
_CLOSED: Final = "closed_month"
"""Field of the measurement ``gateway``, under the client id of a pair: the newest closed month, such as 202610."""


def add_billing_options(report: argparse.ArgumentParser, form: "argparse._MutuallyExclusiveGroup") -> None:
    """Add the options that only billing has."""
    form.add_argument("--xlsx", type=Path, metavar="FILE", help="billing: write a workbook (needs the extra xlsx)")
    report.add_argument("--month", metavar="M", help="billing: the month, such as 2026-10")
    report.add_argument(
        "--day",
        type=int,
        default=1,
        metavar="N",
        help="billing: its reading day, 1 to 28, of devices without one of their own",
    )
    report.add_argument("--columns", metavar="A,B", help="billing: these columns in this order (default: all)")
    report.add_argument("--close", action="store_true", help="billing: seal the month; its lines never change again")


def billing_command(config: Config, options: argparse.Namespace) -> None:
    """Print the lines of a month, or seal them; ConfigurationFault if an option is faulty, or the month cannot be sealed."""
    month, day = options.month or "", options.day
    if not _MONTH.fullmatch(month):
        raise ConfigurationFault([f"--month: {month!r} is not a month; write 2026-10"])
    if not 1 <= day <= READING_DAY_MAX:
        raise ConfigurationFault([f"--day: a reading day is from 1 to {READING_DAY_MAX}, the last that each month has"])
    seals = Seals(config.journal.path)
    try:
        with reaching(StoreFault):
            if options.close:
                _close(config, seals, month, day, options.by)
            else:
                asyncio.run(_print(config, seals, month, day, options))
    except OSError as error:
        raise ConfigurationFault([f"{error.filename}: {error.strerror}"]) from error


async def _lines(config: Config, seals: Seals, month: str, day: int) -> AsyncGenerator[BillingLine]:
    """The lines of a month: sealed ones as they were sealed, those of an open month as they are now."""
    if month in seals.months():
        for line in seals.lines(month):
            yield line
        return
    roster = Roster(registry_to_report(config).devices)
    now_ms = wall_clock(config, os.environ).now_ms()
    plan = MonthPlan(month, day, ZoneInfo(config.time.zone), roster, seals.uses_before(month))
    async with open_store(config.influxdb) as found:
        store = await with_late_sums(config, found, roster, plan.end_ms, now_ms)
        async with aclosing(billing(store, plan, now_ms)) as lines:
            async for line in lines:
                yield line


async def _print(config: Config, seals: Seals, month: str, day: int, options: argparse.Namespace) -> None:
    language = "en" if options.csv or options.json else options.language or config.language
    words, counts, zone = report_words(language), Counter[str](), ZoneInfo(config.time.zone)
    columns = _columns(options.columns)
    shown = columns if options.columns else _SHOWN
    output = output_of(options, columns, shown, words["billing_title"].format(month), "device", language)
    async with aclosing(_lines(config, seals, month, day)) as lines:
        async for line in lines:
            counts["billing_unknown"] += line.kind is LineKind.USE and line.used is None
            counts[f"billing_{line.kind}"] += line.kind is not LineKind.USE
            row = _row(line, zone)
            output.row(row if isinstance(output, TextOutput) else {column: row[column] for column in columns})
    notes = [words[key].format(number) for key, number in sorted(counts.items()) if number]
    if month in seals.months():
        head = seals.head(month)
        notes.append(words["billing_sealed"].format(local_text(head.closed_ms, zone), printable(head.by), seals.digest(month)))
    else:
        notes.append(words["billing_open"])
    output.end(notes)


def _columns(chosen: str | None) -> Sequence[str]:
    """The columns that are asked for; ConfigurationFault if one of them is none."""
    columns = [name.strip() for name in chosen.split(",")] if chosen else _LINE
    if unknown := [name for name in columns if name not in _LINE]:
        raise ConfigurationFault([f"--columns: {unknown[0]!r} is none; there are {', '.join(_LINE)}"])
    return columns


def _row(line: BillingLine, zone: ZoneInfo) -> ReportRow:
    found = msgspec.structs.asdict(line)
    for name in ("from", "to", "from_time", "to_time"):
        time_ms = found.pop(f"{name}_ms")
        found[name] = None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, zone)
    is_marked = line.used is not None or line.mark is not BillingMark.MEASURED  # nothing known is not measured
    words = {"kind": line.kind.value, "mark": line.mark.value if is_marked else None, "cause": line.cause or None}
    return {**found, **words, "used": amount(line.used), "sealed": amount(line.sealed)}


def _close(config: Config, seals: Seals, month: str, day: int, by: str | None) -> None:
    """Seal a month; ConfigurationFault if that cannot be."""
    if not by:
        raise ConfigurationFault(["--close: say who closes the month: --by NAME"])
    noted = noted_seals(paged(partial(AuditLog(config.journal.path).entries, most=_PAGE)))
    sealed = seals.months()
    if month in sealed and month in noted:
        head = seals.head(month)
        raise ConfigurationFault([printable(f"--close: {month} was closed by {head.by}; what is sealed never changes")])
    if month in sealed:  # its entry in the audit log was not written
        _note(config, seals, month)
        return
    if sealed and month != next_month(sealed[-1]):
        raise ConfigurationFault([f"--close: {sealed[-1]} is the last closed month; the next one is {next_month(sealed[-1])}"])
    now_ms, zone = wall_clock(config, os.environ).now_ms(), ZoneInfo(config.time.zone)
    if (end_ms := month_span(month, 1, zone).end_ms) > now_ms:  # also where no meter is registered
        raise ConfigurationFault([f"--close: {month} goes on until {local_text(end_ms, zone)}"])
    if config.mqtt.standby.machine is not None:
        asyncio.run(_refuse_in_pair(config, seals, month, now_ms))
    before = seals.digest(sealed[-1]) if sealed else ""
    head = SealHead(month=month, day=day, zone=zone.key, closed_ms=now_ms, by=by, before=before, version=__version__)
    try:
        asyncio.run(_seal(config, seals, head))
    except MonthSealed:
        raise ConfigurationFault([f"--close: {month} has just been closed by somebody else"]) from None
    _note(config, seals, month)
    if config.mqtt.standby.machine is not None:
        asyncio.run(_tell_pair(config, month, now_ms))


async def _seal(config: Config, seals: Seals, head: SealHead) -> None:
    """Write the seal; ConfigurationFault if a reading day of the month is not over."""
    is_known = bool(head.before)
    with seals.writer(head) as add:
        async with aclosing(_lines(config, seals, head.month, head.day)) as lines:
            async for line in lines:
                if line.to_ms > head.closed_ms:
                    at = local_text(line.to_ms, ZoneInfo(head.zone))
                    raise ConfigurationFault([printable(f"--close: {head.month} of {line.device} goes on until {at}")])
                is_known = is_known or line.used is not None
                add(line)
        if not is_known:  # all later months would have to follow this one
            raise ConfigurationFault(
                [f"--close: nothing is known of {head.month}; close the first month that has an amount first"]
            )


def _note(config: Config, seals: Seals, month: str) -> None:
    """Write the hash of a seal into the audit log, and say what was sealed."""
    head, digest = seals.head(month), seals.digest(month)
    kinds = Counter(line.kind.value for line in seals.lines(month))
    after = {"sha256": digest, "by": head.by, "lines": kinds}
    record(config, MONTH_CLOSED, subject={"month": month}, after=after)
    print(printable(f"{seals.path(month)}: {kinds.total()} lines, {kinds[LineKind.CORRECTION]} of them corrections; {digest}"))


async def _refuse_in_pair(config: Config, seals: Seals, month: str, now_ms: int) -> None:
    """:raises ConfigurationFault: this machine stands by, or the other one has closed the month and its seals are not here."""
    standby = (await asyncio.to_thread(ask, config, "GET", "/api/status", {})).get("standby") if is_running(config) else None
    if standby and standby.get("role") == "passive":
        others = ", ".join(standby.get("others", ()))
        raise ConfigurationFault([printable(f"--close: {standby['machine']} stands by; close months on {others}")])
    async with open_store(config.influxdb) as store:
        found = store.newest_reports(_CLOSED, TimeSpan(now_ms - NEWEST_MS[-1], now_ms + 1))
        newest = max([int(value) async for name, _, value in found if name == config.mqtt.client_id], default=0)
    if int(month.replace("-", "")) <= newest:
        raise ConfigurationFault([f"--close: the other machine has closed {month}: copy its folder {seals.folder} here first"])


async def _tell_pair(config: Config, month: str, now_ms: int) -> None:
    """Write into the database which month is closed: the other machine must not close it again."""
    line = f"gateway{tag_text([('gateway', config.mqtt.client_id)])} {_CLOSED}={float(month.replace('-', ''))} {now_ms}"
    async with InfluxdbClient(config.influxdb) as database:
        answer = await database.write(packed([line]))
    if fate_of(answer) is not Fate.WRITTEN:
        print(printable(f"the other machine cannot be told: {answer.describe()}; copy the seal there now"), file=sys.stderr)
    print(printable(f"copy the seal to the other machine: {month}"))
