"""Recorded messages as JSON: the topic, the payload in one of three forms, and when it arrived.

Where only the bytes are known a topic is guessed, and said.
"""

import json
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from re import sub
from typing import Any, Final, NamedTuple

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from gateway.core.message import StoredMessage, Undecodable
from gateway.core.profiles.envelopes import Envelope
from gateway.ingest.catalog import Catalog
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from schemas.quantities import DOMAINS, QUANTITIES


class GuessBasis(StrEnum):
    """The thing by which a topic was guessed."""

    TEST = "test"
    """The first test of the named profile."""
    ENVELOPE = "envelope"
    """The keys of a network server's uplink."""
    QUANTITIES = "quantities"
    """The keys of a native reading."""


_SENTENCES: Final = {
    GuessBasis.TEST: "that of the profile's first test",
    GuessBasis.ENVELOPE: "taken as an uplink of {}, by its keys",
    GuessBasis.QUANTITIES: "taken as a native reading of {}, by its keys",
}


class Guess(NamedTuple):
    """A guessed topic; ``name``: the network server or the domain."""

    topic: str
    basis: GuessBasis
    name: str = ""

    @property
    def why(self) -> str:
        """The basis in English, for the command line."""
        return _SENTENCES[self.basis].format(self.name)


def guess_topic(payload: bytes, known: Catalog, *, named: bool) -> Guess | None:
    """The topic on which a payload most likely came, one of a profile if ``known`` are those asked for; None: nothing tells."""
    tests = (file.model.tests[0].sequence()[0] for file in known.files.values() if file.compiled.filters) if named else ()
    for message in tests:
        return Guess(message.topic, GuessBasis.TEST)
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    envelopes = known.profiles.envelopes
    envelope = envelopes.find(document) if envelopes is not None else None
    if envelope is not None:
        return Guess(_usual_topic(envelope, document), GuessBasis.ENVELOPE, envelope.name)
    domain = _domain(document)
    if domain is None:
        return None
    return Guess(f"iot/v1/site/{domain}/device/readings", GuessBasis.QUANTITIES, domain)


def _usual_topic(envelope: Envelope, document: dict[str, Any]) -> str:
    """The first topic under which the server publishes, with the device in it."""
    try:
        content = envelope.unwrap(document)
    except Undecodable:
        content = None
    device = content["device"] if isinstance(content, dict) else "device"
    topic = sub(r"((?:^|/)(?:devices?|things)/)\+", rf"\g<1>{device}", next(iter(envelope.topics), f"{envelope.name}/{device}"))
    return sub(r"/event/\+$", "/event/up", topic).replace("+", "1")


def _domain(document: object) -> str | None:
    """The domain that knows most of the keys; of readings that hold nothing but the device's health, any will do."""
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict):
        return None
    known = {domain: len(first.keys() & (QUANTITIES[domain] | QUANTITIES["device_health"]).keys()) for domain in DOMAINS}
    domain = max(known, key=lambda name: known[name])
    return domain if known[domain] else None


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message to decode, and when it arrived; ``guess``: the guess of its topic; None if it was given."""

    message: StoredMessage
    arrival_ms: int
    guess: Guess | None = None


class PayloadForm(BaseModel):
    """A payload in one of its forms, and what came with it; other keys are ignored."""

    payload: Any = None
    payload_hex: str | None = Field(None, validation_alias=AliasChoices("payload_hex", "hex"))
    payload_base64: str | None = Field(None, validation_alias=AliasChoices("payload_base64", "base64"))
    retain: bool = False
    arrival_ms: int | None = Field(None, ge=0, le=2**53)

    def body(self) -> bytes:
        """The bytes of the message; a JSON text is the text itself; ValueError if the form is written wrongly."""
        if self.payload_hex is not None:
            return bytes_of_hex(self.payload_hex)
        if self.payload_base64 is not None:
            return bytes_of_base64(self.payload_base64)
        if "payload" not in self.model_fields_set:
            raise ValueError("give payload, payload_hex or payload_base64")
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, ensure_ascii=False).encode(errors="backslashreplace")  # half a surrogate pair

    def arrived_ms(self) -> int:
        """The time of its arrival; now if none is given."""
        return WallClock().now_ms() if self.arrival_ms is None else self.arrival_ms


class _JsonLine(PayloadForm):
    """One line of ``--jsonl``."""

    topic: str


def recorded_rows(data: bytes, file: str) -> Iterator[RecordedMessage]:
    """The messages of a recording named ``file``, one JSON object a line; ConfigurationFault if a line is faulty."""
    for number, text in enumerate(data.splitlines(), start=1):
        if text.strip():
            yield recorded_row(text, f"{file}: line {number}")


def message_of(topic: str, payload: bytes, *, retain: bool = False) -> StoredMessage:
    """A message; ValueError if its topic cannot be written in UTF-8."""
    topic.encode()
    return StoredMessage(topic, payload, retain)


def bytes_of_hex(text: str) -> bytes:
    """Bytes from hexadecimal digits, with or without spaces; ValueError if they are something else."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("is not hexadecimal") from None


def bytes_of_base64(text: str | bytes) -> bytes:
    """Bytes from base64; ValueError if it is something else."""
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ValueError("is not base64") from None


def faults_of(error: ValidationError, place: str) -> list[str]:
    """The faults of a document, a line each."""
    faults = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors(include_url=False)]
    return [f"{place}: {key}: {what}" if key else f"{place}: document: is not a JSON object" for key, what in faults]


def recorded_row(text: bytes, place: str) -> RecordedMessage:
    """One line of a recording, at this place of its file; ConfigurationFault if it is faulty."""
    try:
        line = _JsonLine.model_validate(json.loads(text))
        message = message_of(line.topic, line.body(), retain=line.retain)
    except ValidationError as error:
        raise ConfigurationFault(faults_of(error, place)) from error
    except json.JSONDecodeError as error:
        raise ConfigurationFault([f"{place}: document: is not JSON: {error}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationFault([f"{place}: document: {error}"]) from error
    return RecordedMessage(message, line.arrived_ms())
