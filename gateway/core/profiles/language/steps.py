"""The steps of a value, each a small function: it gives the value, None for nothing, or the reason to drop the value."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from math import isclose
from typing import Any, Final, NamedTuple

from gateway.core.profiles.language.numbers import Number, between, fraction, number_in
from gateway.core.profiles.language.paths import WORDS, Node, stands_for
from gateway.core.profiles.language.sources import Cursor, Fault, within
from gateway.core.profiles.language.texts import LONGEST, compile_enum, compile_regex
from gateway.core.profiles.mapped import DeviceParams
from gateway.core.readings.native import clean
from schemas.profile_values import Enum, Scalar, written
from schemas.quantities import RAISED_BY, Kind, Quantity
from schemas.rejects import DropCause

Run = Callable[[Any, Cursor], Any]


class Step(NamedTuple):
    """One step, with its name in explanations."""

    name: str
    run: Run


BOUNDS: Final = "bounds"
_BITS_MAX: Final = 64


def is_number(value: object) -> bool:
    """Tell if it is a number, and not true or false."""
    kind = type(value)
    return kind is float or kind is int


def _whole(value: object) -> int | None:
    """A whole number, also as text, also in hexadecimal."""
    if isinstance(value, str):
        try:
            return int(value[:_BITS_MAX], 16 if value[:2].lower() == "0x" else 10)
        except ValueError:
            return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def bits_step(first: int, count: int) -> Step:
    """Bits of a whole number, as a number of their own."""
    if first < 0 or count < 1 or first + count > _BITS_MAX:
        raise Fault("bits", f"[from, count] lies within {_BITS_MAX} bits")
    return Step(f"bit {first}" if count == 1 else f"bits {first} to {first + count - 1}", _bits(first, (1 << count) - 1))


def mask_step(mask: int) -> Step:
    """Keep only these bits, in their places."""
    return Step(f"mask {mask:#x}", _bits(0, mask))


def _bits(first: int, mask: int) -> Run:
    def run(value: Node, _: Cursor) -> Node:
        number = _whole(value)
        return DropCause.WRONG_TYPE if number is None else number >> first & mask

    return run


SET: Final = Step("any bit", lambda value, _: value != 0)
"""Tells if any bit is left."""


def regex_step(pattern: str, kept: Sequence[Scalar]) -> Step:
    """The part of a text that fits; the raw values ``kept`` pass unchanged to the steps that know them."""
    with within("regex"):
        part = compile_regex(pattern)
    known = replacing(kept, DropCause.SENTINEL)

    def run(value: Node, here: Cursor) -> Node:
        text = written(value) if is_number(value) else value
        if not isinstance(text, str) or len(text) > LONGEST:
            return DropCause.WRONG_TYPE
        found = part(text)
        if found is None:
            return value if known(value, here) is DropCause.SENTINEL else DropCause.WRONG_TYPE
        return found

    return Step(f"regex {pattern}", run)


def thousands_step(mark: str, decimal: str) -> Step:
    """A number in a text without the mark between its thousands; other texts go on as they are.

    :param decimal: the decimal mark of the decoder; if it is the same, a fraction is dropped.
    """
    point = ".,".replace(mark, "")
    grouped = re.compile(rf"\s*[+-]?\d{{1,3}}(?:{re.escape(mark)}\d{{3}})+(?:[{point}]\d*)?\s*", re.ASCII)

    def run(value: Node, _: Cursor) -> Node:
        if mark == decimal and type(value) is float:
            return DropCause.WRONG_TYPE
        if not isinstance(value, str) or mark not in value.strip() or len(value) > LONGEST:
            return value
        number = number_in(value.replace(mark, ""))
        if number is None:
            return value
        return number if grouped.fullmatch(value) else DropCause.WRONG_TYPE

    return Step(f"thousands {mark}", run)


def replacing(values: Sequence[Scalar], by: DropCause | Scalar | None) -> Run:
    """Replace raw values, numbers or texts: none by nothing or a default, sentinels by the reason to drop them."""
    texts = [written(value) for value in values]
    numbers = {number_in(text) for text in texts} - {None}

    def run(value: Node, _: Cursor) -> Node:
        number = number_in(value) if isinstance(value, str) else value
        if number in numbers if is_number(number) else any(stands_for(value, text) for text in texts):
            return by
        return value

    return run


def is_step(values: Sequence[Scalar]) -> Step:
    """A test: the number is this, the text is it or holds it as a word, the list holds it."""
    texts = [written(value) for value in values]
    words = _words(text for text in values if isinstance(text, str))

    def run(value: Node, _: Cursor) -> Node:
        if isinstance(value, dict | bytes):
            return DropCause.WRONG_TYPE
        members = value if isinstance(value, list) else [value]
        if any(stands_for(member, text) for member in members for text in texts):
            return True
        return isinstance(value, str) and words is not None and words.search(value) is not None

    return Step(f"is {' or '.join(texts)}", run)


def word_step(values: Iterable[str]) -> Step:
    """A test: the text holds this word."""
    words = _words(values)

    def run(value: Node, _: Cursor) -> Node:
        return words is not None and words.search(value) is not None if isinstance(value, str) else DropCause.WRONG_TYPE

    return Step(f"word {' or '.join(values)}", run)


def _words(values: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(re.escape(text) for text in values)
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)") if alternatives else None


def member_step(values: Sequence[Scalar]) -> Step:
    """A test: the list holds this."""
    texts = [written(value) for value in values]

    def run(value: Node, _: Cursor) -> Node:
        if not isinstance(value, list):
            return DropCause.WRONG_TYPE
        return any(stands_for(member, text) for member in value for text in texts)

    return Step(f"member {' or '.join(texts)}", run)


def enum_step(enum: Enum) -> Step:
    """Compile the step that looks a value up in a table."""
    translate = compile_enum(enum)

    def run(value: Node, _: Cursor) -> Node:
        return translate(value) if isinstance(value, bool | int | float | str) else DropCause.WRONG_TYPE

    return Step("enum", run)


def _number(value: Node, _: Cursor) -> Node:
    if isinstance(value, str):
        value = number_in(value)
    return value if is_number(value) else DropCause.WRONG_TYPE


NUMBER: Final = Step("number", _number)
"""A number, also as text."""


def arithmetic_step(name: str, apply: Callable[[Number], Number | None]) -> Step:
    """Apply a function to a number. If the result is missing or not finite, the value is dropped."""

    def run(value: Node, _: Cursor) -> Node:
        try:
            found = apply(value)
        except (OverflowError, ValueError, ZeroDivisionError):
            return DropCause.NOT_FINITE
        return DropCause.OUT_OF_BOUNDS if found is None else found

    return Step(name, run)


def after_step(sentinels: Sequence[Scalar]) -> Step:
    """Values in the field's own unit that mean there is none."""
    with within("sentinels_after"):
        numbers = [float(fraction(value)) for value in sentinels]

    def run(value: Node, _: Cursor) -> Node:
        found = any(isclose(value, number, rel_tol=1e-9, abs_tol=1e-12) for number in numbers)
        return DropCause.SENTINEL if found else value

    return Step("sentinels_after", run)


