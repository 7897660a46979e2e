"""The parts of a profile together: what cannot stand side by side, and what is allowed but seldom meant."""

from collections.abc import Iterator
from typing import Final

from gateway.core.language.decoding import envelope_of
from gateway.core.language.sources import Fault, Scope
from schemas.profile import Profile

Warned = tuple[str, str]
"""Key, and what is to be thought about there."""

_TAKES_ALL: Final = (
    "takes every frame of every device that no other profile is named for; say more in when, as {/port: [2]}, or by: registry"
)


def check(model: Profile, scope: Scope) -> None:
    """Put on the scope's list of faults what does not go together."""
    under_envelope = envelope_of(model) is not None
    with scope.gather("decode"):
        if under_envelope and model.decode is not None and (model.decode.as_ != "json" or model.decode.nested):
            raise Fault("", "an envelope is JSON and brings the bytes to /payload; leave decode out")
    with scope.gather("root"):
        if model.root is not None and model.struct is not None:
            raise Fault("", "does not go with struct; say with struct.of where the bytes stand")
    with scope.gather("points"):
        if not model.points and not model.status:
            raise Fault("", "give at least one: what the payload holds")


def warnings_of(model: Profile) -> Iterator[Warned]:
    """Each thing that is allowed and seldom meant."""
    match = model.match
    if match.envelope is not None and match.topic is None and match.by is None and not match.when.predicates():
        yield "match", _TAKES_ALL
