"""Tags of a point from what a profile says: texts within the grammar of names, classes of vehicles of the list."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.core.language.paths import Node
from gateway.core.language.sources import Fault, Here, Scope, Take, origin_of, within
from gateway.core.language.texts import compile_text
from gateway.core.native import Drop
from schemas.profile_values import BareText, TextSource
from schemas.quantities import TEXT_TAGS, VEHICLE_CLASSES
from schemas.rejects import DropCause
from schemas.topics import is_name

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class TakeTags:
    """The tags of a point.

    :ivar take: gives them sorted by name, and adds what it must drop to a list.
    :ivar class_text: the class of vehicles as it is sent, for those who explain it; None where no tag is one.
    :ivar class_origin: where it comes from.
    """

    take: Callable[[Here, list[Drop]], Tags]
    class_text: Take | None = None
    class_origin: str = ""

    def explain(self, here: Here) -> Iterator[tuple[str, Node]]:
        """The text that is no class, and what is stored for it."""
        text = self.class_text(here) if self.class_text is not None else None
        if isinstance(text, str) and not isinstance(text, DropCause) and text not in VEHICLE_CLASSES:
            yield f"{_CLASS} from {self.class_origin}", text
            yield f"{_CLASS}: {_CLASS}", checked(_CLASS, text)


_CLASS: Final = "vehicle_class"
no_tags: Final = TakeTags(lambda _here, _dropped: ())


def compile_tags(tags: Mapping[Any, TextSource], scope: Scope) -> TakeTags:
    """The tags that a profile says; faults go to the scope's list."""
    takes: list[tuple[str, Take]] = []
    for name in TEXT_TAGS:
        if name in tags:
            with scope.gather(f"tags.{name}"):
                _check_bare(tags[name], scope)
                takes.append((name, compile_text(tags[name], scope)))
                if name == _CLASS:
                    _check_classes(tags[name], scope)
    if _CLASS not in tags:
        return TakeTags(_all_of(takes)) if takes else no_tags
    source = tags[_CLASS]
    return TakeTags(_all_of(takes), dict(takes).get(_CLASS), origin_of(source) or next(iter(source.sources()), ""))


def _all_of(takes: Sequence[tuple[str, Take]]) -> Callable[[Here, list[Drop]], Tags]:
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


def _check_classes(source: TextSource, scope: Scope) -> None:
    """Refuse a text of the profile itself that is no class: two such points of one message would both be ``other``."""
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
    if isinstance(source, BareText) and source.path is not None and not scope.in_each:
        text = source.path.first_of[0]
        if "{" not in text and text not in scope.captures:
            _check_class({**steps, "literal": text}, scope)


def _check_class(source: Mapping[str, Any], scope: Scope) -> None:
    text = compile_text(TextSource.model_validate(source), scope)(Here(None, {}))
    if text not in VEHICLE_CLASSES:
        raise Fault("", f"{source['literal']!r} is no class of vehicles; there are: {', '.join(VEHICLE_CLASSES)}")


def _check_bare(source: TextSource, scope: Scope) -> None:
    """Refuse, inside of ``each``, a text that may be meant as it is as well as be a key of the item."""
    if not (isinstance(source, BareText) and source.path is not None and scope.in_each):
        return
    text = source.path.first_of[0]
    if not any(f"{{{name}}}" in text for name in scope.taken | scope.captures):
        raise Fault("", f"{text!r} may be a text or a key of the item; write {{literal: {text}}} or {{path: {text}}}")


def checked(name: str, text: str) -> str | DropCause:
    """A tag's text as it may stand, or BAD_TAG."""
    if name == _CLASS:
        return text if text in VEHICLE_CLASSES else "other"
    return text if is_name(text) else DropCause.BAD_TAG


def joined(first: Tags, second: Tags) -> Tags:
    """Two sets of tags as one; the second says more of the point and wins."""
    if not first or not second:
        return first or second
    return tuple(sorted({**dict(first), **dict(second)}.items()))
