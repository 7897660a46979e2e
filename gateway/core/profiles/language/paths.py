"""Paths into a document, parsed once and walked by plain functions.

JSON Pointer (RFC 6901), with ``[n]`` for one of a list (negative: from the end), ``[*]`` for all and ``[?key==value]`` for
those that fit. ``/`` alone is the whole document. A missing or null value is None; nothing here raises on a document.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from schemas.profile_values import FirstOf

Node = Any
"""Any value in a document: what JSON can hold, and bytes."""

Get = Callable[[Node], Node]
"""Document → the value there; None: nothing."""

_SLASH = re.compile(r"/(?![^\[]*\])")
_PIECE = re.compile(r"(.*?)((?:\[(?:\*|-?\d+|\?[^\]]*)\])*)", re.DOTALL)
_SELECTOR = re.compile(r"\[([^\]]*)\]")
_TEST = re.compile(r"\?\s*(.+?)\s*==\s*(.*?)\s*", re.DOTALL)
_BAD_ESCAPE = re.compile(r"~(?![01])")
_LONGEST: Final = 500
_DIGITS_MAX: Final = 10
_ALL: Final = "*"


class Fitting(NamedTuple):
    """The selector ``[?key==value]``."""

    get: Get
    text: str


class _All:
    """The selector ``[*]``."""


PathStep = str | int | Fitting | _All
"""A key, a number in a list, or a selector."""


Around = Sequence[tuple[str, Node]]
"""Key and member of each level that a path passed by selectors on the way to an item, the innermost first."""


class Path(NamedTuple):
    """A path ready to be walked."""

    text: str
    absolute: bool  # it starts at the document; else at an item
    steps: tuple[PathStep, ...]
    get: Get  # the value there. With ``[*]`` in the path a list; with ``[?...]`` alone the first that fits.

    @property
    def searches(self) -> bool:
        """Tell if walking it looks at more than one place."""
        return any(isinstance(step, Fitting | _All) for step in self.steps)

    @property
    def surroundings(self) -> int:
        """The number of selectors before the list or map that holds the items."""
        return sum(isinstance(step, Fitting | _All) for step in self.steps[:-1])

    def items(self, document: Node) -> list[tuple[str, Node, Around]]:
        """Key and item of each item for ``each``, and the levels around it.

        After a selector the values found are the items; else they are in the list or map found. Behind ``[*]`` and a key a
        value that is not a list or map is an item itself. A row without one is an item too, so that the rows can be counted,
        for example for a time.
        """
        if not self.steps:
            return [(key, item, ()) for key, item in _pairs(document)]
        *way, last = self.steps
        if isinstance(last, Fitting | _All):
            found = _walk_within(document, self.steps)
            return [(str(number), item, around[1:]) for number, (item, around) in enumerate(found)]
        rows = _walk_within(document, way)
        cells = [(next((member for _, member in _members(row, last)), None), around) for row, around in rows]
        is_column = isinstance(last, str) and any(isinstance(step, _All) for step in way)
        if is_column and any(cell is not None and not isinstance(cell, dict | list) for cell, _ in cells):
            return [(str(number), cell, around) for number, (cell, around) in enumerate(cells)]
        return [(key, item, around) for cell, around in cells for key, item in _pairs(cell)]


def _walk_within(document: Node, steps: Iterable[PathStep]) -> list[tuple[Node, Around]]:
    nodes: list[tuple[Node, Around]] = [(document, ())]
    for step in steps:
        selects = isinstance(step, Fitting | _All)
        nodes = [
            (member, ((str(key), member), *around) if selects else around)
            for node, around in nodes
            for key, member in _members(node, step)
            if member is not None
        ]
    return nodes


def parse_path(text: str) -> Path:
    """Parse a path; a ValueError says in a sentence for people what is wrong with it."""
    if len(text) > _LONGEST:
        raise ValueError(f"{text[:40]!r}... is too long for a path")
    absolute = text.startswith("/")
    body = text[1:] if absolute else text
    steps = tuple(step for piece in _SLASH.split(body) for step in _parse_piece(piece, text)) if body else ()
    return Path(text, absolute, steps, _getter(steps))


def nothing(_: object) -> None:
    """Find nothing: there is no path."""
    return


def first_of(paths: FirstOf | None) -> Get:
    """Compile a reader of the first path that has a value; it gives None if none has."""
    if paths is None:
        return nothing
    gets = [parse_path(path).get for path in paths.first_of]
    if len(gets) == 1:
        return gets[0]

    def get(raw: object) -> object:
        for each in gets:
            value = each(raw)
            if value is not None:
                return value
        return None

    return get


def _parse_piece(piece: str, text: str) -> Iterator[PathStep]:
    match = _PIECE.fullmatch(piece)
    if match is None or _BAD_ESCAPE.search(match[1]):
        raise ValueError(f"{text!r} is not a path: write ~1 for a slash in a key and ~0 for a tilde")
    key, selectors = match.groups()
    if key or not selectors:
        yield key.replace("~1", "/").replace("~0", "~")
    for selector in _SELECTOR.findall(selectors):
        if selector == _ALL:
            yield _All()
        elif selector.startswith("?"):
            yield _parse_test(selector, text)
        else:
            yield int(selector)


def _parse_test(selector: str, text: str) -> Fitting:
    match = _TEST.fullmatch(selector)
    if match is None:
        raise ValueError(f"{text!r} is not a path: a search is written [?key==value]")
    value = match[2]
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return Fitting(parse_path(match[1].removeprefix("/")).get, value[1:-1] if quoted else value)


def _getter(steps: Sequence[PathStep]) -> Get:
    keys = [step for step in steps if isinstance(step, str) and not step.isdigit()]
    if len(keys) == len(steps):
        return _BY_KEYS[len(keys)](*keys) if len(keys) < len(_BY_KEYS) else _by_keys(keys)
    wants_all = any(isinstance(step, _All) for step in steps)

    def get(document: Node) -> Node:
        found = _walk([document], steps)
        return found if wants_all else next(iter(found), None)

    return get


_ABSENT: Final = (KeyError, TypeError, IndexError)


def _by_key(key: str) -> Get:
    def get(document: Node) -> Node:
        try:
            return document[key]
        except _ABSENT:
            return None

    return get


def _by_two_keys(first: str, second: str) -> Get:
    def get(document: Node) -> Node:
        try:
            return document[first][second]
        except _ABSENT:
            return None

    return get


_BY_KEYS: Final[Sequence[Callable[..., Get]]] = (lambda: lambda document: document, _by_key, _by_two_keys)
"""The walk through objects alone, without a loop where the keys are few: nearly every path is one of these."""


def _by_keys(keys: Sequence[str]) -> Get:
    def get(document: Node) -> Node:
        try:
            for key in keys:
                document = document[key]
        except _ABSENT:
            return None
        return document

    return get


def _walk(nodes: list[Node], steps: Iterable[PathStep]) -> list[Node]:
    """Walk ``steps`` from each of ``nodes``; each step visits every part of the document once."""
    for step in steps:
        nodes = [member for node in nodes for _, member in _members(node, step) if member is not None]
    return nodes


def _members(node: Node, step: PathStep) -> Iterable[tuple[Node, Node]]:
    """Key and member of those of a list or map that a step means."""
    if isinstance(step, str) and isinstance(node, dict):
        try:
            return ((step, node[step]),)  # and not get: a document may compute values on demand
        except KeyError:
            return ()
    if isinstance(step, str):
        if not step.isdecimal() or len(step) >= _DIGITS_MAX:
            return ()
        step = int(step)
    if isinstance(step, int):
        return ((step, node[step]),) if isinstance(node, list) and -len(node) <= step < len(node) else ()
    members = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return members if isinstance(step, _All) else [pair for pair in members if stands_for(step.get(pair[1]), step.text)]


class Nothing(str):
    """Explanation for a path that leads nowhere: what is at the place where it ends."""

    __slots__ = ()


def end_of(path: Path, start: Node) -> Nothing:
    """The last place on a path that has a value, and a description of that value: ``/a holds x, y``."""
    nodes, at, left = [start], "", list(path.steps)
    for step in path.steps:
        following = _walk(nodes, (step,))
        if not following:
            break
        nodes, at, left = following, at + _written(step), left[1:]
    place = (at or "/") if path.absolute else f"the item's {at[1:]}" if at else "the item"
    return Nothing(f"{place} {_described(nodes[0])}{_with_slash(nodes[0], left)}")


def _with_slash(node: Node, left: Sequence[PathStep]) -> str:
    """Show how to write a key with a slash in it."""
    key = "/".join(step for step in left if isinstance(step, str))
    meant = len(left) > 1 and isinstance(node, dict) and key in node
    return f"; for the key {key!r} write {key.replace('~', '~0').replace('/', '~1')}" if meant else ""


def _written(step: PathStep) -> str:
    if isinstance(step, str):
        return "/" + step.replace("~", "~0").replace("/", "~1")
    return "[*]" if isinstance(step, _All) else "[?...]" if isinstance(step, Fitting) else f"[{step}]"


def _described(node: Node) -> str:
    if isinstance(node, dict):
        more = f" and {len(node) - _KEYS_SHOWN} more" if len(node) > _KEYS_SHOWN else ""
        return f"holds {', '.join(str(key)[:_TEXT_SHOWN] for key in [*node][:_KEYS_SHOWN])}{more}" if node else "is empty"
    if isinstance(node, list):
        return f"is a list of {len(node)}"
    return f"is {len(node)} bytes" if isinstance(node, bytes) else f"is {str(node)[:_TEXT_SHOWN]!r}"


_KEYS_SHOWN: Final = 12
_TEXT_SHOWN: Final = 40


def change(document: Node, path: Path, function: Callable[[Node], Node]) -> Node:
    """Replace the value at a path, in place; a missing or null value stays."""
    if not path.steps:
        return function(document)
    *way, last = path.steps
    for parent in _walk([document], way):
        for key, member in _members(parent, last):
            if member is not None:
                parent[key] = function(member)
    return document


WORDS: Final = {"on": True, "off": False, "true": True, "false": False, "yes": True, "no": False}
"""Words for true and false. YAML reads on, off, yes and no without quotes as true and false, so these stand for each other."""

_TRUTH: Final = {"true": True, "false": False}


def stands_for(value: object, text: str) -> bool:
    """Tell if ``text``, as people write it in a profile, is this value: ``true``, ``3``, ``3.0`` or a text."""
    if isinstance(value, str):
        return value == text or (text in _TRUTH and WORDS.get(value.strip().lower()) is _TRUTH[text])
    if isinstance(value, bool):
        return _TRUTH.get(text) is value
    if not isinstance(value, int | float):
        return False
    try:
        return value == float(text)
    except ValueError:
        return False


def _pairs(container: object) -> list[tuple[str, Node]]:
    """Key and member of a list or map; a list's keys are its numbers from 0. None for anything else."""
    if isinstance(container, dict):
        return [(str(key), item) for key, item in container.items()]
    return [(str(number), item) for number, item in enumerate(container)] if isinstance(container, list) else []
