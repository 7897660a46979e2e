"""Messages that wait while the broker is away, and the progress shown in the terminal."""

import asyncio
import random
import socket
import struct
from itertools import islice

import pytest

from firmware_sim.outgoing import OutgoingMessage
from firmware_sim.progress import TallyDisplay
from firmware_sim.publish import LONGEST_PAUSE_S, Account, BrokerAccess, FateTally, pauses
from firmware_sim.shared_link import SharedLink


def message(number: int) -> OutgoingMessage:
    return OutgoingMessage("iot/v1/xa-01/water/sim-1/readings", "water", b"{}", (b'{"seq":%d}' % number,))


def test_a_link_keeps_so_many_messages_and_loses_the_ones_that_come_later() -> None:
    async def fill() -> tuple[SharedLink, FateTally]:
        tally = FateTally()
        link = SharedLink("sim-1", BrokerAccess("127.0.0.1", 1), Account(tally, lambda *_: None, limit=3))
        for number in range(5):
            link.put(message(number))
        return link, tally

    link, tally = asyncio.run(fill())
    assert [kept.rows for kept in link.waiting] == [message(number).rows for number in range(3)]
    assert (tally.measured, tally.waiting, tally.lost) == (5, 3, 2)


def test_a_connection_that_broke_unnoticed_keeps_what_is_sent_on_it() -> None:
    """The broker resets it; the fleet finds out by writing, before its loop had a turn to read of it."""

    async def send_on_a_broken_one(server: socket.socket) -> list[bytes]:
        tally = FateTally()
        link = SharedLink("sim-1", BrokerAccess(*server.getsockname()), Account(tally, lambda *_: None, limit=10))
        running = asyncio.create_task(link.run())
        connection, _ = await asyncio.to_thread(server.accept)
        connection.sendall(b"\x20\x03\x00\x00\x00")
        await link.connected.wait()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        for number in range(3):
            link.put(message(number))
        while link.connected.is_set():  # noqa: ASYNC110 - nobody can wait for an event to be cleared
            await asyncio.sleep(0)
        running.cancel()
        return [row for kept in link.waiting for row in kept.rows]

    with socket.create_server(("127.0.0.1", 0)) as server:
        kept = asyncio.run(send_on_a_broken_one(server))
    assert kept == [row for number in range(3) for row in message(number).rows]


def test_pauses_between_attempts_grow_to_a_bound_and_differ() -> None:
    first, second = (list(islice(pauses(random.Random(seed)), 12)) for seed in (1, 2))  # noqa: S311 - a test
    assert first != second
    assert all(pause_s <= LONGEST_PAUSE_S for pause_s in first)
    assert first[0] < 0.25 < LONGEST_PAUSE_S / 2 <= min(first[-3:])


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("mqtt://h", ("h", 1883, None, None), id="default port"),
        pytest.param("mqtt://u:p%40ss@h:99", ("h", 99, "u", "p@ss"), id="user and password"),
        pytest.param("mqtt://[::1]:1883", ("::1", 1883, None, None), id="IPv6"),
    ],
)
def test_a_broker_url(url: str, expected: tuple[str, int, str | None, str | None]) -> None:
    broker = BrokerAccess.parse(url)
    assert (broker.host, broker.port, broker.username, broker.password) == expected
    assert broker.tls is None
    assert "p@ss" not in f"{broker} {broker!r}"


def test_mqtts_means_tls_on_its_own_port() -> None:
    broker = BrokerAccess.parse("mqtts://h")
    assert broker.port == 8883
    assert broker.tls is not None
    assert str(broker) == "mqtts://h:8883"


def test_progress_tells_sent_acknowledged_per_domain_and_waiting() -> None:
    async def show() -> str:
        tally = FateTally()
        account = Account(tally, lambda *_: None, limit=2)
        link = SharedLink("sim-1", BrokerAccess("127.0.0.1", 1), account)
        for number in range(3):
            link.put(message(number))
        account.acknowledged(link.waiting[0])
        link.trouble = "Connection refused"
        return TallyDisplay(tally, [link]).line()

    line = asyncio.run(show())
    for part in ("sent 2", "acknowledged 1 (water 1)", "waiting 1", "connected 0/1", "lost 1", "Connection refused"):
        assert part in line
