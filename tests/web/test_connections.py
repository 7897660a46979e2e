"""Places of readers: who gets one, who loses theirs, and when."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress

import pytest
from aiohttp import web

from gateway.commands.demo.services import free_port
from gateway.ingest.events import Events
from gateway.web.entrance import bind
from gateway.web.http.answers import Turns, send_list
from gateway.web.http.clients import Clients
from gateway.web.http.connections import BODY_MAX_BYTES, PATIENCE_S, Connections, ReaderPlaces, Use, client_of
from gateway.web.http.newcomers import listen

PLACES = ReaderPlaces(total=6, per_client=4, following=3, following_per_client=2)
PROXY = "127.0.0.9"
SOON_S = 30.0
"""What comes at once comes within this, on a busy machine too."""
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Site:
    """A server with few places, and pages of each kind."""

    def __init__(self) -> None:
        self.events, self.port, self.clients = Events(), free_port(), list[Client]()
        self.connections = Connections(self.events, PLACES, Clients([PROXY]))
        self.made = 0
        self.hanging = asyncio.Event()

    async def short(self, request: web.Request) -> web.Response:
        """A word."""
        async with self.connections.answering(request):
            return web.Response(text="short")

    async def long(self, request: web.Request) -> web.StreamResponse:
        """A list."""
        async with self.connections.answering(request):
            return await send_list(request, Turns(), "items", self.items())

    async def fault(self, _: web.Request) -> web.Response:
        """A mistake in our own program."""
        raise ValueError("hunter2secret")

    def items(self) -> Iterator[str]:
        """Sixteen megabytes."""
        for _ in range(16_000):
            self.made += 1
            yield "x" * 1000

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Letters without end."""
        async with self.connections.answering(request):
            with self.connections.following(request):
                response = web.StreamResponse()
                await response.prepare(request)
                with suppress(ConnectionError):
                    while True:
                        await response.write(b"x")
                        await asyncio.sleep(0.05)
                return response

    async def hang(self, request: web.Request) -> web.Response:
        """Nothing, as long as the site stands."""
        async with self.connections.answering(request):
            self.hanging.set()
            await asyncio.Event().wait()
        return web.Response()

    async def open(self, sent: bytes = b"", client: str = "127.0.0.1") -> Client:
        """A connection that sends this."""
        opened = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(client, 0), limit=1024)
        opened[1].write(sent)
        self.clients.append(opened)
        return opened


def at_a_site(test: Callable[[Site], Coroutine[None, None, None]]) -> None:
    """Run a test on a new one."""
    asyncio.run(_at_a_site(test))


async def _at_a_site(test: Callable[[Site], Coroutine[None, None, None]]) -> None:
    site = Site()
    application = web.Application(client_max_size=BODY_MAX_BYTES)
    application.add_routes([web.get("/", site.short), web.get("/long", site.long), web.get("/follow", site.follow)])
    application.add_routes([web.get("/fault", site.fault)])
    application.add_routes([web.post("/", site.short), web.get("/hang", site.hang)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    server = await bind("127.0.0.1", site.port)
    try:
        async with site.connections.serve(runner, [listen(bound.fileno()) for bound in server.sockets]):
            await test(site)
    finally:
        server.close()
        for _, writer in site.clients:
            writer.transport.abort()
        await runner.cleanup()


def get(path: str, sender: str = "") -> bytes:
    forwarded = f"X-Forwarded-For: {sender}\r\n" if sender else ""
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n{forwarded}\r\n".encode()


async def endless(writer: asyncio.StreamWriter) -> None:
    """Send until that is not possible any more."""
    while True:
        writer.write(b"x" * 10_000)
        await writer.drain()


async def status(client: Client) -> int:
    """The status that a client is told; 0 where it is told nothing."""
    with suppress(ConnectionError):
        line = await asyncio.wait_for(client[0].readline(), SOON_S)
        return int(line.split()[1]) if line else 0
    return 0


def test_a_newcomer_gets_the_place_of_who_waits_longest_at_its_own_address() -> None:
    async def test(site: Site) -> None:
        waiting = [await site.open() for _ in range(PLACES.per_client)]
        assert await status(await site.open(get("/"))) == 200
        assert await asyncio.wait_for(waiting[0][0].read(), SOON_S) == b"", "the first one is ended"
        waiting[1][1].write(get("/"))
        assert await status(waiting[1]) == 200, "the second one is not"
        assert site.events.readers_ended == 1

    at_a_site(test)


def test_where_all_places_are_taken_the_client_that_holds_most_loses_one() -> None:
    async def test(site: Site) -> None:
        for _ in range(PLACES.per_client):
            await site.open()
        others = [await site.open(client="127.0.0.2") for _ in range(PLACES.total - PLACES.per_client)]
        assert await status(await site.open(get("/"), client="127.0.0.3")) == 200
        for other in others:
            other[1].write(get("/"))
            assert await status(other) == 200

    at_a_site(test)


def test_a_client_that_follows_few_takes_the_place_of_who_follows_most() -> None:
    async def test(site: Site) -> None:
        followers = [await site.open(get("/follow")) for _ in range(PLACES.following_per_client)]
        assert [await status(follower) for follower in followers] == [200, 200]
        assert await status(await site.open(get("/follow"))) == 503
        assert await status(await site.open(get("/follow"), client="127.0.0.2")) == 200
        assert await status(await site.open(get("/follow"), client="127.0.0.3")) == 200
        with suppress(ConnectionError):
            await asyncio.wait_for(followers[0][0].read(), 5)
        assert site.events.readers_ended == 1, "one of the first client, that which it followed longest"
        assert await status(await site.open(get("/follow"), client="127.0.0.4")) == 503, "each follows one"

    at_a_site(test)


def test_pages_that_follow_take_no_place_from_requests() -> None:
    async def test(site: Site) -> None:
        for number in range(PLACES.following):
            assert await status(await site.open(get("/follow"), client=f"127.0.0.{2 + number}")) == 200
        waiting = [await site.open() for _ in range(PLACES.per_client)]
        for client in waiting:
            client[1].write(get("/"))
            assert await status(client) == 200
        assert site.events.readers_ended == 0

    at_a_site(test)


def test_behind_a_trusted_proxy_places_are_counted_for_each_client() -> None:
    async def test(site: Site) -> None:
        for sender, told in [("192.0.2.7", 200), ("192.0.2.7", 200), ("192.0.2.7", 503), ("192.0.2.8", 200)]:
            assert await status(await site.open(get("/follow", sender), client=PROXY)) == told, sender
        for _ in range(PLACES.per_client):
            assert await status(await site.open(get("/"), client=PROXY)) == 200, "the proxy itself is no client"

    at_a_site(test)


def test_a_client_gets_no_more_places_by_saying_that_it_is_a_proxy() -> None:
    async def test(site: Site) -> None:
        for number, told in enumerate((200, 200, 503)):
            assert await status(await site.open(get("/follow", f"192.0.2.{number}"))) == told

    at_a_site(test)


def test_an_answer_that_nobody_reads_is_neither_made_nor_held_and_ends() -> None:
    async def test(site: Site) -> None:
        reader, _ = await site.open(get("/long"))
        await reader.readline()
        made = -1
        while made != site.made:
            made = site.made
            await asyncio.sleep(0.1)
        assert made < 8000, f"{made} of 16000 items"  # some thousand fit into the buffers of the kernel
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.UNREAD] - 1)
        assert site.events.readers_ended == 0
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.UNREAD])
        assert site.events.readers_ended == 1
        with suppress(ConnectionError):
            rest = await reader.read()
            assert len(rest) < 8_000_000

    at_a_site(test)


