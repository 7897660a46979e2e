"""The connection to the broker: its socket, writes and acknowledgements.

Theory of operation
-------------------
A :class:`Connection` is made once and opened again after each end. Between two openings, sent data is dropped, since nobody
receives it: acknowledgements of the old connection mean nothing on a new one, and a lost command is repeated.
Delivery acknowledges through it without knowing the intake, which is made later.

A broker of several nodes has several addresses. After each end it is the turn of the next one, whatever the end was: a node
that hangs accepts connections and says nothing, so the address that served until now tells nothing of itself.

Memory is bounded by resting: while the connection rests the socket is not read, and the broker keeps new messages.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from random import random
from typing import Final, NamedTuple

import mqtt5

from gateway.core.gateways.standby import SOON_ENDS, ConnectionEnd, Reconnects
from gateway.core.mqtt_session import DISCONNECT, PING, Session, pubacks
from gateway.ingest.intake.broker_socket import BrokerSocket
from gateway.support.tls import handshake_fault

_CONNECT_PATIENCE_S: Final = 10.0
_CONNACK_PATIENCE_S: Final = 20.0
"""Time for the answer to the first packet; a link that takes 5 s each way is slow, not dead."""
_RIVAL: Final = (
    "another client connected under this gateway's client id; each gateway needs a mqtt.client_id of its own, the machines of "
    "a pair a mqtt.standby.machine; tried again in {:.0f} s"
)
_PERHAPS: Final = f" soon after it was made and without a reason, {SOON_ENDS} times in a row or more: perhaps"
_LOOKS: Final = 10
"""Checks of the connection in each keep-alive interval."""


class BrokerAddress(NamedTuple):
    """The address of the broker."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


