"""A publisher without a client library: a stream of ready-made packets, as fast as the broker takes them."""

import socket
from collections.abc import Sequence

from tests.campaigns.bench.messages import ACK_BYTES, CONNECT

_WINDOW = 1000
"""Most messages in flight: what a tuned broker takes from one connection."""
_AT_ONCE = 50


class BrokerGone(Exception):  # noqa: N818 - says what it is
    """The broker closed the connection in the middle."""


def publish(port: int, packets: Sequence[bytes]) -> None:
    """Publish all; returns when the last is acknowledged.

    :raises BrokerGone: before that.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(CONNECT)
        _acknowledgements(connection)
        owed_bytes = 0
        for at in range(0, len(packets), _AT_ONCE):
            chunk = packets[at : at + _AT_ONCE]
            connection.sendall(b"".join(chunk))
            owed_bytes += len(chunk) * ACK_BYTES
            while owed_bytes > (_WINDOW - _AT_ONCE) * ACK_BYTES:
                owed_bytes -= _acknowledgements(connection)
        while owed_bytes:
            owed_bytes -= _acknowledgements(connection)


def _acknowledgements(connection: socket.socket) -> int:
    """Bytes of acknowledgements that came; waits for some."""
    received = len(connection.recv(65536))
    if not received:
        raise BrokerGone("the broker closed the publisher's connection")
    return received
