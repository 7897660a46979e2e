"""Texts from a payload: devices, sites, tags, units. Compiled to plain functions."""

import re
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeGuard

from gateway.core.profiles.language.paths import WORDS, Node
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_own_value, compile_source, within
from schemas.device_ids import device_id
from schemas.profile_values import Enum, TextSource, written
from schemas.rejects import DropCause

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
