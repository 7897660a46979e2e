"""Arithmetic of value steps: straight lines with exact coefficients, rounded once, and numbers in texts."""

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from schemas.unit_scale import Line

Number = int | float
Apply = Callable[[Number], Number]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST: Final = 64
_GREATEST: Final = 1e100
_EXACT: Final = 1 << 53
"""Whole numbers up to here are exact in a float."""


def number_in(text: str) -> Number | None:
    """The number a text is, with a point or a decimal comma; None when it is none."""
    text = text.strip()
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdecimal() else float(text.replace(",", "."))


def fraction(value: object) -> Fraction:
    """A number as it is written in decimal, exactly: 0.1 is one tenth.

    :raises ValueError: it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _GREATEST:
        raise ValueError(f"{str(value)[:40]} is not a number that can be reckoned with")
    return Fraction(repr(value))


def along(line: Line) -> Apply | None:
    """The function that follows a line, rounding once; None when it changes nothing.

    Dividing a float by 10 rounds once; multiplying it by 0.1 does it twice, since 0.1 is no float. Division of whole numbers is
    rounded correctly whatever their size.

    The function raises OverflowError or ValueError for numbers that are not finite, or become so.
    """
    times, by = line.slope.numerator, line.slope.denominator
    if line.shift == 0 and times == by == 1:
        return None
    if line.shift == 0 and by == 1 and abs(times) < _EXACT:
        return lambda x: x * times
    if line.shift == 0 and times == 1 and by < _EXACT:
        return lambda x: x / by
    below = math.lcm(by, line.shift.denominator)
    return _exactly(times * (below // by), line.shift.numerator * (below // line.shift.denominator), below)


def _exactly(times: int, plus: int, by: int) -> Apply:
    """``(x · times + plus) / by`` in whole numbers."""

    def follow(x: Number) -> Number:
        if isinstance(x, int):
            return (x * times + plus) / by
        above, below = x.as_integer_ratio()
        return (above * times + plus * below) / (below * by)

    return follow


def between(points: Sequence[tuple[Number, Number]]) -> Callable[[Number], float | None]:
    """The function that follows straight lines between points; None outside of them.

    :raises ValueError: x does not grow from point to point.
    """
    xs, ys = [float(x) for x, _ in points], [float(y) for _, y in points]
    if any(right <= left for left, right in pairwise(xs)):
        raise ValueError("x must grow from point to point")

    def follow(x: Number) -> float | None:
        if not xs[0] <= x <= xs[-1]:
            return None
        at = bisect_left(xs, x)
        if xs[at] == x:
            return ys[at]
        share = (x - xs[at - 1]) / (xs[at] - xs[at - 1])
        return ys[at - 1] + share * (ys[at] - ys[at - 1])

    return follow
