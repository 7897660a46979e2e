"""Sparkplug B payloads (Eclipse Sparkplug 3.0, section 6.4), protobuf written field by field."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

INT32, INT64, UINT64, FLOAT, DOUBLE, BOOLEAN = 3, 4, 8, 9, 10, 11
"""Numbers of the data types."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class SparkplugMetric:
    """One metric.

    :ivar name: empty: the alias alone names it, as in data.
    :ivar alias: None: the name alone names it.
    """

    data_type: int
    value: float | int | bool
    time_ms: int
    name: str = ""
    alias: int | None = None

    def encode(self) -> bytes:
        """The bytes of the metric."""
        named = _text(1, self.name) if self.name else b""
        aliased = _number(2, self.alias) if self.alias is not None else b""
        return named + aliased + _number(3, self.time_ms) + _number(4, self.data_type) + _VALUES[self.data_type](self.value)


def sparkplug_payload(time_ms: int, metrics: list[SparkplugMetric], seq: int | None) -> bytes:
    """The bytes of a payload; a death of a node has no sequence number."""
    body = _number(1, time_ms) + b"".join(_text(2, metric.encode()) for metric in metrics)
    return body if seq is None else body + _number(3, seq)


def _tag(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits a byte
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _number(field: int, value: int) -> bytes:
    return _tag(field, _VARINT) + _varint(value)


def _text(field: int, value: str | bytes) -> bytes:
    encoded = value.encode() if isinstance(value, str) else value
    return _tag(field, _BYTES) + _varint(len(encoded)) + encoded


_VALUES: Final[Mapping[int, Callable[[float | int | bool], bytes]]] = {
    INT32: lambda value: _number(10, int(value) & 0xFFFF_FFFF),
    INT64: lambda value: _number(11, int(value) & 0xFFFF_FFFF_FFFF_FFFF),
    UINT64: lambda value: _number(11, int(value)),
    FLOAT: lambda value: _tag(12, _FIXED32) + struct.pack("<f", value),
    DOUBLE: lambda value: _tag(13, _FIXED64) + struct.pack("<d", value),
    BOOLEAN: lambda value: _number(14, int(value)),
}
"""Data type → its field of the value. Negative integers travel as unsigned ones of the same width."""