def table_step(points: Sequence[tuple[Number, Number]]) -> Step:
    """Straight lines between points."""
    try:
        return arithmetic_step("table", between(points))
    except ValueError as error:
        raise Fault("table", str(error)) from None


def state_step(quantity: Quantity) -> Step:
    """True or false, also in words."""

    def run(value: Node, _: Cursor) -> Node:
        if isinstance(value, str):
            word = value.strip().lower()
            value = WORDS.get(word, {"1": True, "0": False}.get(word, value))
        return clean(quantity, value)

    return Step("true or false", run)


def bounds_step(quantity: Quantity, bounds: tuple[Number, Number] | None) -> Step:
    """The number in the form of the table of quantities, or the reason to drop it."""
    if bounds is not None:
        least, most = bounds
        if not quantity.minimum <= least < most <= quantity.maximum:
            raise Fault("bounds", f"[least, most] must lie within {quantity.minimum:g} to {quantity.maximum:g} {quantity.unit}")
        quantity = replace(quantity, minimum=least, maximum=most)
    low, high = quantity.minimum, quantity.maximum
    raised_by = next((name for name, fields in RAISED_BY.items() if quantity.field in fields), None)

    def run(value: Node, here: Cursor) -> Node:
        kind = type(value)
        if (kind is float or kind is int) and low <= value <= high:
            return float(value)
        if kind is str:
            value = number_in(value)
        found = clean(quantity, value)
        if found is DropCause.OUT_OF_BOUNDS and raised_by is not None:
            return clean(_raised(quantity, here.params, raised_by), value)
        return found

    return Step(BOUNDS, run)


def _raised(quantity: Quantity, params: DeviceParams, name: str) -> Quantity:
    """With the maximum that the registry gives the device."""
    most = params.get(name)
    return replace(quantity, maximum=max(quantity.maximum, most)) if isinstance(most, int | float) else quantity


def is_state(quantity: Quantity | None) -> bool:
    """Tell if a field is true or false."""
    return quantity is not None and quantity.kind is Kind.STATE
