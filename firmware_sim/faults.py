"""Faulty payloads of broken devices: tables of spoilt values and spoilt payloads, with the expected fate of each. Pure."""

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from firmware_sim.devices.source import SensorValues
from schemas.quantities import QUANTITIES, Kind, Quantity
from schemas.rejects import RejectReason


@dataclass(frozen=True, slots=True)
class ValueFault:
    """A value that cannot stand; the rest of its reading does."""

    name: str
    spoil: Callable[[Quantity], float | str | bool]


@dataclass(frozen=True, slots=True)
class PayloadFault:
    """A payload of which nothing can stand, and the reason it is refused with."""

    name: str
    reason: RejectReason
    spoil: Callable[[dict[str, Any]], bytes]


VALUE_FAULTS: Final = (
    ValueFault("above its bound", lambda quantity: quantity.maximum * 2 + 1),
    ValueFault(
        "below its bound", lambda quantity: quantity.minimum - abs(quantity.minimum) - 1 if not quantity.absolute else math.nan
    ),
    ValueFault("not a number", lambda _: math.nan),
    ValueFault("infinite", lambda _: -math.inf),
    ValueFault("placeholder", lambda _: "???"),
    ValueFault("with its unit", lambda quantity: f"12.3 {quantity.unit}x"),
    ValueFault("boolean", lambda _: True),
)

PAYLOAD_FAULTS: Final = (
    PayloadFault("cut short", RejectReason.BAD_JSON, lambda reading: encode(reading)[:-9]),
    PayloadFault("Latin-1", RejectReason.NOT_UTF8, lambda reading: encode(reading)[:-1] + b',"place":"\xe0"}'),
    PayloadFault("only text", RejectReason.BAD_PAYLOAD, lambda _: b'"online"'),
    PayloadFault("only a number", RejectReason.BAD_PAYLOAD, lambda _: b"17.2"),
    PayloadFault("nothing measured", RejectReason.NO_QUANTITY, lambda reading: encode(_envelope(reading))),
)


@dataclass(frozen=True, slots=True)
class Spoilt:
    """A payload sent in place of a sound reading.

    :ivar dropped: the fields that must not arrive.
    :ivar reason: why nothing of it must arrive, or None.
    """

    payload: bytes
    dropped: tuple[str, ...] = ()
    reason: RejectReason | None = None


_COMPACT: Final = json.JSONEncoder(separators=(",", ":"))


def encode(reading: dict[str, Any]) -> bytes:
    """The payload as a device writes it; NaN and infinity as the bare words that C libraries print."""
    return _COMPACT.encode(reading).encode()


def spoil(chance: random.Random, domain: str, values: SensorValues, reading: dict[str, Any]) -> Spoilt:
    """A fault for one reading: half of the time a payload that must be refused, else a value that must be dropped.

    :param values: the quantities of ``reading`` that belong to ``domain``.
    :param reading: the whole payload object.
    """
    candidates = [key for key in values if _may_be_lost(QUANTITIES[domain][key])]
    if len(values) > 1 and candidates and chance.random() < 0.5:  # noqa: PLR2004 - half of the time
        field = chance.choice(candidates)
        value = chance.choice(VALUE_FAULTS).spoil(QUANTITIES[domain][field])
        return Spoilt(encode(reading | {field: value}), dropped=(field,))
    fault = chance.choice(PAYLOAD_FAULTS)
    return Spoilt(fault.spoil(reading), reason=fault.reason)


def _envelope(reading: dict[str, Any]) -> dict[str, Any]:
    return {key: reading[key] for key in ("ts", "seq") if key in reading}


def _may_be_lost(quantity: Quantity) -> bool:
    """Tell if its loss costs that field alone: a count is nothing without its interval."""
    return quantity.kind is not Kind.STATE and quantity.field != "interval_s"
