"""``when``: tests on the value at paths, compiled to one function; and ``ignore``: frames that are neither data nor faults."""

import re
from collections.abc import Callable
from fnmatch import translate
from typing import Any, Final

from gateway.core.profiles.language.paths import Node, stands_for
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_own_value, compile_path, within
from schemas.profile import Profile
from schemas.profile_values import Scalar, written
from schemas.profile_when import Test, When

Holds = Callable[[Cursor], bool]
ValueCheck = Callable[[Any], bool]

_TYPES: Final[dict[str, ValueCheck]] = {
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def always(_: Cursor) -> bool:
    """No test at all."""
    return True


def compile_when(when: When | None, scope: Scope) -> Holds:
    """Compile a function that tells if all tests hold."""
    checks = []
    for path, test in when.tests().items() if when is not None else ():
        with within(path):
            checks.append(_check(compile_own_value(compile_path(path, scope), scope), compile_test(test)))
    if when is not None and when.any_present is not None:
        with within("any_present"):
            takes = [compile_path(path, scope) for path in when.any_present]
            checks.append(lambda here: any(take(here) is not None for take in takes))
    if len(checks) > 1:
        return lambda here: all(check(here) for check in checks)
    return checks[0] if checks else always


def _check(take: Take, test: ValueCheck) -> Holds:
    return lambda here: test(take(here))


def compile_test(test: Test) -> ValueCheck:
    """Compile a function that tells if a value passes: one of the alternatives must fit."""
    checks = [_TYPES[name] for name in test.type or ()]
    checks += [_glob(pattern) for pattern in test.glob or ()]
    if test.present is not None:
        checks.append((lambda value: value is not None) if test.present else _TYPES["null"])
    if test.mask is not None:
        checks.append(_masked(test.mask, test.is_))
    elif test.is_ is not None:
        checks.append(_among(test.is_))
    return checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)


def _glob(pattern: str) -> ValueCheck:
    fits = re.compile(translate(pattern.replace("[", "[[]"))).match
    return lambda value: isinstance(value, str) and fits(value) is not None


def _among(values: list[Scalar]) -> ValueCheck:
    texts = [written(value) for value in values]
    return lambda value: any(stands_for(value, text) for text in texts)


def _masked(mask: int, values: list[Scalar] | None) -> ValueCheck:
    def check(value: Node) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value & mask in values if values is not None else value & mask != 0

    return check


EMPTY: Final = "empty"
"""The rule for a message without a single byte."""


def compile_ignored(model: Profile, scope: Scope, *, of_answers: bool) -> tuple[Holds, ...]:
    """The rules that use the codec's result, or those that are checked before the codec runs."""
    rules = []
    for number, rule in enumerate(model.ignore):
        if rule == EMPTY or _is_of_answer(rule, model) is not of_answers:
            continue
        with scope.gather(f"ignore.{number}"):
            if not rule.predicates():
                raise Fault("", "an empty rule would ignore everything")
            rules.append(compile_when(rule, scope))
    return tuple(rules)


def _is_of_answer(rule: When, model: Profile) -> bool:
    paths = [*rule.tests(), *(rule.any_present or ())] if model.root is None else model.root.first_of
    return model.codec is not None and any(path.startswith("/codec") for path in paths)
