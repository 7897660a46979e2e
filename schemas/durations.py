"""Spans of time and rates as people write them: ``200ms``, ``10min``, ``40d``, ``20/h``."""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Final

from pydantic import BeforeValidator

_SPAN = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*")
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|min|h|d)\s*")
UNITS_MS: Final = {"ms": 1, "s": 1000, "min": 60_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_MS: Final = 100 * 366 * UNITS_MS["d"]


def parse_span_ms(value: object) -> int:
    """A span of time, in ms.

    :raises ValueError: with a sentence that says how to write it.
    """
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a span of time; {_HOW}")  # noqa: TRY004 - pydantic makes a sentence of it
    return _span_ms(value)


@lru_cache(1024)
def _span_ms(text: str) -> int:
    match = _SPAN.fullmatch(text)
    if match is None or match[2] not in UNITS_MS or (span := float(match[1]) * UNITS_MS[match[2]]) > LONGEST_MS:
        raise ValueError(f"{text!r} is not a span of time; {_HOW}")
    return round(span)


_HOW: Final = "write for example 200ms, 90s, 10min, 2h or 40d"


def parse_duration(value: object) -> timedelta:
    """The same as a duration; one that is a duration already stays as it is.

    :raises ValueError: with a sentence that says how to write it.
    """
    return value if isinstance(value, timedelta) else _duration(parse_span_ms(value))


@lru_cache(1024)
def _duration(span_ms: int) -> timedelta:
    """One object for all that are equal: ten thousand devices have few intervals."""
    return timedelta(milliseconds=span_ms)


def format_duration(duration: timedelta) -> str:
    """The shortest way to write it: ``15min``, ``90s``."""
    span_ms = round(duration / timedelta(milliseconds=1))
    units = ("d", "h", "min", "s", "ms") if span_ms else ("s",)
    unit = next(unit for unit in units if span_ms % UNITS_MS[unit] == 0)
    return f"{span_ms // UNITS_MS[unit]}{unit}"


def parse_rate_per_h(value: object) -> float:
    """A rate of growth, per hour.

    :raises ValueError: with a sentence that says how to write it.
    """
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not a rate; write for example 20/h, 0.5/min or 500/d")
    return float(match[1]) * UNITS_MS["h"] / UNITS_MS[match[2]]


def parse_offset_ms(value: object) -> int:
    """Read by how many ms a clock shows too much: ``7h``, ``-90min``, or a number of seconds; below 0: it shows too little.

    :raises ValueError: with a sentence that says how to write it.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) * 1000 <= LONGEST_MS:
        return round(value * 1000)
    text = value.strip() if isinstance(value, str) else ""
    try:
        span_ms = parse_span_ms(text[1:] if text[:1] in {"+", "-"} else text)
    except ValueError:
        raise ValueError(
            f"{value!r} is not an offset of a clock; write 7h if it shows 7 h too much, -7h if too little"
        ) from None
    return -span_ms if text.startswith("-") else span_ms


OffsetMs = Annotated[int, BeforeValidator(parse_offset_ms, json_schema_input_type=str | float)]
SpanMs = Annotated[int, BeforeValidator(parse_span_ms, json_schema_input_type=str)]
RatePerH = Annotated[float, BeforeValidator(parse_rate_per_h, json_schema_input_type=str)]
Duration = Annotated[timedelta, BeforeValidator(parse_duration, json_schema_input_type=str)]
