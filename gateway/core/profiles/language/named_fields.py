"""``map``: from the names of items to fields. Patterns are worked out at load time as far as they can be.

``Voltage/L{p:1|2|3}`` stands for three names, each with its own field. ``{p}`` alone takes any text and is tried in the order
of the profile. A name that is written out goes before all patterns.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from math import prod
from typing import Final, Generic, NamedTuple, TypeVar

from gateway.core.profiles.language.sources import Fault, Scope
from schemas.profile_points import MapEntry

T = TypeVar("T")
Taken = Mapping[str, str]
"""Name in braces → the text found there."""

_PLACE = re.compile(r"\{(\w+)(?::([^{}]*))?\}")
_WAYS_MAX: Final = 1000
_NAME_MAX: Final = 256
_NOTHING: Final[Taken] = {}
_REST: Final = "*"


class Meant(NamedTuple, Generic[T]):
    """The meaning of a name: its fields; empty if it is skipped."""

    fields: Sequence[T]
    taken: Taken


class NamedFields(Generic[T]):
    """The meaning of names."""

    def __init__(
        self, entries: Mapping[str, Sequence[MapEntry]], scope: Scope, compile_entry: Callable[[MapEntry, Scope], T]
    ) -> None:
        """Compile the entries; faults go to the scope's list."""
        self._compile = compile_entry
        self._known: dict[str, Meant[T]] = {}
        self._patterns: list[tuple[re.Pattern[str], Sequence[T]]] = []
        self._rest: Meant[T] | None = None
        for pattern, meant in sorted(entries.items(), key=lambda entry: "{" in entry[0]):  # exact names go before patterns
            inside = scope.below(f"map.{pattern}")
            with inside.gather(""):
                self._add(pattern, meant, inside)

    def of(self, name: str) -> Meant[T] | None:
        """Return the meaning of a name; None if it is not known."""
        known = self._known.get(name)
        if known is not None:
            return known
        for fits, fields in self._patterns:
            match = fits.fullmatch(name[:_NAME_MAX])
            if match is not None:
                return Meant(fields, match.groupdict())
        return self._rest

    def fields(self) -> list[T]:
        """All fields that occur in the map."""
        meant = [*self._known.values(), *([self._rest] if self._rest else [])]
        return [field for one in meant for field in one.fields] + [field for _, fields in self._patterns for field in fields]

    def _add(self, pattern: str, entries: Sequence[MapEntry], scope: Scope) -> None:
        if pattern == _REST:
            self._rest = Meant(self._compiled(entries, _NOTHING, scope), _NOTHING)
            return
        places = _PLACE.findall(pattern)
        names = [name for name, _ in places]
        if len(set(names)) < len(names):
            raise Fault("", "a name in braces occurs twice in it")
        scope.taken = frozenset(names)
        ways = [choices.split("|") if choices else None for _, choices in places]
        if any(way is None for way in ways):
            self._patterns.append((_regex(pattern), self._compiled(entries, _NOTHING, scope)))
            return
        choices = [way for way in ways if way is not None]
        if prod(map(len, choices)) > _WAYS_MAX:
            raise Fault("", f"stands for more than {_WAYS_MAX} names")
        for way in product(*choices):
            taken = dict(zip(names, way, strict=True))
            self._known.setdefault(fill(pattern, taken), Meant(self._compiled(entries, taken, scope), taken))

    def _compiled(self, entries: Sequence[MapEntry], taken: Taken, scope: Scope) -> Sequence[T]:
        fields = []
        for number, entry in enumerate(entries):
            with scope.gather(str(number) if len(entries) > 1 else ""):
                name = fill(entry.field, taken)
                if "{" in name:
                    raise Fault("field", f"{name!r} needs choices in the name, as {{p:1|2|3}}")
                fields.append(self._compile(entry.model_copy(update={"field": name}), scope))
        return fields


def fill(template: str, taken: Taken) -> str:
    """Fill the braces of a template; braces without a text stay."""
    return _PLACE.sub(lambda match: taken.get(match[1], match[0]), template)


def _regex(pattern: str) -> re.Pattern[str]:
    """Compile a pattern: each place takes any text without a slash, or one of its choices."""
    parts, at = [], 0
    for match in _PLACE.finditer(pattern):
        choices = "|".join(map(re.escape, match[2].split("|"))) if match[2] else "[^/]+?"
        parts += [re.escape(pattern[at : match.start()]), f"(?P<{match[1]}>{choices})"]
        at = match.end()
    return re.compile("".join(parts) + re.escape(pattern[at:]))
