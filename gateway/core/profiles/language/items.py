"""``each``: the items of a list or map, of several parallel ones, or running totals made from differences."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from gateway.core.profiles.language.paths import Node, Path, parse_path
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_paths, within
from gateway.core.profiles.language.steps import is_number
from gateway.core.profiles.language.texts import compile_text
from gateway.core.profiles.language.values import compile_operand
from gateway.core.readings.native import Drop
from schemas.profile_points import Each, Running
from schemas.profile_values import FirstOf
from schemas.rejects import DropCause

Items = Callable[[Any], Iterable[tuple[str, Any]]]
"""Document → key and item of each."""


class Total(NamedTuple):
    """Rule by which differences become running totals."""

    start: Take
    sign: int
    sentinels: frozenset[float]


class Walker:
    """Walks through the items, and yields the cursor at each."""

    __slots__ = ("_by", "_items", "_total", "_value", "_within", "around", "origin")

    def __init__(self, each: Each, scope: Scope) -> None:
        """Compile ``each``; faults go to the scope's list."""
        self.origin = _origin(each)
        self._within: Path | None = None
        self._by = self._value = self._total = None
        with scope.gather("each.of"):
            self._items = _items(each)
            self._within = _single(each)
        self.around = self._within.surroundings if self._within is not None else 0
        inside = scope.below("", in_each=True, around=self.around)
        if each.by is not None:
            with scope.gather("each.by"):
                self._by = compile_text(each.by, inside)
        if each.value is not None:
            with scope.gather("each.value"):
                self._value = compile_paths(each.value, inside)
        if each.running is not None:
            with scope.gather("each.running"):
                self._total = _total(each.running, scope)

    def walk(self, here: Cursor, lost: Callable[[list[Drop]], None]) -> Iterator[None]:
        """Move the cursor to each item in turn. An item that lacks its name is left out.

        Running totals end at the first missing difference: the totals behind it cannot be known.
        """
        here.enter_items()
        total = None
        if self._total is not None:
            total = self._total.start(here)
            if total is None or isinstance(total, DropCause):
                lost([(f"{self.origin}, start", total)] if total is not None else [])
                return
        for number, (key, item) in enumerate(self._items_around(here) if self.around else self._items(here.document)):
            here.item, here.key, here.number = item, key, number
            here.value = item if self._value is None else self._value(here)
            if self._by is not None:
                name = self._by(here)
                if name is None or isinstance(name, DropCause):
                    lost([(f"{self.origin}/{key}", name or DropCause.UNKNOWN_KEY)])
                    continue
                here.key = name
            if self._total is not None:
                total = _next(total, here.value, self._total)
                if total is None:
                    return
                here.value = total
            yield
        here.leave_items()

    def _items_around(self, here: Cursor) -> Iterator[tuple[str, Any]]:
        """The items of a document, each with what surrounds it."""
        for key, item, around in self._within.items_within(here.document) if self._within is not None else ():
            here.around = around
            yield key, item


def _single(each: Each) -> Path | None:
    """The path of the items, if it is a single one."""
    return _absolute(each.of.first_of[0]) if isinstance(each.of, FirstOf) and len(each.of.first_of) == 1 else None


def _origin(each: Each) -> str:
    if isinstance(each.of, FirstOf):
        return each.of.first_of[0]
    return next(iter(each.of), "") if isinstance(each.of, list) else next(iter(each.of.values()), "") if each.of else ""


def _items(each: Each) -> Items:
    of = each.of
    if of is None:
        return lambda document: (("0", document),)
    if isinstance(of, FirstOf):
        return _first([_absolute(text) for text in of.first_of])
    names = list(of) if isinstance(of, dict) else None
    takes = [_absolute(text) for text in (of.values() if isinstance(of, dict) else of)]
    if not takes:
        raise Fault("", "give the paths of the lists")
    return _parallel(takes, names)


def _absolute(text: str) -> Path:
    path = parse_path(text)
    if not path.absolute:
        raise Fault("", f"{text!r} must begin with a slash: items are taken from the document")
    return path


def _first(paths: Sequence[Path]) -> Items:
    if len(paths) == 1:
        return paths[0].items

    def items(document: Node) -> Iterable[tuple[str, Node]]:
        found = next((path for path in paths if path.get(document)), paths[-1])
        return found.items(document)

    return items


def _parallel(paths: Sequence[Path], names: Sequence[str] | None) -> Items:
    """Items of several lists or maps that belong together, by place or by key; as far as the first of them goes."""

    def items(document: Node) -> Iterator[tuple[str, Node]]:
        columns = [dict(path.items(document)) for path in paths]
        for key in columns[0]:
            parts = [column.get(key) for column in columns]
            yield key, parts if names is None else dict(zip(names, parts, strict=True))

    return items


def _total(running: Running, scope: Scope) -> Total:
    with within("start"):
        return Total(compile_operand(running.start, scope), running.sign, frozenset(map(float, running.sentinels)))


def _next(total: Node, difference: Node, rule: Total) -> Node:
    if not is_number(difference) or difference in rule.sentinels:
        return None
    return total + rule.sign * difference
