"""Field sets: which fields come together in a reading. Fleets have a few dozen, so their properties are computed once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from struct import Struct
from typing import Final

from gateway.core.readings.line_protocol import line_format
from schemas.quantities import GROWTH, HEALTH, QUANTITIES, SUM_OF
from schemas.readings import Value

SHAPES_MAX: Final = 1 << 12
_HEALTH_FIELDS: Final = frozenset(QUANTITIES[HEALTH])
_ORDER: Final = list(
    dict.fromkeys(field for quantities in QUANTITIES.values() for field in quantities if field not in _HEALTH_FIELDS)
)
_PLACES: Final = {field: place for place, field in enumerate([*_ORDER, *QUANTITIES[HEALTH]])}
"""Field → its place in a point. Fields outside the tables come first."""


def in_order(fields: Iterable[str]) -> tuple[str, ...]:
    """Fields in the order of the table, as a field set has them."""
    return tuple(sorted(fields, key=lambda field: _PLACES.get(field, -1)))


class FieldSet:
    """One set of fields, in the order of the table: those of the domain first, then those of device health.

    :ivar number: small number that stands for it; 0 for sets beyond the limit.
    :ivar names: its fields in their order.
    :ivar values_of: takes the values of these fields, in this order, out of a reading that has them in any.
    :ivar pack: makes the words that the window of duplicates remembers of a reading: two, and 16 bits for each field, or 16
        bits in all for a set beyond the limit.
    :ivar words: number of these words.
    :ivar _split: number of the fields before those of device health; 0: there are none of these; None: there are no others.
    :ivar counters: for each counter among the fields its position, its name, its greatest growth, and the key of its sum as
        it stands in a line.
    """

    __slots__ = ("_format", "_split", "counters", "fields", "names", "number", "pack", "values_of", "words")

    def __init__(self, number: int, fields: tuple[str, ...]) -> None:
        self.number = number
        self.names = fields
        self.values_of: Callable[[Mapping[str, Value]], tuple[Value, ...]] = _getter(fields)
        self.fields = frozenset(fields)
        own = [field for field in fields if field not in _HEALTH_FIELDS]
        remembered = Struct(f"=QQ{len(fields) if number else 1}H")
        self.words = -(-remembered.size // 8)
        self.pack = Struct(f"{remembered.format}{8 * self.words - remembered.size}x").pack
        self._split = None if not own else len(own) if len(own) < len(fields) else 0
        parts = [part for part in (own, fields[len(own) :]) if part]
        self._format = "\n".join([line_format(part) for part in parts])
        self.counters = [(at, field, GROWTH[field], f",{SUM_OF[field]}=") for at, field in enumerate(own) if field in GROWTH]

    def lines(self, domain: str, tags: str, texts: Sequence[str], quality: int, seq: object, time_ms: int) -> str:
        """A reading as line protocol: its point, and behind it the one of device health, where it has them.

        :param texts: its values, in the order of the fields; behind the one of a counter its sum, where that is known.
        """
        tail = f",quality={quality}i {time_ms}" if seq is None else f",quality={quality}i,seq={seq}i {time_ms}"
        split = self._split
        if split:
            return self._format % (domain, tags, *texts[:split], tail, HEALTH, tags, *texts[split:], tail)
        return self._format % (HEALTH if split is None else domain, tags, *texts, tail)


class FieldSets:
    """All field sets met so far; a flood of new ones is served, but not remembered.

    :ivar by_fields: fields, in the order in which some device sends them → their field set, at hand for each reading;
        :meth:`of` finds the others.
    :ivar words: number of a field set → number of words that are remembered of its readings.
    """

    def __init__(self) -> None:
        self.by_fields: dict[tuple[str, ...], FieldSet] = {}
        self._by_names: dict[tuple[str, ...], FieldSet] = {}
        self._by_number: list[FieldSet] = [FieldSet(0, ())]
        self.words: list[int] = [self._by_number[0].words]

    def of(self, fields: tuple[str, ...]) -> FieldSet:
        """The field set of these fields, in whatever order they come."""
        return self.by_fields.get(fields) or self._new(fields)

    def _new(self, fields: tuple[str, ...]) -> FieldSet:
        names = in_order(fields)
        field_set = self._by_names.get(names)
        if field_set is None:
            if len(self._by_number) >= SHAPES_MAX:
                return FieldSet(0, names)
            field_set = self._by_names[names] = FieldSet(len(self._by_number), names)
            self._by_number.append(field_set)
            self.words.append(field_set.words)
        if len(self.by_fields) < SHAPES_MAX:
            self.by_fields[fields] = field_set
        return field_set

    def fields_of(self, number: int) -> tuple[str, ...]:
        """The fields of the field set with that number, in their order; empty for sets beyond the limit."""
        return self._by_number[number].names if number < len(self._by_number) else ()


def _getter(names: tuple[str, ...]) -> Callable[[Mapping[str, Value]], tuple[Value, ...]]:
    """Takes the values of these keys; of one key alone, ``itemgetter`` gives no tuple."""
    return itemgetter(*names) if len(names) > 1 else lambda values: tuple([values[name] for name in names])
