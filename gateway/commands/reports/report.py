"""``gateway report``: consumption, balance and completeness from the database, whether the gateway runs or not."""

import argparse
import asyncio
import os
import re
import sys
from calendar import monthrange
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.commands import reaching
from gateway.commands.reports import report_rows
from gateway.commands.reports.billing_report import add_billing_options, billing_command
from gateway.commands.reports.report_output import ReportOutput, language_of, output_of
from gateway.commands.reports.report_rows import ReportRow, RowMaker, registry_to_report, with_late_sums
from gateway.commands.terminal import ProgressLine, with_config
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Store, StoreFault, TimeSpan
from gateway.monitoring.reports.balance import balance
from gateway.monitoring.reports.boundaries import MARKED, ReportStep, local_text, periods, so_far
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.consumption import ReportGroup, consumption
from gateway.monitoring.reports.flows import GroupFlows, group_figures
from gateway.monitoring.reports.group_completeness import group_completeness
from gateway.monitoring.reports.roster import Roster
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.reports import report_words
from schemas.nearest import did_you_mean
from schemas.registry import Registry

_OF_BILLING: Final = {"--month": "month", "--columns": "columns", "--close": "close"}
_NOT_OF_BILLING: Final = {"--from": "first", "--to": "last", "--step": "step", "--zone": "zone"}
"""Option → its name; each is refused where it means nothing."""
_DAY: Final = re.compile(r"((?:19|20|21)\d{2})-(\d{2})(?:-(\d{2}))?")


@dataclass(frozen=True, slots=True)
class ReportQuestion:
    """A question that a report answers; ``kind``: consumption, balance or completeness."""

    kind: str
    registry: Registry
    roster: Roster
    spans: list[TimeSpan]
    by: ReportGroup
    zone: ZoneInfo
    now_ms: int
    language: str


