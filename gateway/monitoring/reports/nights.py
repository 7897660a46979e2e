"""Figures of a day beside its sums and gauges: the lowest flow of its night, the time without supply, its interruptions.

A flow that never stops is a leak, so people look at the lowest flow of the night, from midnight to five. What a limit of an
alarm is a multiple of stands here too: the usual hours of devices, means of each local hour over the last days.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.core.alarms.looking import NIGHT_HOURS
from gateway.core.alarms.views import UsualHours
from gateway.core.alarms.watch import FLOW, VOLUME
from gateway.ingest.database.store import PointValues, Store, StoredSeries, TimeSpan, batches
from gateway.monitoring.reports.boundaries import MILLIONTHS, hours, midnight_ms
from gateway.monitoring.reports.completeness import completeness
from gateway.monitoring.reports.consumption import consumption
from gateway.monitoring.reports.rollup_points import INTERRUPTION_FIELDS
from gateway.monitoring.reports.roster import MAIN_COUNTER, Roster, stored_periods
from gateway.monitoring.reports.told_events import wrong_clocks
from schemas.quantities import SPREAD_OF, USED_OF

NIGHT_FIELD: Final = "flow_night_min_m3_h"
OUTAGE_FIELDS: Final = ("outage_s", *INTERRUPTION_FIELDS)
"""The time without supply; that of interruptions; the number of those that began, and of the momentary ones."""
_INTERRUPTION_MS: Final = 300_000
"""Shorter ones count for MAIFI alone, not for SAIDI and SAIFI: IEEE 1366-2022, "momentary"; Circular 39/2015/TT-BCT."""
_DAY_MS: Final = 24 * 3_600_000
_HOUR_MS: Final = 3_600_000


class LowestFlow(NamedTuple):
    """The lowest flow of a series in a night; ``coverage``: the share of the device's readings that arrived."""

    flow_m3_h: float
    coverage: float


