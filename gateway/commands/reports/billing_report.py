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
from gateway.commands import reaching
from gateway.commands.reports.report_output import TextOutput, language_of, output_of
from gateway.commands.reports.report_rows import ReportRow, amount, registry_to_report, with_late_sums
from gateway.commands.running import ask, is_running, paged, record
from gateway.core.batching.batch import packed
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.readings.line_protocol import tag_text
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import StoreFault, TimeSpan
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.monitoring.reports.billing import (
    READ_AGAIN,
    BillingLine,
    BillingMark,
    LineKind,
    MonthPlan,
    billing,
    month_span,
    next_month,
)
from gateway.monitoring.reports.boundaries import local_text
from gateway.monitoring.reports.roster import NEWEST_MS, Roster
from gateway.monitoring.reports.seals import MONTH_CLOSED, MonthSealed, SealHead, Seals, noted_seals
from gateway.support.audit.log import AuditFault, AuditLog
from gateway.support.clock import wall_clock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.reports import report_words
from schemas.printable import printable
from schemas.quantities import TEXT_TAGS

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
    form.add_argument("--xlsx", type=Path, metavar="FILE", help="write a workbook (needs the extra xlsx)")
    report.add_argument("--month", metavar="M", help="billing: the month, such as 2026-10")
    report.add_argument("--columns", metavar="A,B", help="billing: these columns in this order (default: all)")
    report.add_argument("--close", action="store_true", help="billing: seal the month; its lines never change again")


def billing_command(config: Config, options: argparse.Namespace) -> None:
    """Print the lines of a month, or seal them; ConfigurationFault if an option is faulty, or the month cannot be sealed."""
    if not _MONTH.fullmatch(options.month or ""):
        raise ConfigurationFault([f"--month: {options.month or ''!r} is not a month; write 2026-10"])
    if options.by and not options.close:
        raise ConfigurationFault(["--by: says who closes a month: with --close"])
    month = _Month(config, options.month)
    try:
        with reaching(StoreFault):
            if options.close:
                month.close(options.by)
            else:
                asyncio.run(month.print(options))
    except OSError as error:
        raise ConfigurationFault([f"{error.filename}: {error.strerror}"]) from error


