"""Native payloads: bytes → objects with canonical values, and the values that had to be dropped.

A device sends the same keys again and again, so nearly every message is read by the decoder of these keys alone
(:meth:`KeySet.read`). One with other keys passes the types of :mod:`schemas.readings` for any of them, which tells its keys.
Others take the slow path: key by key; a fault in one value costs that value, a fault in one object of an array costs that
object.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from msgspec import DecodeError, ValidationError, convert, defstruct
from msgspec.json import Decoder
from msgspec.structs import astuple
from pydantic_core import to_json

from gateway.core.message import Undecodable
from gateway.core.readings.json_text import Repeating, bare, parse, text_of, with_repeating
from gateway.core.readings.line_protocol import SHAPES_MAX, FieldSet, FieldSets, Tags
from schemas.quantities import HEALTH, QUANTITIES, REQUIRES, TEXT_TAGS, VEHICLE_CLASSES, Kind, Quantity
from schemas.readings import ARRAY_MAX, SEQ_MAX, NativeReading, Value, native_key_types, native_types
from schemas.rejects import DropCause, RejectReason
from schemas.topics import is_name

_NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d++)?", re.ASCII)
"""Possessive digits without backtracking: a text of 256 KiB of digits would otherwise take minutes."""

_WORDS: Final = {"on": True, "off": False}
_QUOTED: Final = 80
_IRREGULAR: Final = (DecodeError, UnicodeDecodeError, RecursionError)
_DECODERS_MAX: Final = 256
"""Sets of keys with a decoder of their own, which takes some kilobytes; fleets have a few dozen."""
_AS_IN_THE_TABLE: Final[Mapping[str, float]] = MappingProxyType({})


Drop = tuple[str, DropCause]
"""A key, and the reason why its value was dropped."""


@dataclass(slots=True, eq=False)
class Decoded:
    """One object of a payload: canonical values, the drops, and the ``source`` as it came in an array; None: it came alone."""

    values: NativeReading
    dropped: list[Drop] | None = None
    source: object = None

    def payload(self) -> bytes:
        """The bytes of this object alone."""
        return to_json(self.source, inf_nan_mode="constants")


@dataclass(slots=True)
class Broken:
    """One object of an array that is not a reading, with its bytes; the others of the array go on."""

    why: Undecodable
    payload: bytes


NativeParts = tuple[object, object, Tags, tuple[Value, ...]]
"""Time and sequence number of a native reading as it tells them, its tags, and its values in the order of the field set."""


class KeySet:
    """One set of keys that devices send, with all that follows from the keys alone.

    :ivar lacking: count → the interval that it needs and that is not among them.
    :ivar quotes: quotation marks of a payload that has each of these keys once, and no other. A key has two of them, and a text
        two.
    """

    __slots__ = ("_decode", "_tags", "field_set", "lacking", "quotes")

    def __init__(
        self, keys: tuple[str, ...], field_set: FieldSet, types: Mapping[str, Any] | None, *, text_time: bool = False
    ) -> None:
        """Work it out; ``types`` of None: make no decoder for these keys alone; ``text_time``: a time among them is a text."""
        self.field_set = field_set
        self.lacking = tuple(pair for pair in REQUIRES.items() if pair[0] in keys and pair[1] not in keys)
        self._tags = tuple(tag for tag in TEXT_TAGS if tag in keys)
        self.quotes = 2 * (len(keys) + len(self._tags) + (text_time and "ts" in keys))
        self._decode: Callable[[bytes], Any] | None = None
        if types is not None and not self.lacking:
            names = [*self._tags, *field_set.names]
            told = {"ts": str if text_time else int, "seq": types["seq"]}
            first = [(key, kind) if key in keys else (key, None, None) for key, kind in told.items()]
            members = [*first, *[(name, types[name]) for name in names]]
            self._decode = Decoder(defstruct("Native", members, forbid_unknown_fields=True, kw_only=True, gc=False)).decode

    def read(self, payload: bytes) -> NativeParts | None:
        """The parts of a regular payload with these keys; None for every other payload."""
        if payload.count(b'"') != self.quotes or self._decode is None:
            return None
        try:
            parts = astuple(self._decode(payload))
        except _IRREGULAR:
            return None
        tags = self._tags
        if tags:
            first = 2 + len(tags)
            return parts[0], parts[1], tuple(zip(tags, parts[2:first], strict=True)), parts[first:]
        return parts[0], parts[1], (), parts[2:]

    def parts(self, values: NativeReading) -> NativeParts:
        """The parts of a reading with these keys."""
        tags = tuple([(tag, str(values[tag])) for tag in self._tags])
        return values.get("ts"), values.get("seq"), tags, self.field_set.values_of(values)


NO_KEYS: Final = KeySet((), FieldSet(0, ()), None)
"""The keys of a device before its first regular reading."""


class NativeDecoder:
    """The decoder of one domain's native payloads."""

    def __init__(self, domain: str, field_sets: FieldSets | None = None) -> None:
        self.domain = domain
        self._field_sets = FieldSets() if field_sets is None else field_sets
        self._key_sets: dict[tuple[tuple[str, ...], bool], KeySet] = {}
        self.quantities = QUANTITIES[domain] | QUANTITIES[HEALTH]
        self._types = native_key_types(domain)
        types = native_types(domain)
        self._from_bytes: Callable[[bytes], NativeReading] = Decoder(types).decode
        self._from_object: Callable[[object], NativeReading] = partial(convert, type=types)

    def key_set_of(self, keys: tuple[str, ...], *, text_time: bool = False) -> KeySet:
        """The set of these keys. A flood of new ones is served, but not remembered."""
        known = self._key_sets.get((keys, text_time))
        if known is not None:
            return known
        field_set = self._field_sets.of(tuple(key for key in keys if key in self.quantities))
        types = self._types if len(self._key_sets) < _DECODERS_MAX else None
        key_set = KeySet(keys, field_set, types, text_time=text_time)
        if len(self._key_sets) < SHAPES_MAX:
            self._key_sets[keys, text_time] = key_set
        return key_set

    def decode_plain(self, payload: bytes) -> tuple[NativeReading, KeySet] | None:
        """The one reading of a regular payload, and the set of its keys; None for every other payload."""
        try:
            plain = self._from_bytes(payload)
        except _IRREGULAR:
            return None
        key_set = self.key_set_of(tuple(plain), text_time=type(plain.get("ts")) is str)
        return (plain, key_set) if payload.count(b'"') == key_set.quotes else None

    def decode_slow_path(self, payload: bytes, raised: Mapping[str, float] = _AS_IN_THE_TABLE) -> list[Decoded | Broken]:
        """All objects of a payload that is not plain, or Undecodable; ``raised`` has greater maxima of a device's fields."""
        document = with_repeating(parse(payload, allow_inf_nan=True), bare(payload))
        if not isinstance(document, list):
            return [self._object(document, raised)]
        if len(document) > ARRAY_MAX:
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"{len(document)} readings in one message; send at most {ARRAY_MAX}")
        if not document:
            raise Undecodable(RejectReason.BAD_PAYLOAD, "the list of readings is empty")
        return [self._item(item, raised) for item in document]

    def _item(self, item: object, raised: Mapping[str, float]) -> Decoded | Broken:
        if type(item) is Repeating:
            return Broken(stands_twice(item), text_of(item))
        try:
            values = self._from_object(item)
            if isinstance(item, dict) and len(values) == len(item):  # no key is unknown
                return Decoded(values, source=item)
        except ValidationError:
            pass
        try:
            decoded = self._object(item, raised)
        except Undecodable as why:
            return Broken(why, to_json(item, inf_nan_mode="constants"))
        decoded.source = item
        return decoded

    def _object(self, document: object, raised: Mapping[str, float]) -> Decoded:
        if type(document) is Repeating:
            raise stands_twice(document)
        if not isinstance(document, dict):
            kind = type(document).__name__
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"a reading is a JSON object, this is a {kind}")
        found: NativeReading = {}
        dropped: list[Drop] = []
        for key, value in document.items():
            if value is None:
                continue
            quantity = self.quantities.get(key)
            if quantity is not None and key in raised:
                quantity = replace(quantity, maximum=max(quantity.maximum, raised[key]))
            cleaned = clean(quantity, value) if quantity is not None else _clean_envelope(key, value)
            if isinstance(cleaned, DropCause):
                dropped.append((key, cleaned))
            elif cleaned is not None:
                found[key] = cleaned
        return Decoded(found, dropped)


