"""A day of a device over HTTP: each of its points in the database with its marks, what was used, as a page and as CSV."""

import csv
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Final, NamedTuple

from aiohttp import web

from gateway.core.devices.device import Device
from gateway.ingest.database.store import PointValues, Store, StoredSeries, StoreFault, TimeSpan
from gateway.monitoring.reports.amendments import amended_store, late_sums_of
from gateway.monitoring.reports.boundaries import MILLIONTHS, day_of, midnight_ms
from gateway.monitoring.reports.consumption import CounterUse, consumption
from gateway.monitoring.reports.roster import Roster
from gateway.monitoring.status.known_devices import nobody
from gateway.support.i18n.glossary import closed_lists
from gateway.web.devices.device_charts import RecentSeries, SampledWindow, device_charts
from gateway.web.devices.series import SeriesPages
from gateway.web.http.handlers import csv_file, language_of
from gateway.web.routing import PageParts, RouteGroup, reads
from schemas.quantities import QUANTITIES, SUM_OF, Kind
from schemas.registry import RegisteredDevice, device_key
from schemas.spreadsheet import as_cell

_BEFORE_MS: Final = 6 * 3_600_000
"""Points this long before the day are read, for what the first one of it adds."""
_ROWS_SHOWN: Final = 300
_CHARTS_SHOWN: Final = 2
_STATES: Final = {field for rows in QUANTITIES.values() for field, row in rows.items() if row.kind is Kind.STATE}
_MINUTE_MS: Final = 60_000
_BITS: Final = tuple(1 << bit for bit in range(9))


class DayRow(NamedTuple):
    """A point of the day: its values by field, and what each sum has grown by since the point before."""

    time_ms: int
    series: StoredSeries
    values: Mapping[str, float | int]
    grown: Mapping[str, float]
    quality: int


DayFound = tuple[list[DayRow], list[CounterUse]]


