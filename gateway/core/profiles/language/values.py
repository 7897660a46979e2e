"""Values: the source of a number or state and its steps, compiled to one function.

The order of the steps is fixed: regex → thousands → bits or mask → none → sentinels → test, or coerce and enum → scale, offset
and unit, rounded once → ``sentinels_after`` → table (the unit behind it, not before) → absolute, round → bounds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.profiles.language import sources, steps
from gateway.core.profiles.language.calendars import compile_between
from gateway.core.profiles.language.numbers import OPERATIONS, along, exactly, number_in
from gateway.core.profiles.language.paths import Get, Node, Nothing
from gateway.core.profiles.language.scaling import line_step
from gateway.core.profiles.language.sources import OUTWARD, Cursor, Fault, Scope, Take, within
from gateway.core.profiles.language.steps import NUMBER, Run, Step, is_number, is_state
from schemas.profile_points import FieldValue
from schemas.profile_values import SOURCES, BareValue, FirstOf, ValueSpec
from schemas.quantities import Quantity
from schemas.rejects import DropCause
from schemas.unit_scale import conversions

WhyNothing = Callable[[Cursor], Nothing]
"""Function that says why there is no value."""


PlainNumber = tuple[Get, float, float]
"""Fast path: a number that is used unchanged if it lies within two bounds; else it is read with all steps."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reader of a value."""

    origin: str  # its source as the profile writes it; drops are reported under it
    take: Take
    steps: Sequence[Step]
    read: Callable[[Cursor], Any]  # all of it in one call: the value, None for nothing, or why it was dropped
    end: WhyNothing | None = None  # explains why there is no value, such as where its path ends
    plain: PlainNumber | None = None  # set if the field, like most, is a number at a path in the document without steps


def compile_field(value: FieldValue, quantity: Quantity, scope: Scope, item: Take | None = None) -> Reader:
    """Compile the reader of a field; ``item`` is its source if it names none."""
    take = _take(value, scope, quantity) or (item and sources.or_default(item, value.default))
    if take is None:
        raise Fault("", _NO_SOURCE)
    chain = [*_steps(value, quantity, scope), *_last_steps(value, quantity)]
    only_path = value.path if len(chain) == 1 and value.default is None and scope.decoder != "obis" else None
    get = sources.document_path(only_path, scope) if only_path is not None else None
    end = _end(value, scope)
    if get is None:
        return Reader(sources.origin_of(value), take, chain, _in_one_call(take, chain), end)
    low, high = value.bounds or (quantity.minimum, quantity.maximum)
    plain = (get, low, high) if not is_state(quantity) else None
    return Reader(sources.origin_of(value), take, chain, _plain(get, chain[0].run), end, plain)


def _end(value: ValueSpec, scope: Scope) -> WhyNothing | None:
    """Compile the message that says why there is no value: where its path ends, or which part is missing."""
    paths = value.path or (FirstOf(first_of=value.first_of) if value.first_of else None)
    if paths is not None:
        return sources.compile_end(paths, scope)
    if value.param is not None:
        missing = Nothing(f"param {value.param} is not set for the device")
        return lambda _: missing
    operands: Sequence[ValueSpec] = next((found for key in OPERATIONS if (found := getattr(value, key)) is not None), ())
    parts = [(sources.origin_of(operand), _numbers(operand, scope, None), _end(operand, scope)) for operand in operands]

    def first_missing(here: Cursor) -> Nothing:
        origin, end = next(((origin, end) for origin, take, end in parts if take(here) is None), ("", None))
        return Nothing(f"{origin}: {end(here)}" if origin and end else end(here) if end else "a part is missing")

    return first_missing if parts else None


def compile_operand(value: ValueSpec, scope: Scope, quantity: Quantity | None = None) -> Take:
    """Compile a number that is not a field: a scale, the start of a running total; with a quantity it may have a unit."""
    _check_number(value, scope)
    take = _take(value, scope, quantity)
    if take is None and value.pow10 is None:
        raise Fault("", _NO_SOURCE)
    take = take or (lambda _: 1)  # ``pow10`` alone is 1 times ten to that power
    return _in_one_call(take, [*_steps(value, quantity, scope), NUMBER])


