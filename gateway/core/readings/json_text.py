"""Slow path for JSON texts that the quick decoders refuse, with faults described for a reject."""

from typing import Final

from pydantic_core import from_json

from gateway.core.message import Undecodable
from schemas.rejects import RejectReason

_BOM: Final = b"\xef\xbb\xbf"
_BEHIND: Final = b"\0 \t\r\n"


def bare(payload: bytes) -> bytes:
    """Strip the byte order mark before a text, and NUL and white space after it."""
    return payload.removeprefix(_BOM).rstrip(_BEHIND)


def parse(payload: bytes, *, allow_inf_nan: bool) -> object:
    """Parse a JSON text; a number beyond a float comes out infinite, and if a key occurs twice, the last value counts.

    :raises Undecodable: ``not_utf8`` or ``bad_json``, with the place of the fault.
    """
    try:
        return from_json(bare(payload), allow_inf_nan=allow_inf_nan)
    except ValueError as error:
        try:
            payload.decode()
        except UnicodeDecodeError as at:
            raise Undecodable(RejectReason.NOT_UTF8, f"byte {at.start} is not UTF-8") from None
        raise Undecodable(RejectReason.BAD_JSON, f"not JSON: {error}") from None
