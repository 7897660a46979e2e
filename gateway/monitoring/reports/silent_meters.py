"""Estimates for silent meters: a balance with one stands with its usual day, so that losses do not move the day it dies.

The usual day is the mean of the last 14 days before its last reading, at least three, spread over the hours as its hourly
roll-ups are, and is used for at most 35 days. It stands in figures of groups only, never in the row of the meter itself.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import Store, StoredSeries, TimeSpan
from gateway.monitoring.reports.boundaries import Uncovered, midnight_ms, millionths
from gateway.monitoring.reports.consumption import CounterUse, PeriodUse, consumption
from gateway.monitoring.reports.roster import METERED, Roster, flow_counters, stored_periods
from schemas.quantities import USED_OF

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000
LONGEST_MS: Final = 35 * _DAY_MS
_DAYS_BACK: Final = (14, 7, 3, 0)
"""Days before the last reading between which the usual day is measured; the last three at least."""


class Estimate(NamedTuple):
    """A consumption that is estimated in part, in millionths of the unit; ``measured``: the share that stands on readings."""

    used: int
    measured: float


_SeriesField = tuple[StoredSeries, str]
UsualDays = dict[tuple[int, _SeriesField], Sequence[float] | None]
"""The day on which a counter fell silent, and the counter → what was usual in each local hour; None: nobody knows."""
_FLAT: Final = (1 / 24,) * 24


class SilentMeters:
    """Estimates the meters of a domain that fell silent. What is usual of a meter is asked once."""

    def __init__(self, store: Store, roster: Roster, domain: str, zone: ZoneInfo, usual: UsualDays | None = None) -> None:
        """Take up what is known already of ``usual`` days."""
        self._store = store
        self._roster = roster
        self._domain = domain
        self._zone = zone
        self._fields = flow_counters(domain) if domain in METERED else []
        self._usual: UsualDays = {} if usual is None else usual

    async def estimates(self, found: PeriodUse) -> Mapping[CounterUse, Estimate]:
        """The estimates for a period, of the counters of water and power that need one and can have it."""
        silent: dict[int, list[CounterUse]] = defaultdict(list)
        estimates = {}
        for use in found.uses:
            if use.used is not None or use.counter.field not in self._fields:
                continue
            last, reading = use.last, use.first.reading
            if use.uncovered is Uncovered.NOTHING_BEFORE and reading is not None and last.millionths is not None:
                installed = self._roster.by_id[use.series.device].installed
                if installed is not None and midnight_ms(installed, self._zone) >= found.period.start_ms:
                    estimates[use] = Estimate(max(0, last.millionths - millionths(reading)), 1.0)  # nothing passed before
            elif (day_ms := self._last_day(use)) is not None:
                silent[day_ms].append(use)
        for day_ms, uses in silent.items():
            await self._learn(day_ms, {use.series.device for use in uses})
            for use in uses:
                usual = self._usual.get((day_ms, (use.series, use.counter.field)))
                if usual is not None:
                    estimates[use] = self._estimate(use, usual)
        return estimates

    def _last_day(self, use: CounterUse) -> int | None:
        """The beginning of the local day of the last reading; None: it is too long ago, or the meter is not silent."""
        reading, begins = use.last.reading, use.first
        is_silent = begins.millionths is not None or begins.uncovered is Uncovered.NOTHING_AFTER
        if reading is None or not is_silent or use.last.uncovered is not Uncovered.NOTHING_AFTER:
            return None
        day = datetime.fromtimestamp(reading.time_ms // 1000, self._zone).date()
        return midnight_ms(day, self._zone) if use.last.at_ms - reading.time_ms <= LONGEST_MS else None

    async def _learn(self, day_ms: int, devices: set[str]) -> None:
        """Find the usual hours of devices until the day on which they fell silent."""
        devices = {id_ for id_ in devices if (day_ms, (StoredSeries(id_), self._domain)) not in self._usual}
        if not devices:
            return
        self._usual |= {(day_ms, (StoredSeries(id_), self._domain)): None for id_ in devices}  # they are asked about once
        part = Roster(self._roster.by_id[id_] for id_ in devices)
        day = datetime.fromtimestamp(day_ms // 1000, self._zone).date()
        edges = [midnight_ms(day - timedelta(days=back), self._zone) for back in _DAYS_BACK]
        spans = [TimeSpan(first, last) for first, last in pairwise(edges)]
        known: dict[_SeriesField, list[tuple[TimeSpan, int | None]]] = defaultdict(list)
        asked = consumption(self._store, part, self._domain, spans, day_ms, counted_only=True, counters=self._fields)
        async for period in asked:
            for use in period.uses:
                known[use.series, use.counter.field].append((period.period, use.used))
        shapes = await self._shapes(part, TimeSpan(edges[0], day_ms))
        for key, periods in known.items():
            if (usual_day := _mean_day(periods)) is not None:
                self._usual[day_ms, key] = [usual_day * share for share in shapes.get(key, _FLAT)]

    async def _shapes(self, part: Roster, window: TimeSpan) -> dict[_SeriesField, Sequence[float]]:
        """Counter → the share of each local hour in its usual day, by its hourly roll-ups, if each hour has some."""
        found: dict[_SeriesField, Sequence[float]] = {}
        stored = stored_periods(self._store, part, "hourly", [USED_OF[field] for field in self._fields], window, part.by_id)
        async for series, hours in stored:
            for place, field in enumerate(self._fields):
                by_hour: list[list[float]] = [[] for _ in range(24)]
                for minute, values in hours.items():
                    value = values[place]
                    if value is not None:
                        by_hour[datetime.fromtimestamp(minute * 60, self._zone).hour].append(float(value))
                means = [sum(some) / len(some) if len(some) >= _DAYS_BACK[-2] else -1.0 for some in by_hour]
                if min(means) >= 0 and sum(means) > 0:
                    found[series, field] = [mean / sum(means) for mean in means]
        return found

    def _estimate(self, use: CounterUse, usual: Sequence[float]) -> Estimate:
        """Add to what is known up to the last reading what is usual from there, hour by hour."""
        reading, at_ms, known = use.last.reading, use.first.at_ms, 0
        if use.first.millionths is not None and reading is not None and reading.time_ms > at_ms:
            known, at_ms = max(0, millionths(reading) - use.first.millionths), reading.time_ms
        rest, share = 0.0, (at_ms - use.first.at_ms) / (use.last.at_ms - use.first.at_ms)
        while at_ms < use.last.at_ms:
            until_ms = min((at_ms // _HOUR_MS + 1) * _HOUR_MS, use.last.at_ms)
            rest += usual[datetime.fromtimestamp(at_ms // 1000, self._zone).hour] * (until_ms - at_ms) / _HOUR_MS
            at_ms = until_ms
        used = known + round(rest)
        return Estimate(used, known / used if used else share)


def _mean_day(periods: Sequence[tuple[TimeSpan, int | None]]) -> float | None:
    """The mean day of the newest periods that are known, without one before a gap."""
    total, length_ms = 0, 0
    for span, used in reversed(periods):
        if used is None:
            break
        total, length_ms = total + used, length_ms + span.end_ms - span.start_ms
    return total * _DAY_MS / length_ms if length_ms else None
