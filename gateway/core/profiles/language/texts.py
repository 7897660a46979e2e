"""Texts from a payload: devices, sites, tags, units. Compiled to plain functions.

A tag is within the grammar of names, or of the closed list of vehicle classes.
"""

import re
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from gateway.core.profiles.language.paths import WORDS, Node
from gateway.core.profiles.language.sources import (
    OUTWARD,
    Cursor,
    Fault,
    Scope,
    Take,
    compile_own_value,
    compile_source,
    origin_of,
    within,
)
from gateway.core.readings.line_protocol import Tags
from gateway.core.readings.native import Drop
from schemas.device_ids import device_id
from schemas.profile_values import BareText, Enum, TextSource, written
from schemas.quantities import TEXT_TAGS, VEHICLE_CLASSES
from schemas.rejects import DropCause
from schemas.topics import is_name

LONGEST: Final = 256
"""Most characters of a text that are read: no name is longer."""

_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()]|[*+{]", re.DOTALL)
"""Tokens of a pattern in the search for repetitions: escapes and classes hide their contents."""

Translate = Callable[[Any], Any]


def compile_text(source: TextSource, scope: Scope, *, of_device: bool = False) -> Take:
    """Compile the text of a source; it gives None if there is nothing, a DropCause if it is not a text."""
    if source.join is not None:
        take: Take | None = _join(source.join, source.by, scope, of_device=of_device)
    else:
        take = _word(source, scope) or compile_source(source, scope)
    if take is None:
        raise Fault("", "say where the text comes from: path, topic, property, param, literal or join")
    take = compile_own_value(take, scope)
    steps = list(_steps(source))

    def text(here: Cursor) -> Node:
        value = take(here)
        if value is None or isinstance(value, DropCause):
            return value
        if isinstance(value, bytes):
            value = value.hex()
        elif not isinstance(value, bool | int | float | str):
            return DropCause.WRONG_TYPE
        value = written(value)[:LONGEST]
        for step in steps:
            value = step(value)
            if value is None or isinstance(value, DropCause):
                return value
        return value

    return text


def compile_device(source: TextSource, scope: Scope) -> Take:
    """Compile the name under which a device sends, in any script; an id is made of it when the device is admitted."""
    return compile_text(source.model_copy(update={"name": False}), scope, of_device=True)


def may_name_a_device(text: Node) -> TypeGuard[str]:
    """Tell if a device may send under a text; a longer one may have been cut."""
    return isinstance(text, str) and not isinstance(text, DropCause) and len(text) < LONGEST and bool(text.strip())


def _word(source: TextSource, scope: Scope) -> Take | None:
    """A text that cannot be a path in its place is meant literally: ``site: pump-house``.

    ``{p}`` in it is filled from the pattern of a name, or from the level of the topic with that name.
    """
    if source.path is None or len(source.path.first_of) > 1:
        return None
    text = source.path.first_of[0]
    if any(f"{{{name}}}" in text for name in scope.taken):
        return lambda here: _filled(text, {**here.captures, **here.taken})
    if any(f"{{{name}}}" in text for name in scope.captures):
        return lambda here: _filled(text, here.captures)
    if scope.in_each or text.startswith("/") or text in scope.captures:
        return None
    if "/" in text or "[" in text:
        raise Fault("", f"{text!r} may be a text or a path; write {{literal: '{text}'}} or {{path: '/{text}'}}")
    return lambda _: text


def _filled(template: str, taken: Mapping[str, str]) -> str:
    for name, text in taken.items():
        template = template.replace(f"{{{name}}}", text)
    return template


_APART: Final = "/"
"""Between the parts of a device's name when one holds the separator itself: ``a.b`` and ``c`` are not ``a`` and ``b.c``. No id
holds it, so the id of such a name has a hash."""


def _join(join: list[TextSource], by: str, scope: Scope, *, of_device: bool) -> Take:
    parts = []
    for number, part in enumerate(join):
        with within(f"join.{number}"):
            parts.append(compile_text(part, scope))
    may_meet = of_device and by and sum(part.literal is None for part in join) > 1

    def joined(here: Cursor) -> Node:
        texts = [part(here) for part in parts]
        if any(not isinstance(text, str) or isinstance(text, DropCause) for text in texts):
            return None
        return (_APART if may_meet and any(by in text for text in texts) else by).join(texts)

    return joined


def _steps(source: TextSource) -> Iterator[Translate]:
    if source.strip is not False:
        characters = source.strip if isinstance(source.strip, str) else None
        yield lambda text: text.strip(characters)
    if source.regex is not None:
        with within("regex"):
            yield compile_regex(source.regex)
    if source.enum is not None:
        translate = compile_enum(source.enum)
        yield lambda text: value if (value := translate(text)) is None or isinstance(value, DropCause) else written(value)
    if source.base64_to_hex:
        yield _base64_to_hex
    if source.lower:
        yield str.lower
    if source.upper:
        yield str.upper
    if source.name:
        yield device_id


def compile_regex(pattern: str) -> Callable[[str], str | None]:
    """Compile the part of a text that fits: the first group, or all of it; None if nothing fits."""
    try:
        compiled = re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    if _repeats_a_repetition(pattern):
        raise ValueError(f"{pattern!r} repeats a repetition; it could run forever on some texts")

    def part(text: str) -> str | None:
        match = compiled.search(text)
        return None if match is None else match[1 if compiled.groups else 0]

    return part


def _repeats_a_repetition(pattern: str) -> bool:
    """Tell if a group with a repetition is repeated: such a pattern could run forever on some texts."""
    repeats, closed_at, closed_repeats = [False], -1, False
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            repeats.append(False)
        elif token[0] == ")":
            closed_at, closed_repeats = token.end(), repeats.pop()
            repeats[-1] = repeats[-1] or closed_repeats
        elif token[0] in "*+{":
            if token.start() == closed_at and closed_repeats:
                return True
            repeats[-1] = True
    return False


def _base64_to_hex(text: str) -> str | DropCause:
    try:
        return a2b_base64(text.translate(_URL_SAFE) + "=" * (-len(text) % 4), strict_mode=True).hex()
    except ValueError:
        return DropCause.WRONG_TYPE


_URL_SAFE: Final = str.maketrans("-_", "+/")


def compile_enum(enum: Enum) -> Translate:
    """Compile the lookup of a value in a table; it gives None for nothing, UNKNOWN_KEY for a value that is not in the table."""
    rest: object = enum.get("*", DropCause.UNKNOWN_KEY)
    truths = {key == "true": meaning for key, meaning in enum.items() if key in {"true", "false"}}

    def translate(value: object) -> object:
        key = value.strip() if isinstance(value, str) else written(value)
        if key in enum:
            return enum[key]
        truth = WORDS.get(key.lower()) if truths and isinstance(value, str) else None
        return rest if truth is None else truths.get(truth, rest)

    return translate


def regex_of(text: str, place: re.Pattern[str], group: Callable[[re.Match[str]], str]) -> str:
    """The regular expression of a text in which places stand for groups; all else is meant literally."""
    parts, at = [], 0
    for match in place.finditer(text):
        parts += [re.escape(text[at : match.start()]), group(match)]
        at = match.end()
    return "".join(parts) + re.escape(text[at:])


@dataclass(frozen=True, slots=True)
class TakeTags:
    """The tags of a point; ``told`` has name, origin and text of each."""

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
