"""The view of each device: its tables, the newest values it must keep, and its usual hours. Its guard stands on the device.

Nearly every device is plain: it has the tables and a guard that others have too, and no value is kept of it. Its view is made
when one of its readings does not pass the guard, and forgotten afterwards.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from math import isnan, nan
from typing import Final

from gateway.core.alarms.rules import Param, Rules, Usual
from gateway.core.alarms.watch import FLOW, NO_SCALES, Kept, Scales, Table, Tables
from gateway.core.devices.device import NO_PARAMS, Device
from gateway.core.devices.limits import EVER_MS, NO_GUARD, Guard
from gateway.core.readings.line_protocol import FieldSet
from schemas.quantities import Quality
from schemas.registry import RegisteredDevice

UsualHours = Mapping[str, Sequence[float | None]]
"""Field → its mean in each of the 24 local hours; None: too few days are known."""

_HOUR_MS: Final = 3_600_000
_CHANNELS_MAX: Final = 64
_GATES_MAX: Final = 64
_NOTHING: Final[Mapping[str, Kept]] = {}


@dataclass(slots=True)
class View:
    """The view of one device.

    :ivar tables: its tables, shared with other devices if it has no limits of its own.
    :ivar is_busy: True: look closely at each reading: a condition stands, or another device's condition needs the values.
    :ivar sends_flow: True: it sends its flow, so none is worked out of its register.
    :ivar kept: newest values by field, for conditions that need more than one reading.
    :ivar registers: newest registers by channel, of a device that sends no flow.
    """

    device: Device
    tables: Tables
    is_busy: bool = False
    sends_flow: bool = False
    is_parent: bool = False
    parent: str | None = None
    kept: Mapping[str, Kept] = field(default_factory=lambda: _NOTHING)
    registers: dict[str, Kept] | None = None

    @property
    def is_plain(self) -> bool:
        """True when its device and the shared tables tell all of it."""
        has_own = self.is_busy or self.is_parent or self.parent is not None or self.kept or self.registers
        guard = self.device.guard
        return not has_own and self.sends_flow == _has_flow(guard) and self.tables.shares(guard)

    def table(self, field_set: FieldSet) -> Table:
        """The table of a field set that the device sends; from now on its gate is tried first."""
        table = self.tables.table(field_set)
        self.sends_flow = self.sends_flow or FLOW in field_set.fields
        gates = self.device.guard.gates
        is_passable = not self.is_busy and table.with_flow is None and field_set.number
        if is_passable and field_set not in gates and len(gates) < _GATES_MAX:
            self._guard((*gates, field_set))
        return table

    def _guard(self, field_sets: tuple[FieldSet, ...]) -> None:
        guard = self.device.guard
        self.device.guard = self.tables.guard(field_sets, guard.from_ms, guard.until_ms)

    def keep(self, name: str, kept: Kept) -> None:
        """Keep the newest value of a field."""
        self.kept = {**self.kept, name: kept}  # a new one: that of nearly all devices is empty and shared

    def watch(self, *, busy: bool) -> None:
        """Look at each reading closely from now on, or only at those outside the gates."""
        self.is_busy = busy
        if busy:
            self._guard(())
        else:
            self.kept = _NOTHING

    def flow(self, volume_m3: float, time_ms: int, quality: int, text_tags: str) -> float | None:
        """The flow in m3/h: the growth of the register since the reading before; None around a step that was no consumption."""
        if self.registers is None:
            self.registers = {}
        before = self.registers.get(text_tags)
        if quality & Quality.COUNTER_SUSPECT:
            self.registers.pop(text_tags, None)
            return None
        if before is not None and time_ms <= before.time_ms:
            return None
        if len(self.registers) < _CHANNELS_MAX or before is not None:
            self.registers[text_tags] = Kept(time_ms, volume_m3)
        if before is None or volume_m3 < before.value:
            return None
        return (volume_m3 - before.value) * _HOUR_MS / (time_ms - before.time_ms)


def _has_flow(guard: Guard) -> bool:
    """Tell if a device that sends the field sets of a guard sends its flow."""
    return any(FLOW in field_set.fields for field_set in guard.gates)


class Views:
    """The views of all devices met."""

    def __init__(self, zone: tzinfo) -> None:
        self._of: dict[str, View] = {}
        self._shared = Tables(Rules())
        self._zone = zone
        self.usual: dict[str, dict[str, array[float]]] = {}
        self._registered: Mapping[str, RegisteredDevice] = {}
        self._parents: frozenset[str] = frozenset()
        self.replace_rules(Rules())

    def replace_rules(self, rules: Rules) -> None:
        """Take other rules."""
        self._rules = rules
        scales = [(limit.of, limit.field) for limit in rules.limits()]
        self._params = frozenset(of.name for of, _ in scales if isinstance(of, Param))
        self._usual_fields = frozenset(name for of, name in scales if isinstance(of, Usual))
        self._looks_at_parents = any(limit.at == "parent" for limit in rules.limits())
        self._drop_all()
        self._shared = Tables(rules)

    def replace_registry(self, registered: Mapping[str, RegisteredDevice]) -> None:
        """Take the registered devices by name."""
        self._registered = registered
        self._parents = frozenset(name for entry in registered.values() for name in entry.parents[:1])
        self._drop_all()

    def take_usual(self, device: str, hours: UsualHours) -> None:
        """Take the usual hours of a device."""
        wanted = {name: hours[name] for name in self._usual_fields.union({FLOW}).intersection(hours)}
        self.usual[device] = {
            name: array("f", (nan if mean is None else mean for mean in means)) for name, means in wanted.items()
        }
        self._drop([device])
        self._shared.end_guards()  # its own may be among them; those of the others are soon made again

    def forget_registers(self, device: str) -> None:
        """Forget the registers of a device: its meter was exchanged."""
        view = self._of.get(device)
        if view is not None:
            view.registers = None

    def forget(self, devices: Iterable[str]) -> None:
        """Forget devices."""
        names = list(devices)
        self._drop(names)
        for name in names:
            self.usual.pop(name, None)

    def _drop(self, names: Iterable[str]) -> None:
        """Drop views: each is made again when its device is heard next."""
        for name in names:
            view = self._of.pop(name, None)
            if view is not None:
                view.device.guard = NO_GUARD

    def _drop_all(self) -> None:
        self._drop(list(self._of))
        self._shared.end_guards()

    def usual_night(self, device: str, hours: int) -> float | None:
        """The lowest usual flow of the first hours of a day; None: it is not known."""
        known = [mean for mean in self.usual.get(device, {}).get(FLOW, ())[:hours] if not isnan(mean)]
        return min(known, default=None)

    def tables_of(self, name: str) -> Tables:
        """The tables of a device whose guard holds."""
        view = self._of.get(name)
        return self._shared if view is None else view.tables

    def of(self, device: Device) -> View:
        """The view of a device whose guard holds."""
        return self._of.get(device.name) or View(device, self._shared, sends_flow=_has_flow(device.guard))

    def of_parent(self, view: View) -> View | None:
        """The view of the parent that a device's limits look at."""
        return self._of.get(view.parent) if view.parent is not None else None

    def put(self, view: View) -> None:
        """Keep a view that a reading may have changed, if there is anything to keep."""
        if view.is_plain:
            self._of.pop(view.device.name, None)
        else:
            self._of[view.device.name] = view

    def look(self, device: Device, time_ms: int, *, busy: bool) -> View:
        """Make the view of a device that has none, or renew one whose tables do not hold at this time."""
        view = self._of.get(device.name)
        if view is None or view.device is not device:  # the core may have forgotten it, and met it again
            view = View(device, self._shared)
        above = device.registered.parents if self._looks_at_parents and device.registered is not None else ()
        parent = above[0] if above else None  # of several the first
        names = (device.name, parent) if parent is not None else (device.name,)
        if any(not self._usual_fields.isdisjoint(self.usual.get(name, ())) for name in names):
            hour, from_ms = self._hour(time_ms)
            until_ms = from_ms + _HOUR_MS
        else:
            hour, from_ms, until_ms = None, -EVER_MS, EVER_MS
        own = self._scales(device.name, device.registered, hour)
        parents = self._scales(parent, self._registered.get(parent), hour) if parent is not None else NO_SCALES
        has_own = NO_SCALES not in (own, parents) or own != parents
        view.tables = Tables(self._rules, own=own, parents=parents, shared=self._shared) if has_own else self._shared
        view.parent = parent
        view.is_parent = self._looks_at_parents and device.name in self._parents
        device.guard = view.tables.guard((), from_ms, until_ms)  # as yet for no field set
        view.watch(busy=busy or view.is_busy or view.is_parent)
        return view

    def _scales(self, name: str, entry: RegisteredDevice | None, hour: int | None) -> Scales:
        """The scales of a device that the rules ask for."""
        params = entry.params if entry is not None else NO_PARAMS
        hours = self.usual.get(name, {}) if hour is not None else {}
        usual = {}
        for quantity in self._usual_fields.intersection(hours):
            usual[Usual.HOUR, quantity] = hours[quantity][hour or 0]
            usual[Usual.PEAK, quantity] = max((mean for mean in hours[quantity] if not isnan(mean)), default=nan)
        known = {which: mean for which, mean in usual.items() if not isnan(mean)}
        return Scales({param: params[param] for param in self._params.intersection(params)}, known)

    def _hour(self, time_ms: int) -> tuple[int, int]:
        """The local hour of a time, and its beginning."""
        local = datetime.fromtimestamp(time_ms // 1000, self._zone)
        return local.hour, (time_ms // 1000 - 60 * local.minute - local.second) * 1000
