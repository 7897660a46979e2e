"""Sizes as people write them in the configuration: ``262144``, ``64KiB``, ``32MiB``, ``1GiB``."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_DIGITS_MAX: Final = 20
_BYTES: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_size(value: object) -> int:
    """A size in bytes, as a number or with its unit.

    :raises ValueError: with a sentence that says how to write it.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].upper() not in _BYTES or len(match[1]) > _DIGITS_MAX:
        raise ValueError(f"{value!r} is not a size; write for example 262144, 64MiB or 1GiB")
    return int(float(match[1]) * _BYTES[match[2].upper()])


SizeBytes = Annotated[int, BeforeValidator(parse_size)]
