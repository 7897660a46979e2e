"""Sources of values: each source of the profile language, compiled to a plain function of the cursor."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from json import dumps
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct
from msgspec import field as member

from gateway.core.profiles.language.paths import Around, Get, Node, Nothing, Path, end_of, parse_path
from gateway.core.profiles.mapped import DeviceParams
from schemas.profile_values import FirstOf, ValueSource

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
"""No names at all."""


class Cursor(Struct, eq=False):
    """The position of the mapping: a document and, inside ``each``, one of its items."""

    document: Any
    captures: Mapping[str, str]
    params: DeviceParams = NOTHING
    properties: Mapping[str, str] = NOTHING
    number: int = 0  # the item's place in the list or map, from 0
    item: Any = None  # the value there; this and all that follow only inside ``each``
    value: Any = None  # its value, if ``each`` gives it one; else the item
    key: str = ""
    taken: Mapping[str, str] = NOTHING  # the texts in the braces of its name, if map has a pattern for it
    around: Around = ()  # key and member of each level around it, the innermost first; only if the profile uses them
    memo: dict[str, Any] = member(default_factory=dict)  # values found once for all items
    device: str = ""  # the point's own device, if the profile names one; empty if there is no value there


Take = Callable[[Cursor], Any]
"""The value at the cursor; None if there is none."""


class Fault(ValueError):  # noqa: N818 - the field's word
    """A fault in a profile; ``key`` is the path of the key below the place that reports it, may be empty."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key
        self.what = what


@contextmanager
def within(key: str) -> Iterator[None]:
    """Put ``key`` before the key of a fault raised inside."""
    try:
        yield
    except Fault as fault:
        raise Fault(_joined(key, fault.key), fault.what) from None
    except ValueError as error:
        raise Fault(key, str(error)) from None


@dataclass(slots=True)
class Scope:
    """The names that one place of a profile may use."""

    captures: frozenset[str] = frozenset()
    decoder: str = "json"  # name of the decoder of its messages; some formats bring their own units and times
    decimal: str = ""  # the decimal mark with which the decoder made numbers of texts; empty if it makes none
    is_frame: bool = False  # its messages are frames in the envelope of a network server
    in_each: bool = False
    around: int = 0  # number of levels around an item: the selectors of ``each.of`` before the list that holds the items
    absent: frozenset[str] = frozenset()  # first keys of a frame's document that never exist here
    taken: frozenset[str] = frozenset()  # names in braces of the pattern for its name
    tests_hold: Callable[[str], bool] = lambda _: False  # tells if a message in the tests has something at a path
    place: str = ""  # key of this place in the profile
    required: set[str] = field(default_factory=set)  # parameters without a default; filled while compiling
    faults: list[Fault] = field(default_factory=list)  # all faults; filled while compiling

    def below(self, key: str, *, in_each: bool | None = None, around: int = 0) -> "Scope":
        """The same at ``key`` of this place."""
        inside = self.in_each if in_each is None else in_each
        return replace(self, place=_joined(self.place, key), in_each=inside, around=around or self.around)

    @contextmanager
    def gather(self, key: str) -> Iterator[None]:
        """Add a fault raised inside to the list and go on, so that all faults of a profile are reported at once."""
        try:
            with within(_joined(self.place, key)):
                yield
        except Fault as fault:
            self.faults.append(fault)


def _joined(place: str, key: str) -> str:
    return f"{place}.{key}" if place and key else place or key


def origin_of(source: ValueSource) -> str:
    """Return the origin of a value as the profile writes it; empty if it is not a single place."""
    if source.literal is not None:
        return f"literal {dumps(source.literal, ensure_ascii=False)}"
    paths = source.path.first_of if source.path is not None else source.first_of
    given = [paths[0]] if paths else [getattr(source, name, None) for name in source.sources()]
    return next((part for part in given if isinstance(part, str)), "")


def compile_source(source: ValueSource, scope: Scope) -> Take | None:
    """Compile a source; None if no source is given."""
    if source.param is not None:
        name, default = source.param, source.default
        if default is None:
            scope.required.add(name)
        return lambda here: here.params.get(name, default)
    take = _plain(source, scope)
    return None if take is None else or_default(take, source.default)


def _plain(source: ValueSource, scope: Scope) -> Take | None:
    if source.path is not None or source.first_of is not None:
        with within("path" if source.path else "first_of"):
            return compile_paths(source.path or FirstOf(first_of=source.first_of or []), scope)
    if source.topic is not None:
        return _capture(source.topic, scope)
    if source.property is not None:
        return of_property(source.property)
    if source.literal is not None:
        literal = source.literal
        return lambda _: literal
    return _of_item(source, scope)


