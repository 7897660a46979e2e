"""A connection that only publishes, for high rates: MQTT 5 by the codec ``mqtt5`` on an asyncio transport.

What is published in one turn of the event loop leaves in one write. A client library takes longer for a message than the device
that measures it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import mqtt5

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.publish import ANSWER_S, KEEPALIVE_S, BrokerAccess

HIGHEST_ID: Final = 65_535
_TAKEN: Final = (mqtt5.PubAckReasonCode.SUCCESS, mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS)


class SharedConnection(asyncio.Protocol):
    """One connection, used once.

    :ivar lost: done with the reason once the connection is refused or gone.
    :ivar window: so many messages may await their PUBACK, as the broker says.
    """

    def __init__(self, on_puback: Callable[[int, str], None], on_read: Callable[[], None]) -> None:
        """Tell ``on_puback`` the identifier of each message that is acknowledged, and why it was refused, or nothing."""
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[str] = self._loop.create_future()
        self.window = HIGHEST_ID
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._on_puback = on_puback
        self._on_read = on_read
        self._transport: asyncio.Transport | None = None
        self._unread = b""
        self._unsent: list[bytes] = []
        self._last_id = 0
        self._keep_alive: asyncio.TimerHandle | None = None

    async def open(self, identifier: str, broker: BrokerAccess) -> None:
        """Connect and wait for the broker's word.

        :raises OSError: when it is not reached or refuses.
        """
        opening = self._loop.create_connection(lambda: self, broker.host, broker.port, ssl=broker.tls)
        transport, _ = await asyncio.wait_for(opening, ANSWER_S)
        self._transport = transport
        password = None if broker.password is None else broker.password.encode()
        hello = mqtt5.ConnectPacket(
            identifier, username=broker.username, password=password, clean_start=True, keep_alive=KEEPALIVE_S
        )
        transport.write(hello.write())
        await asyncio.wait((self._accepted, self.lost), timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        if not self._accepted.done():
            raise ConnectionError(self.lost.result() if self.lost.done() else "the broker does not answer")
        self._ping()

    def publish(self, message: OutgoingMessage) -> int:
        """Send with QoS 1; the packet identifier comes back with the PUBACK."""
        self._last_id = identifier = self._last_id % HIGHEST_ID + 1
        packet = mqtt5.PublishPacket(
            message.topic, message.payload, qos=mqtt5.QoS.AT_LEAST_ONCE, retain=message.retain, packet_id=identifier
        )
        self._send(packet.write())
        return identifier

    def close(self) -> None:
        """Say goodbye where there is somebody to say it to."""
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        if self._transport is not None and not self._transport.is_closing():
            self._send(mqtt5.DisconnectPacket().write())
            self._flush()
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read what came; half a packet waits for its rest."""
        data = self._unread + data
        view, at = memoryview(data), 0
        try:
            while at < len(data):
                packet, length = mqtt5.read(view[at:])
                at += length
                self._take(packet)
        except IndexError:  # the rest of a packet is still to come
            pass
        except ValueError as error:
            self._lose(f"the broker speaks no MQTT 5: {error}")
        self._unread = data[at:]
        self._on_read()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that it is gone."""
        self._lose(f"the connection was lost ({exc or 'closed by the broker'})")

    def _take(self, packet: mqtt5.Packet) -> None:
        if isinstance(packet, mqtt5.PubAckPacket):
            code = packet.reason_code
            self._on_puback(packet.packet_id, "" if code in _TAKEN else code.name.replace("_", " ").lower())
        elif isinstance(packet, mqtt5.ConnAckPacket) and not self._accepted.done():
            if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                self._lose(packet.reason_code.name.replace("_", " ").lower())
            else:
                self.window = packet.receive_max
                self._accepted.set_result(None)
        elif isinstance(packet, mqtt5.DisconnectPacket):
            self._lose(f"the broker closed the connection ({packet.reason_code.name.replace('_', ' ').lower()})")

    def _send(self, packet: bytes) -> None:
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(packet)

    def _flush(self) -> None:
        if self._unsent and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._unsent))
        self._unsent.clear()

    def _ping(self) -> None:
        self._keep_alive = self._loop.call_later(KEEPALIVE_S / 2, self._ping)
        self._send(mqtt5.PingReqPacket().write())

    def _lose(self, why: str) -> None:
        if not self.lost.done():
            self.lost.set_result(why)
        if self._transport is not None:
            self._transport.close()
