"""Topic filters with named levels: ``application/{app}/device/{device}/event/up``."""

import re
from typing import Final, NamedTuple

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
    """Parse a filter.

    :raises ValueError: with a sentence for people.
    """
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
    if level == "+":
        return _ANY_LEVEL
    parts, at = [], 0
    for place in _PLACE.finditer(level):
        parts += [re.escape(level[at : place.start()]), f"(?P<{place[1]}>[^/]+)"]
        at = place.end()
    return "".join(parts) + re.escape(level[at:])