class Connection:
    """The connection to the broker, open or not, and the ``session`` that is spoken over it.

    :ivar is_rivalled: another client of its id took the session at the last end, as far as is known.
    """

    def __init__(self, addresses: Sequence[BrokerAddress], session: Session) -> None:
        self._addresses = deque(addresses)
        self.session = session
        self._socket = BrokerSocket(_nobody)
        self._reconnects = Reconnects()
        self.is_rivalled = False
        self._keep_alive_s = session.options.keep_alive_s
        self._stopped = False
        self._loop = asyncio.get_running_loop()

    @property
    def address(self) -> BrokerAddress:
        """The address of the broker that is used, or is the next to be tried."""
        return self._addresses[0]

    def renew(self, tls: ssl.SSLContext | None) -> None:
        """Use these certificates from the next opening on."""
        self._addresses = deque(address._replace(tls=tls) for address in self._addresses)

    async def run_to_end(self, receive: Callable[[bytes], None]) -> tuple[str, float]:
        """Open it, or try to; return after its end, with the reason and the seconds to wait before the next attempt."""
        address, lasted_s, end = self.address, 0.0, ConnectionEnd.OTHER
        try:
            why, lasted_s, end = await self.run_once(receive)
        except TimeoutError:
            why = f"{address} does not answer"
        except OSError as error:
            why = f"{address}: {handshake_fault(error, tls=address.tls is not None)}"
        wait_s = self._reconnects.wait_s(lasted_s, random(), end)  # noqa: S311 - jitter is no secret
        self.is_rivalled = end is ConnectionEnd.TAKEN_OVER or self._reconnects.suspects_rival
        if self.is_rivalled:
            between = ":" if end is ConnectionEnd.TAKEN_OVER else _PERHAPS
            why = f"{why}{between} {_RIVAL.format(wait_s)}"
        self._addresses.rotate(-1)
        return why, wait_s

    async def run_once(self, receive: Callable[[bytes], None]) -> tuple[str, float, ConnectionEnd]:
        """Open it and send CONNECT; return after its end: the reason, the seconds that the broker kept it, and how it ended.

        Each chunk of bytes goes to ``receive``. Without a broker at the address, or the right one, it raises :class:`OSError`.
        """
        opened = self._socket = await self._open(receive)
        opened.send(self.session.connect())
        began_s = self._loop.time()
        try:
            while not opened.ended.done():
                await asyncio.wait([opened.ended], timeout=self._keep_alive_s / _LOOKS)
                self._keep_alive(opened)
                opened.measure_round_trip()
            why, session = opened.ended.result(), self.session
            if not session.connected:
                return why, 0.0, ConnectionEnd.OTHER
            end = ConnectionEnd.UNEXPLAINED if opened.unexplained else ConnectionEnd.OTHER
            return why, self._loop.time() - began_s, ConnectionEnd.TAKEN_OVER if session.taken_over else end
        finally:
            opened.end("the gateway stops")
            self._socket = BrokerSocket(_nobody)

    async def _open(self, receive: Callable[[bytes], None]) -> BrokerSocket:
        opened, (host, port, tls) = BrokerSocket(receive), self.address
        name = host if tls else None
        async with asyncio.timeout(_CONNECT_PATIENCE_S):
            await self._loop.create_connection(lambda: opened, host, port, ssl=tls, server_hostname=name)
        return opened

    def _keep_alive(self, opened: BrokerSocket) -> None:
        now_s = time.monotonic()
        silence_s = now_s - opened.last_received_s
        patience_s = self._keep_alive_s if self.session.connected else _CONNACK_PATIENCE_S
        ping_after_s = self._keep_alive_s / 3
        if silence_s > patience_s and not opened.resting:
            opened.end(f"{self.address} is silent for {silence_s:.0f} s")
        elif self.session.connected and (now_s - opened.last_sent_s > ping_after_s or silence_s > ping_after_s):
            opened.send(PING)

    def accepted(self, keep_alive_s: int | None) -> None:
        """Note that the broker accepted the connection, perhaps with another keep-alive interval than asked."""
        if keep_alive_s:
            self._keep_alive_s = keep_alive_s

    # Writing.

    def send(self, data: bytes) -> None:
        """Send bytes, if the connection is open."""
        self._socket.send(data)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Send the PUBACKs of these messages, in this order."""
        self.send(pubacks(packet_ids))

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Send a message that is repeated if it gets lost, a command or a state; False: the connection is not open."""
        if self._socket.transport is None or not self.session.connected:
            return False
        self.send(self.session.publish(topic, payload, retain=retain))
        return True

    def subscribe(self, wanted: dict[str, mqtt5.RetainHandling], stale: list[str]) -> None:
        """Subscribe to the wanted filters and unsubscribe from stale ones, if the connection is open."""
        if not self.session.connected:
            return
        if wanted:
            self.send(self.session.subscribe(wanted))
        if stale:
            self.send(self.session.unsubscribe(stale))

    # Reading.

    @property
    def round_trip_s(self) -> float:
        """Seconds to the broker and back; infinite: unknown."""
        return self._socket.round_trip_s

    def read_apart(self, seconds: float) -> None:
        """Start reads so many seconds apart; 0: read bytes as they come."""
        self._socket.apart_s = seconds

    def read_later(self, seconds: float) -> None:
        """Let bytes wait until :meth:`read_now`, so many seconds from now."""
        self._socket.read_later(seconds)

    def read_now(self, then: Callable[[], None]) -> None:
        """Hand on what has come since :meth:`read_later`, then call ``then``. From there on bytes are read as they come."""
        self._socket.read_now(then)

    def rest(self) -> None:
        """Stop reading the socket: memory is at its limit."""
        self._socket.rest()

    def resume_reading(self) -> None:
        """Read again: memory has room."""
        if self._socket.resting and not self._stopped:
            self._socket.go_on()

    def stop_reading(self) -> None:
        """Stop reading; owed acknowledgements can still be sent."""
        self._stopped = True
        self.rest()

    # Ending.

    def end(self, why: str) -> None:
        """Close at once; ``why`` is reported to people."""
        self._socket.end(why)

    async def disconnect(self) -> None:
        """Send DISCONNECT; the broker keeps the session."""
        opened = self._socket
        if opened.transport is not None:
            opened.send(DISCONNECT)
            opened.transport.close()
            await asyncio.wait([opened.ended], timeout=0.5)


def _nobody(_: bytes) -> None:
    """Receive nothing: the connection is not open."""