def add_options(report: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway report``."""
    with_config(report, report_command)
    report.add_argument(
        "kind",
        choices=["consumption", "balance", "completeness", "billing"],
        help="what was used; what a parent measured less what its children did; readings received of those expected; "
        "the lines of a month for accounting",
    )
    report.add_argument("--from", dest="first", metavar="D", help="first day: 2026-10-01, or 2026-10")
    report.add_argument("--to", dest="last", metavar="D", help="last day, included: 2026-10-31, or 2026-10")
    report.add_argument(
        "--by",
        metavar="WHAT",
        help="what to add up: device, area, site, domain, parent (default: device); who closes a month",
    )
    report.add_argument("--step", choices=["hour", "day", "month"], help="length of the periods (default: month)")
    report.add_argument("--zone", help="time zone of the days (default: time.zone)")
    form = report.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="print CSV")
    form.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_billing_options(report, form)
    report.add_argument(
        "--language", choices=["vi", "en"], help="language of the table (default: en; of a workbook: as configured)"
    )


def report_command(config: Config, options: argparse.Namespace) -> None:
    """Print the report; ConfigurationFault if the configuration, the registry or an option is faulty."""
    foreign = _NOT_OF_BILLING if options.kind == "billing" else _OF_BILLING
    if faults := [f"{option}: is not for {options.kind}" for option, name in foreign.items() if getattr(options, name)]:
        raise ConfigurationFault(faults)
    if options.kind == "billing":
        billing_command(config, options)
        return
    question = _question(config, options)
    output = _output(question, options)
    progress = ProgressLine(sys.stderr)
    with reaching(StoreFault):
        try:
            asyncio.run(_report(config, question, output, progress))
        finally:
            progress.clear()


def _question(config: Config, options: argparse.Namespace) -> ReportQuestion:
    registry = registry_to_report(config)
    zone = _zone(options.zone or config.time.zone)
    first, last = _day(options.first, "--from", is_last=False), _day(options.last, "--to", is_last=True)
    if first > last:
        raise ConfigurationFault([f"--from: {options.first} is after --to {options.last}"])
    by = _group(options.by or ("parent" if options.kind == "balance" else "device"))
    if options.kind == "balance" and by is not ReportGroup.PARENT:
        raise ConfigurationFault([f"--by: a balance is that of a parent and its children, not by {by}"])
    spans, now_ms = (
        list(periods(first, last, ReportStep(options.step or "month"), zone)),
        wall_clock(config, os.environ).now_ms(),
    )
    if options.kind != "completeness" and by is not ReportGroup.DEVICE:
        spans = [so_far(span, zone, now_ms) for span in spans]
    language = language_of(options, config)
    return ReportQuestion(options.kind, registry, Roster(registry.devices), spans, by, zone, now_ms, language)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationFault([f"--zone: {name!r} is not a time zone; write for example Asia/Ho_Chi_Minh"]) from error


def _group(text: str) -> ReportGroup:
    try:
        return ReportGroup(text)
    except ValueError:
        raise ConfigurationFault(
            [f"--by: {text!r} is none of {', '.join(ReportGroup)}{did_you_mean(text, list(ReportGroup))}"]
        ) from None


def _day(text: str | None, option: str, *, is_last: bool) -> date:
    """A day, or the first or last one of a month."""
    if text is None:
        raise ConfigurationFault([f"{option}: is missing; write 2026-10-31, or 2026-10 for a month"])
    with suppress(ValueError):
        if (match := _DAY.fullmatch(text)) is not None:
            year, month = int(match[1]), int(match[2])
            return date(year, month, int(match[3] or (monthrange(year, month)[1] if is_last else 1)))
    raise ConfigurationFault([f"{option}: {text!r} is not a day; write 2026-10-31, or 2026-10 for a month"])


_COLUMNS: Final[Mapping[tuple[str, bool], tuple[Sequence[str], Sequence[str]]]] = {
    ("consumption", True): (
        report_rows.DEVICE_USE,
        (
            *("period", "device", "counter", "used", "unit"),
            *("from_register", "from_time", "to_register", "to_time", "serial", "note"),
        ),
    ),
    ("consumption", False): (
        report_rows.GROUP_USE,
        (
            *("period", "group", "counter", "used", "supplied", "produced", "lost", "counted", "unit", "lost_pct"),
            *("devices", "uncovered", "note"),
        ),
    ),
    ("balance", False): (
        report_rows.BALANCE,
        (
            *("period", "parent", "counter", "in", "out", "lost", "unit", "lost_pct"),
            *("completeness_in_pct", "completeness_out_pct", "note"),
        ),
    ),
    ("completeness", True): (
        report_rows.DEVICE_COMPLETENESS,
        (
            *("period", "device", "expected", "received", "missing", "received_pct", "on_time_pct"),
            *("estimated", "suspect", "longest_gap_s"),
        ),
    ),
    ("completeness", False): (
        report_rows.GROUP_COMPLETENESS,
        (
            *("period", "group", "domain", "devices", "expected", "received", "missing", "received_pct", "on_time_pct"),
            *("estimated", "suspect", "longest_gap_s"),
        ),
    ),
}
"""Kind of report, and if it is by device → its columns, and those of the table for people."""


def _output(question: ReportQuestion, options: argparse.Namespace) -> ReportOutput:
    columns, shown = _COLUMNS[question.kind, question.by is ReportGroup.DEVICE]
    if question.by is ReportGroup.DOMAIN:  # the group is it
        shown = [column for column in shown if column != "domain"]
    words = report_words(question.language)
    edges = (local_text(at_ms, question.zone) for at_ms in (question.spans[0].start_ms, question.spans[-1].end_ms))
    title = words["title"].format(words[question.kind], *edges, question.zone)
    return output_of(options, columns, shown, title, question.by, question.language)


async def _report(config: Config, question: ReportQuestion, output: ReportOutput, progress: ProgressLine) -> None:
    words, counts = report_words(question.language), Counter[str]()
    async with open_store(config.influxdb) as found:
        store = await with_late_sums(config, found, question.roster, question.spans[-1].end_ms, question.now_ms)
        async for row in _ROWS[question.kind](store, question, progress):
            counts.update(_notes_of(row))
            progress.clear()
            output.row(row)
        progress.clear()
        notes = [words[key].format(number) for key, number in counts.items() if number]
        if question.kind == "completeness":
            without = sum(1 for device in question.roster.by_id.values() if device.interval is None or device.domain is None)
            notes += [words["no_interval"].format(without)] if without else []
        elif not store.is_overwritten:
            notes.append(words["not_overwritten"])
    output.end(notes)


def _notes_of(row: ReportRow) -> Iterator[str]:
    """Yield the notes below that a row gives rise to."""
    if row.get("cause"):
        is_known = row.get("used", row.get("out")) is not None
        is_whole = ("group" in row and (is_known or row["supplied"] is not None)) or ("in" in row and is_known)
        yield "some_unmeasured" if is_whole else "some_partly" if is_known else "some_uncovered"
    if row.get("uncovered") and "group" in row:
        yield "some_left_out"
    estimated = row.get("estimated")
    if "received" not in row and isinstance(estimated, int | float) and estimated >= MARKED:
        yield "some_estimated"


async def _consumption(store: Store, question: ReportQuestion, progress: ProgressLine) -> AsyncIterator[ReportRow]:
    maker, by = RowMaker(question.roster, question.registry.areas, question.zone), question.by
    asked = question.spans, question.zone, question.now_ms
    for domain in question.roster.domains():
        progress.say(f"{domain} ...")
        if by is ReportGroup.DEVICE:
            async for period in consumption(store, question.roster, domain, question.spans, question.now_ms):
                for use in period.uses:
                    yield maker.device_use(period.period, use)
                progress.say(f"{domain}: up to {local_text(period.period.end_ms, question.zone)} ...")
        else:
            async for flows in group_figures(store, question.roster, domain, *asked, by):
                yield maker.group_flows(by, flows) if isinstance(flows, GroupFlows) else maker.group_count(by, *flows)


async def _balance(store: Store, question: ReportQuestion, progress: ProgressLine) -> AsyncIterator[ReportRow]:
    maker = RowMaker(question.roster, question.registry.areas, question.zone)
    for domain in question.roster.domains():
        progress.say(f"{domain} ...")
        async for row in balance(store, question.roster, domain, question.spans, question.zone, question.now_ms):
            yield maker.balance(row)


async def _completeness(store: Store, question: ReportQuestion, progress: ProgressLine) -> AsyncIterator[ReportRow]:
    maker, by = RowMaker(question.roster, question.registry.areas, question.zone), question.by
    found = completeness(store, question.roster, question.spans, question.zone, question.now_ms)
    if by is ReportGroup.DEVICE:
        done = 0
        async for device in found:
            for row in maker.device_completeness(question.spans, device):
                yield row
            done += 1
            progress.say(f"{done:,} of {len(question.roster.by_id):,} devices ...")
        return
    progress.say("...")
    for span, groups in await group_completeness(found, by, question.spans):
        for group in groups:
            yield maker.group_completeness(span, by, group)


_ROWS: Final[Mapping[str, Callable[[Store, ReportQuestion, ProgressLine], AsyncIterator[ReportRow]]]] = {
    "consumption": _consumption,
    "balance": _balance,
    "completeness": _completeness,
}
