"""The meters of a domain as a network: which stand behind which, and what each is to a group of meters.

A meter is of `supply` or `between` or `use`; the registry says so, or whether others stand behind it. What a meter behind a
customer's measures is a part of his, and counts nowhere else. Meters with several parents make one zone of these. A tank
takes in during a period its base area by the change of its level.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.ingest.database.store import Store, StoredSeries, TimedValues, TimeSpan
from gateway.monitoring.reports.boundaries import MILLIONTHS, Uncovered
from gateway.monitoring.reports.consumption import ReportGroup, group_of
from gateway.monitoring.reports.roster import Roster
from schemas.registry import RegisteredDevice, device_key

TANK_AREA: Final = "tank_area_m2"
_TANK_PARAMS: Final = frozenset({TANK_AREA, "level_low_m", "level_high_m"})


@dataclass(slots=True)
class MetersOfGroup:
    """The meters that make the figures of a group."""

    inlets: list[str] = field(default_factory=list)  # those through which something comes in
    outlets: list[str] = field(default_factory=list)  # those of others behind one of its own: through them something leaves
    uses: list[str] = field(default_factory=list)
    unfed: set[str] = field(default_factory=set)  # those of them before which no supply is measured
    tanks: list[RegisteredDevice] = field(default_factory=list)
    unmeasured: Uncovered | None = None  # the reason why its losses cannot be told; None: they can
    unsupplied: Uncovered | None = Uncovered.NO_SUPPLY  # the reason why its supply cannot be told; None: it can


Groups = Mapping[str, MetersOfGroup]
Families = Mapping[str, tuple[Sequence[str], Sequence[str]]]


class MeterNetwork:
    """The meters of one domain; ``meters``: id → device, of all that have a counter."""

    def __init__(self, devices: Mapping[str, RegisteredDevice], domain: str, metering: Collection[str]) -> None:
        """Work out who stands behind whom; ``metering``: those that have a counter: a pressure gauge is no meter."""
        self._domain = domain
        self._devices = devices
        self._ids = {device_key(id_): id_ for id_ in devices}
        self.meters = {id_: device for id_, device in devices.items() if id_ in metering}
        self._above = {id_: self._metered_above(device, {id_}) for id_, device in self.meters.items()}
        self._below: dict[str, list[str]] = defaultdict(list)
        for id_, above in self._above.items():
            for parent in above:
                self._below[parent].append(id_)
        self._customers = {id_ for id_, device in self.meters.items() if self._is_customer(device)}
        inner = {one for id_ in self._customers for one in self._behind(id_)}
        self._counted = [id_ for id_ in self.meters if id_ not in inner]
        self._customers -= inner
        self._zone_of = self._zones()
        self._groups: dict[ReportGroup, Groups] = {}
        self._families: Families = {}
        self._fed_areas = {self.meters[id_].area for id_ in self._counted if id_ not in self._customers}
        self._lone: dict[str | None, list[str]] = defaultdict(list)
        for id_ in self._customers:
            if not self._above[id_]:
                self._lone[self.meters[id_].area].append(id_)

    def _metered_above(self, device: RegisteredDevice, met: set[str]) -> tuple[str, ...]:
        """The nearest meters above a device: a parent without a counter stands for its own parents."""
        found: list[str] = []
        for key in map(device_key, device.parents):
            id_ = self._ids.get(key)
            if id_ is not None and id_ not in met:
                met.add(id_)
                found += [id_] if id_ in self.meters else self._metered_above(self._devices[id_], met)
        return tuple(found)

    def _is_customer(self, device: RegisteredDevice) -> bool:
        return device.role == "use" or (device.role is None and not self._below.get(device.id))

    def _behind(self, id_: str) -> set[str]:
        found, ways = set[str](), [id_]
        while ways:
            for below in self._below.get(ways.pop(), ()):
                if below not in found:
                    found.add(below)
                    ways.append(below)
        return found

    def _zones(self) -> dict[str, str]:
        """Meter that others stand behind → its zone: the names of all that share a child, sorted."""
        joined = {id_: id_ for id_ in self._counted if id_ not in self._customers and self._below.get(id_)}

        def root(id_: str) -> str:
            while joined[id_] != id_:
                id_ = joined[id_]
            return id_

        for id_ in self._counted:
            first, *others = self._above[id_] or ("",)
            for other in others:
                joined[root(other)] = root(first)
        names: dict[str, list[str]] = defaultdict(list)
        for id_ in sorted(joined):
            names[root(id_)].append(id_)
        return {id_: ", ".join(names[root(id_)]) for id_ in joined}

    def is_customer(self, id_: str) -> bool:
        """Tell if a meter is a customer's, and what it counts is used."""
        return id_ in self._customers

    def groups(self, by: ReportGroup) -> Groups:
        """The groups by a property."""
        if by in self._groups:
            return self._groups[by]
        found: dict[str, MetersOfGroup] = defaultdict(MetersOfGroup)
        if by is ReportGroup.PARENT:
            self._by_zone(found)
        else:
            self._by_place(found, {id_: group_of(device, by, self._domain) for id_, device in self.meters.items()})
        self._groups[by] = dict(sorted(found.items()))
        return self._groups[by]

    def families(self) -> Families:
        """Zone → the meters before it, and those behind them."""
        if self._families:
            return self._families
        found: dict[str, tuple[list[str], list[str]]] = {}
        for id_, zone in self._zone_of.items():
            found.setdefault(zone, ([], []))[0].append(id_)
        for id_ in self._counted:
            if self._above[id_]:
                found[self._zone_of[self._above[id_][0]]][1].append(id_)
        self._families = dict(sorted(found.items()))
        return self._families

    def _by_zone(self, found: dict[str, MetersOfGroup]) -> None:
        for zone, (before, behind) in self.families().items():
            group = found[zone]
            group.inlets, group.unsupplied = list(before), None
            group.uses += [id_ for id_ in behind if id_ in self._customers]
            group.outlets += [id_ for id_ in behind if id_ not in self._customers]
            group.unmeasured = next((cause for id_ in before if (cause := self._incomplete(id_))), None)
        for tank, above in self._tanks():
            found[self._zone_of.get(above, above)].tanks.append(tank)

    def _by_place(self, found: dict[str, MetersOfGroup], places: Mapping[str, str]) -> None:
        for id_ in self._counted:
            own, above = places[id_], {places[parent] for parent in self._above[id_]}
            if id_ in self._customers:
                found[own].uses.append(id_)
                if not above and self.meters[id_].area not in self._fed_areas:
                    found[own].unfed.add(id_)
            else:
                found[own].unmeasured = found[own].unmeasured or self._incomplete(id_)
                if above != {own} and found[own].unsupplied is Uncovered.NO_SUPPLY:
                    found[own].unsupplied = None
                if not above:
                    found[own].inlets.append(id_)
            if len(above) > 1:
                for place in {own, *above}:
                    found[place].unsupplied = Uncovered.FED_APART
            elif above and above != {own}:
                found[own].inlets.append(id_)
                found[above.pop()].outlets.append(id_)
        for tank, above_tank in self._tanks():
            found[places[above_tank]].tanks.append(tank)

    def _tanks(self) -> Iterator[tuple[RegisteredDevice, str]]:
        """Each tank, and a meter before it."""
        for id_, device in self._devices.items():
            if self._domain == "water" and id_ not in self.meters and not _TANK_PARAMS.isdisjoint(device.params):
                yield from ((device, above) for above in self._metered_above(device, {id_})[:1])

    def _incomplete(self, id_: str) -> Uncovered | None:
        """The reason why losses behind a meter cannot be told: nobody, or not everybody, is registered there."""
        if not self._below.get(id_) and (self._above[id_] or not self._lone[self.meters[id_].area]):
            return Uncovered.NO_CUSTOMER
        return Uncovered.UNREGISTERED if self._lacks_own(id_) else None

    def _lacks_own(self, id_: str) -> bool:
        """Tell if a customer is not registered who may stand right behind a meter, and not behind the next one."""
        if self.meters[id_].customers is None:
            return any(self._lacks_own(above) for above in self._above[id_])
        below = [one for one in self._below.get(id_, ()) if one not in self._customers]
        return self._lacking(id_) > sum(max(0, self._lacking(one)) for one in below)

    def _lacking(self, id_: str) -> int:
        """The number of customers behind a meter that are not registered, as far as the registry tells."""
        lone = [] if self._above[id_] else self._lone[self.meters[id_].area]
        registered = len(self._customers & self._behind(id_)) + len(lone)
        return (self.meters[id_].customers or 0) - registered


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
