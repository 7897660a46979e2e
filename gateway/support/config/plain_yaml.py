"""Reader for plain YAML, the subset that long registries use: more than twice as fast as the strict reader.

Plain is: lines of ``key: value``, ``key:`` and ``- key: value``; ``- {key: value, ...}`` on one line; comments; and a document
that is JSON. Whatever is read here reads the same in full YAML. At the first thing that is not plain, or
is wrong, the strict reader starts again from the beginning. A reload delays readings while it parses, and no cache would help
with that: see docs/decisions/0008-own-reader-of-plain-yaml.md.
"""

import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any, Final, NamedTuple, TypeVar

from gateway.support.config.yaml_words import YamlFault, plain_value

_UNPRINTED: Final = r"\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
_KEY: Final = r"[A-Za-z_][A-Za-z0-9_.-]{0,99}"
"""YAML looks for the colon behind a key no further than 1,024 characters."""

_QUOTED: Final = rf""""([^"\\{_UNPRINTED}]*)"|'([^'{_UNPRINTED}]*)'"""
_BEGIN: Final = r"(?:-?[0-9]|[^\W\d_])"
_WITHIN: Final = r"[\w\u0300-\u036f./+-]"
_WITHIN_BLOCK: Final = r"[\w\u0300-\u036f./+,()%-]"
_COMMENT: Final = rf"#[^{_UNPRINTED}]*"
_FLOW: Final = r"\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}"
Container = TypeVar("Container", list[Any], dict[Any, Any])
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LINE = re.compile(
    rf"( *)(- +)?(?:({_KEY}):(?: +(?:{_QUOTED}|({_BEGIN}{_WITHIN_BLOCK}*(?:(?: +|:){_WITHIN_BLOCK}+)*)|{_FLOW}))?|{_FLOW})?"
    rf"(?:(?:^| +){_COMMENT})? *\n?"
)
_PAIR = re.compile(
    rf' *(?:({_KEY})|"({_KEY})"): +(?:{_QUOTED}|({_BEGIN}{_WITHIN}*(?: +{_WITHIN}+)*)|\{{([^{{}}]*)\}}) *(?:,|$)'
)


Settle = Callable[[list[Any]], None]
"""Puts what a program makes of the newest items of a list in their place."""

TOGETHER: Final = 200
"""Items of a list that are settled at a time: devices of a registry in a millisecond."""


def read(text: str, settle: Settle | None = None) -> Any:  # noqa: ANN401 - YAML is whatever people wrote
    """The document in ``text``; None when it is empty.

    :param settle: is called for a list each time that it has :data:`TOGETHER` items more, so that a long one need not stand in
        the memory as it was written. In a document that is not plain nothing is settled.
    :raises YamlFault: with the line.
    """
    try:
        return _json(text) if text.startswith("{") else _DocumentBuilder(settle).read(text)
    except (_NotPlain, YamlFault, ValueError, RecursionError):
        from gateway.support.config.strict_yaml import parse  # noqa: PLC0415 - with PyYAML, which few files need

        return parse(text)


class _NotPlain(Exception):  # noqa: N818 - no error
    """Something that only the strict reader understands, or can report as a fault."""


def _json(text: str) -> Any:  # noqa: ANN401
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise _NotPlain
        return found

    def constant(_: str) -> None:
        raise _NotPlain

    document = json.loads(text, object_pairs_hook=mapping, parse_constant=constant)
    if _SURROGATE.search(text) is not None:
        json.dumps(document, ensure_ascii=False).encode()  # half of a surrogate pair is not text
    return document


_OPEN: Final = object()
"""Placeholder for the value of a key whose mapping or list is on the lines below."""


_ELSEWHERE: Final = -1
"""A column without a key."""


class _YamlLine(NamedTuple):
    """A parsed line: columns of its dash, or -1, and of its key, which a mapping in braces has not."""

    dash: int
    column: int
    key: str | None
    value: Any


_CACHED: Final = 8192
"""Entries of a cache. One of all lines of a long registry would hold the interpreter for 10 ms when it grows, and when it is
freed."""


def _make_room(cache: dict[str, Any]) -> None:
    if len(cache) >= _CACHED:
        cache.clear()


class _PlainWords(dict[str, Any]):
    """Words without quotes, with their values."""

    def __missing__(self, text: str) -> Any:  # noqa: ANN401
        _make_room(self)
        value = self[text] = plain_value(text, 0)
        return value


