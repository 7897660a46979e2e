"""Completeness of areas in a month, from the days of their devices: InfluxQL knows no calendar months."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from gateway.reports.completeness import PeriodCompleteness
from gateway.reports.rollup_points import RollupPoint, area_tags
from gateway.reports.roster import Roster
from gateway.reports.store import PointValues, Store, TimeSpan, batches

MEASUREMENT: Final = "monthly_completeness"
_LONGEST_GAP: Final = "longest_gap_s"
_FIELDS: Final = tuple(name for name in PeriodCompleteness._fields if name != "interval_s")
"""Without the interval, which differs from device to device."""


class MonthCompleteness:
    """The devices of areas and domains in a month, added up."""

    def __init__(self, month: TimeSpan) -> None:
        self._month = month
        self._found: dict[tuple[str, str], dict[str, float]] = {}

    async def add(self, store: Store, roster: Roster, devices: Collection[str]) -> None:
        """Add devices.

        :raises StoreFault: the database does not answer.
        """
        for some in batches(devices):
            async for found, rows in store.rows("completeness", _FIELDS, self._month, roster.names(some)):
                id_ = roster.id_of(found.device)
                if id_ is not None and rows:
                    device = roster.by_id[id_]
                    self._add(device.area or "", device.domain or "", rows)

    def _add(self, area: str, domain: str, rows: Sequence[tuple[int, PointValues]]) -> None:
        """Add the days of a device; the longest gap is that of any day."""
        fields = self._found.setdefault((area, domain), dict.fromkeys((*_FIELDS, "devices"), 0.0))
        fields["devices"] += 1
        # A day that was written again stands some ms behind its first point: the newest counts.
        days = {time_ms // 60_000: values for time_ms, values in rows}.values()
        for name, *values in zip(_FIELDS, *days, strict=True):
            known = [float(value) for value in values if value is not None]
            together = max if name == _LONGEST_GAP else sum
            fields[name] = together([fields[name], *known])

    def points(self) -> Iterator[RollupPoint]:
        """The points of all areas; devices without one stand together."""
        for (area, domain), fields in sorted(self._found.items()):
            yield RollupPoint(MEASUREMENT, area_tags(area, domain), fields, self._month.start_ms)
