"""Decoders of parts of a decoded value: bytes as text or as registers, JSON in a string. Each raises Undecodable."""

import binascii
from collections.abc import Callable, Mapping
from typing import Final

from gateway.core.decoders import bad_payload
from gateway.core.decoders.plain import json_object
from gateway.core.message import Undecodable


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
