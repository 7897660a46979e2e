"""Line protocol read back, as strictly as the servers that will read it, and without the code under test.

InfluxDB 1 and 2 take a separator as escaped when a backslash stands before it; VictoriaMetrics when the number of backslashes
before it is odd. A line is sound only when both read the same.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

Value = float | int | bool
IsEscaped = Callable[[str, int], bool]

_FLOAT = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")
_INTEGER = re.compile(r"-?\d+i")


@dataclass(frozen=True)
class Point:
    """One line, taken apart."""

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time_ms: int

    @property
    def values(self) -> dict[str, Value]:
        """The fields without ``quality`` and ``seq``."""
        return {key: value for key, value in self.fields.items() if key not in {"quality", "seq"}}


def by_previous_byte(text: str, at: int) -> bool:
    """Tell if ``text[at]`` is escaped for InfluxDB 1 and 2."""
    return text[at - 1 : at] == "\\"


def by_parity(text: str, at: int) -> bool:
    """Tell if ``text[at]`` is escaped for VictoriaMetrics."""
    before = text[:at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def split(text: str, separator: str, is_escaped: IsEscaped) -> list[str]:
    """``text`` at every separator that is not escaped."""
    parts, start = [], 0
    for at, character in enumerate(text):
        if character == separator and not is_escaped(text, at):
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def parse(line: str) -> Point:
    """The point of one line; fails when it is not exactly one, or when two servers would read it differently."""
    assert "\n" not in line
    points = [_parse(line, is_escaped) for is_escaped in (by_previous_byte, by_parity)]
    assert points[0] == points[1]
    return points[0]


def _parse(line: str, is_escaped: IsEscaped) -> Point:
    series, fields, time_ms = split(line, " ", is_escaped)
    measurement, *tags = split(series, ",", is_escaped)
    assert measurement
    assert re.fullmatch(r"\d+", time_ms)
    return Point(
        measurement,
        _pairs(tags, is_escaped),
        {key: _value(text) for key, text in _pairs(split(fields, ",", is_escaped), is_escaped).items()},
        int(time_ms),
    )


def _pairs(texts: list[str], is_escaped: IsEscaped) -> dict[str, str]:
    pairs = [split(text, "=", is_escaped) for text in texts]
    assert all(len(pair) == 2 and all(pair) for pair in pairs), pairs
    found = {key: value for key, value in pairs}  # noqa: C416 - a pair that is none must fail here
    assert len(found) == len(pairs), "a key stands twice"
    return found


def _value(text: str) -> Value:
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text[:-1])
    assert _FLOAT.fullmatch(text), text
    return float(text)
