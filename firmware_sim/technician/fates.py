"""The fate of each message, found in what the gateway tells of a device. Pure: documents go in, fates come out.

The gateway keeps the last message of a device with its points, and every reject with its bytes. A message that another one
followed before it was looked at is accounted for by its absence among the rejects.
"""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from firmware_sim.technician.played import PlayedMessage

OVERTAKEN_MS: Final = 600
"""A reject is on disk, and listed, by then."""
SIMULATED_REFUSED: Final = "limits.simulated"
"""Part of the sentence with which a gateway refuses simulated devices."""


class Became(StrEnum):
    """An outcome of a message."""

    TAKEN = "taken"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    WAITING = "waiting"
    IGNORED = "ignored"
    PASSED = "passed"
    """Not refused, but followed by another before it was looked at."""


@dataclass(frozen=True, slots=True)
class TakenPoint:
    """A point that the gateway made."""

    measurement: str
    quality: int
    fields: Mapping[str, float | int | bool]
    time_ms: int


@dataclass(frozen=True, slots=True)
class MessageFate:
    """The fate of one message.

    :ivar points: those that it became.
    :ivar dropped: values left out, each with its cause.
    :ivar reason: of the reject; empty without one.
    :ivar detail: the reject's sentence, in English.
    :ivar waits_for: the cause for which it waits.
    """

    became: Became
    points: tuple[TakenPoint, ...] = ()
    dropped: tuple[tuple[str, str], ...] = ()
    reason: str = ""
    detail: str = ""
    waits_for: str = ""

    @property
    def is_simulated_refused(self) -> bool:
        """Tell if the gateway takes nothing from simulated devices."""
        return self.became is Became.REJECTED and SIMULATED_REFUSED in self.detail


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """A message that the gateway tells of."""

    topic: str
    payload: bytes
    arrival_ms: int
    fate: MessageFate
    cut: bool = False

    def is_of(self, message: PlayedMessage) -> bool:
        """Tell if it is this one, by its topic and bytes."""
        payload = message.payload[: len(self.payload)] if self.cut else message.payload
        return self.topic == message.topic and self.payload == payload


def seen_last(device: Mapping[str, Any]) -> SeenMessage | None:
    """The last message of a device, in the answer of ``/api/devices/ID``; None if none is kept."""
    last, result = device.get("last_message"), device.get("result")
    if not last or not result or device.get("fate") is None:
        return None
    payload = bytes.fromhex(last["payload_hex"]) if "payload_hex" in last else last["payload"].encode()
    reject = result["reject"] or {}
    fate = MessageFate(
        Became(device["fate"]),
        tuple(_point(point) for point in result["points"]),
        tuple((drop["path"], drop["cause"]) for drop in result["dropped"]),
        reject.get("reason", ""),
        reject.get("detail", ""),
        result.get("waits", {}).get("cause", "unknown_device" if device["fate"] == "waiting" else ""),
    )
    return SeenMessage(last["topic"], payload, last["arrival_ms"], fate, cut=last["cut"])


def seen_rejects(rejects: Iterable[Mapping[str, Any]]) -> list[SeenMessage]:
    """The rejects in an answer of ``/api/rejects``, those of whole messages, oldest first."""
    return [
        SeenMessage(
            reject["topic"],
            b64decode(reject["payload_base64"]),
            reject["arrival_ms"],
            MessageFate(Became.REJECTED, reason=reject["reason"], detail=reject["detail"]),
        )
        for reject in sorted(rejects, key=lambda reject: int(reject["id"]))
    ]


def _point(point: Mapping[str, Any]) -> TakenPoint:
    fields = {name: value for name, value in point["fields"].items() if name != "quality"}
    return TakenPoint(point["measurement"], int(point["fields"].get("quality", 0)), fields, point["time_ms"])


@dataclass(slots=True)
class FateFinder:
    """Finds the fates of the messages that were sent.

    :ivar open: messages whose fate is not known, oldest first.
    """

    open: list[PlayedMessage] = field(default_factory=list)
    _known: set[tuple[bytes, int]] = field(default_factory=set)
    _overtaken_ms: dict[int, int] = field(default_factory=dict)

    def sent(self, message: PlayedMessage) -> None:
        """Look for this message from now on; call it before the message is sent."""
        self.open.append(message)

    def find(
        self, last: SeenMessage | None, rejects: Sequence[SeenMessage], now_ms: int, since_ms: int = 0
    ) -> list[tuple[PlayedMessage, MessageFate]]:
        """Return the messages whose fate shows in what the gateway told, with it.

        :param now_ms: steady time.
        :param since_ms: start of the session by the gateway's clock; older rejects may hold the same garbage.
        """
        of_now = [seen for seen in rejects if seen.arrival_ms >= since_ms]
        found = [pair for seen in of_now if (pair := self._match(seen)) is not None]
        if last is not None:
            pair = self._match(last)
            if pair is not None:
                found.append(pair)
                self._overtake(pair[0].number, now_ms)
        return found + self._passed(now_ms)

    def _match(self, seen: SeenMessage) -> tuple[PlayedMessage, MessageFate] | None:
        key = (seen.payload, seen.arrival_ms)
        message = next((message for message in self.open if seen.is_of(message)), None)
        if message is None or key in self._known:
            return None
        self._known.add(key)
        self._drop(message)
        return message, seen.fate

    def _overtake(self, number: int, now_ms: int) -> None:
        for message in self.open:
            if message.number < number:
                self._overtaken_ms.setdefault(message.number, now_ms)

    def _passed(self, now_ms: int) -> list[tuple[PlayedMessage, MessageFate]]:
        passed = [message for message in self.open if now_ms - self._overtaken_ms.get(message.number, now_ms) >= OVERTAKEN_MS]
        for message in passed:
            self._drop(message)
        return [(message, MessageFate(Became.PASSED)) for message in passed]

    def _drop(self, message: PlayedMessage) -> None:
        self.open.remove(message)
        self._overtaken_ms.pop(message.number, None)