class _Lines(dict[str, _YamlLine | None]):
    """Cache of parsed lines, None for empty ones: most lines of a registry occur many times."""

    def __init__(self) -> None:
        super().__init__()
        self._words = _PlainWords()

    def __missing__(self, line: str) -> _YamlLine | None:
        found = _LINE.fullmatch(line)
        if found is None:
            raise _NotPlain
        indent, dash, key, double, single, word, flow, item = found.groups()
        parsed = None
        if key is not None:
            if type(self._words[key]) is not str:  # null and yes are none in YAML
                raise _NotPlain
            value = self._value(double, single, word, flow)
            parsed = _YamlLine(len(indent) if dash else -1, len(indent) + len(dash or ""), key, value)
        elif dash is not None and item is not None:
            parsed = _YamlLine(len(indent), len(indent) + len(dash), None, self._pairs(item))
        elif dash is not None or item is not None:
            raise _NotPlain
        if flow is None and item is None:  # each mapping must be its own
            _make_room(self)
            self[line] = parsed
        return parsed

    def _value(self, double: str | None, single: str | None, word: str | None, flow: str | None) -> Any:  # noqa: ANN401
        if word is not None:
            return self._words[word]
        if flow is not None:
            return self._pairs(flow)
        text = double if double is not None else single
        return _OPEN if text is None else text

    def _pairs(self, text: str) -> dict[Any, Any]:
        """Parse the inside of the braces of a mapping on one line."""
        found: dict[Any, Any] = {}
        text = text.rstrip(" ")
        at = 0
        while at < len(text):
            pair = _PAIR.match(text, at)
            if pair is None:
                raise _NotPlain
            at = pair.end()
            word, quoted, *value = pair.groups()
            key = self._words[word] if quoted is None else quoted
            if key in found:
                raise _NotPlain
            found[key] = self._value(*value)
        return found


class _DocumentBuilder:
    """Builds the document from lines by their columns. ``open`` holds mappings and lists that may continue, by column."""

    def __init__(self, settle: Settle | None = None) -> None:
        self._settle = settle
        self._root: dict[Any, Any] = {}
        self._open: list[tuple[int, Any]] = [(0, self._root)]
        self._waiting: tuple[int, dict[Any, Any], Any] | None = None

    def read(self, text: str) -> dict[Any, Any]:
        """The document; NotPlain if the strict reader must read it."""
        lines = _Lines()
        here: dict[Any, Any] = self._root
        column_here = 0
        for line in StringIO(text, newline="\n"):  # not split: the lines of a long registry would be larger than its document
            parsed = lines[line]
            if parsed is None:
                continue
            dash, column, key, value = parsed
            if dash >= 0:
                here, column_here = self._item(parsed), column
            elif column != column_here:
                here, column_here = self._mapping(column), column
            if key in here:
                raise _NotPlain
            if key is not None:
                here[key] = value
            if value is _OPEN:
                self._waiting = column, here, key
            if value is _OPEN or key is None:  # the next line has another column
                column_here = _ELSEWHERE
        if self._waiting is not None or not self._root:
            raise _NotPlain
        return self._root

    def _item(self, line: _YamlLine) -> dict[Any, Any]:
        """The mapping that a dash begins. The lines below may continue it, unless it is in braces."""
        items = self._list(line.dash)
        if self._settle is not None and items and len(items) % TOGETHER == 0:
            self._settle(items)
        mapping: dict[Any, Any] = line.value if line.key is None else {}
        items.append(mapping)
        if line.key is not None:
            self._open.append((line.column, mapping))
        return mapping

    def _list(self, dash: int) -> list[Any]:
        """The list with dashes at that column: an open one, or a new one as the value of the key above."""
        if self._waiting is not None:
            return self._begin(list[Any](), dash, deeper=False)
        while self._open[-1][0] > dash:
            self._open.pop()
        column, here = self._open[-1]
        if column != dash or type(here) is not list:
            raise _NotPlain
        return here

    def _mapping(self, column: int) -> dict[Any, Any]:
        """The mapping with keys at that column: an open one, or a new one as the value of the key above."""
        if self._waiting is not None:
            return self._begin(dict[Any, Any](), column, deeper=True)
        while self._open[-1][0] > column or type(self._open[-1][1]) is list:
            self._open.pop()
        before, here = self._open[-1]
        if before != column:
            raise _NotPlain
        found: dict[Any, Any] = here
        return found

    def _begin(self, here: Container, column: int, *, deeper: bool) -> Container:
        """Open the value of the key above; a list may begin at the column of its key."""
        outer, mapping, key = self._waiting or (0, self._root, None)
        if column < outer + deeper:
            raise _NotPlain
        self._waiting = None
        mapping[key] = here
        self._open.append((column, here))
        return here
