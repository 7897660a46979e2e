"""Answers about a campaign: those of the functions of ``gateway report``, and the roll-ups that the gateway wrote."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from gateway.commands.reports.report_rows import late_sums
from gateway.ingest.database.open_store import open_store
from gateway.ingest.database.store import Counter, Side, Store, StoredSeries, TimeSpan
from gateway.monitoring.reports.amendments import amended_store
from gateway.monitoring.reports.balance import ParentBalance, balance
from gateway.monitoring.reports.boundaries import SumBoundary
from gateway.monitoring.reports.completeness import PeriodCompleteness, completeness
from gateway.monitoring.reports.consumption import CounterUse, consumption
from gateway.monitoring.reports.nights import outages
from gateway.monitoring.reports.rollup_points import INTERRUPTION_FIELDS
from gateway.monitoring.reports.roster import Roster, nearest_points
from gateway.support.config.model import Config
from gateway.support.registry.registry import load_registry
from schemas.quantities import USED_OF
from tests.campaigns.months.judgement import ReportedDay, added
from tests.influx import exported, query

DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000
DayKey = tuple[StoredSeries, str, int]
"""A series, a counter and the beginning of a day."""
Figure = tuple[str, str, int]
"""A device, a field and the beginning of a period."""


@dataclass(slots=True)
class Reports:
    """All reports of a campaign.

    :ivar whole: what was used from the first midnight to the last.
    :ivar interruptions: those of power meters, in millionths.
    """

    days: dict[DayKey, ReportedDay]
    whole: dict[tuple[StoredSeries, str], int | None]
    months: dict[DayKey, int]
    completeness: dict[tuple[str, int], PeriodCompleteness]
    interruptions: dict[Figure, int]
    balances: list[ParentBalance]


async def ask_reports(config: Config, days: Sequence[TimeSpan], months: Sequence[TimeSpan], now_ms: int) -> Reports:
    """Ask for days, for the months among them, and for all days together."""
    roster, zone = Roster(load_registry(config.devices.registry).devices), ZoneInfo(config.time.zone)
    found = Reports({}, {}, {}, {}, {}, [])
    whole = TimeSpan(days[0].start_ms, days[-1].end_ms)
    async with open_store(config.influxdb) as plain:
        store = await amended_store(plain, late_sums(config), now_ms)
        for domain in roster.domains():
            gaps = _Gaps(store, roster)
            async for period in consumption(store, roster, domain, days, now_ms):
                for use in period.uses:
                    key = use.series, use.counter.field, period.period.start_ms
                    found.days[key] = await gaps.reported(use)
            async for period in consumption(store, roster, domain, [whole], now_ms):
                found.whole |= {(use.series, use.counter.field): use.used for use in period.uses}
            for month in months:
                async for period in consumption(store, roster, domain, [month], now_ms):
                    used = {(use.series, use.counter.field, month.start_ms): use.used for use in period.uses}
                    found.months |= {key: value for key, value in used.items() if value is not None}
            found.balances += [row async for row in balance(store, roster, domain, days, zone, now_ms)]
        async for device in completeness(store, roster, days, zone, now_ms):
            for day, figures in zip(days, device.periods, strict=True):
                if figures is not None:
                    found.completeness[device.device.id, day.start_ms] = figures
        found.interruptions = await _interruptions(store, roster, days)
    return found


async def _interruptions(store: Store, roster: Roster, days: Sequence[TimeSpan]) -> dict[Figure, int]:
    """The interruptions of each day. A device of several series has the sum of theirs."""
    found = {day: await outages(store, roster, day) for day in days}
    return added(
        ((series.device, name, day.start_ms), round(figures[name] * 1e6))
        for day, of_day in found.items()
        for series, figures in of_day.items()
        for name in INTERRUPTION_FIELDS
    )


class _Gaps:
    """The readings around boundaries that are estimated."""

    def __init__(self, store: Store, roster: Roster) -> None:
        self._store = store
        self._roster = roster
        self._after: dict[tuple[Counter, int], Mapping[StoredSeries, int]] = {}

    async def reported(self, use: CounterUse) -> ReportedDay:
        """A day with the gaps at its boundaries."""
        gaps = [await self._gap(use, edge) for edge in (use.first, use.last) if edge.is_estimated]
        return ReportedDay(use.used, str(use.uncovered or ""), gaps, use.suspect)

    async def _gap(self, use: CounterUse, edge: SumBoundary) -> tuple[int, int]:
        key = use.counter, edge.at_ms
        if key not in self._after:
            devices = self._roster.names(self._roster.of_domain(use.counter.measurement))
            points = await nearest_points(self._store, use.counter, Side.AFTER, edge.at_ms, devices)
            self._after[key] = {series: point.time_ms for series, point in points.items()}
        after_ms = self._after[key].get(use.series)
        if after_ms is None:
            found = await nearest_points(self._store, use.counter, Side.AFTER, edge.at_ms, {use.series.device}, [use.series])
            after_ms = found[use.series].time_ms
        return (edge.at_ms if edge.reading is None else edge.reading.time_ms), after_ms


class RollUps:
    """The points that the gateway wrote about periods, the newest writing of each."""

    def __init__(self, url: str, *, is_metricsql: bool) -> None:
        self._url = url
        self._is_metricsql = is_metricsql

    def used(self, measurement: str, spans: Sequence[TimeSpan]) -> dict[DayKey, int]:
        """The use: series, counter, beginning → millionths."""
        counters = {used: counter for counter, used in USED_OF.items()}
        return {
            (_series(tags), counters[field], start_ms): round(value * 1e6)
            for tags, field, start_ms, value in self._figures(measurement, "_used", spans)
            if field in counters
        }

    def figures(self, measurement: str, spans: Sequence[TimeSpan], **tags: str) -> dict[Figure, int]:
        """Device, field, beginning → millionths, of points with these tags."""
        return {
            (found["device"], field, start_ms): round(value * 1e6)
            for found, field, start_ms, value in self._figures(measurement, "", spans)
            if tags.items() <= found.items()
        }

    def _figures(
        self, measurement: str, word: str, spans: Sequence[TimeSpan]
    ) -> Iterator[tuple[Mapping[str, str], str, int, float]]:
        return (
            self._of_metricsql(measurement, word, spans) if self._is_metricsql else self._of_influxql(measurement, word, spans)
        )

    def _of_influxql(
        self, measurement: str, word: str, spans: Sequence[TimeSpan]
    ) -> Iterator[tuple[Mapping[str, str], str, int, float]]:
        for span in spans:
            when = f"time >= {span.start_ms}ms AND time < {span.end_ms}ms"
            fields = f"/{word}/" if word else "*"
            rows = query(self._url, "iot", f"SELECT {fields} FROM {measurement} WHERE {when} GROUP BY *")  # noqa: S608 - ours
            for row in rows:
                tags = {name: text for name, text in row.items() if type(text) is str}
                for name, value in row.items():
                    if name != "time" and isinstance(value, float | int):
                        yield tags, name, row["time"], float(value)

    def _of_metricsql(
        self, measurement: str, word: str, spans: Sequence[TimeSpan]
    ) -> Iterator[tuple[Mapping[str, str], str, int, float]]:
        for series in exported(self._url, f'{{__name__=~"{measurement}_.*{word}.*"}}'):
            newest: dict[int, tuple[int, float]] = defaultdict(lambda: (-1, 0.0))
            for time_ms, value in zip(series["timestamps"], series["values"], strict=True):
                start_ms = time_ms // HOUR_MS * HOUR_MS
                if any(span.start_ms <= time_ms < span.end_ms for span in spans):
                    newest[start_ms] = max(newest[start_ms], (time_ms, value))
            tags = series["metric"]
            field = tags["__name__"].removeprefix(f"{measurement}_")
            yield from ((tags, field, start_ms, value) for start_ms, (_, value) in newest.items())


def _series(tags: Mapping[str, str]) -> StoredSeries:
    return StoredSeries(tags["device"], **{tag: tags.get(tag, "") for tag in StoredSeries._fields[1:]})


def used_days(reports: Reports) -> dict[DayKey, int]:
    """The use of each day, as the report has it."""
    return {key: day.used for key, day in reports.days.items() if day.used is not None}
