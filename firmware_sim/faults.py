"""Faults of devices: THE table with what the gateway must make of each, and the payloads that the spoilt ones send. Pure.

Some spoil a reading, which this module does; the others befall the message that carries it, which the firmware does. What must
become of a reading stands in its row of the ledger: ``expect``, ``drop``, ``dup``, or no row at all.
"""

import json
import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from firmware_sim.devices.source import SensorValues
from schemas.quantities import QUANTITIES, Kind, Quantity
from schemas.rejects import RejectReason
from schemas.scenario import FaultKind


@dataclass(frozen=True, slots=True)
class FaultFate:
    """One kind of fault.

    :ivar about: the fault, for people.
    :ivar becomes: what the gateway must make of the reading.
    """

    about: str
    becomes: str


FAULTS: Final[Mapping[FaultKind, FaultFate]] = {
    FaultKind.DUPLICATE: FaultFate(
        "a message comes again behind the next one", "written once; the copy a duplicate, after ten minutes the same point"
    ),
    FaultKind.RETRANSMIT: FaultFate("a message comes again at once: its PUBACK was lost", "written once, the copy a duplicate"),
    FaultKind.REORDER: FaultFate("a message comes behind the next one", "written, at its own time"),
    FaultKind.DELAY: FaultFate("a message comes five intervals late", "written, at its own time; bit 8 when over late_after"),
    FaultKind.DROP: FaultFate("a message never comes", "nothing; counted in seq_missing, then completeness"),
    FaultKind.TRUNCATE: FaultFate("the end of a payload is missing", "reject bad_json"),
    FaultKind.GARBAGE: FaultFate("a frame of random bytes", "reject not_utf8"),
    FaultKind.NOT_A_NUMBER: FaultFate("a value is NaN", "the value dropped, bit 2; the rest written"),
    FaultKind.SENTINEL: FaultFate(
        "a value says that there is none: -9999, 65535", "the value dropped, bit 2; the rest written"
    ),
    FaultKind.POISON: FaultFate("any payload or value that cannot stand", "reject, or the value dropped and bit 2"),
    FaultKind.WRONG_UNIT: FaultFate(
        "registers in thousandths of their unit", "written as sent; bit 4; the sum goes on without it"
    ),
    FaultKind.RETAINED: FaultFate(
        "a reading is published retained", "written; the copy that a new subscription brings is the same point"
    ),
    FaultKind.FLOOD: FaultFate("sixty readings in place of one", "written, all of them; other devices are not held up"),
}


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


_SENTINELS: Final = (-9999.0, 65535.0, 4294967295.0, 1e12)


def _sentinel(quantity: Quantity) -> float:
    """The first number that means nothing, and that the quantity cannot have."""
    shown = (abs(value) if quantity.absolute else value for value in _SENTINELS)
    return next(value for value in shown if not quantity.minimum <= value <= quantity.maximum)


NOT_A_NUMBER: Final = ValueFault("not a number", lambda _: math.nan)
SENTINEL: Final = ValueFault("sentinel", _sentinel)
VALUE_FAULTS: Final = (
    ValueFault("above its bound", lambda quantity: quantity.maximum * 2 + 1),
    ValueFault(
        "below its bound", lambda quantity: quantity.minimum - abs(quantity.minimum) - 1 if not quantity.absolute else math.nan
    ),
    NOT_A_NUMBER,
    ValueFault("infinite", lambda _: -math.inf),
    SENTINEL,
    ValueFault("placeholder", lambda _: "???"),
    ValueFault("with its unit", lambda quantity: f"12.3 {quantity.unit}x"),
    ValueFault("boolean", lambda _: True),
)

TRUNCATED: Final = PayloadFault("cut short", RejectReason.BAD_JSON, lambda reading: encode(reading)[:-9])
GARBAGE: Final = PayloadFault(
    "garbage frame", RejectReason.NOT_UTF8, lambda reading: bytes(byte ^ 0xA5 for byte in encode(reading))
)
PAYLOAD_FAULTS: Final = (
    TRUNCATED,
    GARBAGE,
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
encode: Final[Callable[[object], bytes]] = msgspec.json.Encoder().encode
"""JSON as a device writes it, without blanks."""
_OF_PAYLOADS: Final = {FaultKind.TRUNCATE: (TRUNCATED,), FaultKind.GARBAGE: (GARBAGE,), FaultKind.POISON: PAYLOAD_FAULTS}
_OF_VALUES: Final = {
    FaultKind.NOT_A_NUMBER: (NOT_A_NUMBER,),
    FaultKind.SENTINEL: (SENTINEL,),
    FaultKind.POISON: VALUE_FAULTS,
}
SPOILING: Final = _OF_PAYLOADS.keys() | _OF_VALUES.keys()
"""The faults that spoil a payload."""
THOUSANDTHS: Final = 1_000
_SCALED: Final = ("flow_m3_h", "active_power_w")


def encode_faulty(reading: dict[str, Any]) -> bytes:
    """The payload with NaN and infinity as the bare words that C libraries print; no other encoder writes them."""
    return _COMPACT.encode(reading).encode()


def spoil(kind: FaultKind, chance: random.Random, domain: str, values: SensorValues, reading: dict[str, Any]) -> Spoilt | None:
    """A spoilt payload in place of a reading; None where the fault can do it no harm.

    :param kind: one of ``SPOILING``; poison is half of the time a payload that must be refused, else a value to be dropped.
    :param values: the quantities of ``reading`` that belong to ``domain``.
    :param reading: the whole payload object.
    """
    candidates = [key for key in values if _may_be_lost(QUANTITIES[domain][key])] if len(values) > 1 else []
    payload_faults, value_faults = _OF_PAYLOADS.get(kind, ()), _OF_VALUES.get(kind, ())
    if candidates and value_faults and (not payload_faults or chance.random() < 0.5):  # noqa: PLR2004 - half of the time
        field = chance.choice(candidates)
        value = chance.choice(value_faults).spoil(QUANTITIES[domain][field])
        return Spoilt(encode_faulty(reading | {field: value}), dropped=(field,))
    if not payload_faults:
        return None
    fault = chance.choice(payload_faults)
    return Spoilt(fault.spoil(reading), reason=fault.reason)


def in_wrong_unit(domain: str, values: SensorValues, registers: Iterable[str]) -> None:
    """Turn registers, and what they are the integral of, into thousandths of their unit, where the result is possible."""
    for field in (*registers, *_SCALED):
        if field in values and (value := round(values[field] * THOUSANDTHS, 3)) <= QUANTITIES[domain][field].maximum:
            values[field] = value


def _envelope(reading: dict[str, Any]) -> dict[str, Any]:
    return {key: reading[key] for key in ("ts", "seq") if key in reading}


def _may_be_lost(quantity: Quantity) -> bool:
    """Tell if its loss costs that field alone: a count is nothing without its interval."""
    return quantity.kind is not Kind.STATE and quantity.field != "interval_s"
