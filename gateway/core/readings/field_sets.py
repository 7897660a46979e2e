"""Field sets: which fields come together in a reading. Fleets have a few dozen, so their properties are computed once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from struct import Struct
from typing import Final

from gateway.core.readings.line_protocol import SeriesPattern, field_pieces
from schemas.quantities import GROWTH, HEALTH, QUANTITIES, SUM_OF
from schemas.readings import Value

SHAPES_MAX: Final = 1 << 12
KEY_HEAD: Final = Struct("<HqHB")
"""Of a key in the window of duplicates: second of arrival, fingerprint, number of its field set, quality."""
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
    :ivar key: the form of a key in the window of duplicates: its head, and 16 bits for each field, or 16 bits in all for a set
        beyond the limit.
    :ivar _pieces: the text of its fields: before the place of each value the key that belongs to it.
    :ivar _split: the place among them where device health begins, which is a point of its own; 0: it has none, or nothing else.
    :ivar _measures: False: there is only device health.
    :ivar counters: for each counter among the fields its position, its name, its greatest growth, and the key of its sum as
        it stands in a line.
    """

    __slots__ = ("_measures", "_pieces", "_split", "counters", "fields", "key", "names", "number", "values_of")

    def __init__(self, number: int, fields: tuple[str, ...]) -> None:
        self.number = number
        self.names = fields
        self.values_of: Callable[[Mapping[str, Value]], tuple[Value, ...]] = (
            itemgetter(*fields) if len(fields) > 1 else lambda values: tuple([values[name] for name in fields])
        )  # of one key alone, ``itemgetter`` gives no tuple
        self.fields = frozenset(fields)
        own = [field for field in fields if field not in _HEALTH_FIELDS]
        self.key = Struct(f"{KEY_HEAD.format}{len(fields) if number else 1}H")
        self._measures = bool(own)
        self._split = 2 * len(own) if len(own) < len(fields) else 0
        self._pieces = [*field_pieces(own), *field_pieces(fields[len(own) :])]
        self.counters = [(at, field, GROWTH[field], f",{SUM_OF[field]}=") for at, field in enumerate(own) if field in GROWTH]

    def lines(self, pattern: SeriesPattern, device: str, texts: Sequence[str], quality: int, seq: object, time_ms: int) -> str:
        """A reading as line protocol: its point, and behind it the one of device health, where it has them.

        :param device: the name of the device; no letter of an id needs to be escaped.
        :param texts: its values, in the order of the fields; behind the one of a counter its sum, where that is known.
        """
        tail = f",quality={quality}i {time_ms}" if seq is None else f",quality={quality}i,seq={seq}i {time_ms}"
        pieces, split = self._pieces.copy(), self._split
        pieces[1::2] = texts
        if split:
            pieces[split] = f"{tail}\n{pattern.health_head}{device}{pattern.rest}{pieces[split]}"
        head = pattern.head if self._measures else pattern.health_head
        return f"{head}{device}{pattern.rest}{''.join(pieces)}{tail}"


class FieldSets:
    """All field sets met so far; a flood of new ones is served, but not remembered.

    :ivar by_fields: fields, in the order in which some device sends them → their field set, at hand for each reading;
        :meth:`of` finds the others.
    :ivar by_number: number of a field set → the field set; an empty one for those beyond the limit.
    """

    def __init__(self) -> None:
        self.by_fields: dict[tuple[str, ...], FieldSet] = {}
        self._by_names: dict[tuple[str, ...], FieldSet] = {}
        self.by_number: list[FieldSet] = [FieldSet(0, ())]

    def of(self, fields: tuple[str, ...]) -> FieldSet:
        """The field set of these fields, in whatever order they come."""
        known = self.by_fields.get(fields)
        if known is not None:
            return known
        names = in_order(fields)
        field_set = self._by_names.get(names)
        if field_set is None:
            if len(self.by_number) >= SHAPES_MAX:
                return FieldSet(0, names)
            field_set = self._by_names[names] = FieldSet(len(self.by_number), names)
            self.by_number.append(field_set)
        if len(self.by_fields) < SHAPES_MAX:
            self.by_fields[fields] = field_set
        return field_set
