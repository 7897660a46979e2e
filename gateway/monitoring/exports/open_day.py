"""The figures of a day that everybody may see: of areas, each of at least ten meters. Pure.

A figure counts the devices that it is made of, not those of the area: of twelve meters that stand silent but for one it would
be the figure of a household. Lowest and highest values are those of a household, and are left out.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from gateway.monitoring.reports.consumption import ReportGroup, group_of, totals
from gateway.monitoring.reports.rollups import RolledPeriod
from gateway.monitoring.reports.roster import Roster
from schemas.open_data import open_quantities

DEVICES_MIN: Final = 10
"""Least devices of a figure."""
_DIGITS: Final = 6


class OpenFigure(NamedTuple):
    """A row of the open data, its day aside.

    :ivar area: the code of the area.
    :ivar quantity: the name of the figure, such as ``volume_used_m3``.
    :ivar devices: number of devices that it is made of.
    :ivar uncovered: number of devices of the area that it leaves out, because their consumption is not known as a whole.
    """

    area: str
    domain: str
    quantity: str
    unit: str
    value: Decimal
    devices: int
    uncovered: int


@dataclass(slots=True)
class _Sum:
    """The sum over devices of an area: of consumption in millionths, or of means."""

    total: float | int = 0
    devices: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    series: int = 0


class OpenDay:
    """The figures of one domain on one day, added up over all groups of devices."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._used: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._means: dict[tuple[str, str], _Sum] = defaultdict(_Sum)

    def add(self, part: RolledPeriod, roster: Roster) -> None:
        """Add some devices."""
        for total in totals(part.use, self._domain, ReportGroup.AREA, roster):
            found = self._used[total.group, total.counter.field]
            found.total += total.used
            found.devices |= total.covered
            found.uncovered |= total.uncovered
        for series, spreads in part.spreads.items():
            area = group_of(roster.by_id[series.device], ReportGroup.AREA, self._domain)
            for gauge, (_, mean, _) in spreads.items():
                found = self._means[area, gauge]
                found.total += mean
                found.series += 1
                found.devices.add(series.device)

    def figures(self) -> Iterator[OpenFigure]:
        """The figures of areas that are large enough, by area, in the order of the table."""
        for area in sorted({area for area, _ in (*self._used, *self._means)} - {""}):
            for name, field_, unit, _ in open_quantities(self._domain):
                used, mean = self._used.get((area, field_)), self._means.get((area, field_))
                if used is not None and len(used.devices) >= DEVICES_MIN:
                    value = Decimal(used.total).scaleb(-_DIGITS)
                    yield OpenFigure(area, self._domain, name, unit, value, len(used.devices), len(used.uncovered))
                if mean is not None and len(mean.devices) >= DEVICES_MIN:
                    value = round(Decimal(mean.total / mean.series), _DIGITS)
                    yield OpenFigure(area, self._domain, name, unit, value, len(mean.devices), 0)


def row_of(day: str, figure: OpenFigure, areas: Mapping[str, str]) -> dict[str, str | int]:
    """A figure as a row of :data:`schemas.open_data.COLUMNS`.

    :param areas: code → name.
    """
    row = figure._asdict()
    return {"day": day, "area_name": areas.get(figure.area, ""), **row, "value": f"{figure.value:f}"}
