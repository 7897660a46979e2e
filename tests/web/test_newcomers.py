"""Newcomers at a bound socket: a burst of them holds nothing up."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from gateway.support.tls import TlsContexts
from gateway.web.http.newcomers import Handshakes, Peer, accept, listen
from tests.waiting import PATIENCE_S

BURST = 60


@contextmanager
def burst() -> Iterator[tuple[socket.socket, list[socket.socket]]]:
    """A socket that listens, and the clients that wait there."""
    with ExitStack() as opened:
        bound = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=BURST))
        clients = [
            opened.enter_context(socket.create_connection(bound.getsockname(), timeout=PATIENCE_S)) for _ in range(BURST)
        ]
        yield bound, clients


async def accepting(
    bound: socket.socket, until: asyncio.Event, *, is_welcome: bool, take: Callable[[socket.socket, Peer], Awaitable[None]]
) -> int:
    """Accept until then; the turns of the loop that went by."""
    turns = 0
    task = asyncio.create_task(accept(listen(bound.fileno()), lambda _: is_welcome, take))
    while not until.is_set():
        await asyncio.sleep(0)
        turns += 1
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return turns


def test_of_a_burst_of_newcomers_one_is_taken_at_each_turn_of_the_loop() -> None:
    async def turns(bound: socket.socket) -> int:
        taken, all_are_taken = [], asyncio.Event()

        async def take(newcomer: socket.socket, _: Peer) -> None:
            newcomer.close()
            taken.append(newcomer)
            if len(taken) == BURST:
                all_are_taken.set()

        async with asyncio.timeout(PATIENCE_S):
            return await accepting(bound, all_are_taken, is_welcome=True, take=take)

    with burst() as (bound, _):
        assert asyncio.run(turns(bound)) >= BURST


def test_newcomers_that_broke_off_before_they_were_taken_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def take_one(bound: socket.socket) -> None:
        loop, taken, broken_off = asyncio.get_running_loop(), asyncio.Event(), iter(range(BURST))
        sock_accept = loop.sock_accept

        async def broken(listening: socket.socket) -> tuple[socket.socket, Peer]:
            if next(broken_off, None) is not None:
                raise ConnectionAbortedError(errno.ECONNABORTED, "Software caused connection abort")
            return await sock_accept(listening)

        async def take(newcomer: socket.socket, _: Peer) -> None:
            newcomer.close()
            taken.set()

        monkeypatch.setattr(loop, "sock_accept", broken)
        async with asyncio.timeout(10):  # a second for each would be a minute
            await accepting(bound, taken, is_welcome=True, take=take)

    with burst() as (bound, _):
        asyncio.run(take_one(bound))


def test_a_newcomer_that_no_place_is_free_for_is_closed_and_nothing_is_made_for_it() -> None:
    async def refuse(bound: socket.socket, last: socket.socket) -> None:
        closed = asyncio.Event()
        last.setblocking(False)  # noqa: FBT003 - as sockets have it

        async def take(*_: object) -> None:
            raise AssertionError("taken")

        async def wait_closed() -> None:
            assert await asyncio.get_running_loop().sock_recv(last, 1) == b""
            closed.set()

        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            group.create_task(wait_closed())
            await accepting(bound, closed, is_welcome=False, take=take)

    with burst() as (bound, clients):
        asyncio.run(refuse(bound, clients[-1]))


CONTEXT: Any = object()


async def some_turns() -> None:
    """Let others have their turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


class Shaking:
    """Handshakes that last until the test ends them; a socket is an object with a number here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[Accepted] = []
        self.ended: list[int] = []
        self.given: list[dict[str, object]] = []
        monkeypatch.setattr(asyncio.BaseEventLoop, "connect_accepted_socket", self._connect)

    async def _connect(self, make: object, accepted: "Accepted", **given: object) -> None:
        assert make is dict
        self.begun.append(accepted)
        self.given.append(given)
        try:
            await accepted.done.wait()
        except asyncio.CancelledError:
            self.ended.append(accepted.number)
            raise
        if accepted.fault:
            raise ConnectionResetError


class Accepted:
    """An accepted socket."""

    def __init__(self, number: int, *, fault: bool = False) -> None:
        self.number, self.fault, self.done, self.is_closed = number, fault, asyncio.Event(), False

    def close(self) -> None:
        """Close it."""
        self.is_closed = True


def test_a_client_with_too_many_handshakes_loses_its_oldest_and_if_all_are_too_many_that_with_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shaking = Shaking(monkeypatch)

    async def story() -> list[tuple[list[int], int]]:
        shakes = Handshakes(dict, lambda peer: peer[0], TlsContexts(None, None, CONTEXT), 5.0)  # type: ignore[arg-type]
        found = []

        async def come(count: int, client: str) -> None:
            for _ in range(count):
                await shakes.begin(Accepted(len(shaking.begun)), (client, 1))  # type: ignore[arg-type]
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            found.append((shaking.ended[:], len(shaking.begun)))

        await come(8, "a")
        await come(2, "a")
        for client in ("b", "c", "d"):
            await come(8, client)
        await come(1, "e")
        shaking.begun[-1].done.set()
        await some_turns()
        await come(1, "f")
        shakes.end()
        await asyncio.sleep(0)
        found.append((sorted(shaking.ended), len(shaking.begun)))
        return found

    first, too_many, *full, fifth, sixth, ended = asyncio.run(story())
    assert first == ([], 8)
    assert too_many == ([0, 1], 10), "its own oldest"
    assert full[-1] == ([0, 1], 34)
    assert fifth == ([0, 1, 2], 35), "of all 32 the oldest of a client with most"
    assert sixth == ([0, 1, 2], 36), "one was done and gave its place back"
    assert ended == ([number for number in range(36) if number != 34], 36)
    assert shaking.given[0] == {"ssl": CONTEXT, "ssl_handshake_timeout": 5.0}


def test_the_socket_of_a_handshake_that_failed_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    Shaking(monkeypatch)

    async def story() -> tuple[bool, bool]:
        shakes = Handshakes(dict, lambda peer: peer[0], TlsContexts(None, None, CONTEXT), 5.0)  # type: ignore[arg-type]
        well, broken = Accepted(0), Accepted(1, fault=True)
        for accepted in (well, broken):
            await shakes.begin(accepted, ("a", 1))  # type: ignore[arg-type]
            accepted.done.set()
        await some_turns()
        return well.is_closed, broken.is_closed

    assert asyncio.run(story()) == (False, True)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED])
def test_without_files_or_memory_the_next_newcomer_waits_a_second(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise asyncio.CancelledError

    async def no_accept(*_: object) -> None:
        raise OSError(number, "no more")

    async def story() -> None:
        monkeypatch.setattr(type(asyncio.get_running_loop()), "sock_accept", no_accept)
        monkeypatch.setattr(asyncio, "sleep", sleep)
        with socket.socket() as listening, suppress(asyncio.CancelledError):
            await accept(listening, lambda _: True, no_accept)

    asyncio.run(story())
    assert slept == [0 if number == errno.ECONNABORTED else 1.0]