def _check_number(value: ValueSpec, scope: Scope) -> None:
    """Refuse a text that is neither a number nor the path of one."""
    if isinstance(value, BareValue):
        text = sources.origin_of(value)
        is_path = text in scope.captures or (scope.in_each and (text[:1] not in _BEGIN_NUMBERS or text.startswith(OUTWARD)))
        if not is_path:
            raise Fault("", f"{text!r} is neither a number nor a path; {_AS_PATH if scope.in_each else _FROM_DOCUMENT}")
    if value.enum is None and value.regex is None:
        for key in ("literal", "default"):
            text = getattr(value, key)
            if isinstance(text, str) and number_in(text) is None:
                raise Fault(key, f"{text!r} is not a number")


_NO_SOURCE: Final = f"say where the value comes from: {', '.join(SOURCES[:5])} and so on"
_BEGIN_NUMBERS: Final = "+-.0123456789"
_FROM_DOCUMENT: Final = "a path begins with a slash, as /scale"
_AS_PATH: Final = "write {path: ...} for a key of the item that begins like a number"


def _plain(get: Get, run: Run) -> Callable[[Cursor], Node]:
    """Compile the reader of an ordinary field, in as few calls as possible."""

    def read(here: Cursor) -> Node:
        value = get(here.document)
        return None if value is None else run(value, here)

    return read


def _in_one_call(take: Take, chain: Sequence[Step]) -> Callable[[Cursor], Node]:
    first, *others = [step.run for step in chain]  # most have one, which needs no loop

    def read(here: Cursor) -> Node:
        value = take(here)
        if value is None or type(value) is DropCause:
            return value
        value = first(value, here)
        for run in others:
            if value is None or type(value) is DropCause:
                return value
            value = run(value, here)
        return value

    return read


def _take(value: ValueSpec, scope: Scope, quantity: Quantity | None) -> Take | None:
    for key in OPERATIONS:
        operands: Sequence[ValueSpec] | None = getattr(value, key)
        if operands is not None:
            return sources.or_default(_combined(key, operands, scope, quantity), value.default)
    if value.between is not None:
        return sources.or_default(compile_between(value.between, scope), value.default)
    take = sources.compile_source(value, scope)
    if take is None or scope.decoder != "obis":
        return take
    return _measured(take, quantity if value.unit is None else None)


def _combined(key: str, operands: Sequence[ValueSpec], scope: Scope, quantity: Quantity | None) -> Take:
    combine = exactly(key)
    takes = []
    for number, operand in enumerate(operands):
        with within(f"{key}.{number}"):
            takes.append(_numbers(operand, scope, quantity))

    def take(here: Cursor) -> Node:
        numbers: list[Any] = []
        for one in takes:
            found = one(here)
            if found is None or isinstance(found, DropCause):
                return found
            numbers += found
        try:
            return combine(numbers) if numbers else None
        except (ArithmeticError, ValueError):
            return DropCause.NOT_FINITE

    return take


def _numbers(operand: ValueSpec, scope: Scope, quantity: Quantity | None) -> Take:
    """An operand as a list: a path with ``[*]`` brings several numbers at once."""
    _check_number(operand, scope)
    take = _take(operand, scope, quantity)
    if take is None:
        raise Fault("", "say where the number comes from: a path, a number or param")
    chain = [*_steps(operand, None, scope), NUMBER]

    def each(here: Cursor) -> Node:
        value = take(here)
        if value is None or isinstance(value, DropCause):
            return value
        found = [_run(chain, one, here) for one in (value if isinstance(value, list) else [value])]
        return next((one for one in found if not is_number(one)), found) if found else None

    return each


def _run(chain: Sequence[Step], value: Node, here: Cursor) -> Node:
    for step in chain:
        if value is None or isinstance(value, DropCause):
            return value
        value = step.run(value, here)
    return value


