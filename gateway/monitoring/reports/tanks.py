"""Storage of tanks: what they took in during a period: their base area by the change of their level."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, StoredSeries, TimedValues, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Uncovered
from gateway.monitoring.reports.network import TANK_AREA, Groups
from gateway.monitoring.reports.roster import Roster

_NEAR_MS: Final = 2 * 3_600_000
"""Within this time of a boundary there must be a level on each side of it."""
_DAY_MS: Final = 23 * 3_600_000
"""The shortest day: within less time what a level shows is mostly waves."""


class Storage(NamedTuple):
    """Amount that a tank took in, in millionths of m³, or the reason why it is not known."""

    millionths: int | None
    cause: Uncovered | None


class TankLevels:
    """Reads the levels of tanks at the boundaries of periods."""

    def __init__(self, store: Store, roster: Roster) -> None:
        self._store = store
        self._roster = roster
        self._levels: dict[int, dict[str, float]] = {}

    async def stored(self, period: TimeSpan, groups: Groups) -> Mapping[str, Storage]:
        """Ask what each tank of some groups took in."""
        areas = {tank.id: tank.params.get(TANK_AREA) for group in groups.values() for tank in group.tanks}
        if not areas:
            return {}
        if period.end_ms - period.start_ms < _DAY_MS:
            return dict.fromkeys(areas, Storage(None, Uncovered.TANK_BY_HOUR))
        first, last = [await self._at(at_ms, areas) for at_ms in period]
        self._levels = {period.end_ms: last}
        found = {}
        for id_, area in areas.items():
            if isinstance(area, int | float) and id_ in first and id_ in last:
                found[id_] = Storage(round((last[id_] - first[id_]) * area * MILLIONTHS), None)
            else:
                found[id_] = Storage(None, Uncovered.TANK_UNKNOWN)
        return found

    async def _at(self, at_ms: int, tanks: Iterable[str]) -> dict[str, float]:
        """The level of each tank at an instant, between its neighbours."""
        if at_ms in self._levels:
            return self._levels[at_ms]
        around, found = TimeSpan(at_ms - _NEAR_MS, at_ms + _NEAR_MS), {}
        async for written, rows in self._store.rows("water", ["level_m"], around, self._roster.names(tanks)):
            series = self._roster.series(written)
            level = _between(rows, at_ms)
            if level is not None and series == StoredSeries(series.device if series else ""):
                found[series.device] = level
        return found


def _between(rows: Iterable[TimedValues], at_ms: int) -> float | None:
    levels = [(time_ms, float(level)) for time_ms, (level,) in rows if level is not None]
    before, after = [one for one in levels if one[0] <= at_ms], [one for one in levels if one[0] >= at_ms]
    if not before or not after:
        return None
    (low_ms, low), (high_ms, high) = before[-1], after[0]
    return low if high_ms == low_ms else low + (high - low) * (at_ms - low_ms) / (high_ms - low_ms)
