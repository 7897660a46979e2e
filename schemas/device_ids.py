"""Ids of devices, sites and tags made from names outside their grammar, so that no two names ever share one."""

import re
from binascii import crc_hqx
from functools import lru_cache
from typing import Final
from unicodedata import normalize

from schemas.topics import NAME_MAX, is_id

_OTHERS = re.compile(r"[^a-z0-9._:]+")
_DIGITS: Final = 4


def one_spelling(source: str) -> str:
    """A name in its form for comparisons: Unicode has two spellings of ``ổ``, which look alike, and keyboards type either."""
    return source if source.isascii() else normalize("NFC", source)


@lru_cache(maxsize=1024)
def device_id(source: str) -> str:
    """The id under which the readings of ``source`` are stored.

    A name within the grammar is its own id. Of any other the letters are written in plain ones, small, what lies between them
    as one dash, followed by four hex digits of the whole name's CRC-16: ``Ổ cắm bàn`` is ``o-cam-ban-9bfc``. They distinguish
    names that read alike without their tones, and depend on the name alone, not on which device sends first.
    """
    if is_id(source):
        return source
    from anyascii import anyascii  # noqa: PLC0415 - 10 ms that only a fleet with such names pays

    name = one_spelling(source)
    plain = _OTHERS.sub("-", anyascii(name).lower())[: NAME_MAX - _DIGITS - 1].strip("-.")
    return f"{plain or 'device'}-{crc_hqx(name.encode(errors='surrogatepass'), 0):0{_DIGITS}x}"
