"""Completeness of months over HTTP: its page and its CSV, from reports that are processes of their own.

A month of ten thousand devices is millions of instants; in the gateway they would hold up readings.
"""

import asyncio
import csv
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from typing import Final, NamedTuple

from aiohttp import web

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.boundaries import ReportStep, periods
from gateway.monitoring.reports.completeness import floored_pct
from gateway.runtime.jobs.exports import CommandFailed, configured, printed
from gateway.support.access.accounts import GUEST, OWN_NAME, DeviceScope
from gateway.support.clock import WallClock
from gateway.support.config.model import Config
from gateway.web.http.handlers import account_of, csv_file, rows_within, scope_of
from gateway.web.routing import PageParts, RouteGroup, reads

_GOES_ON_FOR_MS: Final = 15 * 60_000
_IS_OVER_FOR_MS: Final = 6 * 3_600_000
"""Time for which figures of a month are good enough: of one that goes on, and of one to which only late readings can come."""
_MAY_CHANGE_MS: Final = 45 * 86_400_000
"""Behind the end of a month people still decide about it: steps, estimates, exchanges told late; then it is closed."""
_SHARE: Final = 10
"""The same at least, in multiples of the time that they took."""
_AFTER_FAULT_MS: Final = 30_000
_FILE_AWAITED_S: Final = 55.0
_MONTHS: Final = 24
"""Months to choose from, with the one that goes on."""
_WAITING_MAX: Final = 4
"""Months that are worked out or wait for it; they are one after the other."""


@dataclass(slots=True)
class MonthReport:
    """The report of one month."""

    csv: str = ""  # the output of the command; empty as long as there is none
    made_ms: int = 0  # the time of that output
    fault: str = ""  # the reason why the last attempt failed; empty if it did not
    due_ms: int = 0  # the time from which it is worked out again when it is asked for
    task: asyncio.Task[None] | None = None  # the work on it, while there is some

    @property
    def is_in_work(self) -> bool:
        """Tell if it is being worked out, or waits for that."""
        return self.task is not None

    async def arrive(self) -> None:
        """Wait until it is there for the first time, for as long as a browser waits for a file."""
        if self.task is not None and not self.csv:
            await asyncio.wait([self.task], timeout=_FILE_AWAITED_S)


class MonthReports:
    """The reports of the last ``kept`` months that were asked for; ``asked``: month → the words behind ``gateway report``."""

    def __init__(self, config: Config, clock: WallClock, asked: Callable[[str], list[str]], kept: int = _MONTHS) -> None:
        self._config = config
        self._clock = clock
        self._asked = asked
        self._kept = kept
        self._reports: dict[str, MonthReport] = {}
        self._one_at_a_time = asyncio.Lock()

    def of(self, month: str, end_ms: int) -> MonthReport:
        """The report of a month, written ``2026-10``; without one, or with an old one, the work on it begins."""
        report = self._reports.pop(month, None) or MonthReport()
        self._reports[month] = report
        in_work = sum(other.is_in_work for other in self._reports.values())
        if not report.is_in_work and self._clock.now_ms() >= report.due_ms and in_work < _WAITING_MAX:
            report.task = asyncio.create_task(self._work(month, end_ms, report))
        for old in [name for name, other in self._reports.items() if not other.is_in_work][: -self._kept]:
            del self._reports[old]
        return report

    def forget(self) -> None:
        """Have every month worked out again when it is asked for: something was changed."""
        for report in self._reports.values():
            report.due_ms = 0

    async def _work(self, month: str, end_ms: int, report: MonthReport) -> None:
        command = ["report", *self._asked(month), *configured(self._config), "--csv"]
        try:
            async with self._one_at_a_time:
                began_ms = self._clock.now_ms()
                report.csv, report.fault = await printed("the report", command), ""
                report.made_ms = now_ms = self._clock.now_ms()
                good_for_ms = _GOES_ON_FOR_MS if began_ms < end_ms + _MAY_CHANGE_MS else _IS_OVER_FOR_MS
                report.due_ms = now_ms + max(good_for_ms, _SHARE * (now_ms - began_ms))
        except CommandFailed as failed:
            report.fault, report.due_ms = str(failed), self._clock.now_ms() + _AFTER_FAULT_MS
        finally:
            report.task = None


AGAIN_S: Final = 2


class AreaMonth(NamedTuple):
    """Devices of one domain, in an area or in all, in a month."""

    area: str
    domain: str
    devices: int
    expected: float
    received: float
    on_time: float
    longest_gap_s: float

    @property
    def received_pct(self) -> float | None:
        """The share that was received."""
        return floored_pct(self.received / self.expected)

    @property
    def on_time_pct(self) -> float | None:
        """The share that was received in time."""
        return floored_pct(self.on_time / self.expected)


def by_area(month: str) -> list[str]:
    """The words that ask for the completeness of a month."""
    return ["completeness", "--from", month, "--to", month, "--by", "area", "--step", "month"]


