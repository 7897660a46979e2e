"""Paths into a document, parsed once and walked by plain functions.

JSON Pointer (RFC 6901), with ``[n]`` for one of a list (negative: from the end), ``[*]`` for all and ``[?key==value]`` for
those that fit. ``/`` alone is the whole document. A missing or null value is None; nothing here raises on a document.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

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
    """A path ready to be walked.

    :ivar absolute: it starts at the document; else at an item.
    :ivar steps: keys, numbers and selectors on the way.
    :ivar get: the value there. With ``[*]`` in the path a list; with ``[?...]`` alone the first that fits.
    :ivar items: key and item of each item for ``each``.
    """

    text: str
    absolute: bool
    steps: tuple[PathStep, ...]
    get: Get
    items: Callable[[Any], Iterable[tuple[str, Any]]]

    @property
    def searches(self) -> bool:
        """Tell if walking it looks at more than one place."""
        return any(isinstance(step, Fitting | _All) for step in self.steps)

    @property
    def surroundings(self) -> int:
        """The number of selectors before the list or map that holds the items."""
        selecting = [isinstance(step, Fitting | _All) for step in self.steps]
        return sum(selecting[:-1])

    def items_within(self, document: Node) -> Iterator[tuple[str, Node, Around]]:
        """The same as ``items``, with the levels around each of them."""
        *way, last = self.steps
        if isinstance(last, Fitting | _All):
            found = (item for node, around in _walk_within(document, way) for item in _selected(node, last, around))
            yield from ((str(number), item, around) for number, (_, item, around) in enumerate(found))
            return
        ends = [(_walk([node], (last,)), around) for node, around in _walk_within(document, way)]
        if _is_column(way, last) and any(
            node is not None and not isinstance(node, dict | list) for end, _ in ends for node in end
        ):
            yield from ((str(number), next(iter(end), None), around) for number, (end, around) in enumerate(ends))
            return
        yield from ((key, item, around) for end, around in ends for node in end for key, item in pairs(node))


def _is_column(way: Sequence[PathStep], last: PathStep) -> bool:
    return isinstance(last, str) and any(isinstance(step, _All) for step in way)


def _walk_within(document: Node, steps: Iterable[PathStep]) -> list[tuple[Node, Around]]:
    nodes: list[tuple[Node, Around]] = [(document, ())]
    for step in steps:
        if isinstance(step, Fitting | _All):
            nodes = [(item, ((key, item), *around)) for node, around in nodes for key, item, _ in _selected(node, step, around)]
        else:
            nodes = [(child, around) for node, around in nodes for child in _children(node, step) if child is not None]
    return nodes


def _selected(node: Node, step: Fitting | _All, around: Around) -> Iterator[tuple[str, Node, Around]]:
    for key, item in pairs(node):
        if item is not None and (isinstance(step, _All) or stands_for(step.get(item), step.text)):
            yield key, item, around


def parse_path(text: str) -> Path:
    """Parse a path.

    :raises ValueError: with a sentence for people.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"{text[:40]!r}... is too long for a path")
    absolute = text.startswith("/")
    body = text[1:] if absolute else text
    steps = tuple(step for piece in _SLASH.split(body) for step in _parse_piece(piece, text)) if body else ()
    return Path(text, absolute, steps, _getter(steps), _lister(steps))


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
    if len(keys) < len(steps):
        return _walking(steps)
    return _BY_KEYS[len(keys)](*keys) if len(keys) < len(_BY_KEYS) else _by_keys(keys)


_ABSENT: Final = (KeyError, TypeError, IndexError)


def _whole() -> Get:
    return lambda document: document


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


def _by_three_keys(first: str, second: str, third: str) -> Get:
    def get(document: Node) -> Node:
        try:
            return document[first][second][third]
        except _ABSENT:
            return None

    return get


_BY_KEYS: Final[Sequence[Callable[..., Get]]] = (_whole, _by_key, _by_two_keys, _by_three_keys)


def _by_keys(keys: Sequence[str]) -> Get:
    def get(document: Node) -> Node:
        try:
            for key in keys:
                document = document[key]
        except _ABSENT:
            return None
        return document

    return get


def _walking(steps: Sequence[PathStep]) -> Get:
    wants_all = any(isinstance(step, _All) for step in steps)

    def get(document: Node) -> Node:
        found = _walk([document], steps)
        return found if wants_all else next(iter(found), None)

    return get


def _walk(nodes: list[Node], steps: Iterable[PathStep]) -> list[Node]:
    """Walk ``steps`` from each of ``nodes``; each step visits every part of the document once."""
    for step in steps:
        nodes = [child for node in nodes for child in _children(node, step) if child is not None]
    return nodes


def _children(node: Node, step: PathStep) -> Iterable[Node]:
    if isinstance(step, str):
        return (_member(node, step),)
    if isinstance(step, int):
        return (node[step],) if isinstance(node, list) and -len(node) <= step < len(node) else ()
    members = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return members if isinstance(step, _All) else [member for member in members if stands_for(step.get(member), step.text)]


def _member(node: Node, key: str) -> Node:
    if isinstance(node, dict):
        try:
            return node[key]  # and not get: a document may compute values on demand
        except KeyError:
            return None
    if isinstance(node, list) and key.isdecimal() and len(key) < _DIGITS_MAX:
        return node[int(key)] if int(key) < len(node) else None
    return None


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


def _members(parent: Node, step: PathStep) -> list[tuple[Node, Node]]:
    """Keys and members of a list or map that a last step means."""
    if isinstance(parent, dict):
        found = list(parent.items())
    elif isinstance(parent, list):
        found = list(enumerate(parent))
    else:
        return []
    if isinstance(step, _All):
        return found
    if isinstance(step, Fitting):
        return [(key, member) for key, member in found if stands_for(step.get(member), step.text)]
    at = step + len(found) if isinstance(step, int) and step < 0 else step
    return [(key, member) for key, member in found if key == at or (isinstance(key, int) and str(key) == at)]


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


def _lister(steps: Sequence[PathStep]) -> Callable[[Node], Iterable[tuple[str, Node]]]:
    """After a selector the values found are the items; else they are in the list or map found."""
    if steps and isinstance(steps[-1], str) and _is_column(steps[:-1], steps[-1]):
        return _column_lister(steps[:-1], steps[-1])
    selects = bool(steps) and isinstance(steps[-1], Fitting | _All)

    def items(document: Node) -> Iterable[tuple[str, Node]]:
        found = _walk([document], steps)
        if selects:
            return ((str(number), item) for number, item in enumerate(found))
        return (pair for container in found for pair in pairs(container))

    return items


def _column_lister(way: Sequence[PathStep], key: str) -> Callable[[Node], Iterable[tuple[str, Node]]]:
    """The items behind ``[*]`` and a key: those of the lists that exist; a value that is not a list or map is an item itself.

    A row without a number is an item too, so that the rows can be counted, for example for a time.
    """

    def items(document: Node) -> Iterable[tuple[str, Node]]:
        found = [_member(row, key) for row in _walk([document], way)]
        if any(node is not None and not isinstance(node, dict | list) for node in found):
            return ((str(number), item) for number, item in enumerate(found))
        return (pair for container in found for pair in pairs(container))

    return items


def pairs(container: object) -> Iterable[tuple[str, Node]]:
    """Key and member of a list or map; a list's keys are its numbers from 0. None for anything else."""
    if isinstance(container, dict):
        return ((str(key), item) for key, item in container.items())
    return ((str(number), item) for number, item in enumerate(container)) if isinstance(container, list) else ()
