"""What goes into the core and what comes out of it."""

from dataclasses import dataclass
from typing import Protocol

from schemas.rejects import DropCause, IgnoreCause, RejectReason


class Message(Protocol):
    """One MQTT PUBLISH as it arrived. The codec's own packet is one, so nothing is copied on the way in."""

    @property
    def topic(self) -> str:
        """Topic name."""

    @property
    def payload(self) -> bytes:
        """The bytes, untouched."""

    @property
    def retain(self) -> bool:
        """True for a retained message that the broker sent because of a new subscription."""

    @property
    def duplicate(self) -> bool:
        """True when the broker has sent this message before."""


@dataclass(slots=True)
class StoredMessage:
    """A message that did not come by the wire: from a file, the rejects or a test."""

    topic: str
    payload: bytes
    retain: bool = False
    duplicate: bool = False


class Reading:
    """A reading ready to travel: one device, one instant, in canonical units, as line protocol.

    :ivar lines: one line, or two when device health rides along; no newline at the end.
    :ivar domain: what its outcome is counted under.
    """

    __slots__ = ("domain", "lines")

    def __init__(self, lines: str, domain: str) -> None:
        self.lines = lines
        self.domain = domain


@dataclass(slots=True)
class Refusal:
    """A message, or one object of it, or a point, that could not become data.

    :ivar stage: the step that refused it: ``intake``, ``decode``, ``check`` or ``deliver``.
    :ivar detail: one sentence for people: what is wrong and, where known, what to do.
    :ivar payload: the bytes it was, at most 64 KiB of them.
    """

    reason: RejectReason
    detail: str
    topic: str
    payload: bytes
    stage: str
    arrival_ms: int
    device: str = ""
    domain: str = "unknown"


class Outcome:
    """What became of one message: every object in it is in exactly one of readings, duplicates and refusals."""

    __slots__ = ("domain", "dropped", "duplicates", "ignored", "readings", "refusals")

    def __init__(self, domain: str = "unknown", ignored: IgnoreCause | None = None) -> None:
        self.readings: list[Reading] = []
        self.refusals: list[Refusal] = []
        self.duplicates = 0
        self.domain = domain
        self.dropped: list[tuple[str, DropCause]] = []
        self.ignored = ignored


REJECT_KEPT_BYTES = 65536
"""Most bytes of a payload that a reject keeps."""
