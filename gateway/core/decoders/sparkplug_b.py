"""Sparkplug B payloads → plain values (Eclipse Sparkplug 3.0, section 6.4).

A payload is ``{"timestamp", "seq", "metrics": [...]}``, a metric ``{"name", "alias", "timestamp", "type", "value",
"is_historical", "is_null"}``, with None for what was left out; times are ms since 1970. Data sets, templates and property sets
are not read: such a metric has its type and no value. Aliases are resolved to names by :mod:`gateway.core.sparkplug.host`.
"""

import math
import struct
from functools import cache
from typing import Any, Final, TypedDict

from gateway.core.decoders import bad_payload

METRICS_MAX: Final = 10_000
NAME_MAX: Final = 256
"""Most metrics in a payload, and bytes in a name: births are kept in memory."""

TYPES: Final = (
    None, "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64", "Float", "Double", "Boolean", "String",
    "DateTime", "Text", "UUID", "DataSet", "Bytes", "File", "Template", "PropertySet", "PropertySetList", "Int8Array",
    "Int16Array", "Int32Array", "Int64Array", "UInt8Array", "UInt16Array", "UInt32Array", "UInt64Array", "FloatArray",
    "DoubleArray", "BooleanArray", "StringArray", "DateTimeArray",
)  # fmt: skip
"""Names of the data types; the index is the number in the payload."""

REBIRTH: Final = "Node Control/Rebirth"
_BOOLEAN: Final = TYPES.index("Boolean")
_SIGNED_BITS: Final = {"Int8": (8, 32, 64), "Int16": (16, 32, 64), "Int32": (32, 64), "Int64": (64,)}
"""Bits of the type, and of the fields to which a sender may have extended the sign."""

_COMPRESSED: Final = b"SPBV1.0_COMPRESSED"

_VALUE: Final = "value"
_PAYLOAD_FIELDS: Final = (("timestamp", 1, "uint64"), ("metrics", 2, "Metric"), ("seq", 3, "uint64"), ("uuid", 4, "bytes"))
_METRIC_FIELDS: Final = (
    ("name", 1, "bytes"), ("alias", 2, "uint64"), ("timestamp", 3, "uint64"), ("datatype", 4, "uint32"),
    ("is_historical", 5, "bool"), ("is_null", 7, "bool"), ("int_value", 10, "uint32"), ("long_value", 11, "uint64"),
    ("float_value", 12, "float"), ("double_value", 13, "double"), ("boolean_value", 14, "bool"), ("string_value", 15, "bytes"),
    ("bytes_value", 16, "bytes"),
)  # fmt: skip
"""Name, number, type. Text is read as bytes, so that bytes that are not UTF-8 are handled here."""

MetricValue = int | float | bool | str | bytes | None


class Metric(TypedDict):
    """One metric, with its own time or else that of its payload."""

    name: str | None
    alias: int | None
    timestamp: int | None
    type: str | None
    value: MetricValue
    is_historical: bool
    is_null: bool


class Payload(TypedDict):
    """A payload in plain values."""

    timestamp: int | None
    seq: int | None
    metrics: list[Metric]


def sparkplug_b(payload: bytes) -> Payload:
    """The payload in plain values. One that is compressed or has too many metrics or too long names is refused."""
    new_payload, decode_error = _protobuf()
    message = new_payload()
    try:
        message.ParseFromString(payload)
    except decode_error:
        raise bad_payload("not a Sparkplug B payload") from None
    if message.uuid == _COMPRESSED:
        raise bad_payload("a compressed Sparkplug B payload; switch compression off at the edge node")
    if len(message.metrics) > METRICS_MAX:
        raise bad_payload(f"{len(message.metrics)} metrics in one payload; at most {METRICS_MAX} are read")
    time_ms = message.timestamp if message.HasField("timestamp") else None
    return {
        "timestamp": time_ms,
        "seq": message.seq if message.HasField("seq") else None,
        "metrics": [_metric(metric, time_ms) for metric in message.metrics],
    }


