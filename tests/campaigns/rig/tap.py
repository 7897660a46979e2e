"""A tap between the broker and the gateway: which readings were handed over at QoS 1, and which were confirmed.

Give it to a link as what watches: ``tap = Tap(); Link(broker, tap)``. An identifier means a message only on its connection
[MQTT-2.2.1-4], so each connection has an account of its own, which begins empty: with a session kept, the broker sends again
what it may still be told of.

A connection may end inside a packet; its rest never comes, and is forgotten with it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import mqtt5

_PUBLISH: Final = 3
_PUBACK: Final = 4
_HEADER_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that the broker handed to the gateway."""

    connection: int
    packet_id: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class WrongPuback:
    """A PUBACK for an identifier that is not owed on its connection."""

    connection: int
    packet_id: int


@dataclass(slots=True)
class _Connection:
    """One connection: half packets of both directions, and what is owed by identifier."""

    tails: dict[bool, bytes] = field(default_factory=lambda: {False: b"", True: b""})
    owed: dict[int, Handed] = field(default_factory=dict)


class Tap:
    """Watches a link to the broker. The lists only grow, and may be read from any thread.

    :ivar delivered: what was handed over at QoS 1, in order; what came again stands again.
    :ivar confirmed: those of them that the gateway confirmed on the same connection, in the order of its PUBACKs.
    :ivar wrong: PUBACKs that confirm nothing.
    :ivar on_confirmed: called in the link's thread with what a chunk of PUBACKs confirms, before the broker hears of it.
    """

    def __init__(self) -> None:
        self.delivered: list[Handed] = []
        self.confirmed: list[Handed] = []
        self.wrong: list[WrongPuback] = []
        self.on_confirmed: Callable[[list[Handed]], None] = lambda _: None
        self._connections: defaultdict[int, _Connection] = defaultdict(_Connection)

    def __call__(self, connection: int, data: bytes, to_behind: bool) -> None:  # noqa: FBT001 - as a link calls it
        """See what passed."""
        account = self._connections[connection]
        packets = _Packets(account.tails[to_behind] + data)
        if to_behind:
            self._sent(connection, account, packets)
        else:
            self._received(connection, account, packets)
        account.tails[to_behind] = packets.rest

    def owed(self, connection: int) -> list[Handed]:
        """Return the messages that the gateway has not yet confirmed on a connection."""
        return list(self._connections[connection].owed.values())

    def _received(self, connection: int, account: _Connection, packets: "_Packets") -> None:
        for raw in packets:
            if raw[0] >> 4 != _PUBLISH:
                continue
            packet, _ = mqtt5.read(memoryview(raw))
            if isinstance(packet, mqtt5.PublishPacket) and packet.packet_id is not None:
                handed = Handed(connection, packet.packet_id, packet.topic, packet.payload or b"")
                account.owed[packet.packet_id] = handed
                if not _is_of_the_broker(handed):
                    self.delivered.append(handed)

    def _sent(self, connection: int, account: _Connection, packets: "_Packets") -> None:
        confirmed = []
        for raw in packets:
            if raw[0] >> 4 != _PUBACK:
                continue
            packet_id = int.from_bytes(raw[2:4], "big")
            handed = account.owed.pop(packet_id, None)
            if handed is None:
                self.wrong.append(WrongPuback(connection, packet_id))
            elif not _is_of_the_broker(handed):
                confirmed.append(handed)
        if confirmed:
            self.confirmed += confirmed
            self.on_confirmed(confirmed)


def _is_of_the_broker(handed: Handed) -> bool:
    """Tell what the broker says of itself from what devices sent: no reading depends on it."""
    return handed.topic.startswith("$SYS/")


class _Packets:
    """The whole packets in a chunk, and its rest [MQTT 5.0, 2.1]."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def __iter__(self) -> Iterator[bytes]:
        data, at = self.rest, 0
        while (end := _end_of_packet(data, at)) is not None:
            yield data[at:end]
            at = end
        self.rest = data[at:]


def _end_of_packet(data: bytes, at: int) -> int | None:
    """Find the end of the packet that begins at ``at``; None when it has not arrived yet."""
    length = 0
    for place in range(_HEADER_MAX - 1):
        header_end = at + 2 + place
        if header_end > len(data):
            return None
        byte = data[header_end - 1]
        length |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return header_end + length if header_end + length <= len(data) else None
    raise ValueError("a packet whose length has no end")
