"""The true figure of every subject and period, by the definition of used, supplied, produced and lost. Pure."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from tests.campaigns.truth.calendar import Period, at_s
from tests.campaigns.truth.faults import UNKNOWABLE
from tests.campaigns.truth.registers import Register, quiet_times
from tests.campaigns.truth.town import Meter, parents, role_of, zones_of
from tests.campaigns.truth.world import World

UNITS: Final = {"water": "m3", "power": "kwh"}
MAIN: Final = {"water": "volume_m3", "power": "energy_import_kwh"}
EXPORT: Final = "energy_export_kwh"
ROUNDING: Final = 3e-6
STAMPED_LATE_S: Final = 300.0
"""A reading of a clock that is ahead is filed when it arrives: so late at the fast pace."""
_REACH_S: Final = 1800.0


class Truth(NamedTuple):
    """A true figure.

    :ivar value: None: it is not measured, and must not be shown.
    :ivar within: how far meters' digits may be off.
    :ivar unknowable: why nobody can know it; empty: it can be known.
    :ivar may_be_absent: it need not be shown.
    """

    value: float | None
    within: float = ROUNDING
    unknowable: str = ""
    may_be_absent: bool = False


class Amount(NamedTuple):
    """A signed amount of several meters."""

    value: float
    within: float
    unknowable: str

    def __add__(self, other: "Amount") -> "Amount":  # type: ignore[override]
        return Amount(self.value + other.value, self.within + other.within, self.unknowable or other.unknowable)

    def __neg__(self) -> "Amount":
        return Amount(-self.value, self.within, self.unknowable)


NOTHING: Final = Amount(0.0, 0.0, "")


class Truths:
    """What is true of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._spans = {meter.id: list(self._unknowable_spans(meter.id)) for meter in world.meters}
        self.figure = lru_cache(maxsize=None)(self._figure)
        self._amount = lru_cache(maxsize=None)(self._amount_of)
        self._group = lru_cache(maxsize=None)(self._group_of)

    def _figure(self, subject: str, figure: str, period: Period) -> Truth | None:
        """Return a true figure; None: this world does not say.

        :param subject: ``device:ID``, ``area:CODE``, ``parent:ID``, ``whole:DOMAIN``.
        :param figure: a counter of a device; or ``used_m3`` and its like of others.
        """
        kind, _, name = subject.partition(":")
        if kind == "device":
            return self._of_device(name, figure, period)
        what, _, unit = figure.rpartition("_")
        domain = next((domain for domain, its in UNITS.items() if its == unit), None)
        if domain is None:
            return None
        group = self._group(kind, name, domain)
        return None if group is None else group.figure(what, period)

    def _group_of(self, kind: str, name: str, domain: str) -> "_Group | None":
        meters = [meter for meter in self._world.meters if meter.domain == domain]
        inside = {
            "area": [meter for meter in meters if meter.area == name],
            "whole": meters if name == domain else [],
            "parent": [meter for meter in meters if name in self._above(meter)],
        }[kind]
        if not inside:
            return None
        return _Group(self, inside, meters, self._world.by_id.get(name) if kind == "parent" else None)

    def _above(self, meter: Meter) -> set[str]:
        """All meters through which something comes to a meter."""
        found: set[str] = set()
        waiting = [one for one in parents(meter) if one in self._world.by_id]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [above for above in parents(self._world.by_id[one]) if above in self._world.by_id]
        return found

    def above(self, meter: Meter) -> set[str]:
        """As the registry has it."""
        return self._above(meter)

    def role(self, device: str) -> str:
        """What a meter is."""
        return role_of(self._world.by_id[device])

    def _of_device(self, device: str, field: str, period: Period) -> Truth | None:
        if device not in self._world.by_id or not any(one.counter.field == field for one in self._world.registers[device]):
            return None
        amount = self._amount(device, field, period)
        return Truth(amount.value, amount.within, amount.unknowable)

    def taken(self, device: str, period: Period) -> Amount:
        """What came in through a meter."""
        return self._amount(device, MAIN[self._world.by_id[device].domain], period)

    def given(self, device: str, period: Period) -> Amount:
        """What went out through it."""
        return self._amount(device, EXPORT, period)

    def net(self, device: str, period: Period) -> Amount:
        """What came in less what went out."""
        return self.taken(device, period) + -self.given(device, period)

    def _amount_of(self, device: str, field: str, period: Period) -> Amount:
        register = next((one for one in self._world.registers[device] if one.counter.field == field), None)
        if register is None:
            return NOTHING
        _, begin_s, end_s = period
        value = register.counter.course.between(begin_s, end_s)
        reason = next((why for low, high, why in self._spans[device] if low < end_s and begin_s < high), "")
        return Amount(value, self._within(device, register, period), reason)

    def _within(self, device: str, register: Register, period: Period) -> float:
        digits = 10.0**-register.counter.decimals * (1 + len(register.exchanges)) if register.counter.decimals else 1.0
        if self._world.clock_off_s(device) <= 0:
            return digits + ROUNDING
        course = register.counter.course
        shifted = sum(course.most(edge, _REACH_S) * STAMPED_LATE_S for edge in (period.begin_s, period.end_s))
        return digits + ROUNDING + shifted

    def _unknowable_spans(self, device: str) -> Iterable[tuple[float, float, str]]:
        for fault in self._world.faults:
            if fault.device != device or fault.kind not in UNKNOWABLE:
                continue
            begin_s = at_s(fault.day, fault.hour)
            yield begin_s - _REACH_S, begin_s + fault.hours * 3600 + _REACH_S, fault.kind
        if device == "pc-1":  # what is counted between the last reading of a night and its restart
            for quiet in quiet_times(device, self._world.faults):
                yield quiet.begin_s, quiet.end_s, "small step"

    def customers_known(self, meters: Sequence[Meter]) -> bool:
        """Tell if all customers behind are registered."""
        for meter in meters:
            behind = [one for one in self._world.meters if meter.id in self._above(one) and self.is_last(one)]
            if meter.customers is not None and role_of(meter) != "use" and len(behind) < meter.customers:
                return False
        return True

    def is_last(self, meter: Meter) -> bool:
        """Tell if what a meter counts is used: submeters count for themselves alone."""
        return role_of(meter) == "use" and not any(self.role(one) == "use" for one in self._above(meter))


