"""The socket to the broker on a real link: bytes that wait are read when they are asked for, in their order."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
import uvloop

from gateway.ingest.intake.broker_socket import BrokerSocket
from gateway.support.tls import server_context, tls_context
from tests.ingest.delivery.delivering import until
from tests.system.brokers import Authority
from tests.waiting import PATIENCE_S

Contexts = tuple[ssl.SSLContext | None, ssl.SSLContext | None]
"""Of the broker and of the gateway."""
PLAIN: Contexts = (None, None)
NEVER_S = 3600.0


class Gateway:
    """The gateway's side: its socket and the bytes it was handed."""

    def __init__(self, receive: Callable[[bytes], None] | None = None) -> None:
        self.received = bytearray()
        self.read = 0
        self.socket = BrokerSocket(receive or self.received.extend)

    def read_now(self) -> None:
        """Read, and count."""
        self.socket.read_now(self.count)

    def count(self) -> None:
        """Count."""
        self.read += 1


@pytest.fixture(scope="module")
def tls_contexts(tmp_path_factory: pytest.TempPathFactory) -> Contexts:
    """Make a certificate for the broker, and who believes it."""
    authority = Authority(tmp_path_factory.mktemp("tls") / "authority")
    return server_context(*authority.issue("broker")), tls_context(authority.certificate)


@pytest.fixture(params=["plain", "tls"])
def contexts(request: pytest.FixtureRequest, tls_contexts: Contexts) -> Contexts:
    """Return those of a link without TLS, and of one with it."""
    return tls_contexts if request.param == "tls" else PLAIN


def tell(story: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run it on both event loops that a gateway may have."""
    for factory in (asyncio.new_event_loop, uvloop.new_event_loop):
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(story())


@asynccontextmanager
async def joined(gate: Gateway, contexts: Contexts = PLAIN, address: str = "127.0.0.1") -> AsyncIterator[asyncio.StreamWriter]:
    """The broker's end of a link whose other end is the gateway's, at this address."""
    server_tls, client_tls = contexts
    came: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
    async with (
        asyncio.timeout(PATIENCE_S),
        await asyncio.start_server(lambda _, writer: came.set_result(writer), "127.0.0.1", 0, ssl=server_tls) as server,
    ):
        port = server.sockets[0].getsockname()[1]
        name = "127.0.0.1" if client_tls else None
        loop = asyncio.get_running_loop()
        await loop.create_connection(
            lambda: gate.socket, "127.0.0.1", port, local_addr=(address, 0), ssl=client_tls, server_hostname=name
        )
        writer = await came
        try:
            yield writer
        finally:  # uvloop does not end with a connection that nobody reads
            gate.socket.end("the test is over")
            writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def pass_on(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send, and give the bytes the time to arrive."""
    writer.write(data)
    await writer.drain()
    await asyncio.sleep(0.02)


def test_bytes_wait_until_they_are_read_and_stay_in_order(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            await pass_on(broker, b"a")
            assert gate.received == b"a"
            gate.socket.read_later(NEVER_S)
            await pass_on(broker, b"b")
            await pass_on(broker, b"c")
            assert gate.received == b"a"
            gate.read_now()
            await until(lambda: gate.read)
            assert gate.received == b"abc"
            await pass_on(broker, b"d")
            assert gate.received == b"abcd"

    tell(story)


@pytest.mark.parametrize("address", [pytest.param("127.0.0.1", id="here"), pytest.param("127.0.0.2", id="elsewhere")])
def test_bytes_are_looked_at_in_their_order_whenever_they_were_taken(address: str) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, address=address) as broker:
            gate.socket.read_later(0.01)
            await pass_on(broker, b"ahead")
            await pass_on(broker, b" after")
            assert not gate.received
            gate.read_now()
            assert gate.received == b"ahead after"

    tell(story)


def test_one_wait_may_follow_another(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            for turn in range(1, 4):
                gate.socket.read_later(NEVER_S)
                await pass_on(broker, b"x")
                assert gate.received == b"x" * (turn - 1)
                gate.read_now()
                await until(lambda turn=turn: gate.read == turn)
            assert gate.received == b"xxx"

    tell(story)


def test_reads_that_are_to_start_apart_bring_together_what_came_meanwhile(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            gate.socket.apart_s = NEVER_S
            await pass_on(broker, b"a")
            await pass_on(broker, b"b")
            await pass_on(broker, b"c")
            assert gate.received == b"a"
            gate.read_now()
            await until(lambda: gate.read)
            assert gate.received == b"abc"

    tell(story)


def test_what_waits_for_the_next_read_is_read_without_being_asked_for(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            gate.socket.apart_s = 0.03
            await pass_on(broker, b"a")
            await pass_on(broker, b"b")
            await until(lambda: gate.received == b"ab")

    tell(story)


def test_a_socket_at_rest_is_not_read_for_the_next_write_either(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            gate.socket.read_later(NEVER_S)
            gate.socket.rest()
            await pass_on(broker, b"a")
            gate.read_now()
            await until(lambda: gate.read)
            assert not gate.received
            gate.socket.go_on()
            await until(lambda: gate.received == b"a")

    tell(story)


def test_a_rest_of_the_gateway_is_no_silence_of_the_broker() -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate):
            gate.socket.rest()
            rested_s = time.monotonic()
            assert gate.socket.last_received_s < rested_s
            gate.socket.go_on()
            assert gate.socket.last_received_s >= rested_s

    tell(story)


def test_bytes_that_waited_count_as_heard_when_they_are_read() -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate) as broker:
            gate.socket.read_later(NEVER_S)
            await pass_on(broker, b"a")
            gate.socket.last_received_s = 0.0
            gate.read_now()
            assert gate.socket.last_received_s > 0

    tell(story)


def test_a_broker_that_leaves_meanwhile_is_missed_at_the_next_read(contexts: Contexts) -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate, contexts) as broker:
            gate.socket.read_later(NEVER_S)
            await pass_on(broker, b"last words")
            broker.close()
            await asyncio.sleep(0.02)
            gate.read_now()
            assert "closed the connection" in await gate.socket.ended
            assert gate.received == b"last words"

    tell(story)


def test_a_bug_met_in_bytes_that_waited_ends_the_gateway(contexts: Contexts) -> None:
    def stumble(data: bytes) -> None:
        raise ZeroDivisionError(data)

    async def story() -> None:
        gate = Gateway(stumble)
        async with joined(gate, contexts) as broker:
            gate.socket.read_later(NEVER_S)
            await pass_on(broker, b"a")
            asyncio.get_running_loop().call_soon(gate.read_now)
            asyncio.get_running_loop().set_exception_handler(lambda *_: None)
            with pytest.raises(ZeroDivisionError):
                await gate.socket.ended

    tell(story)


def test_the_round_trip_of_this_machine_is_short() -> None:
    async def story() -> None:
        gate = Gateway()
        async with joined(gate):
            assert 0 <= gate.socket.round_trip_s < 0.1

    tell(story)
