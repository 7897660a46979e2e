"""JSON texts that the quick decoders refuse, or would read wrongly: faults described for a reject, and keys that occur twice.

Parsers silently keep the last value of such a key, and nobody knows which was meant.
"""

import json
from collections import Counter
from typing import Final

from pydantic_core import from_json, to_json

from gateway.core.message import Undecodable
from schemas.rejects import RejectReason

_INT_DIGITS_MAX: Final = 400
"""Longer ones are beyond a float; Python refuses to read very long ones."""


class Repeating:
    """An object in which a key occurs twice, with all its members in order; ``key`` is the one that occurs most often."""

    __slots__ = ("key", "members")

    def __init__(self, members: list[tuple[str, object]]) -> None:
        self.members = members
        self.key = Counter(key for key, _ in members).most_common(1)[0][0]


def with_repeating(document: object, text: bytes) -> object:
    """The document, with :class:`Repeating` in place of it, or of items of its list, where a key occurs twice.

    It was parsed from the text. Deeper levels are not part of a reading and are left unchanged.
    """
    items = document if isinstance(document, list) else [document]
    if text.count(b":") == sum(len(item) for item in items if isinstance(item, dict)):
        return document  # a member takes at least one colon, so there is none besides those that were kept
    seen = json.loads(text.decode(), object_pairs_hook=_object, parse_int=_number)
    if not isinstance(document, list):
        return seen if type(seen) is Repeating else document
    return [other if type(other) is Repeating else item for item, other in zip(document, seen, strict=True)]


def _object(members: list[tuple[str, object]]) -> object:
    found = dict(members)
    return found if len(found) == len(members) else Repeating(members)


def _number(digits: str) -> float:
    return int(digits) if len(digits) < _INT_DIGITS_MAX else float(digits)


def text_of(value: object) -> bytes:
    """The bytes of an object, with a repeated key."""
    if isinstance(value, Repeating | dict):
        members = value.members if isinstance(value, Repeating) else value.items()
        return b"{%b}" % b",".join(b"%b:%b" % (to_json(key), text_of(item)) for key, item in members)
    if isinstance(value, list):
        return b"[%b]" % b",".join(map(text_of, value))
    return to_json(value, inf_nan_mode="constants")


_BOM: Final = b"\xef\xbb\xbf"
_BEHIND: Final = b"\0 \t\r\n"


def bare(payload: bytes) -> bytes:
    """Strip the byte order mark before a text, and NUL and white space after it."""
    return payload.removeprefix(_BOM).rstrip(_BEHIND)


def parse(payload: bytes, *, allow_inf_nan: bool) -> object:
    """Parse a JSON text; a number beyond a float is infinite, of a key twice the last counts; Undecodable names the fault."""
    try:
        return from_json(bare(payload), allow_inf_nan=allow_inf_nan)
    except ValueError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as at:
            raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None
        raise Undecodable(RejectReason.BAD_JSON, f"not JSON: {error}") from None
