"""Status messages and last wills: they say that a device is online or offline."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from gateway.core.decoders.plain import json_lenient
from gateway.core.message import Undecodable
from gateway.core.profiles.language.paths import Get, parse_path
from gateway.core.profiles.language.sources import Scope
from gateway.core.profiles.language.texts import compile_enum
from gateway.core.profiles.language.topic_filters import TopicFilter, parse_filter
from schemas.profile import StatusSpec
from schemas.profile_values import written

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
