"""Checks across the parts of a profile: combinations that are refused, and those that are allowed but probably a mistake."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from gateway.core.message import Undecodable
from gateway.core.profiles.language.decoding import ReadBytes, envelope_of
from gateway.core.profiles.language.paths import Get, parse_path
from gateway.core.profiles.language.sources import Fault, Scope
from schemas.profile import Profile
from schemas.profile_values import TextSource

Warned = tuple[str, str]
"""A key, and the warning about it."""

_TAKES_ALL: Final = (
    "takes every frame of every device for which no profile is named; add tests to when, such as {/port: [2]}, or by: registry"
)


def check(model: Profile, scope: Scope) -> None:
    """Add refused combinations to the scope's list of faults."""
    under_envelope = envelope_of(model) is not None
    with scope.gather("decode"):
        if under_envelope and model.decode is not None and (model.decode.as_ != "json" or model.decode.nested):
            raise Fault("", "an envelope is JSON and brings the bytes to /payload; leave decode out")
    with scope.gather("root"):
        if model.root is not None and model.struct is not None:
            raise Fault("", "cannot be combined with struct; say with struct.of where the bytes are")
    with scope.gather("points"):
        if not model.points and not model.status:
            raise Fault("", "give at least one; it names what the payload holds")


def tests_hold(model: Profile, read: ReadBytes, root: Get) -> Callable[[str], bool]:
    """Compile a check if a test message of the profile has a value at a path; of a frame in an envelope, its named parts."""

    def hold(path: str) -> bool:
        if envelope_of(model) is not None:
            return path in _PARTS
        get = parse_path(path).get
        for message in (message for test in model.tests for message in test.sequence()):
            with suppress(Undecodable):
                if get(root(read(message.body()))) is not None:
                    return True
        return False

    return hold


_PARTS: Final = frozenset({"/device", "/port", "/frame_counter", "/rssi", "/snr", "/model"})
"""Texts that can be a tag."""


def warnings_of(model: Profile) -> Iterator[Warned]:
    """Warnings about combinations that are allowed but probably a mistake."""
    match = model.match
    if match.envelope is not None and match.topic is None and match.by is None and not match.when.predicates():
        yield "match", _TAKES_ALL
    if match.envelope is None:
        yield from _mute_statuses(model)


def _mute_statuses(model: Profile) -> Iterator[Warned]:
    """Topics of ``status`` that do not name the device."""
    levels = {level for topic in model.match.topic or () for level in _LEVEL.findall(topic)}
    wanted = {"{device}"} if model.device is None else set(_parts_of(model.device, levels))
    for number, status in enumerate(model.status):
        for topic in status.topic:
            missing = sorted(part for part in wanted if part.startswith("/") or part not in topic)
            if missing:
                yield (
                    f"status.{number}.topic",
                    f"{topic} lacks {' and '.join(missing)}, which names the device: its messages would be rejects",
                )


def _parts_of(source: TextSource, levels: set[str]) -> Iterator[str]:
    """The parts of a device's name: named levels, and paths in the payload."""
    for part in source.join or ():
        yield from _parts_of(part, levels)
    if source.topic is not None:
        yield f"{{{source.topic}}}"
    for path in source.path.first_of[:1] if source.path is not None else ():
        yield from [path] if path.startswith("/") else levels & {f"{{{path}}}", *_LEVEL.findall(path)}


_LEVEL: Final = re.compile(r"\{\w+\}")
