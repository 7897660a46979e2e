"""A guest at the broker that would replace the gateway, which takes its session over again at once."""

import asyncio

import mqtt5
import pytest

from gateway.commands.guest import open_as_guest
from gateway.core.mqtt_session import ProtocolFault, SessionOptions
from gateway.ingest.intake.connection import BrokerAddress

LET_IN = mqtt5.ConnAckPacket(session_present=True).write()
ENDED = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write()


def test_a_guest_that_is_ended_as_soon_as_it_is_let_in_says_that_it_would_replace_the_gateway() -> None:
    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(LET_IN + ENDED)
        writer.close()

    async def story() -> None:
        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        async with server:
            host, port = server.sockets[0].getsockname()[:2]
            await open_as_guest(BrokerAddress(host, port), SessionOptions("gateway-1"))

    with pytest.raises(ProtocolFault, match="names clients after their accounts"):
        asyncio.run(story())