def stands_twice(found: Repeating) -> Undecodable:
    """The fault of an object in which a key occurs twice."""
    what = f"the key {found.key[:_QUOTED]!r} occurs twice in a reading; let the device write each key once"
    return Undecodable(RejectReason.BAD_JSON, what)


def clean(quantity: Quantity, value: object) -> float | bool | DropCause:
    """A value in the form of its quantity, or the reason to drop it."""
    if quantity.kind is Kind.STATE:
        return _clean_state(value)
    if isinstance(value, str) and _NUMBER.fullmatch(text := value.strip()):
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return DropCause.WRONG_TYPE
    try:
        number = float(value)
    except OverflowError:
        return DropCause.NOT_FINITE
    if not math.isfinite(number):
        return DropCause.NOT_FINITE
    number = abs(number) if quantity.absolute else number
    return number if quantity.minimum <= number <= quantity.maximum else DropCause.OUT_OF_BOUNDS


def _clean_state(value: object) -> bool | DropCause:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower(), DropCause.WRONG_TYPE)
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return bool(value)
    return DropCause.NOT_FINITE if isinstance(value, float) and not math.isfinite(value) else DropCause.WRONG_TYPE


def _clean_envelope(key: str, value: object) -> float | str | DropCause | None:
    """Handle a key that is not a quantity; None leaves it out silently (an unusable sequence number)."""
    if key == "ts":
        return value if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    if key == "seq":
        return _clean_seq(value)
    if key not in TEXT_TAGS:
        return DropCause.UNKNOWN_KEY
    if not isinstance(value, str):
        return DropCause.WRONG_TYPE
    if key == "vehicle_class":
        return value if value in VEHICLE_CLASSES else "other"
    return value if is_name(value) else DropCause.BAD_TAG


def _clean_seq(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
        return None
    return int(value) if 0 <= value <= SEQ_MAX else None


def describe_drops(dropped: list[Drop] | None) -> str:
    """The drops in the words of a reject."""
    if not dropped:
        return "the object holds no quantity"
    text = ", ".join(f"{key[:_QUOTED]} ({cause})" for key, cause in dropped[:10])
    return f"no value left: {text}" + (f" and {len(dropped) - 10} more" if len(dropped) > 10 else "")  # noqa: PLR2004