def _measured(take: Take, quantity: Quantity | None) -> Take:
    """The value of an OBIS line, converted from its unit to the field's, unless the profile names a unit."""
    lines = conversions(quantity.unit) if quantity is not None and quantity.unit else {}
    applies = {unit: along(line) for unit, line in lines.items()}

    def value_in_unit(here: Cursor) -> Node:
        line = take(here)
        if not isinstance(line, dict) or "value" not in line:
            return line
        value, unit = line["value"], line.get("unit")
        if unit is None or not applies or not is_number(value):
            return value
        if not isinstance(unit, str) or unit not in applies:
            return DropCause.WRONG_TYPE
        apply = applies[unit]
        return value if apply is None else apply(value)

    return value_in_unit


def _steps(value: ValueSpec, quantity: Quantity | None, scope: Scope) -> Iterator[Step]:
    """All steps but the last."""
    if value.regex is not None:
        yield steps.regex_step(value.regex, [*(value.none or ()), *(value.sentinels or ())])
    if value.thousands is not None:
        yield steps.thousands_step(value.thousands, scope.decimal)
    if value.bits is not None:
        yield steps.bits_step(*value.bits)
    if value.mask is not None:
        yield steps.mask_step(value.mask)
    if value.none is not None:
        yield Step("none", steps.replacing(value.none, value.default))
    if value.sentinels is not None:
        yield Step("sentinels", steps.replacing(value.sentinels, DropCause.SENTINEL))
    tests = [steps.is_step(value.is_)] if value.is_ else []
    tests += [steps.word_step(value.word)] if value.word else []
    tests += [steps.member_step(value.member)] if value.member else []
    if len(tests) > 1:
        raise Fault("", "a value has one test: is, word or member")
    if tests or is_state(quantity):
        yield from _state_steps(value, tests, quantity)
    else:
        yield from _number_steps(value, quantity, scope)


_OF_NUMBERS: Final = ("thousands", "scale", "offset", "pow10", "unit", "sentinels_after", "table", "round")


def _state_steps(value: ValueSpec, tests: list[Step], quantity: Quantity | None) -> Iterator[Step]:
    if not is_state(quantity):
        raise Fault("", f"{tests[0].name!r} is true or false; the field is a number")
    for key in _OF_NUMBERS:
        if getattr(value, key) is not None:
            raise Fault(key, "the field is true or false and has none")
    if tests and value.enum is not None:
        raise Fault("enum", "a test is true or false already")
    yield from tests
    if value.enum is not None:
        yield steps.enum_step(value.enum)
    elif value.mask is not None and not tests:
        yield steps.SET


def _number_steps(value: ValueSpec, quantity: Quantity | None, scope: Scope) -> Iterator[Step]:
    if value.enum is not None:
        yield steps.enum_step(value.enum)
    apart = value.table is not None  # the unit is then that of the table's result
    line = line_step(value.model_copy(update={"unit": None}) if apart else value, quantity, scope, compile_operand)
    if line is not None or value.abs or any(getattr(value, key) is not None for key in ("sentinels_after", "table", "round")):
        yield NUMBER
    if line is not None:
        yield line
    if value.sentinels_after is not None:
        yield steps.after_step(value.sentinels_after)
    if value.table is not None:
        yield steps.table_step(value.table)
        unit = line_step(ValueSpec(unit=value.unit), quantity, scope, compile_operand)
        if unit is not None:
            yield unit
    if value.abs:
        yield steps.arithmetic_step("abs", abs)
    if value.round is not None:
        decimals = value.round
        yield steps.arithmetic_step(f"round {decimals}", lambda number: round(number, decimals))


def _last_steps(value: FieldValue, quantity: Quantity) -> Iterator[Step]:
    if not is_state(quantity):
        yield steps.bounds_step(quantity, value.bounds)
        return
    if value.bounds is not None:
        raise Fault("bounds", "the field is true or false and has none")
    yield steps.state_step(quantity)
