"""The MQTT 5 session without a socket: bytes in, events out.

Theory of operation
-------------------
The shell opens a connection, sends what :meth:`Session.connect` returns, and hands every chunk it receives to
:meth:`Session.receive`, which returns the events in it. Half a packet waits for its rest; one that can never become sound
raises :class:`ProtocolFault`, after which a new connection is needed. Packets are read by the codec ``mqtt5``; the session
adds the rules that a codec does not know:

* **State.** CONNACK comes first and once; a packet that a broker may not send is a fault.
* **Size.** A PUBLISH above ``frame_max_bytes`` is never assembled: its first bytes are kept, the rest is counted and
  forgotten, and it becomes :class:`Oversized`, which is owed an acknowledgement like any other. No Maximum Packet Size is
  announced: a broker would then drop such messages silently.
* **Acknowledgement is the application's.** Nothing is acknowledged here. :func:`pubacks` makes the packets for many
  identifiers at once; their order is the order of receipt [MQTT-4.6.0-2], which the caller keeps.

Invariants: a chunk boundary never changes the events (tested at every byte), as long as chunks are smaller than
``frame_max_bytes``: in a larger one an oversized PUBLISH may stand whole, and is read as any other. After a fault no event of
the same chunk is lost, they travel with the exception.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import mqtt5

_TLS_ALERT: Final = b"\x15\x03"
"""First bytes of a TLS server that did not get a TLS greeting. No MQTT packet begins so: 0x15 would be a CONNECT with flags."""

_PUBLISH: Final = 3
_QOS_BITS: Final = 0x06
_QOS_2_BIT: Final = 0x04
_RETAIN_BIT: Final = 0x01
_DUPLICATE_BIT: Final = 0x08
_HEADER_MAX: Final = 5
_PUBACK: Final = 0x40020000
_CONTINUES: Final = 0x80
_OVERSIZED_KEPT_BYTES: Final = 65536
_HEAD_MAX_BYTES: Final = 3 * 65536
"""Bytes kept of an oversized message: topic, some properties and a part of the payload."""
_REFUSED: Final = 0x80
_REASON_MAX: Final = 300
"""Most characters of a broker's own message."""
_BREAKS_SUBSCRIPTION: Final = "the broker sent a PUBLISH that breaks the subscription: QoS 2, no topic or no identifier"


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection, with another keep-alive or a shorter session than was asked for; None: as asked."""

    session_present: bool
    keep_alive_s: int | None
    session_expiry_s: int | None = None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker's answer to one SUBSCRIBE: topic filter → "" or the reason of a refusal."""

    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The broker's answer to one UNSUBSCRIBE: these topic filters are gone."""

    filters: Sequence[str]


@dataclass(slots=True)
class Oversized:
    """A PUBLISH that is too large: the first bytes of its payload and its size. Its properties are not kept."""

    topic: str
    payload: bytes
    packet_id: int | None
    retain: bool
    duplicate: bool
    size_bytes: int
    user_properties: Sequence[tuple[str, str]] = ()


Event = mqtt5.PublishPacket | mqtt5.PubAckPacket | Connected | Subscribed | Unsubscribed | Oversized


class ProtocolFault(Exception):  # noqa: N818 - the field's word
    """The connection cannot go on, after some valid events: the broker refused or closed it, or sent what no broker may."""

    def __init__(self, why: str, events: list[Event] | None = None) -> None:
        super().__init__(why)
        self.events = events or []


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """Options of a session that the client asks of the broker."""

    client_id: str
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    keep_alive_s: int = 30
    session_expiry_s: int = 7 * 86400
    receive_maximum: int = 2000
    frame_max_bytes: int = 262144 + 131072
    will: mqtt5.Will | None = None


@dataclass(slots=True)
class _Skipping:
    """An oversized PUBLISH that is being skipped."""

    head: bytearray
    body_bytes: int
    missing_bytes: int

    def skip(self, data: bytes) -> bytes:
        """Take what belongs to it; return the rest."""
        taken = data[: self.missing_bytes]
        self.head += taken[: max(_HEAD_MAX_BYTES - len(self.head), 0)]
        self.missing_bytes -= len(taken)
        return data[len(taken) :]