def test_a_long_answer_that_is_read_comes_whole() -> None:
    async def test(site: Site) -> None:
        reader, writer = await site.open(get("/long").replace(b"1.1", b"1.0"))
        body = (await reader.read()).partition(b"\r\n\r\n")[2]
        assert body == b'{"items": [' + b", ".join([b'"' + b"x" * 1000 + b'"'] * 16_000) + b"]}"
        writer.close()

    at_a_site(test)


def test_an_answer_that_does_not_come_to_an_end_loses_its_place() -> None:
    async def test(site: Site) -> None:
        reader, _ = await site.open(get("/hang"))
        await asyncio.wait_for(site.hanging.wait(), SOON_S)
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.ANSWERED] - 1)
        assert site.events.readers_ended == 0
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.ANSWERED])
        assert site.events.readers_ended == 1
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SOON_S) == b""

    at_a_site(test)


def test_an_answer_under_way_keeps_its_place_from_newcomers() -> None:
    async def test(site: Site) -> None:
        for _ in range(PLACES.per_client):
            site.hanging.clear()
            await site.open(get("/hang"))
            await asyncio.wait_for(site.hanging.wait(), SOON_S)
        assert await status(await site.open(get("/"))) == 0
        assert await status(await site.open(get("/"), client="127.0.0.2")) == 200

    at_a_site(test)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nX: ", id="half-a-head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf", id="half-a-body"),
        pytest.param(get("/"), id="one-request-and-no-more"),
    ],
)
def test_who_sends_no_whole_request_is_ended_after_a_while(sent: bytes) -> None:
    async def test(site: Site) -> None:
        reader, _ = await site.open(sent)
        if sent == get("/"):
            await reader.readuntil(b"short")
        await asyncio.sleep(0.1)
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.WAITING] - 1)
        assert not reader.at_eof()
        site.connections.end_overdue(time.monotonic() + PATIENCE_S[Use.WAITING])
        with suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), SOON_S) == b""

    at_a_site(test)


@pytest.mark.parametrize(
    ("head", "body", "answer"),
    [
        pytest.param(b"Content-Type: text/plain", BODY_MAX_BYTES, 200, id="as-large-as-may-be"),
        pytest.param(b"Content-Type: text/plain", BODY_MAX_BYTES + 1, 413, id="larger"),
        pytest.param(b"Content-Type: multipart/form-data; boundary=b", 9, 415, id="in-parts"),
    ],
)
def test_the_body_of_a_change_is_bounded(head: bytes, body: int, answer: int) -> None:
    async def test(site: Site) -> None:
        sent = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%b\r\n\r\n%b" % (body, head, b"x" * body)
        assert await status(await site.open(sent)) == answer

    at_a_site(test)


def test_a_fault_of_ours_shows_nothing_of_itself() -> None:
    async def test(site: Site) -> None:
        reader, _ = await site.open(get("/fault").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = await asyncio.wait_for(reader.read(), SOON_S)
        assert answer.startswith(b"HTTP/1.1 500 ")
        for told in (b"hunter2secret", b"ValueError", b"Traceback", b".py"):
            assert told not in answer

    at_a_site(test)


def test_who_sends_on_and_on_is_ended() -> None:
    async def test(site: Site) -> None:
        _, writer = await site.open(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n")
        with pytest.raises(ConnectionError):
            await endless(writer)
        assert site.events.readers_ended == 1

    at_a_site(test)


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%eth0", 1, 0, 2), "fe80::/64"),
        (("::1", 1, 0, 0), "::1"),
        (None, ""),
    ],
)
def test_a_client_is_an_address_or_a_network_of_ipv6(peer: tuple[str, int] | None, client: str) -> None:
    assert client_of(peer) == client