class _Group:
    """Meters of a domain that belong together."""

    def __init__(self, truths: Truths, inside: Sequence[Meter], all_of_them: Sequence[Meter], parent: Meter | None) -> None:
        self._truths = truths
        self._inside = inside
        self._all = all_of_them
        self._parent = parent
        self._names = {meter.id for meter in inside}

    def figure(self, what: str, period: Period) -> Truth | None:
        """Return a figure of it."""
        figures = {"used": self._of_used, "produced": self._of_produced, "supplied": self._of_supplied, "lost": self._of_lost}
        return figures[what](period) if what in figures else None

    def _of_used(self, period: Period) -> Truth:
        return _told(self._used(period))

    def _of_produced(self, period: Period) -> Truth:
        return _told(self._produced(period))._replace(may_be_absent=not any(meter.solar for meter in self._inside))

    def _of_supplied(self, period: Period) -> Truth:
        return _told(self._supplied(period))._replace(may_be_absent=self._is_shared) if self._feeds else Truth(None)

    def _of_lost(self, period: Period) -> Truth:
        """Whether strangers sit behind a meter of an area is its own matter; those of the next are behind its border."""
        if not self._feeds:
            return Truth(None)
        lost = _told(self._supplied(period) + -self._used(period))
        if self._truths.customers_known(self._feeds):
            return lost._replace(may_be_absent=self._is_shared)
        return lost._replace(may_be_absent=True) if self._truths.customers_known(self._own_borders) else Truth(None)

    @property
    def _is_shared(self) -> bool:
        """A parent that is not the only one of its children is not measured by itself."""
        return self._parent is not None and any(len(parents(meter)) > 1 for meter in self._inside)

    @property
    def _feeds(self) -> list[Meter]:
        """The meters through which something comes in."""
        if self._parent is not None:
            return [self._parent, *self._siblings]
        first = [meter for meter in self._inside if not self._names.intersection(parents(meter))]
        has_supply = any(role_of(meter) != "use" for meter in first)
        return [meter for meter in first if role_of(meter) != "use" or parents(meter)] if has_supply else []

    @property
    def _siblings(self) -> list[Meter]:
        """Others that feed the same zone."""
        assert self._parent is not None
        zones = {feed.zone for feed in zones_of(self._parent)}
        return [one for one in self._all if one != self._parent and zones.intersection(feed.zone for feed in zones_of(one))]

    @property
    def _own_borders(self) -> list[Meter]:
        """Feeds behind which no other area begins with a meter between."""
        outside = [m for m in self._all if m.id not in self._names and self._names.intersection(parents(m))]
        passing = {one for meter in outside if role_of(meter) == "between" for one in parents(meter)}
        return [meter for meter in self._feeds if meter.id not in passing]

    def _used(self, period: Period) -> Amount:
        return _total(self._truths.taken(meter.id, period) for meter in self._inside if self._truths.is_last(meter))

    def _produced(self, period: Period) -> Amount:
        return _total(self._truths.given(meter.id, period) for meter in self._inside if self._truths.is_last(meter))

    def _supplied(self, period: Period) -> Amount:
        come_in = _total(self._truths.net(meter.id, period) for meter in self._feeds)
        outside = (
            [] if self._parent else [m for m in self._all if m.id not in self._names and self._names.intersection(parents(m))]
        )
        gone_out = _total(self._truths.net(meter.id, period) for meter in outside)
        return come_in + -gone_out + self._produced(period)


def _total(amounts: Iterable[Amount]) -> Amount:
    found = NOTHING
    for amount in amounts:
        found = found + amount
    return found


def _told(amount: Amount) -> Truth:
    return Truth(amount.value, amount.within + ROUNDING, amount.unknowable)
