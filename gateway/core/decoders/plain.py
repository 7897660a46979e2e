"""JSON as devices send it, and bare bytes.

Whatever comes out is bounded: nested at most :data:`DEPTH_MAX` deep, every integer fits into a float, every text is valid
Unicode. A number beyond a float is infinite, so that the mapping drops that one value as ``not_finite``. Of a key that stands
twice the last one counts.
"""

import math
import re
from typing import Final

import msgspec
from pydantic_core import from_json

from gateway.core.native import Undecodable
from schemas.rejects import RejectReason

DEPTH_MAX: Final = 64
"""Objects and lists in one another; no sensor needs ten."""

_BOM: Final = b"\xef\xbb\xbf"
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

    :raises Undecodable: ``not_utf8`` or ``bad_json``, with the place of the fault.
    """
    try:
        document = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        document = _patiently(payload)
    return bounded(document) if may_be_unbounded(payload) else document


def json_lenient(payload: bytes) -> object:
    """The same of a text that a simple ``printf`` made: bare ``nan``, ``inf`` or ``ovf``, in any case, is null; NUL ends it.

    :raises Undecodable: as :func:`json_object`, for all other faults.
    """
    try:
        return json_object(payload)
    except Undecodable:
        text, _, _ = payload.partition(b"\0")
        return json_object(_NOT_A_NUMBER.sub(_null, text))


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
    """Whether a walk through the document is due. Most often it is not, and to know that must cost less than the walk.

    An integer beyond a float has 309 digits, so four samples in a row are digits. (``replace`` counts faster than ``count``.)
    """
    opened = len(payload) - len(payload.replace(b"[", b"").replace(b"{", b""))
    return opened > DEPTH_MAX or _FOUR_DIGITS.search(payload[::_STRIDE]) is not None


def _patiently(payload: bytes) -> object:
    stripped = payload.removeprefix(_BOM).rstrip(b"\0 \t\r\n")
    if not stripped:
        raise Undecodable(RejectReason.BAD_JSON, "the payload is empty")
    try:
        return from_json(stripped, allow_inf_nan=False)  # numbers beyond a float come out infinite
    except ValueError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as at:
            raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None
        raise Undecodable(RejectReason.BAD_JSON, f"not JSON: {error}") from None


def _null(found: re.Match[bytes]) -> bytes:
    return found[0] if found[0].startswith(b'"') else b"null"
