"""Tables of the conditions that a reading is checked for, made once for each field set: a gate, and behind it the conditions.

The **gate** is a tuple of (index, low, high): nearly every reading lies within all of them and needs nothing more. So it goes
into the guard of the device (:mod:`gateway.core.devices.limits`). A reading outside, and each reading of a device for which a
condition stands, is looked at closely: condition by condition.

Most limits hold for all devices, and so do their tables. A device with limits of its own, multiples of its parameters or of its
usual hour, has tables of its own, which share the other conditions.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from math import inf
from typing import Final, NamedTuple

from gateway.core.alarms.rules import CounterStep, Limit, Param, Rule, Rules, Usual, Values
from gateway.core.devices.limits import EVER_MS, Gate, Guard
from gateway.core.readings.line_protocol import FieldSet
from schemas.readings import Value


class Bound(NamedTuple):
    """A limit as a number."""

    field: str
    above: bool
    limit: float
    clear: float
    of_parent: bool = False

    def is_met(self, value: float) -> bool:
        """Tell if the value is beyond the limit."""
        return value > self.limit if self.above else value < self.limit

    def is_gone(self, value: float) -> bool:
        """Tell if the value has come back far enough."""
        return value <= self.clear if self.above else value >= self.clear


class Scales(NamedTuple):
    """The numbers of one device of which its limits are multiples: parameters, and means by their kind and field."""

    params: Mapping[str, object]
    usual: Mapping[tuple[Usual, str], float]

    def is_own(self, of: Param | Usual | None) -> bool:
        """Tell if a limit is a multiple of a number of the device itself, not of a default."""
        return isinstance(of, Usual) or (isinstance(of, Param) and of.name in self.params)

    def scale(self, of: Param | Usual | None, field: str) -> float | None:
        """The number that a limit is a multiple of; None: it is not known."""
        if of is None:
            return 1.0
        if isinstance(of, Usual):
            return self.usual.get((of, field))
        given = self.params.get(of.name, of.default)
        return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else None


FLOW: Final = "flow_m3_h"
_WORKED_OUT: Final = "~"
"""Suffix of a condition on a flow that was worked out, to tell it from one on a flow that the device sends."""
VOLUME: Final = "volume_m3"
_SHARED_MAX: Final = 1000
NO_SCALES: Final = Scales({}, {})


class Kept(NamedTuple):
    """The newest value of a quantity, kept for conditions whose quantities come in different readings."""

    time_ms: int
    value: float


class Verdict(Enum):
    """Result of judging a condition."""

    MET = "met"
    BETWEEN = "between"
    GONE = "gone"
    UNKNOWN = "unknown"
    """A value is missing: nothing changes."""


class Check(NamedTuple):
    """A condition on values, compiled for the readings of one field set.

    :ivar name: the name of the condition among those of its rule.
    :ivar places: for each limit the index of its value in the reading; None: another reading, or one of the parent, has it.
    """

    rule: Rule
    name: str
    bounds: tuple[Bound, ...]
    places: tuple[int | None, ...]

    def judge(
        self, numbers: Sequence[Value], own: Mapping[str, Kept], parents: Mapping[str, Kept], after_ms: int
    ) -> tuple[Verdict, float | None]:
        """Judge a reading, with kept values that are not older than ``after_ms``; return the first value too."""
        values: list[float] = []
        for bound, at in zip(self.bounds, self.places, strict=True):
            kept = (parents if bound.of_parent else own).get(bound.field) if at is None else None
            if at is not None:
                values.append(float(numbers[at]))
            elif kept is not None and kept.time_ms >= after_ms:
                values.append(kept.value)
            elif not values:
                return Verdict.UNKNOWN, None
            else:
                return Verdict.UNKNOWN, values[0]
        known = list(zip(self.bounds, values, strict=True))
        if all(bound.is_met(value) for bound, value in known):
            return Verdict.MET, values[0]
        return Verdict.GONE if any(bound.is_gone(value) for bound, value in known) else Verdict.BETWEEN, values[0]


Steps = tuple[Rule, str, CounterStep]
"""A condition on the steps of counters, with its rule and its name."""


class Table(NamedTuple):
    """All conditions for the readings of one field set.

    :ivar by_gate: for each value of the gate the places, among the checks, of those that look at it first.
    :ivar keeps: index and field of the values to keep for conditions that need more than one reading.
    :ivar steps: the conditions on steps; empty if no field is a counter.
    :ivar with_flow: the table for the same values followed by a flow worked out of the register; None: no rule needs it, or the
        device sends its flow.
    """

    gate: Gate
    checks: tuple[Check, ...]
    keeps: tuple[tuple[int, str], ...]
    steps: tuple[Steps, ...]
    by_gate: tuple[tuple[int, ...], ...]
    with_flow: "Table | None" = None
    volume_at: int = 0


def is_within(gate: Gate, numbers: Sequence[Value]) -> bool:
    """Tell if all values are within the gate."""
    return all(low <= numbers[at] <= high for at, low, high in gate)  # type: ignore[operator] # texts are tags by now


class Tables:
    """The tables of all devices, or of one that has limits of its own."""

    __slots__ = ("_conditions", "_guards", "_of", "_shared", "_steps", "looks_at_flow")

    def __init__(
        self, rules: Rules, *, own: Scales = NO_SCALES, parents: Scales = NO_SCALES, shared: "Tables | None" = None
    ) -> None:
        """Work out the limits by the scales of a device and its parent; ``shared`` are the tables for limits not its own."""
        self._of: dict[FieldSet, Table] = {}
        self._guards: dict[tuple[FieldSet, ...], Guard] = {}
        self._shared = shared
        self._conditions: list[tuple[Rule, str, tuple[Bound, ...]]] = []
        self._steps = list(rules.of(CounterStep))
        for rule, name, condition in rules.of(Values):
            limits = [(limit, own if limit.at == "device" else parents) for limit in condition.limits]
            if shared is not None and not any(scales.is_own(limit.of) for limit, scales in limits):
                continue
            bounds = [_bound(limit, scales) for limit, scales in limits]
            if None not in bounds:
                self._conditions.append((rule, name, tuple(bound for bound in bounds if bound is not None)))
        flows = [bound for _, _, bounds in self._conditions for bound in bounds if bound.field == FLOW]
        own_flow = any(bound.above or bound.limit > 0 for bound in flows)  # what a register grew is never negative
        self.looks_at_flow: bool = own_flow or (shared is not None and shared.looks_at_flow)

    def table(self, field_set: FieldSet) -> Table:
        """The table of a field set, made when it is first needed. In a flood of new sets it is made each time and not kept."""
        table = self._of.get(field_set)
        if table is None:
            table = self._make(field_set)
            if field_set.number:
                self._of[field_set] = table
        return table

    def guard(self, field_sets: tuple[FieldSet, ...], from_ms: int = -EVER_MS, until_ms: int = EVER_MS) -> Guard:
        """The guard of a device that sends some field sets; those that have no limits of their own share it."""
        is_shared = self._shared is None and until_ms == EVER_MS
        guard = self._guards.get(field_sets) if is_shared else None
        if guard is None:
            guard = Guard({field_set: self.table(field_set).gate for field_set in field_sets}, from_ms, until_ms)
            if is_shared and len(self._guards) < _SHARED_MAX:
                self._guards[field_sets] = guard
        return guard

    def shares(self, guard: Guard) -> bool:
        """Tell if a guard is one that devices share."""
        return self._guards.get(tuple(guard.gates)) is guard

    def end_guards(self) -> None:
        """Let no reading pass the guards that devices share: each device gets another one with its next reading."""
        for guard in self._guards.values():
            guard.until_ms = -EVER_MS
        self._guards = {}

    def _make(self, field_set: FieldSet) -> Table:
        """Make the table, and with it the one for a flow that is worked out of the register."""
        place_of = {name: at for at, name in enumerate(field_set.names)}
        shared = self._shared.table(field_set) if self._shared is not None else None
        table = self._table(place_of, shared, has_counters=bool(field_set.counters))
        if VOLUME not in place_of or FLOW in place_of or not self.looks_at_flow:
            return table
        of_flow = shared.with_flow or shared if shared is not None else None
        with_flow = self._table(place_of | {FLOW: len(place_of)}, of_flow, has_counters=True, worked_out=True)
        return table._replace(with_flow=with_flow, volume_at=place_of[VOLUME])

    def _table(
        self, place_of: Mapping[str, int], shared: Table | None, *, has_counters: bool, worked_out: bool = False
    ) -> Table:
        checks = {} if shared is None else {(check.rule.name, check.name): check for check in shared.checks}
        for rule, name, bounds in self._conditions:
            if worked_out and any(bound.field == FLOW and not bound.of_parent for bound in bounds):
                name = f"{name}{_WORKED_OUT}"  # noqa: PLW2901 - the same condition, of another source
            places = tuple(None if bound.of_parent else place_of.get(bound.field) for bound in bounds)
            if places.count(None) < len(places):
                checks[rule.name, name] = Check(rule, name, bounds, places)
        kept = {field for _, _, bounds in self._conditions for field in _kept(bounds, place_of)}
        keeps = {(place_of[field], field) for field in kept if field in place_of} | set(shared.keeps if shared else ())
        steps = shared.steps if shared is not None else tuple(self._steps) if has_counters else ()
        gate, all_checks = _gate(checks.values()), tuple(checks.values())
        firsts = tuple(tuple(n for n, check in enumerate(all_checks) if check.places[0] == at) for at, _, _ in gate)
        return Table(gate, all_checks, tuple(sorted(keeps)), steps, firsts)


def _bound(limit: Limit, scales: Scales) -> Bound | None:
    """The limit as a number; None: the device has no such parameter, or its usual hours are not known yet."""
    scale = scales.scale(limit.of, limit.field)
    if scale is None:
        return None
    return Bound(limit.field, limit.direction == "above", limit.value * scale, limit.clear * scale, limit.at == "parent")


def _kept(bounds: Sequence[Bound], place_of: Mapping[str, int]) -> list[str]:
    """The fields to keep for a condition; none if this field set has all of them."""
    whole = all(bound.field in place_of and not bound.of_parent for bound in bounds)
    return [] if whole else [bound.field for bound in bounds]


def _gate(checks: Iterable[Check]) -> Gate:
    """The widest range of each value in which no condition's first limit is passed."""
    gates: dict[int, tuple[float, float]] = {}
    for check in checks:
        first, at = check.bounds[0], check.places[0]
        if at is not None:
            low, high = gates.get(at, (-inf, inf))
            gates[at] = (low, min(high, first.limit)) if first.above else (max(low, first.limit), high)
    return tuple((at, low, high) for at, (low, high) in sorted(gates.items()))
