"""One connection for many devices, for high rates: paho-mqtt driven by the event loop, many messages under way at a time."""

import asyncio
import random
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from firmware_sim.firmware import OutgoingMessage
from firmware_sim.publish import ANSWER_S, KEEPALIVE_S, Account, BrokerAccess, pauses

if TYPE_CHECKING:
    from paho.mqtt.client import SocketLike  # exists for type checkers only

CONNECTIONS: Final = 4
UNDER_WAY: Final = 1000
"""Most messages of a connection that await their PUBACK."""


class SharedLink:
    """A connection that carries some of the fleet.

    :ivar waiting: what was not handed to the connection yet, oldest first.
    :ivar connected: set while the connection stands.
    :ivar trouble: why the last attempt failed.
    """

    def __init__(self, identifier: str, broker: BrokerAccess, account: Account) -> None:
        self.waiting: deque[OutgoingMessage] = deque()
        self.connected = asyncio.Event()
        self.trouble = ""
        self._identifier = identifier
        self._broker = broker
        self._account = account
        self._closing = False
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._under_way: dict[int, OutgoingMessage] = {}
        self._connection: _PahoConnection | None = None

    def put(self, message: OutgoingMessage) -> None:
        """Take a message to send."""
        if self._account.admit(message, held=len(self.waiting) + len(self._under_way)):
            self.waiting.append(message)
            self._pump()

    def reach(self, *, is_online: bool) -> None:
        """Other devices are on this connection too: it stands."""

    def close(self) -> None:
        """No more messages will come: end once all are acknowledged."""
        self._closing = True
        self._pump()

    async def run(self) -> None:
        """Connect, send, and connect again, until closed and empty."""
        attempts = pauses(random.Random())  # noqa: S311 - spreads reconnecting clients
        while True:
            connection = _PahoConnection(self._identifier, self._broker, self._on_puback, self._pump)
            try:
                await connection.open(self._broker)
                attempts = pauses(random.Random())  # noqa: S311 - as above
                self._connection = connection
                self.connected.set()
                self._pump()
                await _first_of(connection.lost, self._finished)
                if self._finished.done():
                    return
                self.trouble = connection.lost.result()
            except OSError as error:
                self.trouble = str(error)
            finally:
                connection.close()
                self._forget()
            await asyncio.sleep(next(attempts))

    def _pump(self) -> None:
        """Hand over what waits, as far as the window goes."""
        while self.waiting and len(self._under_way) < UNDER_WAY and self._connection and not self._connection.lost.done():
            message = self.waiting.popleft()
            message.sent += 1
            self._under_way[self._connection.publish(message)] = message
        if self._closing and not self.waiting and not self._under_way and not self._finished.done():
            self._finished.set_result(None)

    def _on_puback(self, identifier: int) -> None:
        message = self._under_way.pop(identifier, None)
        if message is not None:
            self._account.acknowledged(message)

    def _forget(self) -> None:
        """The connection is gone: what it had under way waits again, in its order."""
        self.connected.clear()
        self._connection = None
        self.waiting.extendleft(reversed(self._under_way.values()))
        self._under_way.clear()


class _PahoConnection:
    """One connection of paho-mqtt, used once.

    :ivar lost: done with the reason once the connection is refused or gone.
    """

    def __init__(
        self,
        identifier: str,
        broker: BrokerAccess,
        on_puback: Callable[[int], None],
        on_read: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._on_puback = on_puback
        self._on_read = on_read
        self._keep_alive: asyncio.TimerHandle | None = None
        self._client = Client(CallbackAPIVersion.VERSION2, identifier, reconnect_on_failure=False)
        self._client.max_inflight_messages = 0  # its own window costs a search per PUBACK
        self._client.connect_timeout = ANSWER_S
        self._client.username_pw_set(broker.username, broker.password)
        if broker.tls is not None:
            self._client.tls_set_context(broker.tls)

    async def open(self, broker: BrokerAccess) -> None:
        """Connect and wait for the broker's word.

        :raises OSError: when it is not reached or refuses.
        """
        client = self._client
        await asyncio.to_thread(client.connect, broker.host, broker.port, KEEPALIVE_S)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_socket_close = self._socket_closes
        self._loop.add_reader(_socket(client), self._read)
        self._tick()
        await _first_of(self._accepted, self.lost, within_s=ANSWER_S)
        if not self._accepted.done():
            raise ConnectionError(self.lost.result() if self.lost.done() else "the broker does not answer")

    def publish(self, message: OutgoingMessage) -> int:
        """Send with QoS 1; the packet identifier comes back with the PUBACK."""
        handed = self._client.publish(message.topic, message.payload, qos=1, retain=message.retain)
        connection = self._client.socket()
        if connection is not None and self._client.want_write():  # the socket is full; one that is gone was told of already
            self._loop.add_writer(connection, self._write)
        return handed.mid

    def close(self) -> None:
        """Say goodbye where there is somebody to say it to."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self._client.disconnect()

    def _read(self) -> None:
        self._client.loop_read()
        connection = self._client.socket()
        while isinstance(connection, ssl.SSLSocket) and connection.pending():
            self._client.loop_read()
            connection = self._client.socket()
        self._on_read()

    def _write(self) -> None:
        self._client.loop_write()
        connection = self._client.socket()
        if connection is not None and not self._client.want_write():
            self._loop.remove_writer(connection)

    def _tick(self) -> None:
        self._client.loop_misc()
        self._keep_alive = self._loop.call_later(1.0, self._tick)

    def _connected(self, _client: Client, _data: object, _flags: ConnectFlags, code: ReasonCode, *_: object) -> None:
        if code.is_failure:
            self._lose(str(code))
        elif not self._accepted.done():
            self._accepted.set_result(None)

    def _disconnected(self, _client: Client, _data: object, _flags: DisconnectFlags, code: ReasonCode, *_: object) -> None:
        self._lose(f"the connection was lost ({code})")

    def _published(self, _client: Client, _data: object, identifier: int, *_: object) -> None:
        self._on_puback(identifier)

    def _socket_closes(self, _client: Client, _data: object, connection: "SocketLike") -> None:
        self._loop.remove_reader(connection)
        self._loop.remove_writer(connection)

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)


async def _first_of(*any_of: asyncio.Future[Any], within_s: float | None = None) -> None:
    await asyncio.wait(any_of, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)


def _socket(client: Client) -> socket.socket:
    connection = client.socket()
    if not isinstance(connection, socket.socket):
        raise ConnectionError("the broker closed the connection")
    return connection
