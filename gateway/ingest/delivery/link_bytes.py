"""The kernel's count of what a TCP connection took of its link, with everything that was sent again."""

import asyncio
import os
import socket
import struct
from typing import Any, Final

_SEGMENT_BYTES: Final = {socket.AF_INET: 52, socket.AF_INET6: 72}
"""The heads of a segment: IP, and TCP with its timestamps."""

_COUNTS: Final = struct.Struct("=QQII")
_COUNTS_AT: Final = 120
"""``tcpi_bytes_acked``, ``bytes_received``, ``segs_out`` and ``segs_in`` of ``struct tcp_info`` (linux/tcp.h)."""


def link_bytes(connection: socket.socket) -> int:
    """Bytes of IP in both directions since the connection was opened; 0 where the kernel does not tell."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _COUNTS_AT + _COUNTS.size)
        acknowledged, received, segments_out, segments_in = _COUNTS.unpack_from(info, _COUNTS_AT)
    except (OSError, struct.error):
        return 0
    heads: int = _SEGMENT_BYTES.get(connection.family, 0) * (segments_out + segments_in)
    return int(acknowledged + received) + heads


def counter_of(transport: asyncio.BaseTransport) -> socket.socket:
    """A second handle of a connection, which tells its count after the transport has closed it, too. Close it."""
    found: Any = transport.get_extra_info("socket")
    return socket.socket(fileno=os.dup(found.fileno()))
