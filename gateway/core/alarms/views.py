"""The view of each device: its tables, and for how long they hold; where it stands, and what is known of its usual hours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from math import inf
from typing import Final

from gateway.core.alarms.rules import Param, Rules
from gateway.core.alarms.watch import NO_SCALES, Kept, Scales, Tables
from gateway.core.devices.device import NO_PARAMS, Device, Registered
from schemas.registry import RegisteredDevice

UsualHours = Mapping[str, Sequence[float | None]]
"""Field → its mean in each of the 24 local hours; None where too few days are known."""

_HOUR_MS: Final = 3_600_000


@dataclass(slots=True)
class View:
    """The view of one device.

    :ivar tables: shared with other devices where it has no limits of its own.
    :ivar from_ms: the tables hold for readings from this time.
    :ivar until_ms: and before this one.
    :ivar busy: each reading is looked at closely: something stands, or another device's condition needs the values.
    :ivar kept: newest values by field, for conditions that need more than one reading.
    """

    tables: Tables
    from_ms: float = -inf
    until_ms: float = inf
    busy: bool = False
    is_parent: bool = False
    parent: str | None = None
    kept: dict[str, Kept] = field(default_factory=dict)


class Views:
    """The views of all devices met.

    :ivar of: the name of a device → its view, for the one who asks for each reading.
    """

    def __init__(self, zone: tzinfo) -> None:
        self.of: dict[str, View] = {}
        self._zone = zone
        self._usual: dict[str, UsualHours] = {}
        self._registered: Mapping[str, Registered] = {}
        self._parents: frozenset[str] = frozenset()
        self.replace_rules(Rules())

    def replace_rules(self, rules: Rules) -> None:
        """Take other rules."""
        self._rules = rules
        self._shared = Tables(rules)
        scales = [(limit.of, limit.field) for limit in rules.limits()]
        self._params = frozenset(of.name for of, _ in scales if isinstance(of, Param))
        self._usual_fields = frozenset(name for of, name in scales if of == "usual")
        self._looks_at_parents = any(limit.at == "parent" for limit in rules.limits())
        self.of.clear()

    def replace_registry(self, registered: Mapping[str, Registered]) -> None:
        """Take the registered devices by name."""
        self._registered = registered
        parents = [parent_of(entry) for entry in registered.values()]
        self._parents = frozenset(parent for parent in parents if parent is not None)
        self.of.clear()

    def take_usual(self, device: str, hours: UsualHours) -> None:
        """Take the usual hours of a device."""
        self._usual[device] = hours
        self.of.pop(device, None)

    def forget(self, devices: Iterable[str]) -> None:
        """Forget devices."""
        for name in devices:
            self.of.pop(name, None)
            self._usual.pop(name, None)

    def usual(self, device: str, quantity: str) -> Sequence[float | None]:
        """The usual hours of a quantity; none where they are not known."""
        return self._usual.get(device, {}).get(quantity, ())

    def look(self, device: Device, time_ms: int, *, busy: bool) -> View:
        """The view of a device at a time: of one that was not met yet, or whose tables do not hold then."""
        before = self.of.get(device.name)
        view = View(self._shared, busy=busy) if before is None else before
        parent = parent_of(device.registered) if self._looks_at_parents else None
        names = (device.name, parent) if parent is not None else (device.name,)
        if any(not self._usual_fields.isdisjoint(self._usual.get(name, ())) for name in names):
            hour, view.from_ms = self._hour(time_ms)
            view.until_ms = view.from_ms + _HOUR_MS
        else:
            hour = None
        own = self._scales(device.name, device.registered, hour)
        parents = self._scales(parent, self._registered.get(parent), hour) if parent is not None else NO_SCALES
        has_own = NO_SCALES not in (own, parents) or own != parents
        view.tables = Tables(self._rules, own=own, parents=parents, shared=self._shared) if has_own else self._shared
        view.parent = parent
        view.is_parent = self._looks_at_parents and device.name in self._parents
        view.busy = view.busy or view.is_parent
        self.of[device.name] = view
        return view

    def _scales(self, name: str, entry: Registered | None, hour: int | None) -> Scales:
        """The numbers that limits of a device are multiples of, as far as the rules ask for it."""
        params = entry.params if entry is not None else NO_PARAMS
        hours = self._usual.get(name, {}) if hour is not None else {}
        usual = {field: hours[field][hour or 0] for field in self._usual_fields.intersection(hours)}
        known = {field: mean for field, mean in usual.items() if mean is not None}
        return Scales({param: params[param] for param in self._params.intersection(params)}, known)

    def _hour(self, time_ms: int) -> tuple[int, int]:
        """The local hour of a time, and when it began."""
        local = datetime.fromtimestamp(time_ms // 1000, self._zone)
        return local.hour, (time_ms // 1000 - 60 * local.minute - local.second) * 1000


def parent_of(entry: Registered | None) -> str | None:
    """The device that a registered one hangs behind."""
    return entry.parent if isinstance(entry, RegisteredDevice) else None
