"""The connection to a broker that closes it: what is told, and how long the gateway waits."""

import asyncio
from contextlib import suppress
from math import inf

import mqtt5

from gateway.core.gateways.standby import LONGEST_WAIT_S, RIVAL_FIRST_S, RIVAL_ONCE_S, SOON_ENDS, ConnectionEnd
from gateway.core.mqtt_session import Event, ProtocolFault, Session, SessionOptions
from gateway.ingest.intake.connection import BrokerAddress, Connection
from tests.core.conversation import CONNACK
from tests.ingest.delivery.delivering import until
from tests.waiting import PATIENCE_S

TAKEN_OVER = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SESSION_TAKEN_OVER).write()
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


async def kept(answer: bytes, for_s: float) -> tuple[float, ConnectionEnd]:
    """The seconds that a connection counts as kept whose broker answers so and closes it after a time; and how it ended."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(answer)
        await asyncio.sleep(for_s)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1") as broker:
        session, events = Session(SessionOptions("gateway-1")), list[Event]()
        connection = Connection([BrokerAddress("127.0.0.1", broker.sockets[0].getsockname()[1])], session)
        return (await connection.run_once(lambda data: events.extend(session.receive(data))))[1:]


def test_a_broker_kept_a_connection_from_the_greeting_to_its_end_and_not_at_all_without_a_greeting() -> None:
    kept_s, end = asyncio.run(kept(CONNACK, 0.1))
    assert 0.1 <= kept_s < PATIENCE_S
    assert end is ConnectionEnd.UNEXPLAINED
    assert asyncio.run(kept(b"", 0.1)) == (0.0, ConnectionEnd.OTHER)


def test_a_gateway_thrown_out_by_another_of_its_name_says_so_and_waits_long() -> None:
    ((why, wait_s),) = asyncio.run(ends(1, TAKEN_OVER))
    assert "session taken over: another client connected under this gateway's client id; each gateway needs" in why
    assert wait_s > RIVAL_ONCE_S * 3 / 4


def test_the_way_to_the_broker_is_measured_again_while_it_lasts() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(CONNACK)
        with suppress(OSError):
            while await reader.read(1000):
                pass
        writer.close()

    async def story() -> None:
        session, events = Session(SessionOptions("gateway-1", keep_alive_s=1)), list[Event]()
        async with await asyncio.start_server(greet, "127.0.0.1") as broker:
            connection = Connection([BrokerAddress("127.0.0.1", broker.sockets[0].getsockname()[1])], session)
            running = asyncio.create_task(connection.run_once(lambda data: events.extend(session.receive(data))))
            await until(lambda: session.connected)
            opened = connection._socket  # noqa: SLF001
            assert opened is not None
            opened.round_trip_s = inf
            await until(lambda: connection.round_trip_s < inf)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))


def test_a_broker_that_closes_soon_again_and_again_and_says_nothing_is_told_as_perhaps_a_second_gateway_of_the_name() -> None:
    *before, (why, wait_s) = asyncio.run(ends(SOON_ENDS, b""))
    assert "without a reason, 5 times in a row or more: perhaps another client connected under this gateway's client id" in why
    assert wait_s > RIVAL_FIRST_S * 3 / 4
    assert {why for why, _ in before} == {"the broker closed the connection"}
    assert max(wait_s for _, wait_s in before) <= LONGEST_WAIT_S


def test_a_broker_that_says_why_it_closes_is_no_sign_of_a_second_gateway() -> None:
    told = asyncio.run(ends(SOON_ENDS + 1, SHUTS_DOWN))
    assert {why for why, _ in told} == {"the broker closed the connection: server shutting down"}
    assert max(wait_s for _, wait_s in told) <= LONGEST_WAIT_S