def night_of(day: TimeSpan, zone: ZoneInfo) -> TimeSpan:
    """The night at the beginning of a local day."""
    begin = datetime.fromtimestamp(day.start_ms // 1000, zone)
    end = datetime(begin.year, begin.month, begin.day, NIGHT_HOURS, tzinfo=zone)
    return TimeSpan(day.start_ms, round(end.timestamp()) * 1000)


async def night_flows(
    store: Store, roster: Roster, day: TimeSpan, zone: ZoneInfo, now_ms: int
) -> dict[StoredSeries, LowestFlow]:
    """The lowest flows of a night: by its readings, or by its hours for meters that send no flow.

    A device without an interval is left out, since its readings cannot be counted as complete. So is one whose clock is wrong:
    its night is another time of the day.
    """
    night = night_of(day, zone)
    coverage = {}
    async for row in completeness(store, roster, [night], zone, now_ms):
        figures = row.periods[0]
        if row.device.domain == "water" and figures is not None and figures.received > 0:
            coverage[row.device.id] = figures.received / figures.expected
    wrong = await wrong_clocks(store, night, roster.names(coverage))
    meters = Roster(roster.by_id[id_] for id_ in coverage.keys() - {roster.id_of(name) for name in wrong})
    lowest: dict[StoredSeries, float] = {}
    if not meters.by_id:
        return {}
    async for found, spreads in store.spread("water", [FLOW], night, meters.names(meters.by_id)):
        series = meters.series(found)
        if series is not None and FLOW in spreads:
            lowest[series] = float(spreads[FLOW][0])
    for series, flow_m3_h in (await _lowest_hours(store, meters, night, now_ms)).items():
        lowest.setdefault(series, flow_m3_h)
    return {series: LowestFlow(flow, coverage[series.device]) for series, flow in lowest.items()}


async def _lowest_hours(store: Store, meters: Roster, night: TimeSpan, now_ms: int) -> dict[StoredSeries, float]:
    """The lowest consumption of an hour of the night, by series. A series with an hour that is not covered is left out."""
    used: dict[StoredSeries, list[float | None]] = defaultdict(list)
    spans = list(hours(night))
    async for period in consumption(store, meters, "water", spans, now_ms):
        length_h = (period.period.end_ms - period.period.start_ms) / _HOUR_MS
        for use in period.uses:
            if use.counter.field == MAIN_COUNTER["water"]:
                used[use.series].append(None if use.used is None else use.used / MILLIONTHS / length_h)
    known = {series: [flow for flow in flows if flow is not None] for series, flows in used.items()}
    return {series: min(flows) for series, flows in known.items() if len(flows) == len(spans)}


async def outages(store: Store, roster: Roster, day: TimeSpan) -> dict[StoredSeries, dict[str, float]]:
    """The outages of a day, by series.

    An outage lasts from a reading that tells of it to the next one, even if the meter is silent meanwhile. A series that never
    tells of outages is left out.
    """
    around = TimeSpan(day.start_ms - _DAY_MS, day.end_ms + _DAY_MS)
    names = roster.names(roster.of_domain("power"))
    found = {}
    async for written, rows in store.rows("power", ["alarm_outage"], around, names):
        series = roster.series(written)
        if series is not None:
            out = list(_outages(rows))
            long = [span for span in out if span.end_ms - span.start_ms > _INTERRUPTION_MS]
            begun, all_begun = (sum(day.start_ms <= span.start_ms < day.end_ms for span in some) for some in (long, out))
            figures = (_within_s(out, day), _within_s(long, day), float(begun), float(all_begun - begun))
            found[series] = dict(zip(OUTAGE_FIELDS, figures, strict=True))
    return found


def _outages(rows: Sequence[tuple[int, PointValues]]) -> Iterator[TimeSpan]:
    """Yield the outages; one that still goes on ends with the last reading."""
    states = [(time_ms, value) for time_ms, (value,) in rows if value is not None]
    for is_out, some in groupby(pairwise(states), key=lambda pair: bool(pair[0][1])):
        if is_out:
            pairs = list(some)
            yield TimeSpan(pairs[0][0][0], pairs[-1][1][0])


def _within_s(spans: Sequence[TimeSpan], day: TimeSpan) -> float:
    return sum(max(0, min(span.end_ms, day.end_ms) - max(span.start_ms, day.start_ms)) for span in spans) / 1000


async def month_figures(store: Store, roster: Roster, month: TimeSpan) -> dict[StoredSeries, dict[str, float]]:
    """The lowest night and all outages of a month, from its days."""
    names = (NIGHT_FIELD, *OUTAGE_FIELDS)
    found: dict[StoredSeries, dict[str, float]] = {}
    async for series, days in stored_periods(store, roster, "daily", names, month, roster.by_id):
        fields = {}
        for name, *values in zip(names, *days.values(), strict=True):
            known = [float(value) for value in values if value is not None]
            if known:
                fields[name] = min(known) if name == NIGHT_FIELD else sum(known)
        if fields:
            found[series] = fields
    return found


_USUAL_DAYS: Final = 14
_DAYS_LEAST: Final = 3
_AT_ONCE: Final = 20
"""Devices whose hours are held in memory at a time."""

_ByHour = dict[str, list[list[tuple[int, float]]]]
"""Field → for each local hour its means, each with its day."""


async def usual_hours(
    store: Store, roster: Roster, fields: Collection[str], end_ms: int, zone: ZoneInfo
) -> AsyncIterator[tuple[str, UsualHours]]:
    """Yield for each device its usual hours as far as they are known, by the id of the registry.

    The flow of a meter that sends none is its consumption of an hour.

    :param end_ms: the midnight up to which days count.
    """
    last = datetime.fromtimestamp(end_ms // 1000, zone).date()
    window = TimeSpan(midnight_ms(last - timedelta(days=_USUAL_DAYS), zone), end_ms)
    for domain in roster.domains():
        wanted = {SPREAD_OF[domain][name][1]: name for name in fields if name in SPREAD_OF[domain]}
        if not wanted:
            continue
        if FLOW in wanted.values():
            wanted[USED_OF[VOLUME]] = FLOW  # behind the mean of the flow itself, which goes first
        for some in batches(roster.of_domain(domain), _AT_ONCE):
            found: dict[str, _ByHour] = defaultdict(lambda: defaultdict(lambda: [[] for _ in range(24)]))
            async for series, stored in stored_periods(store, roster, "hourly", list(wanted), window, some):
                _take(found[series.device], wanted, stored, zone)
            for device, means in found.items():
                yield device, {name: [_mean(values) for values in by_hour] for name, by_hour in means.items()}


def _take(found: _ByHour, wanted: Mapping[str, str], hours: Mapping[int, PointValues], zone: ZoneInfo) -> None:
    for minute, values in hours.items():
        local = datetime.fromtimestamp(minute * 60, zone)
        taken = set()
        for name, value in zip(wanted.values(), values, strict=True):
            if value is not None and name not in taken:
                taken.add(name)
                found[name][local.hour].append((local.toordinal(), float(value)))


def _mean(values: list[tuple[int, float]]) -> float | None:
    days = {day for day, _ in values}
    return sum(value for _, value in values) / len(values) if len(days) >= _DAYS_LEAST else None