def typed(value: MetricValue, data_type: str | None) -> MetricValue:
    """A value as its data type means it: signed integers travel as unsigned ones, in two's complement."""
    if type(value) is not int:
        return value
    for width in (widths := _SIGNED_BITS.get(data_type or "", ())):
        if (1 << width) - (1 << widths[0] - 1) <= value < 1 << width:
            return value - (1 << width)
    return bool(value) if data_type == "Boolean" and value in {0, 1} else value


def encode_rebirth(now_ms: int) -> bytes:
    """The payload of an NCMD that asks an edge node for its births."""
    message = _protobuf()[0]()
    message.timestamp = now_ms
    metric = message.metrics.add()
    metric.name, metric.timestamp, metric.datatype, metric.boolean_value = REBIRTH.encode(), now_ms, _BOOLEAN, True
    encoded: bytes = message.SerializeToString()
    return encoded


def _metric(metric: Any, payload_ms: int | None) -> Metric:  # noqa: ANN401 - a class made at run time
    name = _text(metric.name) if metric.HasField("name") else None
    if name is not None and len(metric.name) > NAME_MAX:
        raise bad_payload(f"the name of a metric has {len(metric.name)} bytes; at most {NAME_MAX}")
    data_type = TYPES[metric.datatype] if metric.datatype < len(TYPES) else None
    field = metric.WhichOneof(_VALUE)
    value: MetricValue = None if field is None or metric.is_null else getattr(metric, field)
    if field == "string_value" and isinstance(value, bytes):
        value = _text(value)
    elif field == "float_value" and isinstance(value, float):
        value = shortest_single(value)
    return {
        "name": name,
        "alias": metric.alias if metric.HasField("alias") else None,
        "timestamp": metric.timestamp if metric.HasField("timestamp") else payload_ms,
        "type": data_type,
        "value": typed(value, data_type),
        "is_historical": metric.is_historical,
        "is_null": metric.is_null,
    }


def shortest_single(value: float) -> float:
    """The number with the fewest digits that is this single-precision one: 12.1 and not 12.100000381469727."""
    if not math.isfinite(value):
        return value
    for digits in (6, 7, 8):  # 9 always tell a single; 6 always come back from one as they were
        near = float(f"{value:.{digits}g}")
        if _SINGLE.unpack(_SINGLE.pack(near))[0] == value:
            return near
    return float(f"{value:.9g}")


_SINGLE: Final = struct.Struct("<f")


def _text(encoded: bytes) -> str:
    try:
        return encoded.decode()
    except UnicodeDecodeError:
        raise bad_payload("text in a Sparkplug B payload is not UTF-8") from None


@cache
def _protobuf() -> tuple[Any, type[Exception]]:
    """The class of payloads, and the exception of parsing: 20 ms to load, so only gateways that receive Sparkplug B do."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory  # noqa: PLC0415

    file = descriptor_pb2.FileDescriptorProto(name="sparkplug_b", package="sparkplug_b", syntax="proto2")
    _describe(file.message_type.add(name="Payload"), _PAYLOAD_FIELDS)
    metric = file.message_type.add(name="Metric")
    metric.oneof_decl.add(name=_VALUE)
    _describe(metric, _METRIC_FIELDS)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("sparkplug_b.Payload")), message.DecodeError


def _describe(described: Any, fields: tuple[tuple[str, int, str], ...]) -> None:  # noqa: ANN401 - protobuf's own description
    for name, number, kind in fields:
        field_set = _METRICS if kind == "Metric" else {"label": "LABEL_OPTIONAL", "type": f"TYPE_{kind.upper()}"}
        oneof = {"oneof_index": 0} if name.endswith("_value") else {}
        described.field.add(name=name, number=number, **field_set, **oneof)


_METRICS: Final = {"label": "LABEL_REPEATED", "type": "TYPE_MESSAGE", "type_name": ".sparkplug_b.Metric"}
