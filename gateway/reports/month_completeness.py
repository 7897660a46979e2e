"""Completeness of months, from that of their days: InfluxQL knows no calendar months."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from gateway.reports.completeness import PeriodCompleteness
from gateway.reports.rollup_points import RollupPoint, device_tags
from gateway.reports.roster import Roster
from gateway.reports.store import PointValues, Store, TimeSpan

MEASUREMENT: Final = "monthly_completeness"
LONGEST_GAP: Final = "longest_gap_s"
_FIELDS: Final = tuple(name for name in PeriodCompleteness._fields if name != "interval_s")
"""Without the interval, which may change from day to day."""


async def month_completeness(store: Store, roster: Roster, month: TimeSpan) -> AsyncIterator[RollupPoint]:
    """Yield a point for each device that has a day in the month.

    :raises StoreFault: the database does not answer.
    """
    async for found, rows in store.rows("completeness", _FIELDS, month, roster.names(roster.by_id)):
        id_ = roster.id_of(found.device)
        if id_ is not None and rows:
            device = roster.by_id[id_]
            tags = device_tags(device, more=[("domain", device.domain or "")])
            yield RollupPoint(MEASUREMENT, tags, _of_month(rows), month.start_ms)


def _of_month(rows: Sequence[tuple[int, PointValues]]) -> dict[str, float]:
    """Readings are added up; the longest gap is that of any day."""
    # A day that was written again stands some ms behind its first point: the newest counts.
    days = {time_ms // 60_000: values for time_ms, values in rows}.values()
    fields = {}
    for name, *values in zip(_FIELDS, *days, strict=True):
        known = [float(value) for value in values if value is not None]
        fields[name] = max(known, default=0.0) if name == LONGEST_GAP else sum(known)
    return fields
