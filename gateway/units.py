"""Durations and sizes as people write them in the configuration: ``10ms``, ``5s``, ``7d``, ``32MiB``."""

import re
from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator

_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_SECONDS: Final = {"ms": 0.001, "s": 1, "min": 60, "m": 60, "h": 3600, "d": 86400}
_BYTES: Final = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_duration(value: object) -> timedelta:
    """A duration with its unit.

    :raises ValueError: with a sentence that says how to write it.
    """
    if isinstance(value, timedelta):
        return value
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        raise ValueError(f"{value!r} is not a duration; write for example 10ms, 5s, 5min, 1h or 7d")
    return timedelta(seconds=float(match[1]) * _SECONDS[match[2]])


def parse_size(value: object) -> int:
    """A size in bytes, as a number or with its unit.

    :raises ValueError: with a sentence that says how to write it.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2].upper() not in _BYTES:
        raise ValueError(f"{value!r} is not a size; write for example 262144, 64MiB or 1GiB")
    return int(float(match[1]) * _BYTES[match[2].upper()])


Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
SizeBytes = Annotated[int, BeforeValidator(parse_size)]
