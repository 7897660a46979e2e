"""Months of meters over HTTP: consumption and losses beside the month before, and the lines and files for accounting.

Both are reports that a process of its own works out, ``gateway report``: for thousands of meters it takes seconds.
"""

import asyncio
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Final, NamedTuple

from aiohttp import web

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.billing import READ_AGAIN, month_span, next_month
from gateway.monitoring.reports.boundaries import Marks
from gateway.monitoring.reports.seals import MONTH_CLOSED, Seals
from gateway.runtime.jobs.exports import CommandFailed, configured, printed
from gateway.support.access.accounts import AccountRole
from gateway.support.i18n.reports import report_words
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import ListQuery, account_of, file_answer, list_query, note_changes, scope_of
from gateway.web.routing import PageParts, changes, reads
from gateway.web.views.completeness import MonthPages, MonthReport, csv_answer

_BY: Final = ("area", "parent", "device", "domain")
_FILTERS: Final = ("month", "by", "step", "search")
_TRUTH: Final = {"": 0.0, "true": 1.0, "false": 0.0}

ReportLine = dict[str, str]
"""A line of the command's CSV."""


class UseRow(NamedTuple):
    """A line for people, of a month that is known ``until_ms``, None: as a whole."""

    line: ReportLine
    day_ms: float
    until_ms: float | None
    amount: float | None
    more_pct: float | None  # growth in percent since the month before; None: not known, or not comparable
    marks: Marks


class ConsumptionPages(MonthPages):
    """Consumption by area, parent or device, as a page and as CSV."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts, _words)

    @reads("/consumption")
    async def _page(self, request: web.Request) -> web.Response:
        """The month that is asked for; without one the newest of which there are readings."""
        query = _query(request)
        month, report = self._asked(request, _more(query))
        rows = list(self._rows(request, report, query, month))
        return self._pages.page(
            request,
            "consumption",
            months=self._choices(),
            month=month,
            report=report,
            list=query.page_of(rows),
            choices=_BY,
            by=query.get("by"),
            last_day=self._local_day(month.end_ms - 1),
            address=query.link(month=self._written(month)),
            causes=report_words(self._pages.language(request)[0].language),
        )

    @reads("/consumption.csv")
    async def _csv(self, request: web.Request) -> web.Response:
        """The lines of the command that the reader may see; 503 if it takes long."""
        query, out = _query(request), StringIO()
        month, report = self._asked(request, _more(query))
        await report.arrive()
        lines = csv.DictReader(StringIO(report.csv))
        written = csv.DictWriter(out, lines.fieldnames or [])
        written.writeheader()
        written.writerows(line for line in lines if self._is_seen(request, line))
        return csv_answer(report, f"consumption-{self._written(month)}-{query.get('by')}", out.getvalue())

    def _rows(self, request: web.Request, report: MonthReport, query: ListQuery, month: TimeSpan) -> Iterator[UseRow]:
        before: dict[tuple[str, ...], float | None] = {}
        search = query.get("search").lower()
        for line in csv.DictReader(StringIO(report.csv)):
            key = (_named(line), line["counter"], line.get("channel", ""), line.get("direction", ""), line.get("lane", ""))
            from_ms, amount = datetime.fromisoformat(line["from"]).timestamp() * 1000, _amount(line)
            if from_ms < month.start_ms:
                before[key] = amount
            elif from_ms < report.made_ms and self._is_seen(request, line) and search in f"{key[0]} {line.get('name')}".lower():
                until_ms = datetime.fromisoformat(line.get("known_to") or line["to"]).timestamp() * 1000
                is_whole, then = until_ms >= month.end_ms or bool(query.get("step")), before.get(key)
                more_pct = round(100 * (amount - then) / then, 1) if amount is not None and then and is_whole else None
                yield UseRow(line, from_ms, None if is_whole or amount is None else until_ms, amount, more_pct, _marks(line))

    def _is_seen(self, request: web.Request, line: ReportLine) -> bool:
        """Tell if a line is of those that the sender of a request may see."""
        scope = scope_of(request)
        if scope is None or line.get("by") == "area" or "device" in line:
            return scope is None or scope.has(line["domain"], line["group"] if "group" in line else line["area"])
        parents = [name.strip() for name in line["group"].split(",")]
        return line["by"] == "parent" and all(scope.covers(self._devices.entry(name)) for name in parents)


def _query(request: web.Request) -> ListQuery:
    query = list_query(request, _FILTERS)
    by = query.get("by") if query.get("by") in _BY else _BY[0]
    step = "day" if query.get("step") == "day" and by != "device" else ""
    return ListQuery({**query.given, "by": by, "step": step}, query.page, "")


def _more(query: ListQuery) -> str:
    return f" {query.get('by')} {query.get('step') or 'month'}"


def _words(asked: str) -> list[str]:
    """The words that ask for a month and the one before, or for the days of a month."""
    month, by, step = asked.split()
    first = month if step == "day" else f"{date.fromisoformat(f'{month}-01') - timedelta(days=1):%Y-%m}"
    return ["consumption", "--from", first, "--to", month, "--by", by, "--step", step]


def _named(line: ReportLine) -> str:
    return line["device"] if "device" in line else line["group"]


def _amount(line: ReportLine) -> float | None:
    told = line["used"] or line.get("counted")
    return float(told) if told else None


def _marks(line: ReportLine) -> Marks:
    """The marks of a line; of what is only counted the numbers of devices and points stand for all of it."""
    estimated, suspect = (
        min(1.0, _TRUTH[text] if (text := line[name].lower()) in _TRUTH else float(text)) for name in Marks._fields[:2]
    )
    return Marks(estimated, suspect, float(line["measured"]) if line["measured"] else 1.0)


_KEPT: Final = 3
"""Months of thousands of lines that are held."""
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SEARCHED: Final = ("contract", "device", "serial")
_REFUSED: Final = 409

CsvLine = dict[str, str]
"""A line of the command's CSV."""