def _of_item(source: ValueSource, scope: Scope) -> Take | None:
    for key in ("item", "key", "sibling"):
        if getattr(source, key) is not None and not scope.in_each:
            raise Fault(key, "there is an item only inside of each")
    if source.item:
        return lambda here: here.value
    if source.key == OUTWARD:
        _check_around(1, scope)
        return lambda here: here.around[0][0]
    if source.key:
        return lambda here: here.key
    if source.sibling is not None:
        with within("sibling"):
            return _sibling(compile_path(source.sibling, scope))
    return None


def _sibling(container: Take) -> Take:
    def take(here: Cursor) -> Node:
        found = container(here)
        if isinstance(found, dict):
            return found.get(here.key)
        return found[here.number] if isinstance(found, list) and here.number < len(found) else None

    return take


def or_default(take: Take, default: object) -> Take:
    """The same, with the default in place of nothing."""
    if default is None:
        return take

    def with_default(here: Cursor) -> Node:
        value = take(here)
        return default if value is None else value

    return with_default


def of_property(name: str) -> Take:
    """The MQTT user property of that name."""
    return lambda here: here.properties.get(name)


def _capture(name: str, scope: Scope) -> Take:
    if name not in scope.captures:
        known = ", ".join(sorted(scope.captures)) or "none"
        raise Fault("topic", f"{name!r} is not a named level of the topics; there are: {known}")
    return lambda here: here.captures.get(name)


def compile_paths(paths: FirstOf, scope: Scope) -> Take:
    """The first of several paths that has a value."""
    takes = [compile_path(text, scope) for text in paths.first_of]
    if len(takes) == 1:
        return takes[0]

    def first(here: Cursor) -> Node:
        return next((value for take in takes if (value := take(here)) is not None), None)

    return first


def compile_end(paths: FirstOf, scope: Scope) -> Callable[[Cursor], Nothing]:
    """Compile the message that says where the first of several paths ends, if none has a value."""
    text = paths.first_of[0]
    if text.startswith(OUTWARD):
        levels, inner = _out_of(text)
        return lambda here: end_of(inner, here.around[levels - 1][1])
    path = parse_path(text)
    if text in scope.captures and not scope.in_each:
        return lambda _: Nothing(f"the level {text} of the topic is not there")
    if path.absolute or not scope.in_each:
        absolute = path._replace(absolute=True)
        return lambda here: end_of(absolute, here.document)
    return lambda here: end_of(path, here.item)


def document_path(paths: FirstOf, scope: Scope) -> Get | None:
    """Return the getter of a single path of the document; None if the source is more than that."""
    if len(paths.first_of) > 1:
        return None
    path = parse_path(paths.first_of[0])
    return path.get if path.absolute and not (scope.in_each and path.searches) else None


def compile_path(text: str, scope: Scope) -> Take:
    """Compile a path with its start: the document, the item, or a named level of the topic."""
    if not scope.in_each and text in scope.captures:
        return _capture(text, scope)
    if text.split("/", 1)[0] == OUTWARD:
        levels, inner = _out_of(text)
        _check_around(levels, scope)
        get = inner.get
        return lambda here: get(here.around[levels - 1][1])
    path = parse_path(text)
    get = path.get
    if not path.absolute and scope.in_each:
        return lambda here: get(here.item)
    first = str(path.steps[0]) if path.steps else ""
    if first in scope.absent:  # it would give nothing in every message
        raise Fault("", f"there is no /{first} here: {_ABSENT[first]}")
    if scope.in_each and path.searches:
        return _once(path)
    return lambda here: get(here.document)


OUTWARD: Final = ".."
"""The level around the item."""


def _out_of(text: str) -> tuple[int, Path]:
    """Count the levels that a path goes outwards, ``../id`` one, and return the path from there."""
    parts = text.split("/")
    levels = next((at for at, part in enumerate(parts) if part != OUTWARD), len(parts))
    return levels, parse_path("/".join(parts[levels:]))


def _check_around(levels: int, scope: Scope) -> None:
    if levels > scope.around:
        needed = f"{'/'.join([OUTWARD] * levels)} needs {levels} [*] in each.of before the list of the items"
        raise Fault("", f"{needed}, as /groups[*]/meters; it has {scope.around}")


_ABSENT: Final[Mapping[str, str]] = {
    "codec": "the network server's object is at /decoded; a codec's result is for points and ignore",
    "struct": "it needs struct, which the profile does not have",
}


def compile_own_value(take: Take, scope: Scope) -> Take:
    """The value alone of an OBIS line, without its unit and time."""
    if scope.decoder != "obis":
        return take

    def own_value(here: Cursor) -> Node:
        found = take(here)
        return found["value"] if isinstance(found, dict) and "value" in found else found

    return own_value


def _once(path: Path) -> Take:
    """Compile a search in the document that gives the same result for every item."""

    def take(here: Cursor) -> Node:
        if path.text not in here.memo:
            here.memo[path.text] = path.get(here.document)
        return here.memo[path.text]

    return take
