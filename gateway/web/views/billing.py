"""Months for accounting over HTTP: a page of their lines, which are searched, their files, and the closing of a month.

They are worked out by ``gateway report billing``, a process of its own: for thousands of meters it takes seconds.
"""

import asyncio
import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from gateway.monitoring.reports.billing import month_span, next_month
from gateway.monitoring.reports.seals import MONTH_CLOSED, SealHead, Seals
from gateway.runtime.jobs.exports import CommandFailed, configured, printed
from gateway.support.access.accounts import AccountRole
from gateway.support.i18n.reports import report_words
from gateway.web.changes.commands import CommandRefused
from gateway.web.http.handlers import account_of, note_changes
from gateway.web.http.listing import list_query
from gateway.web.routing import PageParts, RouteGroup, changes, reads
from gateway.web.views.completeness import AGAIN_S, FOR_SPREADSHEETS, MonthReport, MonthReports

_MONTHS: Final = 24
_KEPT: Final = 3
"""Months of thousands of lines that are held."""
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SEARCHED: Final = ("contract", "device", "serial")
_REFUSED: Final = 409

CsvLine = dict[str, str]
"""A line of the command's CSV."""


class BillingPages(RouteGroup):
    """The lines of a month, as a page and as files."""

    def __init__(self, parts: PageParts) -> None:
        super().__init__(parts)
        self._zone = ZoneInfo(self._config.time.zone)
        self._seals = Seals(self._config.journal.path)
        self._reports = MonthReports(self._config, self._clock, lambda month: ["billing", "--month", month], _KEPT)

    @reads("/billing")
    async def _page(self, request: web.Request) -> web.Response:
        """The month that is asked for; without one the last that is over. What needs a person stands first."""
        month, report = self._asked(request)
        query = list_query(request, ("month", "search"))
        sealed, head, digest = await asyncio.to_thread(self._sealed, month)
        lines = await asyncio.to_thread(_lines, report.csv)
        found = [line for line in lines if _matches(line, query.get("search"))]
        end_ms = month_span(month, 1, self._zone).end_ms
        return self._pages.page(
            request,
            "billing",
            months={one: month_span(one, 1, self._zone).start_ms for one in self._months()},
            month=month,
            report=report,
            list=query.page_of(sorted(found, key=_trouble)),
            kinds=Counter(line["kind"] for line in lines),
            totals=list(_totals(lines)),
            head=head,
            digest=digest,
            may_close=head is None and end_ms <= self._clock.now_ms() and (not sealed or month == next_month(sealed[-1])),
            last_sealed=sealed[-1] if sealed else "",
            month_ms=end_ms - 1,
            at=lambda text: datetime.fromisoformat(text).timestamp() * 1000,
            causes=report_words(self._pages.language(request)[0].language),
        )

    @reads("/billing.csv")
    async def _csv(self, request: web.Request) -> web.Response:
        """The same as ``gateway report billing --csv``; 503 while it is worked out."""
        month, report = self._asked(request)
        if not report.csv:
            why = report.fault or "it is being worked out; ask again"
            return web.json_response({"error": why}, status=503, headers={"Retry-After": str(AGAIN_S)})
        text = FOR_SPREADSHEETS + report.csv
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=_named(f"billing-{month}.csv"))

    @reads("/billing.xlsx")
    async def _xlsx(self, request: web.Request) -> web.Response:
        """The same as ``gateway report billing --xlsx``; 503 if it cannot be made."""
        month = self._month(request)
        with tempfile.TemporaryDirectory(prefix="billing-") as folder:
            path = Path(folder) / "month.xlsx"
            try:
                words = ["report", "billing", *configured(self._config), "--month", month, "--xlsx", str(path)]
                await printed("the workbook", words)
            except CommandFailed as failed:
                return web.json_response({"error": str(failed)}, status=503)
            body = await asyncio.to_thread(path.read_bytes)
        return web.Response(body=body, content_type=_XLSX, headers=_named(f"billing-{month}.xlsx"))

    @changes("/api/billing/{month}/close", AccountRole.ADMIN, MONTH_CLOSED)
    async def _close(self, request: web.Request) -> web.Response:
        """Close a month. The command writes the entry of the audit log, with the hash of the seal."""
        month = request.match_info["month"]
        words = ["report", "billing", *configured(self._config), "--month", month, "--close", "--by", account_of(request).name]
        try:
            said = await printed("the closing", words)
        except CommandFailed as failed:
            raise CommandRefused(str(failed), _REFUSED) from failed
        note_changes(request, [])
        self._reports.forget()
        return web.json_response({"month": month, "said": said.strip()})

    def _asked(self, request: web.Request) -> tuple[str, MonthReport]:
        month = self._month(request)
        return month, self._reports.of(month, month_span(month, 1, self._zone).end_ms)

    def _month(self, request: web.Request) -> str:
        """The month that is asked for.

        :raises web.HTTPBadRequest: it is none of those to choose from.
        """
        months = self._months()
        asked = request.query.get("month") or months[1]
        if asked not in months:
            raise web.HTTPBadRequest(text=f"{asked[:20]!r} is none of the last {_MONTHS} months, written such as 2026-10")
        return asked

    def _months(self) -> list[str]:
        """The months to choose from, the newest first."""
        today = datetime.fromtimestamp(self._clock.now_ms() / 1000, self._zone)
        newest = today.year * 12 + today.month - 1
        return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(newest, newest - _MONTHS, -1)]

    def _sealed(self, month: str) -> tuple[Sequence[str], SealHead | None, str]:
        """The sealed months, and what is said of this one."""
        sealed = self._seals.months()
        return (sealed, self._seals.head(month), self._seals.digest(month)) if month in sealed else (sealed, None, "")


def _lines(text: str) -> list[CsvLine]:
    return list(csv.DictReader(StringIO(text)))


def _matches(line: CsvLine, search: str) -> bool:
    return not search or any(search.lower() in line[name].lower() for name in _SEARCHED)


def _trouble(line: CsvLine) -> tuple[bool, bool, bool, str]:
    """The order of lines: what is to be confirmed, what is corrected, what has no amount, what is marked; then all others."""
    return line["kind"] == "use", bool(line["used"]), line["mark"] == "measured", line["device"]


def _totals(lines: Sequence[CsvLine]) -> Iterator[dict[str, object]]:
    """The lines of the month itself, added up by register."""
    registers: dict[str, list[CsvLine]] = {}
    for line in lines:
        if line["kind"] == "use":
            registers.setdefault(line["counter"], []).append(line)
    for counter, some in sorted(registers.items()):
        marked = Counter(line["mark"] for line in some)
        marks = {mark: marked[mark] for mark in ("estimated", "suspect")}
        unknown, used = sum(not line["used"] for line in some), sum(float(line["used"] or 0) for line in some)
        yield {"counter": counter, "lines": len(some), "used": used, "unknown": unknown, **marks}


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
