"""A shared connection at a broker that answers as each test wants."""

import asyncio
from collections.abc import Awaitable, Callable

import mqtt5
import pytest

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.publish import Account, BrokerAccess, FateTally
from firmware_sim.shared_link import SharedLink

Broker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WELCOME = mqtt5.ConnAckPacket(receive_max=3)
UNKNOWN = mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED)
REFUSED = mqtt5.PubAckReasonCode.NOT_AUTHORIZED


def message(number: int) -> OutgoingMessage:
    return OutgoingMessage("iot/v1/xa-01/water/sim-1/readings", "water", b'{"seq":%d}' % number, (b'{"seq":%d}' % number,))


async def packet(reader: asyncio.StreamReader) -> mqtt5.Packet:
    """The next packet that the client sent; its packets are short."""
    head = await reader.readexactly(2)
    return mqtt5.read(memoryview(head + await reader.readexactly(head[1])))[0]


async def sent_to(broker: Broker, messages: int) -> tuple[SharedLink, FateTally, list[int]]:
    """Send so many messages to a broker, until all have a fate; the identifiers as they were acknowledged."""
    tally, acknowledged = FateTally(), []
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    async with server:
        access = BrokerAccess("127.0.0.1", server.sockets[0].getsockname()[1])
        account = Account(tally, lambda told, _: acknowledged.append(int(told.payload[7:-1])), limit=100)
        link = SharedLink("sim-1", access, account)
        running = asyncio.create_task(link.run())
        for number in range(messages):
            link.put(message(number))
        link.close()
        async with asyncio.timeout(10):
            await running
    return link, tally, acknowledged


async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept a client."""
    assert isinstance(await packet(reader), mqtt5.ConnectPacket)
    writer.write(WELCOME.write())


def test_no_more_messages_are_under_way_than_the_broker_allows() -> None:
    most = 0

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        await welcome(reader, writer)
        owed: list[int] = []
        while isinstance(came := await packet(reader), mqtt5.PublishPacket | mqtt5.PingReqPacket):
            if isinstance(came, mqtt5.PublishPacket) and came.packet_id is not None:
                owed.append(came.packet_id)
                most = max(most, len(owed))
                if len(owed) == 3 or came.payload == message(9).payload:
                    writer.write(b"".join(mqtt5.PubAckPacket(each).write() for each in owed))
                    owed.clear()
        writer.close()

    _, tally, acknowledged = asyncio.run(sent_to(broker, 10))
    assert most == 3
    assert acknowledged == list(range(10))
    assert (tally.measured, tally.acknowledged, tally.waiting) == (10, 10, 0)


def test_a_message_that_the_broker_refuses_is_told_and_not_in_the_ledger() -> None:
    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await welcome(reader, writer)
        while isinstance(came := await packet(reader), mqtt5.PublishPacket | mqtt5.PingReqPacket):
            if isinstance(came, mqtt5.PublishPacket) and came.packet_id is not None:
                is_refused = came.payload == message(1).payload
                code = REFUSED if is_refused else mqtt5.PubAckReasonCode.NO_MATCHING_SUBSCRIBERS
                for byte in mqtt5.PubAckPacket(came.packet_id, reason_code=code).write():  # one by one: packets come in parts
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.close()

    link, tally, acknowledged = asyncio.run(sent_to(broker, 3))
    assert acknowledged == [0, 2]
    assert (tally.acknowledged, tally.refused, tally.waiting) == (2, 1, 0)
    assert link.trouble == "not authorized"


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        pytest.param(
            mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED).write(), "not authorized", id="refused"
        ),
        pytest.param(b"\x20\x02\x00\x00", "no MQTT 5", id="MQTT 3.1.1"),
        pytest.param(b"", "the connection was lost", id="closed"),
    ],
)
def test_a_connection_that_does_not_come_about_says_why(answer: bytes, trouble: str) -> None:
    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await packet(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def told() -> str:
        server = await asyncio.start_server(broker, "127.0.0.1", 0)
        async with server:
            access = BrokerAccess("127.0.0.1", server.sockets[0].getsockname()[1])
            link = SharedLink("sim-1", access, Account(FateTally(), lambda *_: None, limit=1))
            running = asyncio.create_task(link.run())
            async with asyncio.timeout(10):
                while not link.trouble:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.001)
            running.cancel()
            return link.trouble

    assert trouble in asyncio.run(told())