@dataclass(slots=True)
class Session:
    """One client's side of the protocol; ``taken_over``: the broker ended the newest connection for another one of this id."""

    options: SessionOptions
    connected: bool = False
    taken_over: bool = False
    _tail: bytes = b""
    _skipping: _Skipping | None = None
    _next_id: int = 0
    _asked: dict[int, list[str]] = field(default_factory=dict)

    def connect(self) -> bytes:
        """Start again on a fresh connection; the bytes to send first."""
        self.connected = self.taken_over = False
        self._tail = b""
        self._skipping = None
        self._asked.clear()
        options = self.options
        return mqtt5.ConnectPacket(
            options.client_id,
            username=options.username,
            password=options.password,
            clean_start=False,
            keep_alive=options.keep_alive_s,
            session_expiry_interval=options.session_expiry_s,
            receive_max=options.receive_maximum,
            will=options.will,
        ).write()

    def subscribe(self, filters: dict[str, mqtt5.RetainHandling]) -> bytes:
        """Ask for topic filters at QoS 1, each with its retain handling; Retain As Published stays off."""
        wanted = [
            mqtt5.TopicFilter(pattern, max_qos=mqtt5.QoS.AT_LEAST_ONCE, retain_as_published=False, retain_handling=handling)
            for pattern, handling in filters.items()
        ]
        return mqtt5.SubscribePacket(self._packet_id(list(filters)), wanted).write()

    def unsubscribe(self, filters: list[str]) -> bytes:
        """Unsubscribe from topic filters."""
        return mqtt5.UnsubscribePacket(self._packet_id(filters), filters).write()

    @staticmethod
    def publish(topic: str, payload: bytes, *, retain: bool = False) -> bytes:
        """A message of the gateway, at QoS 0: a command or a state that is repeated if it gets lost."""
        return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_MOST_ONCE, retain=retain).write()

    def publish_surely(self, topic: str, payload: bytes) -> bytes:
        """A message at QoS 1, which a broker keeps for whoever is away, in the order of all others; its PUBACK is an event."""
        return mqtt5.PublishPacket(topic, payload, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=self._packet_id([])).write()

    def receive(self, data: bytes) -> list[Event]:
        """The events in ``data``, with the incomplete packet before it; a ProtocolFault: the connection cannot go on."""
        events: list[Event] = []
        if self._skipping is not None:
            data = self._skipping.skip(data)
            if self._skipping.missing_bytes:
                return []
            events.append(_oversized(self._skipping))
            self._skipping = None
        if self._tail:
            data = self._tail + data
            self._tail = b""
        try:
            self._read_all(data, events)
        except ProtocolFault as fault:
            fault.events = events
            raise
        return events

    def _read_all(self, data: bytes, events: list[Event]) -> None:
        if not self.connected and data.startswith(_TLS_ALERT):
            raise ProtocolFault("the broker speaks TLS on this port; write mqtts://")
        view, read, publish = memoryview(data), mqtt5.read, mqtt5.PublishPacket
        size, at = len(data), 0
        while at < size:
            try:
                packet, length = read(view[at:])
            except IndexError:
                self._keep_rest(data[at:])
                return
            except ValueError as error:
                what = "a malformed packet" if self.connected else "no MQTT 5, which the gateway needs,"
                raise ProtocolFault(f"the broker sent {what}: {error}") from error
            except _panic_types():
                raise ProtocolFault("the broker sent a malformed packet: text that is not UTF-8") from None
            is_qos_2, at = data[at] & _QOS_2_BIT, at + length
            if type(packet) is publish and self.connected:
                if is_qos_2 or not packet.topic or packet.packet_id == 0:
                    raise ProtocolFault(_BREAKS_SUBSCRIPTION)
                events.append(packet)
            else:
                self._control(packet, events)

    def _keep_rest(self, rest: bytes) -> None:
        """Handle an incomplete packet: keep it, begin to skip it, or report it as malformed."""
        frame = _frame(rest)
        if frame is None:
            self._tail = rest
            return
        header_bytes, body_bytes = frame
        if header_bytes + body_bytes <= len(rest):
            raise ProtocolFault("the broker sent a malformed packet: it ends before its own fields do")
        if body_bytes <= self.options.frame_max_bytes:
            self._tail = rest
            return
        if rest[0] >> 4 != _PUBLISH or not self.connected:
            raise ProtocolFault(f"the broker sent a control packet of {body_bytes} bytes")
        self._skipping = _Skipping(bytearray(rest[:1]), body_bytes, body_bytes)
        self._skipping.skip(rest[header_bytes:])

    def _control(self, packet: mqtt5.Packet, events: list[Event]) -> None:
        if isinstance(packet, mqtt5.ConnAckPacket) and not self.connected:
            if int(packet.reason_code) >= _REFUSED:
                raise ProtocolFault(f"the broker refused the connection: {self._told(packet)}")
            self.connected = True
            given_s = packet.session_expiry_interval
            cut_s = given_s if given_s is not None and given_s < self.options.session_expiry_s else None
            events.append(Connected(packet.session_present, packet.server_keep_alive, cut_s))
        elif isinstance(packet, mqtt5.SubAckPacket) and packet.packet_id in self._asked:
            asked = self._asked.pop(packet.packet_id)
            if len(asked) != len(packet.reason_codes):
                raise ProtocolFault("the broker answered another number of subscriptions than was asked")
            answers = zip(asked, packet.reason_codes, strict=True)
            events.append(Subscribed({pattern: _words(code.name) for pattern, code in answers if int(code) >= _REFUSED}))
        elif isinstance(packet, mqtt5.UnsubAckPacket) and packet.packet_id in self._asked:
            events.append(Unsubscribed(self._asked.pop(packet.packet_id)))
        elif isinstance(packet, mqtt5.PubAckPacket) and self._asked.get(packet.packet_id) == []:
            del self._asked[packet.packet_id]
            if int(packet.reason_code) >= _REFUSED:
                raise ProtocolFault(f"the broker refused a message: {_words(packet.reason_code.name)}")
            events.append(packet)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self.taken_over = packet.reason_code == mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER
            raise ProtocolFault(f"the broker closed the connection: {self._told(packet)}")
        elif not isinstance(packet, mqtt5.PingRespPacket) or not self.connected:
            raise ProtocolFault(f"the broker sent a {type(packet).__name__.removesuffix('Packet')} out of turn")

    def _told(self, packet: mqtt5.ConnAckPacket | mqtt5.DisconnectPacket) -> str:
        """The reason that a broker gives, shortened, and without client id and password, which it may quote."""
        text = packet.reason_str or ""
        for secret in (self.options.client_id, (self.options.password or b"").decode(errors="replace")):
            text = text.replace(secret, "***") if secret else text
        code = _words(packet.reason_code.name)
        return f"{code} ({text[:_REASON_MAX]})" if text else code

    def _packet_id(self, filters: list[str]) -> int:
        self._next_id = self._next_id % 65535 + 1
        self._asked[self._next_id] = filters
        return self._next_id


