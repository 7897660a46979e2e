"""A played device: when it sends, what it stores while it has no network, what a person lets it do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count, cycle, groupby
from typing import Final, Protocol

from firmware_sim.devices.source import Sample
from firmware_sim.faults import PAYLOAD_FAULTS, VALUE_FAULTS, PayloadFault, ValueFault
from firmware_sim.technician.controls import BAD_VALUE, EXCLUDED, GARBAGE, NETWORK, REBOOT, REPEAT, SEND, TEN, Control, Knob
from firmware_sim.technician.native import WrittenPayload

READING: Final = "reading"
STORED: Final = "stored"
MOST_STORED: Final = 5_000
"""Messages that fit into the device's memory; then the oldest goes."""
MOST_JOINED: Final = 48
"""Stored readings that go out as one message."""
BURST_OF: Final = 10


@dataclass(frozen=True, slots=True)
class PlayedMessage:
    """A message on its way out.

    :ivar number: counts the messages of a session, from 1.
    :ivar kind: ``reading``, ``stored``, ``repeat``, ``garbage`` or ``bad_value``.
    :ivar fault: the fault in it; empty if there is none.
    :ivar readings: number of readings inside.
    """

    number: int
    topic: str
    payload: bytes
    kind: str
    made_ms: int
    fault: str = ""
    readings: int = 1


class PayloadWriter(Protocol):
    """Writes the payloads of a device."""

    joins: bool
    """Tells if stored payloads go out together, as a JSON array."""

    def look(self, now_ms: int) -> Sample:
        """The values now."""

    def write(self, now_ms: int, fault: PayloadFault | ValueFault | None = None) -> list[WrittenPayload]:
        """The payloads of the next reading, mostly one, sound or with a fault."""

    def reboot(self) -> None:
        """Start again."""

    def be_born(self) -> None:
        """Begin with births, where the format has them: the device has connected, or was asked."""

    def is_empty(self, now_ms: int) -> bool:
        """Tell if the battery has nothing left to send with."""


class UnknownControl(ValueError):  # noqa: N818 - it says what the name is
    """A name that no knob, condition or action of this device has; the text lists those there are."""


@dataclass(slots=True)
class PlayedDevice:
    """A device that a person plays with. The time goes in, messages come out.

    :ivar name: its id.
    :ivar interval_ms: time from one reading to the next.
    :ivar positions: knob → its value at the start.
    :ivar set_to: knob → the value that a person set; the writer reads it.
    :ivar conditions: those that hold; the writer reads them.
    :ivar paused: it sends only when told.
    :ivar boots: number of reboots; each breaks the connection.
    :ivar stored: messages that wait for the network.
    """

    name: str
    interval_ms: int
    writer: PayloadWriter
    knobs: tuple[Knob, ...]
    controls: tuple[Control, ...]
    positions: Mapping[str, float]
    set_to: dict[str, float]
    conditions: set[str]
    next_ms: int = 0
    paused: bool = False
    boots: int = 0
    stored: list[PlayedMessage] = field(default_factory=list)
    _wanted: list[str] = field(default_factory=list)
    _last: PlayedMessage | None = None
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _garbage: "cycle[PayloadFault]" = field(default_factory=lambda: cycle(PAYLOAD_FAULTS))
    _bad_values: "cycle[ValueFault]" = field(default_factory=lambda: cycle(VALUE_FAULTS))

    def set(self, knob: str, value: float) -> None:
        """Set a knob.

        :raises UnknownControl: the device has no such knob.
        """
        self.check(knob, is_knob=True)
        self.set_to[knob] = value

    def switch(self, condition: str, *, on: bool) -> None:
        """Begin or end a condition.

        :raises UnknownControl: the device has no such condition.
        """
        self.check(condition)
        if on:
            self.conditions -= EXCLUDED.get(condition, set())
            self.conditions.add(condition)
        else:
            self.conditions.discard(condition)

    def do(self, action: str) -> None:
        """Let the device do something at the next tick.

        :raises UnknownControl: the device cannot do that.
        """
        self.check(action)
        self._wanted.append(action)

    def check(self, name: str, *, is_knob: bool = False) -> None:
        """Do nothing for a knob, condition or action of this device.

        :raises UnknownControl: it has none of that name.
        """
        names = [each.name for each in (self.knobs if is_knob else self.controls)]
        if name not in names:
            raise UnknownControl(f"{self.name} has no {name!r}; it has {', '.join(names) or 'none'}")

    def is_connected(self, now_ms: int) -> bool:
        """Tell if the device is on the network: it has one, and power."""
        return NETWORK not in self.conditions and not self.writer.is_empty(now_ms)

    def tick(self, now_ms: int) -> list[PlayedMessage]:
        """The messages that leave the device now."""
        wanted, self._wanted = self._wanted, []
        if self.writer.is_empty(now_ms):
            self.next_ms = now_ms
            return []
        made = [message for action in wanted for message in self._perform(action, now_ms)]
        if now_ms >= self.next_ms and not self.paused:
            self.next_ms = now_ms + self.interval_ms
            made += self._messages(READING, now_ms)
        if not self.is_connected(now_ms):
            self.stored = (self.stored + made)[-MOST_STORED:]
            return []
        stored, self.stored = self.stored, []
        ready = (_joined(stored) if self.writer.joins else stored) + made
        leaving = [replace(message, number=next(self._numbers)) for message in ready]
        self._last = leaving[-1] if leaving else self._last
        return leaving

    def _messages(self, kind: str, now_ms: int, fault: PayloadFault | ValueFault | None = None) -> list[PlayedMessage]:
        written = self.writer.write(now_ms, fault)
        return [PlayedMessage(0, each.topic, each.payload, kind, now_ms, each.fault) for each in written]

    def _perform(self, action: str, now_ms: int) -> list[PlayedMessage]:
        ways = {
            SEND: self._send,
            TEN: self._ten,
            GARBAGE: self._send_garbage,
            BAD_VALUE: self._send_bad_value,
            REPEAT: self._repeat,
            REBOOT: self._reboot,
        }
        return ways[action](now_ms)

    def _send(self, now_ms: int) -> list[PlayedMessage]:
        self.next_ms = now_ms + self.interval_ms
        return self._messages(READING, now_ms)

    def _ten(self, now_ms: int) -> list[PlayedMessage]:
        return [message for _ in range(BURST_OF) for message in self._send(now_ms)]

    def _send_garbage(self, now_ms: int) -> list[PlayedMessage]:
        return self._messages(GARBAGE, now_ms, next(self._garbage))

    def _send_bad_value(self, now_ms: int) -> list[PlayedMessage]:
        return self._messages(BAD_VALUE, now_ms, next(self._bad_values))

    def _repeat(self, now_ms: int) -> list[PlayedMessage]:
        return [replace(self._last, kind=REPEAT, made_ms=now_ms)] if self._last else []

    def _reboot(self, now_ms: int) -> list[PlayedMessage]:
        self.boots += 1
        self.writer.reboot()
        return self._send(now_ms)


def _joined(messages: list[PlayedMessage]) -> list[PlayedMessage]:
    """The stored messages in their order, neighbouring readings as arrays."""
    joined: list[PlayedMessage] = []
    for kind, some in groupby(messages, key=lambda message: message.kind):
        alike = list(some)
        if kind != READING:
            joined += alike
            continue
        for at in range(0, len(alike), MOST_JOINED):
            part = alike[at : at + MOST_JOINED]
            payload = b"[" + b",".join(message.payload for message in part) + b"]"
            joined.append(replace(part[0], payload=payload, kind=STORED, readings=len(part)))
    return joined
