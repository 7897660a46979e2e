"""A device's own connection: what the broker refuses, forgets or breaks off becomes a sentence."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import mqtt5
import pytest

from firmware_sim import own_connection
from firmware_sim.own_connection import ConnectionFault, OwnConnection
from firmware_sim.publish import BrokerAccess
from firmware_sim.wire.presence import BrokerPresence
from gateway.support.tls import tls_context
from tests.system.brokers import Authority

ACCEPTED = mqtt5.ConnAckPacket().write()
TOO_MUCH = mqtt5.PubAckPacket(1, reason_code=mqtt5.PubAckReasonCode.QUOTA_EXCEEDED)
BUSY = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_BUSY)
PRESENCE = BrokerPresence("d/status", b"on", b"off")
Broker = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _talk(broker: Broker, ended: list[str]) -> None:
    """Connect to a broker of a test, and publish once."""
    server = await asyncio.start_server(broker, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server:
        at = BrokerAccess(host, port, "user", "word")
        async with OwnConnection.opened("d", at, PRESENCE, lambda: None, lambda: ended.append("end")) as connection:
            await connection.publish("t", b"x", retain=False)


def _answering(*answers: bytes) -> Broker:
    """A broker that answers each packet in turn, and closes the stream after the last."""

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.read(1_000)
            for at in range(len(answer)):  # byte by byte: half a packet waits for its rest
                writer.write(answer[at : at + 1])
                await writer.drain()
        writer.close()

    return broker


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED).write()], "refused: not authorized"),
        (
            [ACCEPTED, TOO_MUCH.write()],
            "refused: quota exceeded",
        ),
        (
            [ACCEPTED, BUSY.write()],
            "refused: server busy",
        ),
        ([b"\xff\x01\x00"], "sent no MQTT 5"),
        ([ACCEPTED, b""], "the connection was lost"),
    ],
    ids=["connect", "publish", "disconnect", "no broker", "broken off"],
)
def test_trouble_is_told_and_ends_the_connection(answers: list[bytes], told: str) -> None:
    ended: list[str] = []
    with pytest.raises(ConnectionFault, match=told):
        asyncio.run(_talk(_answering(*answers), ended))
    assert ended == ["end"]


def test_a_broker_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_connection, "ANSWER_S", 0.05)

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    with pytest.raises(ConnectionFault, match="does not answer"):
        asyncio.run(_talk(silent, []))


def test_all_that_is_said_to_a_broker_that_accepts_it_is_in_its_place() -> None:
    said: list[mqtt5.Packet] = []

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = [ACCEPTED, mqtt5.PubAckPacket(1).write()]
        while data := await reader.read(1_000):
            said.append(mqtt5.read(memoryview(data))[0])
            writer.write(answers.pop(0) if answers else b"")
        writer.close()

    ended: list[str] = []
    asyncio.run(_talk(broker, ended))
    connect, publish, goodbye = said
    assert isinstance(connect, mqtt5.ConnectPacket)
    assert (connect.client_id, connect.username, connect.password, connect.clean_start) == ("d", "user", b"word", True)
    assert connect.will is not None
    assert (connect.will.topic, connect.will.payload, connect.will.retain) == ("d/status", b"off", True)
    assert isinstance(publish, mqtt5.PublishPacket)
    assert (publish.topic, publish.payload, publish.qos) == ("t", b"x", mqtt5.QoS.AT_LEAST_ONCE)
    assert isinstance(goodbye, mqtt5.DisconnectPacket)


def test_a_connection_over_tls_that_is_left_is_closed(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.issue("broker")
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate, key)

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(ACCEPTED)
        await reader.read()
        writer.close()

    async def left() -> int:
        server = await asyncio.start_server(broker, "127.0.0.1", 0, ssl=ours)
        host, port = server.sockets[0].getsockname()[:2]
        at = BrokerAccess(host, port, tls=tls_context(authority.certificate))
        async with server:
            async with OwnConnection.opened("d", at, PRESENCE, lambda: None, lambda: None) as connection:
                transport = connection._transport  # noqa: SLF001 - who has the socket
                assert transport is not None
                used: socket.socket = transport.get_extra_info("socket")
            return used.fileno()

    assert asyncio.run(left()) == -1