PING: Final = mqtt5.PingReqPacket().write()
DISCONNECT: Final = mqtt5.DisconnectPacket().write()


def pubacks(packet_ids: list[int]) -> bytes:
    """The PUBACK packets of many messages, in their order."""
    return struct.pack(f">{len(packet_ids)}I", *[_PUBACK | packet_id for packet_id in packet_ids])


def _words(code: str) -> str:
    return code.lower().replace("_", " ")


def _panic_types() -> tuple[type[BaseException], ...]:
    """The types of a Rust panic, which the codec raises for text that is not UTF-8.

    They are made at the first panic and belong to no module, so that an ``except`` can only find them when it happens.
    """
    return tuple(kind for kind in BaseException.__subclasses__() if kind.__name__ == "PanicException")


def _frame(data: bytes) -> tuple[int, int] | None:
    """Bytes of the fixed header and of the body, or None while the header is not whole [MQTT 5.0, 1.5.5]."""
    body_bytes = 0
    for at in range(1, min(len(data), _HEADER_MAX)):
        body_bytes |= (data[at] & ~_CONTINUES) << 7 * (at - 1)
        if not data[at] & _CONTINUES:
            return at + 1, body_bytes
    if len(data) >= _HEADER_MAX:
        raise ProtocolFault("the broker sent a malformed packet: its length has no end")
    return None


def _oversized(skipped: _Skipping) -> Oversized:
    """Take apart the head of a PUBLISH that was not assembled [MQTT 5.0, 3.3.2]."""
    first, body = skipped.head[0], bytes(skipped.head[1:])
    at = 2 + int.from_bytes(body[:2], "big")
    try:
        topic = body[2:at].decode()
    except UnicodeDecodeError:
        raise ProtocolFault("the broker sent a malformed packet: text that is not UTF-8") from None
    packet_id = None
    if first & _QOS_BITS:
        packet_id = int.from_bytes(body[at : at + 2], "big")
        at += 2
    if first & _QOS_2_BIT or not topic or packet_id == 0:
        raise ProtocolFault(_BREAKS_SUBSCRIPTION)
    properties = _frame(b"\0" + body[at : at + _HEADER_MAX - 1])
    if properties is not None:  # longer than what was kept they leave nothing of the payload
        at += properties[0] - 1 + properties[1]
    return Oversized(
        topic,
        body[at : at + _OVERSIZED_KEPT_BYTES],
        packet_id,
        retain=bool(first & _RETAIN_BIT),
        duplicate=bool(first & _DUPLICATE_BIT),
        size_bytes=max(skipped.body_bytes - at, 0),
    )
