"""InfluxDB's door that counts what connections take: ``python -m tests.campaigns.bench.wire_door PORT COUNT_PORT [CERT KEY]``.

The kernel counts, at this end of each connection: bytes and segments of both directions. A segment takes 52 bytes more: 20 of
IP (40 with IPv6), 32 of TCP with its timestamps.
"""

import asyncio
import socket
import ssl
import struct
import sys
from email.utils import formatdate
from typing import Final, NamedTuple, Self

from tests.campaigns.bench.door import Arrivals, DoorConnection, shown

SEGMENT_BYTES: Final = 52
_REQUEST_ID: Final = b"0042373f-e9ed-11f1-8003-000000000000"
_WRITTEN: Final = (
    b"HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\nRequest-Id: " + _REQUEST_ID + b"\r\n"
    b"X-Influxdb-Build: OSS\r\nX-Influxdb-Version: 1.6.7~rc0\r\nX-Request-Id: " + _REQUEST_ID + b"\r\nDate: %b\r\n\r\n"
)


class Wire(NamedTuple):
    """The bytes that connections took since they were opened.

    :ivar content_bytes: in both directions, with those of TLS.
    :ivar segments: in both directions.
    """

    content_bytes: int = 0
    segments: int = 0

    def __add__(self, other: object) -> Self:
        assert isinstance(other, Wire)
        return type(self)(self.content_bytes + other.content_bytes, self.segments + other.segments)

    @property
    def ip_bytes(self) -> int:
        """As the link counts them, with IPv4."""
        return self.content_bytes + SEGMENT_BYTES * self.segments


def counted(connection: socket.socket) -> Wire:
    """The kernel's own count of a TCP connection (``struct tcp_info`` of linux/tcp.h)."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    acked_bytes, received_bytes, sent, came = struct.unpack_from("=QQII", info, 120)
    return Wire(acked_bytes + received_bytes, sent + came)


class InfluxdbDoor(DoorConnection):
    """A connection on which a write is answered in as many bytes as by InfluxDB 1.6.7."""

    def written(self) -> bytes:
        """The answer to a write."""
        return _WRITTEN % formatdate(usegmt=True).encode()  # the gateway holds its clock against it


class _Counted(InfluxdbDoor):
    """One connection of the gateway."""

    def __init__(self, connections: list[socket.socket]) -> None:
        super().__init__(Arrivals())
        self._connections = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        kept = transport.get_extra_info("socket").dup()  # tells its count after the connection has ended, too
        self._connections.append(kept)


class _Count(asyncio.Protocol):
    """Tells those who ask what the connections of the gateway took."""

    def __init__(self, connections: list[socket.socket]) -> None:
        self._connections = connections
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _: bytes) -> None:
        self._transport.write(shown(sum(map(counted, self._connections), Wire())))


async def serve(port: int, count_port: int, certificate: str | None = None, key: str | None = None) -> None:
    """Answer the gateway on one port, and those who ask for the count on the other, until killed."""
    loop, connections = asyncio.get_running_loop(), list[socket.socket]()
    tls = None
    if certificate is not None:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
    door = await loop.create_server(lambda: _Counted(connections), "127.0.0.1", port, ssl=tls)
    await loop.create_server(lambda: _Count(connections), "127.0.0.1", count_port)
    await door.serve_forever()


if __name__ == "__main__":
    arguments = sys.argv[1:]
    asyncio.run(serve(int(arguments[0]), int(arguments[1]), *arguments[2:]))