class _Month:
    """A month of a gateway, open or sealed."""

    def __init__(self, config: Config, month: str) -> None:
        self._config = config
        self._month = month
        self._zone = ZoneInfo(config.time.zone)
        self._seals = Seals(config.journal.path)
        self._now_ms = wall_clock(config, os.environ).now_ms()

    async def lines(self) -> AsyncGenerator[BillingLine]:
        """The lines of a month: sealed ones as they were sealed, those of an open month as they are now."""
        if self._month in self._seals.months():
            for line in self._seals.lines(self._month):
                yield line
            return
        config, roster = self._config, Roster(registry_to_report(self._config).devices)
        plan = MonthPlan(self._month, config.time.reading_day, self._zone, roster, self._seals.uses_before(self._month))
        async with open_store(config.influxdb) as found:
            store = await with_late_sums(config, found, roster, plan.end_ms, self._now_ms)
            async with aclosing(billing(store, plan, self._now_ms)) as lines:
                async for line in lines:
                    yield line

    async def print(self, options: argparse.Namespace) -> None:
        """Print its lines, and what is to be known of them."""
        language = language_of(options, self._config)
        words, counts = report_words(language), Counter[str]()
        columns = _columns(options.columns)
        shown = columns if options.columns else _SHOWN
        output = output_of(options, columns, shown, words["billing_title"].format(self._month), "device", language)
        async with aclosing(self.lines()) as lines:
            async for line in lines:
                counts["billing_unknown"] += line.kind is LineKind.USE and line.used is None
                counts["billing_read_again"] += line.cause == READ_AGAIN
                counts[f"billing_{line.kind}"] += line.kind is not LineKind.USE
                row = _row(line, self._zone)
                output.row(row if isinstance(output, TextOutput) else {column: row[column] for column in columns})
        notes = [words[key].format(number) for key, number in sorted(counts.items()) if number]
        if self._month in self._seals.months():
            head, digest = self._seals.head(self._month), self._seals.digest(self._month)
            notes.append(words["billing_sealed"].format(self._at(head.closed_ms), printable(head.by), digest))
        else:
            notes.append(words["billing_open"])
        output.end(notes)

    def close(self, by: str | None) -> None:
        """Seal it; ConfigurationFault if that cannot be."""
        config, seals, month, sealed = self._config, self._seals, self._month, self._seals.months()
        if not by:
            raise ConfigurationFault(["--close: say who closes the month: --by NAME"])
        try:
            noted = noted_seals(paged(partial(AuditLog(config.journal.path).entries, most=_PAGE)))
        except AuditFault as fault:
            raise ConfigurationFault([f"--close: {fault}"]) from fault
        if month in sealed and month in noted:
            by = seals.head(month).by
            raise ConfigurationFault([printable(f"--close: {month} was closed by {by}; what is sealed never changes")])
        if month in sealed:  # its entry in the audit log was not written
            self._note()
            return
        if sealed and month != (following := next_month(sealed[-1])):
            raise ConfigurationFault([f"--close: {sealed[-1]} is the last closed month; the next one is {following}"])
        end_ms = month_span(month, config.time.reading_day, self._zone).end_ms
        if end_ms > self._now_ms:  # also where no meter is registered
            raise ConfigurationFault([f"--close: {month} goes on until {self._at(end_ms)}"])
        is_in_pair = config.mqtt.standby.machine is not None
        if is_in_pair:
            asyncio.run(self._refuse_in_pair())
        try:
            asyncio.run(self._seal(by, seals.digest(sealed[-1]) if sealed else ""))
        except MonthSealed:
            raise ConfigurationFault([f"--close: {month} has just been closed by somebody else"]) from None
        self._note()
        if is_in_pair:
            asyncio.run(self._tell_pair())

    async def _seal(self, by: str, before: str) -> None:
        """Write the seal; ConfigurationFault if a reading day of the month is not over."""
        month, told = self._month, {"by": by, "before": before, "version": __version__}
        head = SealHead(month=month, day=self._config.time.reading_day, zone=self._zone.key, closed_ms=self._now_ms, **told)
        is_known = bool(before)
        with self._seals.writer(head) as add:
            async with aclosing(self.lines()) as lines:
                async for line in lines:
                    if line.to_ms > self._now_ms:
                        at = self._at(line.to_ms)
                        raise ConfigurationFault([printable(f"--close: {month} of {line.device} goes on until {at}")])
                    is_known = is_known or line.used is not None
                    add(line)
            if not is_known:  # all later months would have to follow this one
                raise ConfigurationFault(
                    [f"--close: nothing is known of {month}; close the first month that has an amount first"]
                )

    def _at(self, time_ms: int) -> str:
        return f"{local_text(time_ms, self._zone)} {self._zone.key}"

    def _note(self) -> None:
        """Write the hash of the seal into the audit log, and say what was sealed."""
        seals, month = self._seals, self._month
        kinds, digest = Counter(line.kind.value for line in seals.lines(month)), seals.digest(month)
        after = {"sha256": digest, "by": seals.head(month).by, "lines": kinds}
        record(self._config, MONTH_CLOSED, subject={"month": month}, after=after)
        corrections = kinds[LineKind.CORRECTION]
        print(printable(f"{seals.path(month)}: {kinds.total()} lines, {corrections} of them corrections; {digest}"))

    async def _refuse_in_pair(self) -> None:
        """:raises ConfigurationFault: this machine stands by, or the other one has closed the month: its seal is not here."""
        config, month = self._config, self._month
        status = await asyncio.to_thread(ask, config, "GET", "/api/status", {}) if is_running(config) else {}
        if (standby := status.get("standby")) and standby.get("role") == "passive":
            others = ", ".join(standby.get("others", ()))
            raise ConfigurationFault([printable(f"--close: {standby['machine']} stands by; close months on {others}")])
        async with open_store(config.influxdb) as store:
            found = store.newest_reports(_CLOSED, TimeSpan(self._now_ms - NEWEST_MS[-1], self._now_ms + 1))
            newest = max([int(value) async for name, _, value in found if name == config.mqtt.client_id], default=0)
        if int(month.replace("-", "")) <= newest:
            where = self._seals.folder
            raise ConfigurationFault([f"--close: the other machine has closed {month}: copy its folder {where} here first"])

    async def _tell_pair(self) -> None:
        """Write into the database which month is closed: the other machine must not close it again."""
        tags, number = tag_text([("gateway", self._config.mqtt.client_id)]), float(self._month.replace("-", ""))
        async with InfluxdbClient(self._config.influxdb) as database:
            answer = await database.write(packed([f"gateway{tags} {_CLOSED}={number} {self._now_ms}"]))
        if fate_of(answer) is not Fate.WRITTEN:
            print(printable(f"the other machine cannot be told: {answer.describe()}; copy the seal there now"), file=sys.stderr)
        print(printable(f"copy the seal to the other machine: {self._month}"))


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