class MonthPages(RouteGroup):
    """Pages about a month, from a command's report."""

    def __init__(self, parts: PageParts, words: Callable[[str], list[str]] = by_area, kept: int = _MONTHS) -> None:
        super().__init__(parts)
        self._reports = MonthReports(self._config, self._clock, words, kept)

    def _asked(self, request: web.Request, more: str = "") -> tuple[TimeSpan, MonthReport]:
        """The month that is asked for, and its report; ``more``: further words of the question, behind the month."""
        month = self._month(request)
        return month, self._reports.of(self._written(month) + more, month.end_ms)

    def _month(self, request: web.Request) -> TimeSpan:
        """The month that is asked for, without one the usual one; HTTPBadRequest if it is none of those to choose from."""
        months, asked = self._months(), request.query.get("month", "")
        found = next((month for month in months if self._written(month) == asked), None) if asked else self._usual(months)
        if found is None:
            raise web.HTTPBadRequest(text=f"{asked[:20]!r} is none of the last {_MONTHS} months, written such as 2026-10")
        return found

    def _usual(self, months: Sequence[TimeSpan]) -> TimeSpan:
        """The newest month in which a device was heard."""
        heard_ms = self._devices.silence.membership.heard_ms
        newest_ms = max((heard_ms(device) for device in self._devices.all()), default=0)
        return next((month for month in months if month.start_ms <= newest_ms), months[0])

    def _months(self) -> list[TimeSpan]:
        """The months to choose from, the newest first."""
        today = self._local_day(self._clock.now_ms())
        number = today.year * 12 + today.month - _MONTHS
        first, last = date(number // 12, number % 12 + 1, 1), today.replace(day=monthrange(today.year, today.month)[1])
        return list(periods(first, last, ReportStep.MONTH, self._zone))[::-1]

    def _written(self, month: TimeSpan) -> str:
        """A month as the command takes it."""
        return f"{self._local_day(month.start_ms):%Y-%m}"

    def _choices(self) -> dict[str, int]:
        """The months as a page offers them."""
        return {self._written(span): span.start_ms for span in self._months()}


def csv_answer(report: MonthReport, name: str, text: str) -> web.Response:
    """The rows of a report as a file; 503 while it is worked out."""
    if not report.csv:
        why = report.fault or "it is being worked out; ask again"
        return web.json_response({"error": why}, status=503, headers={"Retry-After": str(AGAIN_S)})
    return csv_file(name, text)


class CompletenessPages(MonthPages):
    """The completeness of a month, as a page and as CSV."""

    @reads("/completeness")
    async def _page(self, request: web.Request) -> web.Response:
        """The month that is asked for; without one the newest of which there are readings."""
        month, report = self._asked(request)
        scope = scope_of(request)
        rows = sorted(_rows(rows_within(report.csv, scope, "group")), key=lambda row: (not row.area, row.area, row.domain))
        account = account_of(request).name
        registered, left_out = await asyncio.to_thread(self._count, scope)
        return self._pages.page(
            request,
            "completeness",
            months=self._choices(),
            month=month,
            chosen=self._written(month),
            report=report,
            rows=rows,
            totals=list(_totals(rows)),
            areas=self._devices.areas,
            registered=registered,
            left_out=left_out,
            printed_by="" if account in {OWN_NAME, GUEST.name} else account,
            now_ms=self._clock.now_ms(),
        )

    @reads("/completeness.csv")
    async def _csv(self, request: web.Request) -> web.Response:
        """The same as ``gateway report completeness --by area --step month --csv``; 503 if that takes long."""
        month, report = self._asked(request)
        await report.arrive()
        return csv_answer(report, f"completeness-{self._written(month)}", rows_within(report.csv, scope_of(request), "group"))

    def _count(self, scope: DeviceScope | None) -> tuple[int, int]:
        """Count the registered devices, of a scope if one is given, and those of which no reading is expected."""
        entries = [one for one in self._devices.registry_entries() if scope is None or scope.covers(one)]
        return len(entries), sum(1 for entry in entries if not (entry.domain and entry.interval))


def _rows(text: str) -> Iterator[AreaMonth]:
    """The rows of the command's CSV."""
    for row in csv.DictReader(StringIO(text)):
        figures = (float(row[name]) for name in ("expected", "received", "on_time", "longest_gap_s"))
        yield AreaMonth(row["group"], row["domain"], int(row["devices"]), *figures)


def _totals(rows: Iterable[AreaMonth]) -> Iterator[AreaMonth]:
    """The sum of all areas by domain; the longest gap is the longest of any."""
    domains: dict[str, list[AreaMonth]] = {}
    for row in rows:
        domains.setdefault(row.domain, []).append(row)
    for domain, some in sorted(domains.items()):
        _, _, devices, expected, received, on_time, gaps = zip(*some, strict=True)
        yield AreaMonth("", domain, sum(devices), sum(expected), sum(received), sum(on_time), max(gaps))
