"""A played device of any profile, by the messages that the profile carries as tests: fixed values under a name of its own.

The name stands in the topic, and in JSON where the envelope or the profile looks for it; both are replaced. So are time and
frame counter of an envelope, or the gateway would take the second message for a copy of the first. All else is sent as it was
written.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import cycle
from typing import Any, Final

from firmware_sim.devices.source import Sample
from firmware_sim.faults import PayloadFault, ValueFault
from firmware_sim.technician.native import WrittenPayload
from schemas.envelope import EnvelopeSpec
from schemas.profile import Profile
from schemas.profile_tests import TestMessage
from schemas.topics import matches

_LEVEL: Final = re.compile(r"\{(\w+)\}")
_KEY: Final = re.compile(r"/([^/\[\]]+)")
CUT: Final = "cut short"


@dataclass(frozen=True, slots=True)
class FixedForm:
    """A message of a profile's tests, and where its name, time and counter stand.

    :ivar name: the device's name in it.
    :ivar envelope: the form of the network server; None: it has none.
    """

    message: TestMessage
    name: str
    envelope: EnvelopeSpec | None


class FixedMessages:
    """Writes the messages of a profile's tests in their order, over and over.

    :ivar sends_as: the name that it sends under; the gateway finds it by the registry's ``source`` if it is not the id.
    """

    joins = False

    def __init__(self, forms: Sequence[FixedForm], name: str) -> None:
        self.sends_as = eui_of(name) if any(form.envelope is not None for form in forms) else name
        self._next = cycle(forms)
        self._number = 0

    def look(self, now_ms: int) -> Sample:  # noqa: ARG002 - the values are fixed
        """Nothing: only the gateway can read what it sends."""
        return Sample({})

    def write(self, now_ms: int, fault: PayloadFault | ValueFault | None = None) -> list[WrittenPayload]:
        """The next message; one with a fault is cut short."""
        form = next(self._next)
        self._number += 1
        topic = form.message.topic.replace(form.name, self.sends_as)
        payload = self._payload(form, now_ms)
        if fault is not None:
            return [WrittenPayload(topic, payload[: len(payload) // 2], CUT)]
        return [WrittenPayload(topic, payload)]

    def reboot(self) -> None:
        """Start again: the frame counter begins at 0."""
        self._number = 0

    def be_born(self) -> None:
        """Do nothing: there are no births."""

    def is_empty(self, now_ms: int) -> bool:  # noqa: ARG002 - its battery is not played
        """Tell that it can send."""
        return False

    def _payload(self, form: FixedForm, now_ms: int) -> bytes:
        document = form.message.payload
        if not isinstance(document, dict | list):
            return form.message.body()
        document = _renamed(deepcopy(document), form.name, self.sends_as)
        if form.envelope is not None:
            now = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            _put(document, form.envelope.frame_counter, self._number)
            _put(document, form.envelope.time.path if form.envelope.time else None, now)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def eui_of(name: str) -> str:
    """The DevEUI of a played device: ``sim`` in ASCII, then five bytes of the SHA-256 of its name."""
    return (b"sim" + sha256(name.encode()).digest()[:5]).hex()


def fixed_forms(profile: Profile, envelopes: Iterable[EnvelopeSpec]) -> list[FixedForm]:
    """The messages of a profile that hold points and whose device can be renamed.

    Tests with parameters of the registry come into play only where there are no others.
    """
    known = list(envelopes)
    telling = [test for test in profile.tests if any(part.expect and part.expect.points for part in (test, *test.messages))]
    plain = [test for test in telling if not test.params and not test.devices] or telling
    messages = [message for test in plain for message in test.sequence()]
    return [form for message in messages if (form := _form(profile, message, known)) is not None]


def _form(profile: Profile, message: TestMessage, envelopes: Sequence[EnvelopeSpec]) -> FixedForm | None:
    if profile.match.envelope is not None:
        for envelope in envelopes:
            name = next((text for text in _texts(message.payload, envelope.device) if text in message.topic), None)
            if name and any(matches(topic, message.topic) for topic in envelope.topics):
                return FixedForm(message, name, envelope)
        return None
    name = _named_in_topic(profile, message.topic)
    if profile.device is not None and profile.device.path is not None:
        name = next(_texts(message.payload, profile.device.path), name)
    return FixedForm(message, name, None) if name else None


def _named_in_topic(profile: Profile, topic: str) -> str | None:
    """The level of the topic that holds the device's name, by the filters of the profile."""
    for pattern in (profile.match.topic or []) if isinstance(profile.match.topic, list) else [profile.match.topic or ""]:
        expression = "".join(
            f"(?P<{part}>[^/]+?)" if at % 2 else re.escape(part).replace(r"\+", "[^/]+").replace(r"\#", ".*")
            for at, part in enumerate(_LEVEL.split(pattern))
        )
        found = re.fullmatch(expression, topic)
        if found and (name := found.groupdict().get("device")):
            return name
    return None


def _paths(paths: Any) -> list[str]:  # noqa: ANN401 - a path, several, or none
    return [] if paths is None else [paths] if isinstance(paths, str) else list(paths.first_of)


def _texts(document: object, paths: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for path in _paths(paths):
        found = document
        for key in _KEY.findall(path):
            found = found.get(key) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            yield found


def _renamed(document: Any, name: str, other: str) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(document, dict):
        return {key: _renamed(value, name, other) for key, value in document.items()}
    if isinstance(document, list):
        return [_renamed(item, name, other) for item in document]
    return other if document == name else document


def _put(document: Any, paths: Any, value: object) -> None:  # noqa: ANN401 - as above
    """Set the value at the first of the paths that exists."""
    for path in _paths(paths):
        *parents, last = _KEY.findall(path) or [""]
        part = document
        for key in parents:
            part = part.get(key) if isinstance(part, dict) else None
        if isinstance(part, dict) and last in part:
            part[last] = value
            return
