"""Tags of a point from a profile: texts within the grammar of names, vehicle classes of the closed list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.profiles.language.paths import Node
from gateway.core.profiles.language.sources import OUTWARD, Cursor, Fault, Scope, Take, origin_of, within
from gateway.core.profiles.language.texts import compile_text
from gateway.core.readings.line_protocol import Tags
from gateway.core.readings.native import Drop
from schemas.profile_values import BareText, TextSource
from schemas.quantities import TEXT_TAGS, VEHICLE_CLASSES
from schemas.rejects import DropCause
from schemas.topics import is_name


@dataclass(frozen=True, slots=True)
class TakeTags:
    """The tags of a point.

    :ivar told: name, origin and text of each.
    """

    told: Sequence[tuple[str, str, Take]] = ()

    def take(self, here: Cursor, dropped: list[Drop]) -> Tags:
        """The tags, sorted by name; drops are added to a list."""
        found = []
        for name, _, take in self.told:
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

    def explain(self, here: Cursor) -> Iterator[tuple[str, Node]]:
        """Each tag: its text, and the stored text if that differs."""
        for name, origin, take in self.told:
            text = take(here)
            yield f"{name} from {origin}", text
            if isinstance(text, str) and not isinstance(text, DropCause):
                yield f"{name}: {name}", checked(name, text)


_CLASS: Final = "vehicle_class"
no_tags: Final = TakeTags()


def compile_tags(tags: Mapping[Any, TextSource], scope: Scope) -> TakeTags:
    """Compile the tags of a profile; faults are added to the scope's list."""
    told: list[tuple[str, str, Take]] = []
    for name in TEXT_TAGS:
        if name in tags:
            with scope.gather(f"tags.{name}"):
                source = _meant(name, tags[name], scope)
                told.append((name, origin_of(source) or next(iter(source.sources()), "several"), compile_text(source, scope)))
                if name == _CLASS:
                    _check_classes(source, scope)
    return TakeTags(told) if told else no_tags


def _check_classes(source: TextSource, scope: Scope) -> None:
    """Refuse an unknown class in the profile itself: two such points of one message would both be ``other``."""
    if source.enum is not None:
        for value, meaning in source.enum.items():
            if meaning is not None:
                with within(f"enum.{value}"):
                    _check_class({"literal": meaning, "lower": source.lower, "upper": source.upper}, scope)
        return
    steps = source.model_dump(include={"strip", "regex", "base64_to_hex", "lower", "upper", "name"})
    for key in ("literal", "default"):
        text = getattr(source, key)
        if text is not None:
            with within(key):
                _check_class({**steps, "literal": text}, scope)


def _check_class(source: Mapping[str, Any], scope: Scope) -> None:
    text = compile_text(TextSource.model_validate(source), scope)(Cursor(None, {}))
    if text not in VEHICLE_CLASSES:
        raise Fault("", f"{source['literal']!r} is not a class of vehicles; there are: {', '.join(VEHICLE_CLASSES)}")


def _meant(name: str, source: TextSource, scope: Scope) -> TextSource:
    """Decide the meaning of a text that may be meant literally or as a key; a Fault if nothing decides it."""
    text = source.path.first_of[0] if isinstance(source, BareText) and source.path is not None else ""
    if not text or text.startswith(OUTWARD) or any(f"{{{name}}}" in text for name in scope.taken | scope.captures):
        return source
    if scope.in_each:
        raise Fault("", f"{text!r} may be a text or a key of the item; write {{literal: {text}}} or {{path: {text}}}")
    if text in scope.captures or "/" in text or "[" in text:
        return source
    if text.isdecimal() or (name == _CLASS and text in VEHICLE_CLASSES):
        return TextSource(literal=text)
    if scope.tests_hold(path := f"/{text}"):
        return TextSource.model_validate({"path": path})
    meant = f"write {{literal: {text}}} for the text itself, or /{text}"
    raise Fault("", f"{text!r} is not a key of a message in the tests; {meant}")


def checked(name: str, text: str) -> str | DropCause:
    """A tag's text if it is allowed, or BAD_TAG."""
    if name == _CLASS:
        return text if text in VEHICLE_CLASSES else "other"
    return text if is_name(text) else DropCause.BAD_TAG


def joined(first: Tags, second: Tags) -> Tags:
    """Merge two sets of tags; the second is more specific and wins."""
    if not first or not second:
        return first or second
    return tuple(sorted({**dict(first), **dict(second)}.items()))
