"""A message that a simulated device sends, and what a database must hold of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

_COMPACT: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class CarriedPoint:
    """The part of a message that belongs to one measurement and instant.

    :ivar fields: canonical quantities, rounded to what the message carries.
    :ivar time_ms: None: the message tells no time, and the gateway's is expected.
    """

    measurement: str
    fields: Mapping[str, float | int | bool]
    time_ms: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WireMessage:
    """One MQTT message, QoS 1 and not retained.

    :ivar points: what must stand in the database; none: it carries no readings, as a birth of an edge node.
    """

    topic: str
    payload: bytes
    points: tuple[CarriedPoint, ...] = ()


def json_bytes(document: object) -> bytes:
    """JSON without blanks."""
    return _COMPACT.encode(document).encode()


def utc_text(time_ms: int, suffix: str = "Z") -> str:
    """RFC 3339 with milliseconds."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}{suffix}"
