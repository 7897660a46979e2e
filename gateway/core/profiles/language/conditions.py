"""The messages of a profile: their topics, ``when``, ``ignore``, and status messages.

``when`` has tests on the value at paths, compiled to one function; ``ignore`` frames that are neither data nor faults. Topics
are filters with named levels, ``application/{app}/device/{device}/event/up``. Status messages and last wills say that a device
is online or offline.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import Any, Final, NamedTuple

from gateway.core.decoders.plain import json_lenient
from gateway.core.message import Undecodable
from gateway.core.profiles.language.paths import Get, Node, parse_path, stands_for
from gateway.core.profiles.language.sources import Cursor, Fault, Scope, Take, compile_own_value, compile_path, within
from gateway.core.profiles.language.texts import Translate, compile_enum, regex_of
from schemas.profile import Profile, StatusSpec
from schemas.profile_values import Scalar, TextSource, written
from schemas.profile_when import Test, When
from schemas.topics import is_filter

Holds = Callable[[Cursor], bool]
ValueCheck = Callable[[Any], bool]

_TYPES: Final[dict[str, ValueCheck]] = {
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "text": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "map": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def always(_: Cursor) -> bool:
    """No test at all."""
    return True


def compile_when(when: When | None, scope: Scope) -> Holds:
    """Compile a function that tells if all tests hold."""
    checks = []
    for path, test in when.tests().items() if when is not None else ():
        with within(path):
            checks.append(_check(compile_own_value(compile_path(path, scope), scope), compile_test(test)))
    if when is not None and when.any_present is not None:
        with within("any_present"):
            takes = [compile_path(path, scope) for path in when.any_present]
            checks.append(lambda here: any(take(here) is not None for take in takes))
    if len(checks) > 1:
        return lambda here: all(check(here) for check in checks)
    return checks[0] if checks else always


def _check(take: Take, test: ValueCheck) -> Holds:
    return lambda here: test(take(here))


def compile_test(test: Test) -> ValueCheck:
    """Compile a function that tells if a value passes: one of the alternatives must fit."""
    checks = [_TYPES[name] for name in test.type or ()]
    checks += [_glob(pattern) for pattern in test.glob or ()]
    if test.present is not None:
        checks.append((lambda value: value is not None) if test.present else _TYPES["null"])
    if test.mask is not None:
        checks.append(_masked(test.mask, test.is_))
    elif test.is_ is not None:
        checks.append(_among(test.is_))
    return checks[0] if len(checks) == 1 else lambda value: any(check(value) for check in checks)


def _glob(pattern: str) -> ValueCheck:
    fits = re.compile(translate(pattern.replace("[", "[[]"))).match
    return lambda value: isinstance(value, str) and fits(value) is not None


def _among(values: list[Scalar]) -> ValueCheck:
    texts = [written(value) for value in values]
    return lambda value: any(stands_for(value, text) for text in texts)


def _masked(mask: int, values: list[Scalar] | None) -> ValueCheck:
    def check(value: Node) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return value & mask in values if values is not None else value & mask != 0

    return check


EMPTY: Final = "empty"
"""The rule for a message without a single byte."""


def compile_ignored(model: Profile, scope: Scope, *, of_answers: bool) -> tuple[Holds, ...]:
    """The rules that use the codec's result, or those that are checked before the codec runs."""
    rules = []
    for number, rule in enumerate(model.ignore):
        if rule == EMPTY or _is_of_answer(rule, model) is not of_answers:
            continue
        with scope.gather(f"ignore.{number}"):
            if not rule.predicates():
                raise Fault("", "an empty rule would ignore everything")
            rules.append(compile_when(rule, scope))
    return tuple(rules)


def _is_of_answer(rule: When, model: Profile) -> bool:
    paths = [*rule.tests(), *(rule.any_present or ())] if model.root is None else model.root.first_of
    return model.codec is not None and any(path.startswith("/codec") for path in paths)


_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)
_ANY_LEVEL: Final = "[^/]*"


class TopicFilter(NamedTuple):
    """An MQTT topic filter, and the names of its levels; ``pattern``, to subscribe to, has ``+`` where a level has one."""

    pattern: str
    literal_levels: int
    names: frozenset[str]
    fits: re.Pattern[str]

    def match(self, topic: str) -> dict[str, str] | None:
        """Return the values of the named levels; None if the topic does not match."""
        found = self.fits.fullmatch(topic)
        return found.groupdict() if found is not None else None


