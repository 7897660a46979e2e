"""Tags of a point from what a profile says: texts within the grammar of names, classes of vehicles of the list."""

from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.language.sources import Fault, Here, Scope, Take
from gateway.core.language.texts import compile_text
from gateway.core.native import Drop
from schemas.profile_values import BareText, TextSource
from schemas.quantities import TEXT_TAGS, VEHICLE_CLASSES
from schemas.rejects import DropCause
from schemas.topics import is_name

Tags = tuple[tuple[str, str], ...]
TakeTags = Callable[[Here, list[Drop]], Tags]


def no_tags(_here: Here, _dropped: list[Drop]) -> Tags:
    """No tag at all."""
    return ()


def compile_tags(tags: Mapping[Any, TextSource], scope: Scope) -> TakeTags:
    """The function that gives the tags, sorted by name, and adds what it must drop to a list."""
    takes: list[tuple[str, Take]] = []
    for name in TEXT_TAGS:
        if name in tags:
            with scope.gather(f"tags.{name}"):
                _check_bare(tags[name], scope)
                takes.append((name, compile_text(tags[name], scope)))
    if not takes:
        return no_tags

    def take_tags(here: Here, dropped: list[Drop]) -> Tags:
        found = []
        for name, take in takes:
            text = take(here)
            if text is None:
                continue
            if not isinstance(text, DropCause):
                text = checked(name, text)
            if isinstance(text, DropCause):
                dropped.append((name, text))
            else:
                found.append((name, text))
        return tuple(found)

    return take_tags


def _check_bare(source: TextSource, scope: Scope) -> None:
    """Refuse, inside of ``each``, a text that may be meant as it is as well as be a key of the item."""
    if not (isinstance(source, BareText) and source.path is not None and scope.in_each):
        return
    text = source.path.first_of[0]
    if not any(f"{{{name}}}" in text for name in scope.taken | scope.captures):
        raise Fault("", f"{text!r} may be a text or a key of the item; write {{literal: {text}}} or {{path: {text}}}")


def checked(name: str, text: str) -> str | DropCause:
    """A tag's text as it may stand, or BAD_TAG."""
    if name == "vehicle_class":
        return text if text in VEHICLE_CLASSES else "other"
    return text if is_name(text) else DropCause.BAD_TAG


def joined(first: Tags, second: Tags) -> Tags:
    """Two sets of tags as one; the second says more of the point and wins."""
    if not first or not second:
        return first or second
    return tuple(sorted({**dict(first), **dict(second)}.items()))
