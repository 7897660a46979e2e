"""``each``: the items of a list or map, of several parallel ones, or running totals made from differences.

``map``: from the names of items to fields. ``Voltage/L{p:1|2|3}`` stands for three names, each with its own field. ``{p}``
alone takes any text and is tried in the order of the profile. A name that is written out goes before all patterns, which are
worked out at load time as far as they can be.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any, Final, NamedTuple

from gateway.core.profiles.language.fields import Field, compile_entry
from gateway.core.profiles.language.paths import Around, Node, Path, parse_path
from gateway.core.profiles.language.sources import NOTHING, Cursor, Fault, Scope, compile_paths
from gateway.core.profiles.language.steps import is_number
from gateway.core.profiles.language.texts import compile_text, regex_of
from gateway.core.profiles.language.values import compile_operand
from gateway.core.readings.native import Drop
from schemas.profile_points import Each, MapEntry
from schemas.profile_values import FirstOf
from schemas.rejects import DropCause

Items = Callable[[Any], Iterable[tuple[str, Any, Around]]]
"""Document → key and item of each, and the levels around it."""


class Walker:
    """Walks through the items, and yields the cursor at each."""

    def __init__(self, each: Each, scope: Scope) -> None:
        """Compile ``each``; faults go to the scope's list."""
        paths = each.of.first_of if isinstance(each.of, FirstOf) else each.of
        self.origin = next(iter(paths.values() if isinstance(paths, dict) else paths or ()), "")
        self._by = self._value = self._start = None
        self.around = 0
        with scope.gather("each.of"):
            self._items = _items(each)
            if isinstance(each.of, FirstOf) and len(each.of.first_of) == 1:
                self.around = _absolute(self.origin).surroundings
        inside = scope.below("", in_each=True, around=self.around)
        if each.by is not None:
            with scope.gather("each.by"):
                self._by = compile_text(each.by, inside)
        if each.value is not None:
            with scope.gather("each.value"):
                self._value = compile_paths(each.value, inside)
        if each.running is not None:
            self._sign, self._sentinels = each.running.sign, frozenset(map(float, each.running.sentinels))
            with scope.gather("each.running.start"):
                self._start = compile_operand(each.running.start, scope)

    def walk(self, here: Cursor, lost: Callable[[list[Drop]], None]) -> Iterator[None]:
        """Move the cursor to each item in turn, and back to the document. An item that lacks its name is left out.

        Running totals end at the first missing difference: the totals behind it cannot be known.
        """
        here.key, here.taken, here.memo, here.around = "", NOTHING, {}, ()
        total = None
        if self._start is not None:
            total = self._start(here)
            if total is None or isinstance(total, DropCause):
                lost([(f"{self.origin}, start", total)] if total is not None else [])
                return
        for number, (key, item, around) in enumerate(self._items(here.document)):
            here.item, here.key, here.number, here.around = item, key, number, around
            here.value = item if self._value is None else self._value(here)
            if self._by is not None:
                name = self._by(here)
                if name is None or isinstance(name, DropCause):
                    lost([(f"{self.origin}/{key}", name or DropCause.UNKNOWN_KEY)])
                    continue
                here.key = name
            if self._start is not None:
                if not is_number(here.value) or here.value in self._sentinels:
                    return
                here.value = total = total + self._sign * here.value
            yield
        here.number = 0  # outside of the items a time is counted from its base alone


def _items(each: Each) -> Items:
    of = each.of
    if of is None:
        return lambda document: (("0", document, ()),)
    if isinstance(of, FirstOf):
        return _first([_absolute(text) for text in of.first_of])
    if not of:
        raise Fault("", "give the paths of the lists")
    if isinstance(of, dict):
        return _parallel([_absolute(text) for text in of.values()], list(of))
    return _parallel([_absolute(text) for text in of], None)


def _absolute(text: str) -> Path:
    path = parse_path(text)
    if not path.absolute:
        raise Fault("", f"{text!r} must begin with a slash: items are taken from the document")
    return path


def _first(paths: Sequence[Path]) -> Items:
    if len(paths) == 1:
        return paths[0].items
    return lambda document: next((path for path in paths if path.get(document)), paths[-1]).items(document)


