"""Estimates for silent meters: a balance with one stands with its usual day, so that losses do not move the day it dies.

The usual day is the mean of the last 14 days before its last reading, at least three, spread over the hours as its hourly
roll-ups are, and is used for at most 35 days. It stands in figures of groups only, never in the row of the meter itself.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Store, StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import Uncovered, midnight_ms, millionths
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse, consumption
from gateway.monitoring.reports.roster import MAIN_COUNTER, METERED, RETURNED, Roster, stored_periods
from schemas.quantities import USED_OF

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
LONGEST_MS: Final = 35 * _DAY_MS
_DAYS_BACK: Final = (14, 7, 3, 0)
"""Days before the last reading between which the usual day is measured; the last three at least."""


class Estimate(NamedTuple):
    """A consumption that is estimated in part, in millionths of the unit.

    :ivar measured: the share of it that stands on readings.
    """

    used: int
    measured: float


class _UsualDay(NamedTuple):
    """The usual day of a counter, in millionths of the unit, and what share of it falls into each hour."""

    day: float
    shape: Sequence[float]


_SeriesField = tuple[StoredSeries, str]
_FLAT: Final = (1 / 24,) * 24


class SilentMeters:
    """Estimates the meters of a domain that fell silent. What is usual of a meter is asked once."""

    def __init__(self, store: Store, roster: Roster, domain: str, zone: ZoneInfo) -> None:
        self._store = store
        self._roster = roster
        self._domain = domain
        self._zone = zone
        self._usual: dict[tuple[int, _SeriesField], _UsualDay | None] = {}

    async def estimates(self, found: PeriodUse) -> Mapping[CounterUse, Estimate]:
        """The estimates for a period, of the counters that need one and can have it."""
        if self._domain not in METERED:
            return {}
        fields = {MAIN_COUNTER[self._domain], RETURNED[self._domain]}
        silent: dict[int, list[CounterUse]] = defaultdict(list)
        estimates = {}
        for use in found.uses:
            if use.used is None and use.counter.field in fields:
                if use.uncovered is Uncovered.NOTHING_BEFORE and self._was_put_up_in(use, found.period):
                    if (estimate := _since_installed(use)) is not None:
                        estimates[use] = estimate
                elif (day_ms := self._last_day(use)) is not None:
                    silent[day_ms].append(use)
        for day_ms, uses in silent.items():
            await self._learn(day_ms, uses)
            for use in uses:
                usual = self._usual.get((day_ms, (use.series, use.counter.field)))
                if usual is not None:
                    estimates[use] = self._estimate(use, usual)
        return estimates

    def _was_put_up_in(self, use: CounterUse, period: TimeSpan) -> bool:
        installed = self._roster.by_id[use.series.device].installed
        return installed is not None and midnight_ms(installed, self._zone) >= period.start_ms

    def _last_day(self, use: CounterUse) -> int | None:
        """The beginning of the local day of the last reading; None: it is too long ago, or the meter is not silent."""
        reading = use.last.reading
        is_silent = use.last.uncovered is Uncovered.NOTHING_AFTER and reading is not None
        if not is_silent or reading is None or use.last.at_ms - reading.time_ms > LONGEST_MS:
            return None
        if use.first.millionths is None and use.first.uncovered is not Uncovered.NOTHING_AFTER:
            return None
        return midnight_ms(datetime.fromtimestamp(reading.time_ms // 1000, self._zone).date(), self._zone)

    async def _learn(self, day_ms: int, uses: Sequence[CounterUse]) -> None:
        """Find what was usual of counters until the day on which they fell silent."""
        keys = {(use.series, use.counter.field) for use in uses}
        devices = {use.series.device for use in uses if (day_ms, (use.series, use.counter.field)) not in self._usual}
        if not devices:
            return
        self._usual |= {(day_ms, key): None for key in keys if key[0].device in devices}
        part = Roster(self._roster.by_id[id_] for id_ in devices)
        day = datetime.fromtimestamp(day_ms // 1000, self._zone).date()
        edges = [midnight_ms(day - timedelta(days=back), self._zone) for back in _DAYS_BACK]
        spans = [TimeSpan(first, last) for first, last in pairwise(edges)]
        known: dict[_SeriesField, list[tuple[TimeSpan, int | None]]] = defaultdict(list)
        async for period in consumption(self._store, part, self._domain, spans, day_ms, counted_only=True):
            for use in period.uses:
                known[use.series, use.counter.field].append((period.period, use.used))
        shapes = await self._shapes(part, TimeSpan(edges[0], day_ms))
        for key, periods in known.items():
            if (usual_day := _mean_day(periods)) is not None:
                self._usual[day_ms, key] = _UsualDay(usual_day, shapes.get(key, _FLAT))

    async def _shapes(self, part: Roster, window: TimeSpan) -> dict[_SeriesField, Sequence[float]]:
        """Counter → the share of each local hour in its usual day, by its hourly roll-ups, if each hour has some."""
        fields = [MAIN_COUNTER[self._domain], RETURNED[self._domain]]
        found: dict[_SeriesField, Sequence[float]] = {}
        stored = stored_periods(self._store, part, "hourly", [USED_OF[field] for field in fields], window, part.by_id)
        async for series, hours in stored:
            for place, field in enumerate(fields):
                by_hour: list[list[float]] = [[] for _ in range(24)]
                for minute, values in hours.items():
                    value = values[place]
                    if value is not None:
                        by_hour[datetime.fromtimestamp(minute * 60, self._zone).hour].append(float(value))
                means = [sum(some) / len(some) if len(some) >= _DAYS_BACK[-2] else -1.0 for some in by_hour]
                if min(means) >= 0 and sum(means) > 0:
                    found[series, field] = [mean / sum(means) for mean in means]
        return found

    def _estimate(self, use: CounterUse, usual: _UsualDay) -> Estimate:
        """Add to what is known up to the last reading what is usual from there."""
        reading = use.last.reading
        assert reading is not None, "the last reading is known of a counter with a usual day"  # noqa: S101
        known, since_ms = 0, use.first.at_ms
        if use.first.millionths is not None and reading.time_ms > since_ms:
            known, since_ms = max(0, millionths(reading) - use.first.millionths), reading.time_ms
        rest = sum(usual.day * usual.shape[hour] * share for hour, share in self._hours(since_ms, use.last.at_ms))
        whole_ms = use.last.at_ms - use.first.at_ms
        used = known + round(rest)
        return Estimate(used, known / used if used else (since_ms - use.first.at_ms) / whole_ms)

    def _hours(self, start_ms: int, end_ms: int) -> Iterator[tuple[int, float]]:
        """The local hours of a span, each with the share of it that lies within."""
        at_ms = start_ms
        while at_ms < end_ms:
            until_ms = min((at_ms // _HOUR_MS + 1) * _HOUR_MS, end_ms)
            yield datetime.fromtimestamp(at_ms // 1000, self._zone).hour, (until_ms - at_ms) / _HOUR_MS
            at_ms = until_ms


def _mean_day(periods: Sequence[tuple[TimeSpan, int | None]]) -> float | None:
    """The mean day of the newest periods that are known, without one before a gap."""
    total, length_ms = 0, 0
    for span, used in reversed(periods):
        if used is None:
            break
        total, length_ms = total + used, length_ms + span.end_ms - span.start_ms
    return total * _DAY_MS / length_ms if length_ms else None


def _since_installed(use: CounterUse) -> Estimate | None:
    """The consumption of a meter that was put up in the period: before its first reading nothing passed it."""
    first, last = use.first.reading, use.last.millionths
    return Estimate(max(0, last - millionths(first)), 1.0) if first is not None and last is not None else None