def parse_filter(text: str) -> TopicFilter:
    """Parse a filter; a ValueError says in a sentence for people what is wrong with it."""
    levels = text.split("/")
    pattern = "/".join("+" if "{" in level and not set("+#") & set(level) else level for level in levels)
    names = _PLACE.findall(text)
    if not is_filter(pattern) or re.search(r"[{}]", _PLACE.sub("", text)) or pattern.startswith("$share/"):
        raise ValueError(f"{text!r} is not a topic filter; write for example tele/{{device}}/SENSOR")
    if len(set(names)) < len(names):
        raise ValueError(f"{text!r} gives two levels the same name")
    wild = levels[-1] == "#"
    body = "/".join(_level(level) for level in (levels[:-1] if wild else levels))
    hidden = "" if levels[0].startswith("$") else r"(?!\$)"  # [MQTT-4.7.2-1]
    end = "" if not wild else ".*" if len(levels) == 1 else "(?:/.*)?"
    literal = sum(not _PLACE.fullmatch(level) and level not in {"+", "#"} for level in levels)
    return TopicFilter(pattern, literal, frozenset(names), re.compile(hidden + body + end, re.DOTALL))


def _level(level: str) -> str:
    """One level: a name stands for all of it, or for at least one character of it."""
    return _ANY_LEVEL if level == "+" else regex_of(level, _PLACE, lambda place: f"(?P<{place[1]}>[^/]+)")


ReadStatus = Callable[[str, bytes], bool | None]
_LONGEST_BYTES: Final = 4096
_STATES: Final[dict[object, bool]] = {"online": True, "offline": False}


def _word(payload: bytes, get: Get | None) -> str | None:
    """The word of a status message: all of its text, or what is at a path of it."""
    if get is None:
        return payload[:_LONGEST_BYTES].decode("utf-8", "replace").strip("\0 \t\r\n")
    try:
        word = get(json_lenient(payload[:_LONGEST_BYTES]))
    except Undecodable:
        return None
    return written(word) if isinstance(word, bool | int | float | str) else None


def compile_status(specs: Sequence[StatusSpec], scope: Scope) -> tuple[tuple[TopicFilter, ...], ReadStatus]:
    """The topics of status messages, and the function that reads them; faults go to the scope's list."""
    kinds: list[tuple[list[TopicFilter], Get | None, Translate]] = []
    for number, spec in enumerate(specs):
        own: list[TopicFilter] = []
        get: Get | None = None
        for text in spec.topic:
            with scope.gather(f"status.{number}.topic"):
                own.append(parse_filter(text))
        if spec.path is not None:
            with scope.gather(f"status.{number}.path"):
                get = parse_path(spec.path if spec.path.startswith("/") else f"/{spec.path}").get
        kinds.append((own, get, compile_enum(dict(spec.text))))

    def status(topic: str, payload: bytes) -> bool | None:
        for filters, get, meaning in kinds:
            if any(pattern.match(topic) is not None for pattern in filters):
                word = _word(payload, get)
                state = _STATES.get(meaning(word)) if word is not None else None
                if state is not None:
                    return state
        return None

    return tuple(pattern for filters, _, _ in kinds for pattern in filters), status


def warnings_of(model: Profile) -> Iterator[tuple[str, str]]:
    """Keys, each with a warning about what is allowed but probably a mistake."""
    match = model.match
    if match.envelope is None:
        yield from _mute_statuses(model)
    elif match.topic is None and match.by is None and not match.when.predicates():
        tests = "add tests to when, such as {/port: [2]}, or by: registry"
        yield "match", f"takes every frame of every device for which no profile is named; {tests}"


def _mute_statuses(model: Profile) -> Iterator[tuple[str, str]]:
    """Topics of ``status`` that do not name the device."""
    levels = {level for topic in model.match.topic or () for level in _LEVEL.findall(topic)}
    wanted = {"{device}"} if model.device is None else set(_parts_of(model.device, levels))
    for number, status in enumerate(model.status):
        for topic in status.topic:
            missing = sorted(part for part in wanted if part.startswith("/") or part not in topic)
            if missing:
                lacks = f"{topic} lacks {' and '.join(missing)}, which names the device"
                yield f"status.{number}.topic", f"{lacks}: its messages would be rejects"


def _parts_of(source: TextSource, levels: set[str]) -> Iterator[str]:
    """The parts of a device's name: named levels, and paths in the payload."""
    for part in source.join or ():
        yield from _parts_of(part, levels)
    if source.topic is not None:
        yield f"{{{source.topic}}}"
    for path in source.path.first_of[:1] if source.path is not None else ():
        yield from [path] if path.startswith("/") else levels & {f"{{{path}}}", *_LEVEL.findall(path)}


_LEVEL: Final = re.compile(r"\{\w+\}")
