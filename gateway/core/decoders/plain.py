"""JSON as devices send it, bare bytes, and parts of a decoded value: bytes as text or as registers, JSON in a text.

Whatever comes out is bounded: nested at most :data:`DEPTH_MAX` deep, every integer fits into a float, every text is valid
Unicode. A number beyond a float is infinite, so that the mapping drops that one value as ``not_finite``. A key that occurs
twice is a fault in an object that holds no other object and no list. Elsewhere the last value counts: looking for it there
would take as long as decoding them.
"""

import binascii
import math
import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from gateway.core.decoders import bad_payload
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
    """The same for a text that a ``printf`` made: bare ``nan``, ``inf`` or ``ovf``, in any case, is null; NUL ends it."""
    try:
        return json_object(payload)
    except Undecodable:
        text, _, _ = payload.partition(b"\0")
        return json_object(_NOT_A_NUMBER.sub(lambda found: found[0] if found[0].startswith(b'"') else b"null", text))


def raw_bytes(payload: bytes) -> dict[str, object]:
    """The payload as it is, under the key ``payload``."""
    return {"payload": payload}


def bounded(value: object, depth: int = DEPTH_MAX) -> object:
    """A JSON value in which every integer beyond a float is infinite; nested deeper than ``depth`` it is Undecodable."""
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


def _swapped(field: bytes) -> bytes:
    """The bytes of each register the other way round."""
    return b"".join(field[at : at + _WORD_BYTES][::-1] for at in range(0, len(field), _WORD_BYTES))


ORDERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "abcd": lambda field: field,
    "badc": _swapped,
    "cdab": lambda field: _swapped(field[::-1]),
    "dcba": lambda field: field[::-1],
}
"""How makers order the bytes of a number that fills 16-bit registers → the step that puts the highest first."""

WORDS_MAX: Final = 4096
_WORD_BYTES: Final = 2
_PAIR_BYTES: Final = 4


def from_base64(value: object) -> bytes:
    """The bytes of a base64 text (RFC 4648, either alphabet, padded or not)."""
    try:
        return binascii.a2b_base64(value, strict_mode=True)  # type: ignore[arg-type] # a value that is not text raises TypeError
    except (ValueError, TypeError):
        pass
    if not isinstance(value, str):
        raise _no("base64", value)
    text = "".join(value.strip(_AROUND).split()).rstrip("=").translate(_URL_ALPHABET)
    try:
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:  # also for what is not ASCII
        raise _no("base64", value) from None


def from_hex(value: object) -> bytes:
    """The bytes of a text of hexadecimal digits; spaces, colons and dashes between bytes and a leading ``0x`` are left out."""
    if not isinstance(value, str):
        raise _no("hex", value)
    try:
        return bytes.fromhex(value)
    except ValueError:
        pass
    try:
        return bytes.fromhex(value.strip(_AROUND).removeprefix("0x").replace(":", "").replace("-", ""))
    except ValueError:
        raise _no("hex", value) from None


def from_bytes_list(value: object) -> bytes:
    """The bytes of a list of numbers 0 to 255."""
    if isinstance(value, list):
        try:
            return bytes(value)
        except (TypeError, ValueError):
            pass
    raise _no("a list of bytes", value)


def from_json_text(value: object) -> object:
    """The JSON that is in a text."""
    if not isinstance(value, str):
        raise _no("JSON in a text", value)
    try:
        return json_object(value.encode())
    except UnicodeEncodeError:  # half a surrogate pair
        raise _no("JSON in a text", value) from None
    except Undecodable as why:
        raise bad_payload(f"JSON in a text: {why.detail}") from None


def from_words(value: object, order: str = "abcd") -> bytes:
    """The bytes of a list of 16-bit registers, each an integer, signed or not; :data:`ORDERS` has the orders."""
    if not isinstance(value, list) or len(value) > WORDS_MAX:
        raise _no(f"a list of at most {WORDS_MAX} registers", value)
    payload, arrange = b"".join(map(_word, value)), ORDERS[order]
    return b"".join(arrange(payload[at : at + _PAIR_BYTES]) for at in range(0, len(payload), _PAIR_BYTES))


def _word(word: object) -> bytes:
    if type(word) is not int or not -0x8000 <= word <= 0xFFFF:  # noqa: PLR2004
        raise _no("a 16-bit register", word)
    return (word & 0xFFFF).to_bytes(_WORD_BYTES)


_AROUND: Final = "\0 \t\r\n"
_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_SHOWN: Final = 60


def _no(wanted: str, value: object) -> Undecodable:
    shown = value[:_SHOWN] if isinstance(value, str | bytes | list) else value
    kind = type(value).__name__
    text = repr(shown) if isinstance(shown, str | bytes | int | float | None) else f"a {kind}"
    return bad_payload(f"{text[: 2 * _SHOWN]} is not {wanted}")
