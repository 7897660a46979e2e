"""CBOR (RFC 8949) as plain values, the same kinds that JSON has, and bytes.

Tags are hints for languages that have more types than JSON; what a tag wraps stands for itself: a date is its RFC 3339 text or
its epoch number. Only numbers are worked out: big integers, decimal fractions and big floats.
"""

import math
from collections.abc import Callable, Mapping
from typing import Final

import cbor2

from gateway.core.decoders import bad_payload
from gateway.core.decoders.plain import DEPTH_MAX, finite

CBOR_MAX_BYTES: Final = 65536
"""Longest payload: a map made of keys that collide costs the square of its size, and this keeps it to a tenth of a second."""

_BIG_MAX_BYTES: Final = 128
_KEY_MAX: Final = 256
"""Characters of a key that was not text: for maps within keys of maps the text would double with every level."""


def cbor(payload: bytes) -> object:
    """The one data item of a CBOR payload. Keys that are not text become text; undefined and simple values become None."""
    if len(payload) > CBOR_MAX_BYTES:
        raise bad_payload(f"{len(payload)} bytes of CBOR; send at most {CBOR_MAX_BYTES} in a message")
    try:
        # In a list of two before `undefined`, so that whatever follows the first item shows.
        item, after = cbor2.loads(_LIST_OF_TWO + payload + _UNDEFINED, semantic_decoders=_TAGS, max_depth=DEPTH_MAX)
    except (cbor2.CBORDecodeError, RecursionError) as error:
        detail = f"{error}: {error.__cause__}" if isinstance(error.__cause__, ValueError) else str(error)
        raise bad_payload(f"not CBOR: {detail}") from None
    if after is not cbor2.undefined:
        raise bad_payload("more than one CBOR item in the message")
    return _plain(item)


_LIST_OF_TWO: Final = b"\x82"
_UNDEFINED: Final = b"\xf7"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, cbor2.CBORTag):
        return _plain(value.value)
    return value if isinstance(value, str | int | float | bytes) else None


def _key(key: object) -> str:
    if isinstance(key, bytes):
        return key.hex()
    return key if isinstance(key, str) else str(_plain(key))[:_KEY_MAX]


def _itself(value: object, _immutable: bool) -> object:  # noqa: FBT001 - as the library calls it
    return value


def _refused(_value: object, _immutable: bool) -> object:  # noqa: FBT001
    raise ValueError("references to other items are not supported")


def _big(value: object, _immutable: bool) -> float:  # noqa: FBT001
    if not isinstance(value, bytes):
        raise ValueError("a big integer is not made of bytes")  # noqa: TRY004 - a fault of the payload
    return finite(int.from_bytes(value)) if len(value) <= _BIG_MAX_BYTES else math.inf


def _negative_big(value: object, immutable: bool) -> float:  # noqa: FBT001
    return -1 - _big(value, immutable)


def _decimal(value: object, _immutable: bool) -> float:  # noqa: FBT001
    exponent, mantissa = _pair(value)
    return float(f"{mantissa}e{exponent}")


def _big_float(value: object, _immutable: bool) -> float:  # noqa: FBT001
    exponent, mantissa = _pair(value)
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:
        return math.copysign(math.inf, mantissa)


def _pair(value: object) -> tuple[int, int]:
    """Exponent and mantissa [RFC 8949, 3.4.4]."""
    exponent, mantissa = value if isinstance(value, list | tuple) and len(value) == len(("e", "m")) else (None, None)
    if isinstance(exponent, int) and isinstance(mantissa, int):
        return exponent, mantissa
    raise ValueError("a fraction is not exponent and mantissa")


_TAGS: Final[dict[int, Callable[[object, bool], object]]] = {
    2: _big,
    3: _negative_big,
    4: _decimal,
    5: _big_float,
    **dict.fromkeys((25, 28, 29, 256), _refused),
    **dict.fromkeys((0, 1, 30, 35, 36, 37, 52, 54, 100, 258, 260, 261, 1004, 43000, 55799), _itself),
}
"""Replacements for all tags that the library would turn into objects of its own."""
