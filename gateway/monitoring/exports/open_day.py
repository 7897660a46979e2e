"""The figures of a day that everybody may see: of areas, each of at least ten meters. Pure.

A figure counts the devices that it is made of, not those of the area: of twelve meters that stand silent but for one it would
be the figure of a household. Lowest and highest values are those of a household, and are left out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NamedTuple

from gateway.monitoring.reports.consumption import ReportGroup, group_of, totals
from gateway.monitoring.reports.flows import Figure, GroupFlows
from gateway.monitoring.reports.marks import Marks
from gateway.monitoring.reports.rollups import RolledPeriod
from gateway.monitoring.reports.roster import RETURNED, Roster
from schemas.open_data import FLOWS, MARKS, RAIN, open_quantities

DEVICES_MIN: Final = 10
"""Least devices of a figure."""
_DIGITS: Final = 6


class OpenFigure(NamedTuple):
    """A row of the open data, its day aside.

    :ivar area: the code of the area.
    :ivar quantity: the name of the figure, such as ``used_m3``.
    :ivar devices: number of devices that it is made of; of what is supplied or lost, of the customers behind.
    :ivar uncovered: number of devices of the area that it leaves out, because their consumption is not known as a whole.
    :ivar marks: None: means of measured values have none.
    """

    area: str
    domain: str
    quantity: str
    unit: str
    value: Decimal
    devices: int
    uncovered: int
    marks: Marks | None = None


@dataclass(slots=True)
class _Sum:
    """The sum over devices of an area: of counts in millionths, or of means."""

    total: float | int = 0
    devices: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    series: int = 0
    marked: list[tuple[int, Marks]] = field(default_factory=list)

    @property
    def marks(self) -> Marks:
        """The shares of it that are marked; of nothing, those of its counters."""
        weighed = [(used if self.total else 1, marks) for used, marks in self.marked]
        whole = sum(weight for weight, _ in weighed)
        return Marks(*(sum(weight * marks[place] for weight, marks in weighed) / whole for place in range(3)))


class OpenDay:
    """The figures of one domain on one day, added up over all groups of devices; ``customers`` are those of all."""

    def __init__(self, domain: str, customers: Collection[str]) -> None:
        self._domain, self._customers = domain, customers
        self._counted: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._means: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._flows: dict[str, GroupFlows] = {}

    def add(self, part: RolledPeriod, roster: Roster) -> None:
        """Add some devices."""
        for total in totals(part.use, self._domain, ReportGroup.AREA, roster):
            found = self._counted[total.group, total.counter.field]
            uses = [use for use in part.use.uses if use.counter == total.counter and use.series.device in total.covered]
            found.total += total.used
            found.series += len(uses)
            is_fed_in, own = total.counter.field == RETURNED.get(self._domain), self._customers
            found.devices |= {use.series.device for use in uses if not is_fed_in or (use.used and use.series.device in own)}
            found.uncovered |= total.uncovered
            found.marked += [(use.used or 0, use.marks) for use in uses]
        for series, spreads in part.spreads.items():
            area = group_of(roster.by_id[series.device], ReportGroup.AREA, self._domain)
            for gauge, (_, mean, _) in spreads.items():
                found = self._means[area, gauge]
                found.total += mean
                found.series += 1
                found.devices.add(series.device)

    def add_flows(self, flows: GroupFlows) -> None:
        """Add what flowed in an area."""
        self._flows[flows.group] = flows

    def figures(self) -> Iterator[OpenFigure]:
        """The figures of areas that are large enough, by area, in the order of the table."""
        for area in sorted({*self._flows, *(area for area, _ in (*self._counted, *self._means))} - {""}):
            yield from (one for one in self._of_area(area) if one.devices >= DEVICES_MIN)

    def _of_area(self, area: str) -> Iterator[OpenFigure]:
        for name, field_, unit, _ in open_quantities(self._domain):
            if (word := name.partition("_")[0]) in FLOWS.get(self._domain, ()):
                if (flows := self._flows.get(area)) is not None:
                    yield from self._flow(flows, word, name, unit)
                continue
            counted, mean = self._counted.get((area, field_)), self._means.get((area, field_))
            if counted is not None and counted.series:
                amount = counted.total / counted.series if field_ == RAIN else counted.total
                value = Decimal(round(amount)).scaleb(-_DIGITS)
                whole = value.to_integral_value() if unit == "1" else value
                sizes = len(counted.devices), len(counted.uncovered)
                yield OpenFigure(area, self._domain, name, unit, whole, *sizes, counted.marks)
            if mean is not None:
                value = round(Decimal(mean.total / mean.series), _DIGITS)
                yield OpenFigure(area, self._domain, name, unit, value, len(mean.devices), 0)

    def _flow(self, flows: GroupFlows, word: str, name: str, unit: str) -> Iterator[OpenFigure]:
        """Yield a flow: a figure of the customers; what is produced is one of those who feed in."""
        figure: Figure = getattr(flows, word)
        if figure.millionths is not None:
            fed_in = self._counted[flows.group, RETURNED[self._domain]].devices
            devices = len(fed_in) if word == "produced" else flows.meters - flows.left_out
            value = Decimal(figure.millionths).scaleb(-_DIGITS)
            yield OpenFigure(flows.group, self._domain, name, unit, value, devices, flows.left_out, figure.marks)


def row_of(day: str, figure: OpenFigure, areas: Mapping[str, str]) -> dict[str, str | int]:
    """A figure as a row of :data:`schemas.open_data.COLUMNS`.

    :param areas: code → name.
    """
    row = figure._asdict()
    marks = row.pop("marks")
    shares = dict.fromkeys(MARKS, "") if marks is None else {name: f"{share:.4f}" for name, share in marks._asdict().items()}
    return {"day": day, "area_name": areas.get(figure.area, ""), **row, "value": f"{figure.value:f}", **shares}