def _parallel(paths: Sequence[Path], names: Sequence[str] | None) -> Items:
    """Items of several lists or maps that belong together, by place or by key; as far as the first of them goes."""

    def items(document: Node) -> Iterator[tuple[str, Node, Around]]:
        columns = [{key: item for key, item, _ in path.items(document)} for path in paths]
        for key in columns[0]:
            parts = [column.get(key) for column in columns]
            yield key, parts if names is None else dict(zip(names, parts, strict=True)), ()

    return items


Taken = Mapping[str, str]
"""Name in braces → the text found there."""

_PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_WAYS_MAX: Final = 1000
_NAME_MAX: Final = 256
_REST: Final = "*"


class Meant(NamedTuple):
    """The meaning of a name: its fields; empty if it is skipped."""

    fields: Sequence[Field]
    taken: Taken = NOTHING


class NamedFields:
    """The meaning of names."""

    def __init__(self, entries: Mapping[str, Sequence[MapEntry]], measurement: str, scope: Scope) -> None:
        """Compile the entries; faults go to the scope's list."""
        self._measurement = measurement
        self._known: dict[str, Meant] = {}
        self._patterns: list[tuple[re.Pattern[str], Sequence[Field]]] = []
        self._rest: Meant | None = None
        for pattern, meant in sorted(entries.items(), key=lambda entry: "{" in entry[0]):  # exact names go before patterns
            inside = scope.below(f"map.{pattern}")
            with inside.gather(""):
                self._add(pattern, meant, inside)

    def of(self, name: str) -> Meant | None:
        """Return the meaning of a name; None if it is not known."""
        known = self._known.get(name)
        if known is not None:
            return known
        for fits, fields in self._patterns:
            match = fits.fullmatch(name[:_NAME_MAX])
            if match is not None:
                return Meant(fields, match.groupdict())
        return self._rest

    def fields(self) -> list[Field]:
        """All fields that occur in the map."""
        meant = [*self._known.values(), *([self._rest] if self._rest else [])]
        return [field for one in meant for field in one.fields] + [field for _, fields in self._patterns for field in fields]

    def _add(self, pattern: str, entries: Sequence[MapEntry], scope: Scope) -> None:
        if pattern == _REST:
            self._rest = Meant(self._compiled(entries, NOTHING, scope))
            return
        places = _PLACE.findall(pattern)
        names = [name for name, _ in places]
        if len(set(names)) < len(names):
            raise Fault("", "a name in braces occurs twice in it")
        scope.taken = frozenset(names)
        if not all(choices for _, choices in places):
            self._patterns.append((re.compile(regex_of(pattern, _PLACE, _group)), self._compiled(entries, NOTHING, scope)))
            return
        ways = [choices.split("|") for _, choices in places]
        if prod(map(len, ways)) > _WAYS_MAX:
            raise Fault("", f"stands for more than {_WAYS_MAX} names")
        for way in product(*ways):
            taken = dict(zip(names, way, strict=True))
            self._known.setdefault(_filled(pattern, taken), Meant(self._compiled(entries, taken, scope), taken))

    def _compiled(self, entries: Sequence[MapEntry], taken: Taken, scope: Scope) -> Sequence[Field]:
        fields = []
        for number, entry in enumerate(entries):
            with scope.gather(str(number) if len(entries) > 1 else ""):
                name = _filled(entry.field, taken)
                if "{" in name:
                    raise Fault("field", f"{name!r} needs choices in the name, as {{p:1|2|3}}")
                fields.append(compile_entry(entry.model_copy(update={"field": name}), self._measurement, scope))
        return fields


def _filled(template: str, taken: Taken) -> str:
    """Fill the braces of a template; braces without a text stay."""
    return _PLACE.sub(lambda match: taken.get(match[1], match[0]), template)


def _group(place: re.Match[str]) -> str:
    """A place takes any text without a slash, or one of its choices."""
    choices = "|".join(map(re.escape, place[2].split("|"))) if place[2] else "[^/]+?"
    return f"(?P<{place[1]}>{choices})"
