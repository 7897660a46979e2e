"""Completeness of groups of devices: readings are added up, the longest gap is the longest of any device.

Reports ask for groups by any property. Dashboards ask for areas in a day or a month, with the interruptions of power meters:
days of thousands of devices are slow to read, and InfluxQL knows no calendar months.
"""

from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, TimeSpan, batches
from gateway.monitoring.reports.boundaries import ReportStep
from gateway.monitoring.reports.completeness import DeviceCompleteness, PeriodCompleteness
from gateway.monitoring.reports.consumption import ReportGroup, group_of
from gateway.monitoring.reports.rollup_points import INTERRUPTION_FIELDS, RollupPoint, area_tags
from gateway.monitoring.reports.roster import Roster, stored_periods
from schemas.registry import RegisteredDevice

_NOTHING = PeriodCompleteness(0, 0, 0, 0, 0, 0, 0, 0)
MEASUREMENTS: Final = {ReportStep.DAY: "daily_completeness", ReportStep.MONTH: "monthly_completeness"}
_LONGEST_GAP: Final = "longest_gap_s"
_COUNTED: Final = tuple(name for name in PeriodCompleteness._fields if name != "interval_s")
"""Without the interval, which differs from device to device."""
_FIELDS: Final = (*_COUNTED, *INTERRUPTION_FIELDS)


class GroupCompleteness(NamedTuple):
    """All devices of a group and domain in one period."""

    group: str
    domain: str
    devices: int
    figures: PeriodCompleteness


async def group_completeness(
    found: AsyncIterator[DeviceCompleteness], by: ReportGroup, spans: Sequence[TimeSpan]
) -> list[tuple[TimeSpan, list[GroupCompleteness]]]:
    """Add up devices by group and domain."""
    sums: dict[tuple[str, str], list[tuple[int, PeriodCompleteness]]] = {}
    async for row in found:
        domain = row.device.domain or ""
        group = sums.setdefault((group_of(row.device, by, domain), domain), [(0, _NOTHING)] * len(spans))
        for place, figures in enumerate(row.periods):
            if figures is not None:
                devices, total = group[place]
                group[place] = devices + 1, _sum(total, figures)
    return [(span, list(_of_period(sums, place))) for place, span in enumerate(spans)]


def _of_period(sums: dict[tuple[str, str], list[tuple[int, PeriodCompleteness]]], place: int) -> Iterator[GroupCompleteness]:
    for (group, domain), periods in sorted(sums.items()):
        devices, figures = periods[place]
        if devices:
            yield GroupCompleteness(group, domain, devices, figures)


def _sum(one: PeriodCompleteness, other: PeriodCompleteness) -> PeriodCompleteness:
    added = [left + right for left, right in zip(one[:6], other[:6], strict=True)]
    expected, missing, received, on_time, estimated, suspect = added
    longest_gap_s = max(one.longest_gap_s, other.longest_gap_s)
    return PeriodCompleteness(expected, missing, received, on_time, int(estimated), int(suspect), longest_gap_s, 0)


class AreaCompleteness:
    """The devices of areas and domains in a day or a month, added up; ``customers`` are those that tell of interruptions."""

    def __init__(self, step: ReportStep, period: TimeSpan) -> None:
        self._measurement = MEASUREMENTS[step]
        self._period = period
        self._found: dict[tuple[str, str], dict[str, float]] = {}

    def add(self, device: RegisteredDevice, days: Iterable[Mapping[str, float]]) -> None:
        """Add the days of a device."""
        fields = self._fields_of(device)
        fields["devices"] += 1
        tells = False
        for day in days:
            tells |= INTERRUPTION_FIELDS[0] in day
            _add_up(fields, day)
        if tells:
            fields["customers"] = fields.get("customers", 0.0) + 1

    def add_interruptions(self, device: RegisteredDevice, day: Mapping[str, float]) -> None:
        """Add the interruptions of a day to those of the other devices."""
        fields = self._fields_of(device)
        fields["customers"] = fields.get("customers", 0.0) + 1
        _add_up(fields, day)

    async def add_stored(self, store: Store, roster: Roster, devices: Collection[str]) -> None:
        """Add the days that stand in the database."""
        for some in batches(devices):
            async for series, days in stored_periods(store, roster, "completeness", _FIELDS, self._period, some):
                if days:
                    known = (
                        {name: float(value) for name, value in zip(_FIELDS, day, strict=True) if value is not None}
                        for day in days.values()
                    )
                    self.add(roster.by_id[series.device], known)

    def points(self) -> Iterator[RollupPoint]:
        """The points of all areas; devices without one stand together."""
        for (area, domain), fields in sorted(self._found.items()):
            yield RollupPoint(self._measurement, area_tags(area, domain), fields, self._period.start_ms)

    def _fields_of(self, device: RegisteredDevice) -> dict[str, float]:
        key = device.area or "", device.domain or ""
        return self._found.setdefault(key, dict.fromkeys((*_COUNTED, "devices"), 0.0))


def _add_up(fields: dict[str, float], day: Mapping[str, float]) -> None:
    """Add a day; the longest gap is that of any day."""
    for name in _FIELDS:
        if name in day:
            before = fields.get(name, 0.0)
            fields[name] = max(before, day[name]) if name == _LONGEST_GAP else before + day[name]
