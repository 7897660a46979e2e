"""The true figure of every subject and period, by the definition of used, supplied, produced and lost. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from tests.campaigns.truth.calendar import HOUR_S, SLOT_S, Period, at_s
from tests.campaigns.truth.faults import UNKNOWABLE
from tests.campaigns.truth.figures import NOTHING, ROUNDING, Amount, Truth
from tests.campaigns.truth.groups import Group, total
from tests.campaigns.truth.registers import Register, quiet_times
from tests.campaigns.truth.town import Meter, is_meter, parents, role_of
from tests.campaigns.truth.world import World

UNITS: Final = {"water": "m3", "power": "kwh"}
MAIN: Final = {"water": "volume_m3", "power": "energy_import_kwh"}
EXPORT: Final = "energy_export_kwh"
STAMPED_LATE_S: Final = 300.0
"""A reading of a clock that is ahead is filed when it arrives: so late at the fast pace."""
_REACH_S: Final = 1800.0


class Truths:
    """All that is true of a world."""

    def __init__(self, world: World, lags_s: Mapping[int, float] | None = None) -> None:
        """Know a world.

        :param lags_s: hour since 1970 → how late messages were sent in it, on a busy machine.
        """
        self._world = world
        self._lags_s = lags_s or {}
        self._spans = {meter.id: list(self._unknowable_spans(meter.id)) for meter in world.meters}
        self.figure = lru_cache(maxsize=None)(self._figure)
        self._amount = lru_cache(maxsize=None)(self._amount_of)
        self._group = lru_cache(maxsize=None)(self._group_of)

    def _figure(self, subject: str, figure: str, period: Period) -> Truth | None:
        """Return a true figure; None: this world does not say.

        :param subject: ``device:ID``, ``area:CODE``, ``parent:ID``, ``whole:DOMAIN``, ``areas:DOMAIN``.
        :param figure: a counter of a device; or ``used_m3`` and its like of others.
        """
        kind, _, name = subject.partition(":")
        if figure == "received":
            return self._received(name, period)
        if kind == "device":
            return self._of_device(name, figure, period)
        what, _, unit = figure.rpartition("_")
        domain = next((domain for domain, its in UNITS.items() if its == unit), None)
        if domain is None:
            return None
        if kind == "areas":
            return self._of_all_areas(figure, domain, period) if name == domain else None
        group = self._group(kind, name, domain)
        return None if group is None else group.figure(what, period)

    def _of_all_areas(self, figure: str, domain: str, period: Period) -> Truth:
        """Add up the areas that have the figure."""
        areas = sorted({meter.area for meter in self._world.meters if meter.domain == domain})
        told = [truth for area in areas if (truth := self.figure(f"area:{area}", figure, period)) is not None]
        known = [truth for truth in told if truth.value is not None]
        amounts = [Amount(truth.value or 0.0, truth.within, truth.unknowable) for truth in known]
        whole = total(amounts)
        return Truth(whole.value, whole.within, whole.unknowable, is_part=len(known) < len(told))

    def _group_of(self, kind: str, name: str, domain: str) -> "Group | None":
        meters = [meter for meter in self._world.meters if meter.domain == domain and is_meter(meter)]
        if kind == "parent":
            return self._zone_group(set(name.split(", ")), meters)
        inside = [meter for meter in meters if meter.area == name] if kind == "area" else meters if name == domain else []
        names = {meter.id for meter in inside}
        first = [meter for meter in inside if not names.intersection(parents(meter))]
        feeds = [meter for meter in first if role_of(meter) != "use" or self._is_fed(meter)]
        return Group(self, domain, inside, feeds, meters) if inside else None

    def _zone_group(self, feeds: set[str], meters: Sequence[Meter]) -> "Group | None":
        """The meters right behind a parent, or behind several that feed them together."""
        behind = [meter for meter in meters if feeds == set(self._known_parents(meter))]
        own = [self._world.by_id[feed] for feed in sorted(feeds) if feed in self._world.by_id]
        inside = [*own, *(meter for meter in behind if role_of(meter) == "use")]
        return Group(self, own[0].domain if own else "", inside, own, meters) if behind else None

    def _known_parents(self, meter: Meter) -> list[str]:
        return [one for one in parents(meter) if one in self._world.by_id]

    def _is_fed(self, meter: Meter) -> bool:
        return bool(self._known_parents(meter))

    def _above(self, meter: Meter) -> set[str]:
        """All meters through which something comes to a meter."""
        found: set[str] = set()
        waiting = self._known_parents(meter)
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += self._known_parents(self._world.by_id[one])
        return found

    def role(self, device: str) -> str:
        """Return what a meter is."""
        return role_of(self._world.by_id[device])

    def _of_device(self, device: str, field: str, period: Period) -> Truth | None:
        if device not in self._world.by_id or not any(one.counter.field == field for one in self._world.registers[device]):
            return None
        amount = self._amount(device, field, period)
        has_step = any(period.begin_s < low and high < period.end_s for low, high in self._untold_steps(device))
        return Truth(amount.value, amount.within, amount.unknowable, is_most=has_step)

    def _untold_steps(self, device: str) -> Iterable[tuple[float, float]]:
        """The gaps in which a meter was exchanged for one that shows more, and nobody said so."""
        for fault in self._world.faults:
            if fault.device == device and fault.kind == "exchange" and fault.told_h is None:
                begin_s = at_s(fault.day, fault.hour)
                yield begin_s - SLOT_S, begin_s + fault.hours * 3600 + SLOT_S

    def _received(self, device: str, period: Period) -> Truth | None:
        """Count the readings that a device sent of a period; of a clock that is ahead nobody could tell after a backlog."""
        if device not in self._world.by_id or self._world.clock_off_s(device) > 0:
            return None
        off_s = self._world.clock_off_s(device)
        return Truth(float(self._world.measured(device, period.begin_s - off_s, period.end_s - off_s)), 1.0)

    def taken(self, device: str, period: Period) -> Amount:
        """Return what came in through a meter."""
        return self._amount(device, MAIN[self._world.by_id[device].domain], period)

    def given(self, device: str, period: Period) -> Amount:
        """Return what went out through it."""
        return self._amount(device, EXPORT, period)

    def net(self, device: str, period: Period) -> Amount:
        """Return what came in less what went out."""
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
        if self._world.clock_off_s(device) <= 0 or not self._world.is_misled(device, period.begin_s):
            return digits + ROUNDING
        course = register.counter.course
        shifted = sum(course.most(edge, _REACH_S) * self._stamped_late_s(edge) for edge in (period.begin_s, period.end_s))
        return digits + ROUNDING + shifted

    def _stamped_late_s(self, edge_s: float) -> float:
        """Return how late readings around a boundary were filed whose clock is ahead."""
        hour = int(edge_s // HOUR_S)
        return STAMPED_LATE_S + max(self._lags_s.get(near, 0.0) for near in (hour - 1, hour, hour + 1))

    def _unknowable_spans(self, device: str) -> Iterable[tuple[float, float, str]]:
        for fault in self._world.faults:
            if fault.device != device or fault.kind not in UNKNOWABLE:
                continue
            begin_s = at_s(fault.day, fault.hour)
            yield begin_s - _REACH_S, begin_s + fault.hours * 3600 + _REACH_S, fault.kind
        if device == "pc-1":  # what is counted between the last reading of a night and its restart
            for quiet in quiet_times(device, self._world.faults):
                yield quiet.begin_s, quiet.end_s, "small step"

    def is_last(self, meter: Meter) -> bool:
        """Tell if what a meter counts is used: submeters count for themselves alone."""
        return role_of(meter) == "use" and not any(self.role(one) == "use" for one in self._above(meter))

    def strangers(self, feed: Meter) -> int:
        """Return how many customers take from the zone of a feed and are not registered, as far as its utility knows."""
        if feed.customers is None:
            return 0
        behind = [one for one in self._world.meters if feed.id in self._above(one) and is_meter(one)]
        next_ones = [one for one in behind if feed.id in parents(one) and role_of(one) != "use"]
        missing = feed.customers - sum(self.is_last(one) for one in behind)
        return missing - sum(self._missing_behind(one) for one in next_ones)

    def _missing_behind(self, feed: Meter) -> int:
        behind = [one for one in self._world.meters if feed.id in self._above(one) and is_meter(one)]
        return 0 if feed.customers is None else feed.customers - sum(self.is_last(one) for one in behind)

    def stored(self, feed: str, period: Period) -> Amount | None:
        """Return what a tank behind a feed took in, where there is one."""
        return None if feed not in self._world.tanks else self._world.tanks[feed].took_in(period.begin_s, period.end_s)
