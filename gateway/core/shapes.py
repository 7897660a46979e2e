"""Shapes: which fields come together in a reading. Fleets have a few dozen, so what follows from one is worked out once."""

from typing import Final

from gateway.core.counters import RATE_PER_H
from gateway.core.points import line_format
from schemas.quantities import HEALTH, QUANTITIES
from schemas.readings import Value

SHAPES_MAX: Final = 1 << 12
_HEALTH_FIELDS: Final = frozenset(QUANTITIES[HEALTH])


class Shape:
    """One set of fields, in the order of the table: those of the domain first, then those of device health.

    :ivar number: small number that stands for it; 0 for those that are one too many.
    :ivar names: its fields in their order.
    :ivar counters: position, name and greatest rate per hour of the counters among the fields.
    """

    __slots__ = ("_domain_format", "_health_format", "_split", "counters", "fields", "names", "number")

    def __init__(self, number: int, fields: tuple[str, ...]) -> None:
        self.number = number
        self.names = fields
        self.fields = frozenset(fields)
        own = [field for field in fields if field not in _HEALTH_FIELDS]
        self._split = len(own)
        self._domain_format = line_format(own)
        self._health_format = line_format(fields[self._split :])
        self.counters = [(at, field, RATE_PER_H[field]) for at, field in enumerate(own) if field in RATE_PER_H]

    def lines(self, domain: str, tags: str, values: tuple[Value, ...], tail: str) -> str:
        """A reading as line protocol: its point, and behind it the one of device health, where it has them."""
        split = self._split
        if split == len(values):
            return self._domain_format % (domain, tags, *values, tail)
        health = self._health_format % (HEALTH, tags, *values[split:], tail)
        return f"{self._domain_format % (domain, tags, *values[:split], tail)}\n{health}" if split else health


class Shapes:
    """All shapes met so far; a flood of new ones is served, but not remembered."""

    def __init__(self) -> None:
        self._by_fields: dict[tuple[str, ...], Shape] = {}
        self._by_number: list[Shape] = [Shape(0, ())]

    def of(self, fields: tuple[str, ...]) -> Shape:
        """The shape of these fields."""
        return self._by_fields.get(fields) or self._new(fields)

    def _new(self, fields: tuple[str, ...]) -> Shape:
        if len(self._by_number) >= SHAPES_MAX:
            return Shape(0, fields)
        shape = Shape(len(self._by_number), fields)
        self._by_number.append(shape)
        self._by_fields[fields] = shape
        return shape

    def share_a_field(self, shape: Shape, other_number: int) -> bool:
        """Whether a shape has a field in common with the one of that number; one that was too many counts as sharing."""
        return not other_number or not shape.fields.isdisjoint(self._by_number[other_number].fields)

    def fields_of(self, number: int) -> tuple[str, ...]:
        """The fields of the shape of that number, in their order; none for one that was too many."""
        return self._by_number[number].names if number < len(self._by_number) else ()