class BillingPages(MonthPages):
    """The lines of a month, as a page and as files."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts, lambda asked: ["billing", "--month", asked.split()[0]], _KEPT)
        self._seals = Seals(self._config.journal.path)

    def _usual(self, months: Sequence[TimeSpan]) -> TimeSpan:
        """The last month that is over."""
        return next((month for month in months if self._span(month).end_ms <= self._clock.now_ms()), months[-1])

    def _span(self, month: TimeSpan) -> TimeSpan:
        """The days of a month, from reading day to reading day."""
        return month_span(self._written(month), self._config.time.reading_day, self._zone)

    async def _found(self, request: web.Request) -> tuple[TimeSpan, MonthReport]:
        """The month that is asked for, and its report: closed meanwhile, it has another, wherever it was closed."""
        month = self._written(self._month(request))
        return self._asked(request, " sealed" if month in await asyncio.to_thread(self._seals.months) else "")

    @reads("/billing")
    async def _page(self, request: web.Request) -> web.Response:
        """The month that is asked for; without one the last that is over. What needs a person stands first."""
        asked, report = await self._found(request)
        month, span, query = self._written(asked), self._span(asked), list_query(request, ("month", "search"))
        sealed = await asyncio.to_thread(self._seals.months)
        head = await asyncio.to_thread(self._seals.head, month) if month in sealed else None
        lines = await asyncio.to_thread(lambda: list(csv.DictReader(StringIO(report.csv))))
        search = query.get("search").lower()
        found = [line for line in lines if any(search in line[name].lower() for name in _SEARCHED)]
        return self._pages.page(
            request,
            "billing",
            months=self._choices(),
            month=month,
            report=report,
            list=query.page_of(sorted(found, key=_trouble)),
            kinds=Counter(line["kind"] for line in lines),
            read_again=sum(line["cause"] == READ_AGAIN for line in lines),
            days=span,
            has_xlsx=find_spec("openpyxl") is not None,
            totals=list(_totals(lines)),
            head=head,
            digest=await asyncio.to_thread(self._seals.digest, month) if head else "",
            may_close=head is None and span.end_ms <= self._clock.now_ms() and (not sealed or month == next_month(sealed[-1])),
            last_sealed=sealed[-1] if sealed else "",
            month_ms=asked.start_ms,
            at=lambda text: datetime.fromisoformat(text).timestamp() * 1000,
            causes=report_words(self._pages.language(request)[0].language),
        )

    @reads("/billing.csv")
    async def _csv(self, request: web.Request) -> web.Response:
        """The same as ``gateway report billing --csv``; 503 if that takes long."""
        month, report = await self._found(request)
        await report.arrive()
        return csv_answer(report, f"billing-{self._written(month)}", report.csv)

    @reads("/billing.xlsx")
    async def _xlsx(self, request: web.Request) -> web.Response:
        """The same as ``gateway report billing --xlsx``; 503 if it cannot be made."""
        month = self._written(self._month(request))
        with tempfile.TemporaryDirectory(prefix="billing-") as folder:
            path = Path(folder) / "month.xlsx"
            try:
                await self._printed("the workbook", month, "--xlsx", str(path))
            except CommandFailed as failed:
                return web.json_response({"error": str(failed)}, status=503)
            body = await asyncio.to_thread(path.read_bytes)
        return file_answer(f"billing-{month}.xlsx", _XLSX, body)

    @changes("/api/billing/{month}/close", AccountRole.ADMIN, MONTH_CLOSED)
    async def _close(self, request: web.Request) -> web.Response:
        """Close a month. The command writes the entry of the audit log, with the hash of the seal."""
        month = request.match_info["month"]
        try:
            said = await self._printed("the closing", month, "--close", "--by", account_of(request).name)
        except CommandFailed as failed:
            raise CommandRefused(str(failed), _REFUSED) from failed
        note_changes(request, [])
        self._reports.forget()
        return web.json_response({"month": month, "said": said.strip()})

    async def _printed(self, name: str, month: str, *more: str) -> str:
        return await printed(name, ["report", "billing", *configured(self._config), "--month", month, *more])


def _trouble(line: CsvLine) -> tuple[bool, bool, bool, str]:
    """The order of lines: what is to be confirmed, what is corrected, what has no amount, what is marked; then all others."""
    return line["kind"] == "use", bool(line["used"]) and not line["cause"], line["mark"] == "measured", line["device"]


def _totals(lines: Sequence[CsvLine]) -> Iterator[dict[str, object]]:
    """The lines of the month itself, added up by register."""
    registers: dict[str, list[CsvLine]] = {}
    for line in lines:
        if line["kind"] == "use":
            registers.setdefault(line["counter"], []).append(line)
    for counter, some in sorted(registers.items()):
        marked = Counter(line["mark"] for line in some)
        marks = {mark: marked[mark] for mark in ("estimated", "suspect")}
        known = [float(line["used"]) for line in some if line["used"]]
        used, unknown = sum(known) if known else None, len(some) - len(known)
        yield {"counter": counter, "lines": len(some), "used": used, "unknown": unknown, **marks}
