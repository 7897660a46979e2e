"""Months for accounting over HTTP: a page of their lines, which are searched, their files, and the closing of a month.

They are worked out by ``gateway report billing``, a process of its own: for thousands of meters it takes seconds.
"""

import asyncio
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Final

from aiohttp import web

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.billing import READ_AGAIN, month_span, next_month
from gateway.monitoring.reports.seals import MONTH_CLOSED, Seals
from gateway.runtime.jobs.exports import CommandFailed, configured, printed
from gateway.support.access.accounts import AccountRole
from gateway.support.i18n.reports import report_words
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import account_of, file_answer, note_changes
from gateway.web.http.listing import list_query
from gateway.web.routing import PageParts, changes, reads
from gateway.web.views.completeness import MonthPages, MonthReport, csv_answer

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