class DayPages(RouteGroup):
    """The day of a device."""

    def __init__(self, parts: PageParts, series: SeriesPages) -> None:
        super().__init__(parts)
        self._series = series

    @reads("/devices/{device}/day")
    async def _page(self, request: web.Request) -> web.Response:
        """The day ``date``; without one the day on which it was heard last."""
        device, span = self._asked(request)
        found: DayFound = [], []
        fault = ""
        try:
            found = await self._find(device, span)
        except StoreFault as error:
            fault = str(error)
        rows, uses = found
        texts, formats = self._pages.language(request)
        charts = device_charts(_lines(device, rows), SampledWindow(span, _MINUTE_MS), texts, formats)
        before, after = map(self._local_day, (span.start_ms - 1, span.end_ms))
        return self._pages.page(
            request,
            "device_day",
            device=device.name,
            span=span,
            day=before + timedelta(days=1),
            before=before,
            after=after if span.end_ms <= self._clock.now_ms() else None,
            fault=fault,
            rows=rows[:_ROWS_SHOWN],
            left_out=max(0, len(rows) - _ROWS_SHOWN),
            fields=_fields(rows),
            uses=[(use.counter.field, None if use.known is None else use.known / MILLIONTHS, use) for use in uses],
            charts=charts[:_CHARTS_SHOWN],
            marks=lambda quality: _said(quality, texts.language),
        )

    @reads("/devices/{device}/day.csv")
    async def _csv(self, request: web.Request) -> web.Response:
        """The same as CSV, all of it."""
        device, span = self._asked(request)
        try:
            rows, _ = await self._find(device, span)
        except StoreFault as fault:
            raise web.HTTPServiceUnavailable(text=str(fault)) from fault
        fields, text, language = _fields(rows), StringIO(), language_of(request, "en")
        summed, written = [field for field in fields if field in SUM_OF], csv.writer(text)
        added = (f"{SUM_OF[field]}_added" for field in summed)
        written.writerow(["time", *StoredSeries._fields[1:], *fields, *added, "quality", "marks"])
        for row in rows:
            at = datetime.fromtimestamp(row.time_ms / 1000, self._zone).isoformat(timespec="seconds")
            told = [*(row.values.get(field, "") for field in fields), *(row.grown.get(field, "") for field in summed)]
            cells = (at, *row.series[1:], *told, row.quality, "; ".join(_said(row.quality, language)))
            written.writerow(map(as_cell, cells))
        return csv_file(f"{device_key(device.name)}-{self._local_day(span.start_ms)}", text.getvalue())

    def _asked(self, request: web.Request) -> tuple[Device, TimeSpan]:
        """The device and the day that are asked for; HTTPException: nobody knows the device; that is no day."""
        name, told = request.match_info["device"], request.query.get("date", "")
        device = self._devices.find(name)
        if device is None:
            raise web.HTTPNotFound(text=nobody(name))
        if not told:
            return device, day_of(device.last_seen_ms or self._clock.now_ms(), self._zone)
        try:
            span = day_of(midnight_ms(date.fromisoformat(told), self._zone), self._zone)
        except (ValueError, OverflowError):
            span = TimeSpan(-1, -1)
        if span.start_ms < 0:
            raise web.HTTPBadRequest(text=f"{told[:40]!r} is not a day; write 2026-10-31")
        return device, span

    async def _find(self, device: Device, span: TimeSpan) -> DayFound:
        """Ask the database for a day; StoreFault if it does not answer."""
        domain, entry = device.measures, device.registered
        if domain is None:
            return [], []
        now_ms, fields = self._clock.now_ms(), [*QUANTITIES[domain], *(SUM_OF[f] for f in QUANTITIES[domain] if f in SUM_OF)]

        async def ask(store: Store) -> DayFound:
            window, uses = TimeSpan(span.start_ms - _BEFORE_MS, span.end_ms), list[CounterUse]()
            found = store.rows(domain, [*fields, "quality"], window, {device.name, device_key(device.name)})
            rows = [row async for series, some in found for row in _rows(series, some, fields) if row.time_ms >= span.start_ms]
            if not store.is_overwritten:
                store = await amended_store(store, late_sums_of([device]), now_ms)
            if isinstance(entry, RegisteredDevice):
                async for period in consumption(store, Roster([entry]), domain, [span], now_ms, counted_only=True):
                    uses = [use for use in period.uses if use.used is not None or use.last.reading is not None]
            return sorted(rows, key=lambda row: (-row.time_ms, row.series)), uses

        return await self._series.ask(ask)


def _rows(series: StoredSeries, found: list[tuple[int, PointValues]], fields: list[str]) -> Iterator[DayRow]:
    """The points of a series, each with what its sums have grown by."""
    before: dict[str, float] = {}
    for time_ms, (*told, quality) in found:
        known = {field: value for field, value in zip(fields, told, strict=True) if value is not None}
        sums = {field: float(known.pop(total)) for field, total in SUM_OF.items() if total in known}
        values = {field: bool(value) if field in _STATES else value for field, value in known.items()}
        grown = {field: round(total - before[field], 6) for field, total in sums.items() if field in before}
        yield DayRow(time_ms, series, values, grown, int(quality or 0))
        before |= sums


def _fields(rows: list[DayRow]) -> list[str]:
    """The fields that any of the points has, in the order of the table."""
    there = {field for row in rows for field in row.values}
    return [field for of in QUANTITIES.values() for field in of if field in there]


def _lines(device: Device, rows: list[DayRow]) -> list[RecentSeries]:
    """The lines of a chart: what flows and is measured, of counters what they have grown by is in the table."""
    lines: dict[tuple[str, StoredSeries], list[tuple[int, float]]] = {}
    for row in reversed(rows):
        for field, value in row.values.items():
            if field not in SUM_OF and not isinstance(value, bool):
                lines.setdefault((field, row.series), []).append((row.time_ms, float(value)))
    return [RecentSeries(device.measures or "", field, series, points) for (field, series), points in lines.items()]


def _said(quality: int, language: str) -> list[str]:
    """The marks of a point in words."""
    codes = closed_lists(language)
    return [codes[f"quality_{bit}"] for bit in _BITS if quality & bit]
