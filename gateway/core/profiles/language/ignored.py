"""``ignore``: frames that are neither data nor faults."""

from typing import Final

from gateway.core.profiles.language.conditions import Holds, compile_when
from gateway.core.profiles.language.sources import Fault, Scope
from schemas.profile import Profile
from schemas.profile_when import When

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
