"""A topic for a payload of which only the bytes are known, so that it can be tried: guessed, and said."""

import json
from enum import StrEnum
from re import sub
from typing import Any, Final, NamedTuple

from gateway.core.message import Undecodable
from gateway.core.profiles.envelopes import Envelope
from gateway.ingest.catalog import Catalog
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
    """A guessed topic.

    :ivar name: the network server or the domain.
    """

    topic: str
    basis: GuessBasis
    name: str = ""

    @property
    def why(self) -> str:
        """The basis in English, for the command line."""
        return _SENTENCES[self.basis].format(self.name)


def guess_topic(payload: bytes, known: Catalog, *, named: bool) -> Guess | None:
    """The topic on which a payload most likely came; None when nothing tells.

    :param named: the profiles in ``known`` are those that were asked for; a topic of theirs is taken.
    """
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
