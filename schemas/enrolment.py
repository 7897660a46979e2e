"""An enrolment: all that a device needs to reach the broker, as one line for a QR code.

``mqtts://USER:PASSWORD@HOST:PORT/?topic=TOPIC&ca=SHA256``. All values are percent-encoded (RFC 3986). The certificate authority
is given by the SHA-256 of its certificate (DER), since a certificate itself would make the code too dense to be read outdoors;
without ``ca`` the certificate must come from an authority that the system knows.
"""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from schemas.printable import printable
from schemas.topics import TOPIC_MAX_BYTES

DEFAULT_PORT: Final = 8883
FORM: Final = "mqtts://USER:PASSWORD@HOST:PORT/?topic=TOPIC&ca=SHA256"
_SECRET: Final = re.compile(r":.*@")
"""From the first colon to the last ``@``, for a line that is not understood may hold its password anywhere between."""
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_KEYS: Final = {"topic", "ca"}


class BadEnrolment(ValueError):  # noqa: N818 - it says what the enrolment is
    """A line that is no enrolment; the text says why, without the password."""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An account on a broker.

    :ivar topic: the topic that the device publishes its readings to.
    :ivar ca_sha256: SHA-256 of the authority's certificate (DER) in hexadecimal; None: an authority that the system knows.
    """

    username: str
    password: str = field(repr=False)
    host: str
    port: int
    topic: str
    ca_sha256: str | None = None

    def __str__(self) -> str:
        """The line for the QR code, with the password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        account = f"{quote(self.username, safe='')}:{quote(self.password, safe='')}"
        ca = f"&ca={self.ca_sha256}" if self.ca_sha256 else ""
        return f"mqtts://{account}@{host}:{self.port}/?topic={quote(self.topic, safe='')}{ca}"


def parse_enrolment(text: str) -> Enrolment:
    """The enrolment in a line, as a scanner gives it.

    :raises BadEnrolment: with a sentence for people.
    """
    line = text.strip()
    try:
        parts = urlsplit(line)
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise BadEnrolment(f"{_shown(line)}: {error}; an enrolment is {FORM}") from None
    if parts.scheme != "mqtts" or not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise BadEnrolment(f"{_shown(line)} is not an enrolment: {FORM}")
    if not parts.username or parts.password is None:
        raise BadEnrolment(f"{_shown(line)}: user and password are missing; an enrolment is {FORM}")
    values = _values(line, parts.query)
    topic, fingerprint = values.get("topic", ""), values.get("ca")
    _check_topic(line, topic)
    if fingerprint is not None:
        fingerprint = fingerprint.replace(":", "").lower()
        if not _FINGERPRINT.fullmatch(fingerprint):
            raise BadEnrolment(f"{_shown(line)}: ca={fingerprint} is not a SHA-256 fingerprint of 64 hexadecimal digits")
    return Enrolment(unquote(parts.username), unquote(parts.password), parts.hostname, port, topic, fingerprint)


def _values(line: str, query: str) -> dict[str, str]:
    pairs = [part.partition("=")[::2] for part in query.split("&") if part]
    values = {key: unquote(value) for key, value in pairs}  # a plus is a plus: these are no forms
    if len(values) < len(pairs):
        raise BadEnrolment(f"{_shown(line)}: a value is given twice")
    if unknown := sorted(values.keys() - _KEYS):
        raise BadEnrolment(f"{_shown(line)}: {unknown[0]} is not known in an enrolment: {FORM}")
    return values


def _check_topic(line: str, topic: str) -> None:
    if not topic or len(topic.encode(errors="replace")) > TOPIC_MAX_BYTES or any(sign in topic for sign in "+#\0"):
        raise BadEnrolment(f"{_shown(line)}: topic={topic!r} is not a topic that a device can publish to")


def _shown(line: str) -> str:
    """The line without its password, cut short."""
    return printable(_SECRET.sub(":***@", line)[:120]) or "an empty line"
