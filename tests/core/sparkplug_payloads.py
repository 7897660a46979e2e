"""Sparkplug B payloads made by hand, byte by byte: an encoder that shares nothing with the decoder under test."""

import struct
from dataclasses import dataclass

TYPES = {
    "Int8": 1,
    "Int16": 2,
    "Int32": 3,
    "Int64": 4,
    "UInt32": 7,
    "UInt64": 8,
    "Float": 9,
    "Double": 10,
    "Boolean": 11,
    "String": 12,
}
INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, BYTES, DATA_SET = range(10, 18)


@dataclass
class M:
    """One metric.

    :ivar value: what stands in the field of number ``field``; None: no value at all.
    """

    name: str | bytes | None = None
    value: float | bool | str | bytes | None = None
    field: int = DOUBLE
    alias: int | None = None
    kind: str | int | None = None
    time_ms: int | None = None
    historical: bool = False
    null: bool = False

    def encode(self) -> bytes:
        """The bytes of the metric."""
        kind = TYPES[self.kind] if isinstance(self.kind, str) else self.kind
        found = b"" if self.name is None else text(1, self.name)
        found += b"".join(
            number(at, value) for at, value in ((2, self.alias), (3, self.time_ms), (4, kind)) if value is not None
        )
        found += b"".join(number(at, value) for at, value in ((5, self.historical), (7, self.null)) if value)
        return found + (b"" if self.value is None else value_bytes(self.field, self.value))


def payload(*metrics: M, seq: int | None = None, time_ms: int | None = 1000, uuid: str | None = None) -> bytes:
    """The bytes of a payload."""
    found = b"" if time_ms is None else number(1, time_ms)
    found += b"".join(text(2, metric.encode()) for metric in metrics)
    found += b"" if seq is None else number(3, seq)
    return found + (b"" if uuid is None else text(4, uuid))


def value_bytes(field: int, value: float | str | bytes) -> bytes:
    """A value in the field of this number."""
    if isinstance(value, str | bytes):
        return text(field, value)
    if field == FLOAT:
        return varint(field << 3 | 5) + struct.pack("<f", value)
    if field == DOUBLE:
        return varint(field << 3 | 1) + struct.pack("<d", value)
    return number(field, int(value))


def number(field: int, value: int) -> bytes:
    """A field of wire type 0."""
    return varint(field << 3) + varint(value)


def text(field: int, value: str | bytes) -> bytes:
    """A field of wire type 2."""
    encoded = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(encoded)) + encoded


def varint(value: int) -> bytes:
    """A number in groups of 7 bits, the lowest first."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])
