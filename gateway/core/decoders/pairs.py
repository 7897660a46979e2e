"""Texts of pairs: ``tempf=88.7&humidity=70`` as a web form sends it, ``T=21.5;H=60`` as simple loggers write it."""

import re
from collections.abc import Callable
from typing import Final

from gateway.core.message import Undecodable
from schemas.readings import ARRAY_MAX
from schemas.rejects import RejectReason

PairsDecoder = Callable[[bytes], dict[str, object]]

_OF_FORMS: Final = "&"
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")


def compile_pairs(between: str = _OF_FORMS, equals: str = "=") -> PairsDecoder:
    """Compile a reader of pairs that gives an object of texts.

    A part without a sign is a key with true. If a key occurs twice, the last value counts.

    A form writes a blank as ``+`` and other characters as ``%3A``: they are read as they are meant.

    :raises ValueError: nothing could tell the parts of a pair.
    """
    if not between or not equals or between == equals:
        raise ValueError("between and equals are two different texts")
    is_form = between == _OF_FORMS

    def decode(payload: bytes) -> dict[str, object]:
        parts = payload.strip(b"\0\r\n \t").split(between.encode())
        if len(parts) > ARRAY_MAX:
            raise Undecodable(RejectReason.BAD_PAYLOAD, f"{len(parts)} pairs in one message; send at most {ARRAY_MAX}")
        found: dict[str, object] = {}
        for part in parts:
            key, sign, value = part.partition(equals.encode())
            name = _text(key, is_form=is_form)
            if name:
                found[name] = _text(value, is_form=is_form) if sign else True
        return found

    return decode


def _text(part: bytes, *, is_form: bool) -> str:
    if is_form:
        part = _ESCAPED.sub(lambda match: bytes([int(match[1], 16)]), part.replace(b"+", b" "))
    try:
        return part.decode().strip()
    except UnicodeDecodeError:
        raise Undecodable(RejectReason.NOT_UTF8, f"{part[:40]!r} is not UTF-8") from None
