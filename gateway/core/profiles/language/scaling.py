"""Scale, offset and unit of a value as one straight line, rounded once.

If they are in the profile the line is computed at load time. If they come from the registry or the payload it is
computed when first needed, and a few are remembered.
"""

from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Final

from gateway.core.profiles.language.numbers import Apply, along, fraction
from gateway.core.profiles.language.paths import Node
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, origin_of, within
from gateway.core.profiles.language.steps import Step, arithmetic_step
from gateway.core.profiles.language.texts import compile_text
from schemas.profile_values import ValueSource, ValueSpec
from schemas.quantities import Quantity
from schemas.rejects import DropCause
from schemas.unit_scale import LinearScale, conversions, convert

Operand = Callable[[ValueSpec, Scope], Take]
"""Compiles a number that another one is scaled by."""

_POWERS_MAX: Final = 30


def fixed_line(value: ValueSpec, quantity: Quantity | None) -> LinearScale | None:
    """The line of a value, if the profile gives all of it; None if some of it comes with the message."""
    if not all(part is None or _only_literal(part) for part in (value.scale, value.offset, value.pow10, value.unit)):
        return None
    with within("scale"):
        slope = Fraction(1) if value.scale is None else fraction(value.scale.literal)
        if slope == 0:
            raise Fault("", "nothing is left when it is multiplied by 0")
    with within("offset"):
        shift = Fraction(0) if value.offset is None else fraction(value.offset.literal)
    with within("pow10"):
        slope *= Fraction(1) if value.pow10 is None else _power(value.pow10.literal)
    with within("unit"):
        return LinearScale(slope, shift).then(_unit_line(value, quantity))


def _only_literal(part: ValueSource) -> bool:
    return part.model_fields_set == {"literal"}


def _power(exponent: object) -> Fraction:
    if not isinstance(exponent, int | float) or exponent != int(exponent) or abs(exponent) > _POWERS_MAX:
        raise ValueError(f"{exponent!r} is not a whole number from -{_POWERS_MAX} to {_POWERS_MAX}")
    return Fraction(10) ** int(exponent)


def _unit_line(value: ValueSpec, quantity: Quantity | None) -> LinearScale:
    if value.unit is None:
        return LinearScale()
    if quantity is None:
        raise Fault("", "only a field has a unit; give it to the whole")
    unit = str(value.unit.literal)
    if unit.startswith("/"):
        raise Fault("", f"{unit!r} is not a unit; a unit that is in the payload is written {{path: {unit}}}")
    return convert(unit, quantity.unit)


def line_step(value: ValueSpec, quantity: Quantity | None, scope: Scope, operand: Operand) -> Step | None:
    """Compile scale, offset, pow10 and unit to one step; None if they change nothing."""
    name = ", ".join(_describe(value, key) for key in ("scale", "offset", "pow10", "unit") if getattr(value, key) is not None)
    line = fixed_line(value, quantity)
    if line is None:
        return Step(name, _variable(value, quantity, scope, operand))
    apply = along(line)
    return None if apply is None else arithmetic_step(name, apply)


def _describe(value: ValueSpec, key: str) -> str:
    part = getattr(value, key)
    if _only_literal(part):
        return f"{key} {part.literal}"
    return f"{key} of param {part.param}" if part.param is not None else f"{key} from {origin_of(part) or 'several'}"


def _variable(value: ValueSpec, quantity: Quantity | None, scope: Scope, operand: Operand) -> Callable[[Node, Cursor], Node]:
    factors: list[Take] = []
    for key in ("scale", "offset", "pow10"):
        factor = getattr(value, key)
        with within(key):
            factors.append(operand(factor, scope) if factor is not None else _NEUTRAL[key])
    with within("unit"):
        unit, lines = _variable_unit(value, quantity, scope)

    @lru_cache(maxsize=64)
    def apply_of(scale: float, offset: float, power: float, unit: str) -> Apply | None:
        return along(LinearScale(fraction(scale) * _power(power), fraction(offset)).then(lines[unit]))

    def run(number: Node, here: Cursor) -> Node:
        given = [factor(here) for factor in factors]
        name = unit(here)
        if any(not isinstance(factor, int | float) for factor in given) or not isinstance(name, str) or name not in lines:
            return DropCause.WRONG_TYPE  # the unit is not known: the value must not be taken for another one
        try:
            apply = apply_of(given[0], given[1], given[2], name)
            return number if apply is None else apply(number)
        except (OverflowError, ValueError):
            return DropCause.NOT_FINITE

    return run


_NEUTRAL: Final[dict[str, Take]] = {"scale": lambda _: 1, "offset": lambda _: 0, "pow10": lambda _: 0}


def _variable_unit(value: ValueSpec, quantity: Quantity | None, scope: Scope) -> tuple[Take, dict[str, LinearScale]]:
    """Compile the reader of the unit's name, with the conversions of all units that it may name."""
    if value.unit is None or _only_literal(value.unit):
        return (lambda _: ""), {"": _unit_line(value, quantity)}
    if quantity is None:
        raise Fault("", "only a field has a unit; give it to the whole")
    for name in (value.unit.enum or {}).values():
        if isinstance(name, str):
            convert(name, quantity.unit)  # a fault if it is not a unit of this field
    return compile_text(value.unit, scope), conversions(quantity.unit)
