"""The connection to a broker that closes it: what is told, and how long the gateway waits."""

import asyncio

import mqtt5

from gateway.core.gateways.reconnects import LONGEST_WAIT_S, RIVAL_FIRST_S, SOON_ENDS
from gateway.core.mqtt_session import ProtocolFault, Session, SessionOptions
from gateway.ingest.intake.connection import BrokerAddress, Connection
from tests.core.conversation import CONNACK

SHUTS_DOWN = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()


async def ends(times: int, last_words: bytes) -> list[tuple[str, float]]:
    """Connect again and again to a broker that greets, says its last words and closes the connection."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(CONNACK + last_words)
        writer.close()

    def receive(data: bytes) -> None:
        try:
            session.receive(data)
        except ProtocolFault as fault:
            connection.end(str(fault))

    async with await asyncio.start_server(greet, "127.0.0.1") as broker:
        port = broker.sockets[0].getsockname()[1]
        session = Session(SessionOptions("gateway-1"))
        connection = Connection([BrokerAddress("127.0.0.1", port)], session)
        return [await connection.run_to_end(receive) for _ in range(times)]


def test_a_broker_that_closes_soon_again_and_again_and_says_nothing_is_told_as_perhaps_a_second_gateway_of_the_name() -> None:
    *before, (why, wait_s) = asyncio.run(ends(SOON_ENDS, b""))
    assert "without a reason, 5 times in a row or more: perhaps another gateway connected as gateway-1; each needs" in why
    assert wait_s > RIVAL_FIRST_S * 3 / 4
    assert {why for why, _ in before} == {"the broker closed the connection"}
    assert max(wait_s for _, wait_s in before) <= LONGEST_WAIT_S


def test_a_broker_that_says_why_it_closes_is_no_sign_of_a_second_gateway() -> None:
    told = asyncio.run(ends(SOON_ENDS + 1, SHUTS_DOWN))
    assert {why for why, _ in told} == {"the broker closed the connection: server shutting down"}
    assert max(wait_s for _, wait_s in told) <= LONGEST_WAIT_S
