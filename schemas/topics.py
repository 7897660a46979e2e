"""The grammar of native topics: ``iot/v1/{site}/{domain}/{device}/readings`` and ``.../status``."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from schemas.quantities import DOMAINS

NAME_MAX: Final = 64
NAME_PATTERN: Final = rf"[A-Za-z0-9._:\-]{{1,{NAME_MAX}}}"
"""Grammar of ``site``, ``device`` and of the texts that become tags; but see :data:`NO_IDS`."""

NO_IDS: Final = frozenset({".", ".."})
"""To files and addresses of pages these are this folder and the one above."""

SPARKPLUG: Final = "spBv1.0"
"""The first level of topics of Sparkplug."""

TOPIC_MAX_BYTES: Final = 65535

SIMULATED_PREFIX: Final = "sim-"
"""Ids of simulated devices begin with it."""

_NAME = re.compile(NAME_PATTERN)
_NATIVE = re.compile(rf"iot/v1/({NAME_PATTERN})/({'|'.join(DOMAINS)})/({NAME_PATTERN})/(readings|status)")


@dataclass(frozen=True, slots=True)
class NativeTopic:
    """A native topic taken apart."""

    site: str
    domain: str
    device: str
    channel: Literal["readings", "status"]

    def __str__(self) -> str:
        return f"iot/v1/{self.site}/{self.domain}/{self.device}/{self.channel}"


def is_name(text: str) -> bool:
    """Tell if ``text`` may be a site, a device or a tag value."""
    return _NAME.fullmatch(text) is not None


def is_id(text: str) -> bool:
    """Tell if ``text`` may be the id of a site or device."""
    return is_name(text) and text not in NO_IDS


def parse_topic(topic: str) -> NativeTopic | None:
    """The parts of a native topic, or None when ``topic`` is not one."""
    match = _NATIVE.fullmatch(topic)
    if match is None:
        return None
    site, domain, device, channel = match.groups()
    return NativeTopic(site, domain, device, "readings" if channel == "readings" else "status")


def is_filter(pattern: str) -> bool:
    """Tell if ``pattern`` is a topic filter MQTT allows [MQTT-1.5.4-1, 4.7.1-1, 4.7.1-2, 4.7.3-1 to 3]."""
    try:
        size = len(pattern.encode())
    except UnicodeEncodeError:  # half a surrogate pair, as "\\ud800" in a YAML file
        return False
    if not pattern or "\0" in pattern or size > TOPIC_MAX_BYTES:
        return False
    *inner, last = pattern.split("/")
    return all("#" not in level and ("+" not in level or level == "+") for level in inner) and (
        last in {"#", "+"} or not ("#" in last or "+" in last)
    )


def matches(pattern: str, topic: str) -> bool:
    """Tell if the topic filter ``pattern`` takes ``topic`` [MQTT 5.0, 4.7]; of a filter, all that it takes."""
    if topic.startswith("$") and not pattern.startswith("$"):
        return False
    levels, names = pattern.split("/"), topic.split("/")
    if levels[-1] == "#":
        levels.pop()
        names = names[: len(levels)] if len(names) >= len(levels) else names
    return len(levels) == len(names) and all(
        level == name or (level == "+" and name != "#") for level, name in zip(levels, names, strict=True)
    )
