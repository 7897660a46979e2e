"""TLS handshakes of readers: their number is bounded like that of connections.

A connection has a place (:mod:`gateway.web.http.connections`) once its handshake is done. Before that it would not be counted,
and a thousand silent ones would take all file descriptors of this process, including the broker's and the database's.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from gateway.support.tls import TlsContexts
from gateway.web.http.newcomers import Peer


class Pending(NamedTuple):
    """Numbers of handshakes under way."""

    total: int = 32
    per_client: int = 8


class Handshakes:
    """Takes accepted sockets, and passes them on after their handshake.

    :param make: gives the protocol of a connection.
    :param client_of: tells the client by the address of its socket.
    :param tls: holds the context for the next handshake.
    """

    def __init__(
        self,
        make: Callable[[], asyncio.Protocol],
        client_of: Callable[[Peer], str],
        tls: TlsContexts,
        patience_s: float,
        most: Pending | None = None,
    ) -> None:
        self._make = make
        self._client_of = client_of
        self._tls = tls
        self._patience_s = patience_s
        self._most = most or Pending()
        self._under_way: dict[asyncio.Task[None], str] = {}

    async def begin(self, accepted: socket.socket, peer: Peer) -> None:
        """Begin the handshake of a newcomer, and do not wait for its end."""
        client = self._client_of(peer)
        self._make_room(client)
        task = asyncio.create_task(self._shake(accepted), name="handshake")
        self._under_way[task] = client
        task.add_done_callback(self._under_way.pop)

    def end(self) -> None:
        """End all that are under way."""
        for task in self._under_way:
            task.cancel()

    def _make_room(self, client: str) -> None:
        """End the oldest handshake of a client with too many; if all together are too many, of the client with most."""
        held = Counter(self._under_way.values())
        if held[client] < self._most.per_client:
            if len(self._under_way) < self._most.total:
                return
            client = held.most_common(1)[0][0]
        oldest = next(task for task, its_client in self._under_way.items() if its_client == client)
        del self._under_way[oldest]
        oldest.remove_done_callback(self._under_way.pop)
        oldest.cancel()

    async def _shake(self, accepted: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._make, accepted, ssl=self._tls.pages, ssl_handshake_timeout=self._patience_s
            )
        except OSError:  # no TLS, a refused certificate, or too slow
            accepted.close()
