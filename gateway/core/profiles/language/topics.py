"""The topics of a profile: filters with named levels, ``application/{app}/device/{device}/event/up``, and status messages.

Status messages and last wills say that a device is online or offline.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from gateway.core.decoders.plain import json_lenient
from gateway.core.message import Undecodable
from gateway.core.profiles.language.paths import Get, parse_path
from gateway.core.profiles.language.sources import Scope
from gateway.core.profiles.language.texts import compile_enum, regex_of
from schemas.profile import StatusSpec
from schemas.profile_values import written
from schemas.topics import is_filter

_PLACE = re.compile(r"\{([A-Za-z_]\w*)\}", re.ASCII)
_ANY_LEVEL: Final = "[^/]*"


class TopicFilter(NamedTuple):
    """An MQTT topic filter, and the names of its levels.

    :ivar pattern: to subscribe to; ``+`` where a level has a name.
    :ivar literal_levels: number of levels with literal text.
    :ivar names: of the named levels.
    """

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


class _StatusForm:
    """One kind of status message."""

    def __init__(self, spec: StatusSpec, filters: Sequence[TopicFilter], get: Get | None) -> None:
        self._filters = filters
        self._get = get
        self._meaning = compile_enum(dict(spec.text))

    def read(self, topic: str, payload: bytes) -> bool | None:
        """True: online; False: offline; None: it is not a status message, or holds no known word."""
        if all(pattern.match(topic) is None for pattern in self._filters):
            return None
        word = _text(payload) if self._get is None else _word_at(self._get, payload)
        return _STATES.get(self._meaning(word)) if word is not None else None


def _text(payload: bytes) -> str:
    return payload[:_LONGEST_BYTES].decode("utf-8", "replace").strip("\0 \t\r\n")


def _word_at(get: Get, payload: bytes) -> str | None:
    try:
        word = get(json_lenient(payload[:_LONGEST_BYTES]))
    except Undecodable:
        return None
    return written(word) if isinstance(word, bool | int | float | str) else None


def compile_status(specs: Sequence[StatusSpec], scope: Scope) -> tuple[tuple[TopicFilter, ...], ReadStatus]:
    """The topics of status messages, and the function that reads them; faults go to the scope's list."""
    filters: list[TopicFilter] = []
    kinds: list[_StatusForm] = []
    for number, spec in enumerate(specs):
        own: list[TopicFilter] = []
        get: Get | None = None
        for text in spec.topic:
            with scope.gather(f"status.{number}.topic"):
                own.append(parse_filter(text))
        if spec.path is not None:
            with scope.gather(f"status.{number}.path"):
                get = parse_path(spec.path if spec.path.startswith("/") else f"/{spec.path}").get
        filters += own
        kinds.append(_StatusForm(spec, own, get))

    def status(topic: str, payload: bytes) -> bool | None:
        states: list[Any] = [state for kind in kinds if (state := kind.read(topic, payload)) is not None]
        return states[0] if states else None

    return tuple(filters), status
