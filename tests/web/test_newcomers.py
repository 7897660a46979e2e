"""Newcomers at a bound socket: a burst of them holds nothing up."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from gateway.web.http.newcomers import Peer, accept, listen
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
