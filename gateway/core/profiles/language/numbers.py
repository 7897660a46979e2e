"""Arithmetic of value steps: straight lines with exact coefficients, rounded once, and numbers in texts."""

import math
import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, DivisionByZero, InvalidOperation
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from operator import add, mul, sub
from typing import Final

from schemas.unit_scale import LinearScale

Number = int | float
Apply = Callable[[Number], Number]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_HEXADECIMAL = re.compile(r"0[xX][0-9A-Fa-f]{1,16}")
_LONGEST: Final = 64
_GREATEST: Final = 1e100
_EXACT: Final = 1 << 53
"""Whole numbers up to here are exact in a float."""


def number_in(text: str) -> Number | None:
    """The number in a text, with a point or a decimal comma, or in hexadecimal after 0x; None if it is not a number."""
    text = text.strip()
    if len(text) > _LONGEST or not _NUMBER.fullmatch(text):
        return int(text, 16) if _HEXADECIMAL.fullmatch(text) else None
    return int(text) if text.lstrip("+-").isdecimal() else float(text.replace(",", "."))


def fraction(value: object) -> Fraction:
    """A number as it is written in decimal, exactly: 0.1 is one tenth. A ValueError refuses what is not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _GREATEST:
        raise ValueError(f"{str(value)[:40]} is not a number that can be calculated with")
    return Fraction(repr(value))


def exactly(operation: str) -> Callable[[Sequence[Number]], Number]:
    """One of the operations on numbers as they are written in decimal, rounded once: 4.5 less 2.7 is 1.8.

    The function raises ArithmeticError or ValueError if there is no result.
    """
    combine, whole = OPERATIONS[operation], _OF_WHOLE.get(operation)

    def run(numbers: Sequence[Number]) -> Number:
        if whole is not None and len(numbers) <= _EXACT_FACTORS and all(type(number) is int for number in numbers):
            return reduce(whole, numbers)
        return float(reduce(combine, [Decimal(number if type(number) is int else repr(number)) for number in numbers]))

    return run


_EXACT_FACTORS: Final = 8
"""Most whole numbers that are multiplied at their full length; with more the result would become too long."""
_DECIMAL: Final = Context(prec=60, traps=[DivisionByZero, InvalidOperation])
OPERATIONS: Final[dict[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "sum": _DECIMAL.add,
    "sub": _DECIMAL.subtract,
    "mul": _DECIMAL.multiply,
    "div": _DECIMAL.divide,
}
_OF_WHOLE: Final[dict[str, Callable[[Number, Number], Number]]] = {"sum": add, "sub": sub, "mul": mul}


def along(line: LinearScale) -> Apply | None:
    """Compile a straight line, rounded once; None if it changes nothing.

    A float is taken as it is written in decimal: 4.35 times 100 is 435. Whole numbers, which are most of what registers send,
    take a fast path. Division of whole numbers is rounded correctly whatever their size.

    The function raises OverflowError or ValueError for numbers that are not finite, or become so.
    """
    times, by = line.slope.numerator, line.slope.denominator
    if line.shift == 0 and times == by == 1:
        return None
    below = math.lcm(by, line.shift.denominator)
    follow = _line(times * (below // by), line.shift.numerator * (below // line.shift.denominator), below)
    if line.shift == 0 and by == 1 and abs(times) < _EXACT:
        return lambda x: x * times if isinstance(x, int) or x.is_integer() else follow(x)
    if line.shift == 0 and times == 1 and by < _EXACT:
        return lambda x: x / by if isinstance(x, int) or x.is_integer() else follow(x)
    return follow


def _line(times: int, plus: int, by: int) -> Apply:
    """``(x · times + plus) / by`` in whole numbers."""

    def follow(x: Number) -> Number:
        if isinstance(x, int):
            return (x * times + plus) / by
        above, below = x.as_integer_ratio() if x.is_integer() else Decimal(repr(x)).as_integer_ratio()
        return (above * times + plus * below) / (below * by)

    return follow


def between(points: Sequence[tuple[Number, Number]]) -> Callable[[Number], float | None]:
    """Compile straight lines between points, of which x must grow; the result is None outside of them."""
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
