"""The fields of a point: quantities of the table, each with its reader and, for a register, its rule."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from gateway.core.profiles.language.conditions import Holds, compile_when
from gateway.core.profiles.language.numbers import fraction
from gateway.core.profiles.language.scaling import fixed_line, line_step
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, within
from gateway.core.profiles.language.steps import is_number
from gateway.core.profiles.language.texts import TakeTags, compile_tags, no_tags
from gateway.core.profiles.language.values import Reader, compile_field, compile_operand
from gateway.core.readings.native import Drop
from gateway.core.readings.steps import CounterRule
from schemas.nearest import did_you_mean
from schemas.profile_points import CounterSpec, FieldValue, MapEntry
from schemas.quantities import HEALTH, QUANTITIES, Kind, Quantity
from schemas.readings import Value
from schemas.rejects import DropCause

ORDER: Final = {measurement: tuple({**fields, **QUANTITIES[HEALTH]}) for measurement, fields in QUANTITIES.items()}
"""Measurement → its fields, then those of device health, in the order of the table."""

_WIDTH = re.compile(r"u(8|16|24|32|40|48|64)|(\d{1,2}) ?bit")


Wrap = Callable[[Cursor], float | None]
"""The value at which a register starts again, in the field's own unit; None: the scale is not known at load time."""


class Field(NamedTuple):
    """A field of a point; ``wrap`` reads at which value its register starts again, if the device or the message brings that."""

    name: str
    reader: Reader
    when: Holds | None
    counter: CounterRule | None
    tags: TakeTags
    wrap: Wrap | None = None


def compile_fields(fields: Mapping[str, FieldValue], measurement: str, scope: Scope) -> list[Field]:
    """The fields in the order of the table; faults go to the scope's list."""
    found = []
    for name, value in fields.items():
        with scope.gather(f"fields.{name}"):
            found.append(_field(name, value, measurement, scope, None))
    order = {name: at for at, name in enumerate(ORDER[measurement])}
    return sorted(found, key=lambda field: order[field.name])


def compile_entry(entry: MapEntry, measurement: str, scope: Scope) -> Field:
    """A field of ``map``, which takes the item's value unless it names another source."""
    field = _field(entry.field, entry, measurement, scope, lambda here: here.value)
    return field._replace(tags=compile_tags(entry.tags, scope)) if entry.tags else field


def _field(name: str, value: FieldValue, measurement: str, scope: Scope, item: Take | None) -> Field:
    quantity = _quantity(name, measurement)
    with within("when"):
        when = compile_when(value.when, scope) if value.when is not None else None
    reader = compile_field(value, quantity, scope, item)
    counter, wrap = _counter_rule(value, quantity, scope)
    return Field(name, reader, when, counter, no_tags, wrap)


def _quantity(name: str, measurement: str) -> Quantity:
    quantity = QUANTITIES[measurement].get(name) or QUANTITIES[HEALTH].get(name)
    if quantity is not None:
        return quantity
    elsewhere = [other for other, fields in QUANTITIES.items() if name in fields]
    if elsewhere:
        raise Fault("", f"{name!r} is a field of {elsewhere[0]}, not of {measurement}")
    raise Fault("", f"{name!r} is not a field of {measurement}{did_you_mean(name, ORDER[measurement], 0.4)}")


def _counter_rule(value: FieldValue, quantity: Quantity, scope: Scope) -> tuple[CounterRule | None, Wrap | None]:
    counter = value.counter
    if counter is None:
        return None, None
    if quantity.kind is not Kind.COUNTER:
        raise Fault("counter", f"{quantity.field} is not a register")
    rule = CounterRule(counter.max_rate, size_per_h=counter.size)
    if counter.wrap is None:
        return rule, None
    with within("counter.wrap"):
        modulus, line = _modulus(counter), fixed_line(value, quantity)
    if line is None:
        return rule, _wrap_here(modulus, value, quantity, scope)
    return rule._replace(modulus=float(fraction(modulus) * line.slope)), None


def _wrap_here(modulus: float, value: FieldValue, quantity: Quantity, scope: Scope) -> Wrap:
    step = line_step(value, quantity, scope, compile_operand)

    def wrap(here: Cursor) -> float | None:
        ends = [step.run(end, here) for end in (0, modulus)] if step is not None else [0, modulus]
        return ends[1] - ends[0] if all(is_number(end) for end in ends) and ends[1] > ends[0] else None

    return wrap


def _modulus(counter: CounterSpec) -> float:
    """The raw value at which a register begins again."""
    if not isinstance(counter.wrap, str):
        modulus = counter.wrap or 0
    else:
        match = _WIDTH.fullmatch(counter.wrap)
        modulus = 1 << int(match[1] or match[2]) if match else 0
    if not modulus > 0:
        raise Fault("", f"{counter.wrap!r} is not a register width; write u16, u32, 23bit or the number itself")
    return modulus


def read_fields(fields: Sequence[Field], here: Cursor, dropped: list[Drop]) -> dict[str, Value]:
    """The values of the fields; drops are added to the list."""
    values: dict[str, Value] = {}
    for name, reader, when, _, _, _ in fields:
        if when is not None and not when(here):
            continue
        if reader.plain is not None:
            get, low, high = reader.plain
            value = get(here.document)
            if type(value) is float and low <= value <= high:
                values[name] = value
                continue
            if value is None:
                continue
        value = reader.read(here)
        if value is None:
            continue
        if type(value) is DropCause:
            dropped.append((reader.origin or name, value))
        else:
            values[name] = value
    return values


def are_missed(fields: Sequence[Field], here: Cursor) -> bool:
    """Tell if fields without value or drop should have given a value.

    False if no ``when`` of theirs holds, as for a point, or if the device itself says that it has no value.
    """
    wanted = [field for field in fields if field.when is None or field.when(here)]
    return bool(wanted) and all(field.reader.take(here) is None for field in wanted)


def rules_here(fields: Sequence[Field], rules: Mapping[str, CounterRule], here: Cursor) -> Mapping[str, CounterRule]:
    """The rules of the registers, with the modulus of this device and message."""
    return {**rules, **{field.name: rules[field.name]._replace(modulus=field.wrap(here)) for field in fields if field.wrap}}


_NO_RULES: Final[Mapping[str, CounterRule]] = {}


def rules_of(fields: Sequence[Field]) -> Mapping[str, CounterRule]:
    """The rules of the registers among the fields."""
    return {field.name: field.counter for field in fields if field.counter is not None} or _NO_RULES
