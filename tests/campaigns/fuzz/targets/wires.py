"""Targets for data from connections: the broker's packets, and InfluxDB's answers."""

import asyncio
import socket
import weakref
from collections.abc import Iterator
from typing import Any, cast

import mqtt5

from gateway.core.batching.write_result import Answer, Fate, fate_of, retry_after_s
from gateway.core.mqtt_session import Event, Oversized, ProtocolFault, Session, SessionOptions
from gateway.ingest.delivery.http_client import Response, _HttpConnection
from tests.campaigns.fuzz.target import Run, Target
from tests.core.conversation import recorded

FRAME_MAX_BYTES = 300
KEPT_MAX_BYTES = 65536
CHUNKS = (1, 7, 64, FRAME_MAX_BYTES - 1)
"""Sizes below the largest frame, so that what is oversized is so in every chunking."""


def chunks_of(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def conversation_with(data: bytes, chunk_bytes: int) -> tuple[list[object], str]:
    """The events in what a broker sends, and the fault that ended the connection; "": none did."""
    session = Session(SessionOptions("gateway-1", frame_max_bytes=FRAME_MAX_BYTES))
    session.connect()
    session.subscribe(dict.fromkeys(("a/#", "b"), mqtt5.RetainHandling.SEND_ALWAYS))
    session.unsubscribe(["c"])
    seen: list[object] = []
    try:
        for chunk in chunks_of(data, chunk_bytes):
            seen += map(_told, session.receive(chunk))
    except ProtocolFault as fault:
        return seen + [_told(event) for event in fault.events], str(fault)
    return seen, ""


def _told(event: Event) -> object:
    """An event as something that can be compared."""
    if isinstance(event, Oversized):
        assert len(event.payload) <= KEPT_MAX_BYTES
        assert event.topic
    if not isinstance(event, mqtt5.PublishPacket):
        return event
    assert event.topic
    assert event.packet_id != 0
    assert event.qos != mqtt5.QoS.EXACTLY_ONCE
    parts = event.topic, bytes(event.payload), event.packet_id, event.retain, event.duplicate, event.user_properties
    return "publish", *parts


def mqtt_session() -> Run:
    """Events or a fault, and the same ones however the bytes are cut into chunks."""

    def run(data: bytes) -> None:
        first, *others = [conversation_with(data, size) for size in CHUNKS]
        for size, other in zip(CHUNKS[1:], others, strict=True):
            assert other == first, f"chunks of {size}: {other}, of {CHUNKS[0]}: {first}"

    return run


def mqtt_seeds() -> Iterator[bytes]:
    """The packets of a broker, one by one and as a conversation."""
    packets = recorded()
    yield b"".join(packets)
    yield from (packets[0] + packet for packet in packets)
    large = mqtt5.PublishPacket("a/b", b"x" * FRAME_MAX_BYTES, packet_id=9, qos=mqtt5.QoS.AT_LEAST_ONCE).write()
    yield packets[0] + large + packets[-1]


class _Wire:
    """A transport that goes nowhere, over a connection that nobody opened."""

    def __init__(self, connection: socket.socket) -> None:
        self.is_open = True
        self._extra = {"socket": connection}

    def get_extra_info(self, name: str) -> object:
        """Give the connection."""
        return self._extra[name]

    def write(self, data: bytes) -> None:
        """Forget what is sent."""

    def is_closing(self) -> bool:
        """Tell if the connection was closed."""
        return not self.is_open

    def abort(self) -> None:
        """End the connection."""
        self.is_open = False


async def answer_of(chunks: Iterator[bytes]) -> Response | str:
    """Parse a server's bytes; a text says why they are no answer."""
    with socket.socket() as nowhere:
        connection, wire = _HttpConnection(), _Wire(nowhere)
        connection.connection_made(cast("asyncio.BaseTransport", wire))
        asked = asyncio.ensure_future(connection.ask(b"POST", 60.0))
        await asyncio.sleep(0)
        for chunk in chunks:
            if wire.is_open:  # no transport calls back after its end
                connection.data_received(chunk)
        connection.connection_lost(None)
        try:
            return await asked
        except ConnectionError as error:
            return type(error).__name__


def http_answer() -> Run:
    """A response or a connection error, the same in any chunking; its body is bounded, and its fate is known."""
    loop = asyncio.new_event_loop()

    def run(data: bytes) -> None:
        answers: list[Any] = [loop.run_until_complete(answer_of(chunks_of(data, size))) for size in (len(data) or 1, 1, 5)]
        assert answers[0] == answers[1] == answers[2], answers
        response = answers[0]
        if not isinstance(response, Response):
            return
        assert len(response.body) <= KEPT_MAX_BYTES
        wait_s = retry_after_s(response.headers.get("retry-after"))
        assert wait_s is None or 0 <= wait_s <= 3600, wait_s
        answer = Answer(response.status, response.body.decode(errors="replace"), wait_s)
        assert (fate_of(answer) is Fate.WRITTEN) == (answer.status == 204), answer
        assert "\n" not in answer.describe(), answer

    weakref.finalize(run, loop.close)
    return run


def http_seeds() -> Iterator[bytes]:
    """Answers of InfluxDB and of servers in its place."""
    body = b'{"error":"partial write: points beyond retention policy dropped=1"}'
    yield b"HTTP/1.1 204 No Content\r\nX-Influxdb-Version: 1.6.7\r\nDate: Sun, 01 Nov 2026 00:00:00 GMT\r\n\r\n"
    yield b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"
    yield b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    yield b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"
    yield b"HTTP/1.0 200 OK\r\n\r\n<html>Your data is used up</html>"
    yield b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\nContent-Length: 0\r\n\r\n"
    yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nwhatever"


TARGETS = [
    Target("mqtt-session", mqtt_session, mqtt_seeds, longest_bytes=4096),
    Target("http-answer", http_answer, http_seeds),
]
