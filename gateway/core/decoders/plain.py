"""JSON as devices send it, and bare bytes.

Whatever comes out is bounded: nested at most :data:`DEPTH_MAX` deep, every integer fits into a float, every text is valid
Unicode. A number beyond a float is infinite, so that the mapping drops that one value as ``not_finite``. A key that occurs
twice is a fault in an object that holds no other object and no list. Elsewhere the last value counts: looking for it there
would take as long as decoding them.
"""

import math
import re
from typing import Final

import msgspec

from gateway.core.message import Undecodable
from gateway.core.readings.json_text import Repeating, bare, parse, with_repeating
from gateway.core.readings.native import stands_twice
from schemas.rejects import RejectReason

DEPTH_MAX: Final = 64
"""Nesting of objects and lists; no sensor needs ten levels."""

_FLOAT_MAX: Final = int(1.7976931348623157e308)
_STRIDE: Final = 64
_FOUR_DIGITS = re.compile(rb"[0-9]{4}")
_NOT_A_NUMBER = re.compile(
    rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'  # a text stays as it is; one without an end is taken too, so that each byte is met once
    rb"|(?<![\w.])[+-]?(?:nan|inf(?:inity)?|ovf)(?![\w.])",
    re.IGNORECASE | re.DOTALL,
)

_decode = msgspec.json.Decoder().decode


def json_object(payload: bytes) -> object:
    """The value of a JSON text (RFC 8259), most often an object. A byte order mark before it and NUL after it are stripped.

    :raises Undecodable: ``not_utf8`` or ``bad_json``, with the place of the fault or the key that occurs twice.
    """
    document = json_of_frame(payload)
    opened = _opened(payload)
    if opened == 1 and type(document) is dict and payload.count(b'":') != len(document):  # or a text holds such bytes
        seen = with_repeating(document, bare(payload))
        if type(seen) is Repeating:
            raise stands_twice(seen)
    return bounded(document) if opened > DEPTH_MAX or _may_be_infinite(payload) else document


def json_of_frame(message: bytes) -> object:
    """The value of a JSON text that was found sound and bounded before; if a key occurs twice, the last value counts."""
    try:
        return _decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if not bare(message):
            raise Undecodable(RejectReason.BAD_JSON, "the payload is empty") from None
        return parse(message, allow_inf_nan=False)


def json_lenient(payload: bytes) -> object:
    """The same for a text that a simple ``printf`` made: bare ``nan``, ``inf`` or ``ovf``, in any case, is null; NUL ends it.

    :raises Undecodable: as :func:`json_object`, for all other faults.
    """
    try:
        return json_object(payload)
    except Undecodable:
        text, _, _ = payload.partition(b"\0")
        return json_object(_NOT_A_NUMBER.sub(lambda found: found[0] if found[0].startswith(b'"') else b"null", text))


def raw_bytes(payload: bytes) -> dict[str, object]:
    """The payload as it is, under the key ``payload``."""
    return {"payload": payload}


def bounded(value: object, depth: int = DEPTH_MAX) -> object:
    """A JSON value in which every integer beyond a float is infinite.

    :raises Undecodable: ``bad_json`` when it is nested deeper than ``depth``.
    """
    if isinstance(value, dict | list) and not depth:
        raise Undecodable(RejectReason.BAD_JSON, f"nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        return {key: bounded(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [bounded(item, depth - 1) for item in value]
    return finite(value) if type(value) is int else value


def finite(number: int) -> float:
    """The number itself where a float can hold it (rounded, perhaps); else infinity of its sign."""
    if -_FLOAT_MAX <= number <= _FLOAT_MAX:
        return number
    return math.inf if number > 0 else -math.inf


def may_be_unbounded(payload: bytes) -> bool:
    """Tell if a walk through the document is due. Usually it is not, and this check must cost less than the walk.

    An integer beyond a float has 309 digits, so four samples in a row are digits.
    """
    return _opened(payload) > DEPTH_MAX or _may_be_infinite(payload)


def _opened(payload: bytes) -> int:
    """The number of objects and lists, or more. ``replace`` counts faster than ``count``."""
    return len(payload) - len(payload.replace(b"[", b"").replace(b"{", b""))


def _may_be_infinite(payload: bytes) -> bool:
    return _FOUR_DIGITS.search(payload[::_STRIDE]) is not None
