"""Consumption and losses of a month over HTTP, beside the month before: the rows of ``gateway report consumption``."""

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Final, NamedTuple

from aiohttp import web

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.marks import Marks
from gateway.support.i18n.reports import report_words
from gateway.web.http.limits import scope_of
from gateway.web.http.listing import ListQuery, list_query
from gateway.web.routing import PageParts, reads
from gateway.web.views.completeness import MonthPages, MonthReport, csv_answer

_BY: Final = ("area", "parent", "device", "domain")
_FILTERS: Final = ("month", "by", "step", "search")
_TRUTH: Final = {"": 0.0, "true": 1.0, "false": 0.0}

ReportLine = dict[str, str]
"""A line of the command's CSV."""


class UseRow(NamedTuple):
    """A line for people, of a month that is known ``until_ms``, None: as a whole.

    :ivar more_pct: growth in percent since the month before; None: not known, or not comparable.
    """

    line: ReportLine
    day_ms: float
    until_ms: float | None
    amount: float | None
    more_pct: float | None
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
