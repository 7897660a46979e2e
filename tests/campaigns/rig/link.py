"""A TCP link of the tests' own, between the gateway and the broker or InfluxDB, which fails as links do.

Theory of operation
-------------------
One thread runs an event loop. The link listens on a port of its own; for each connection that comes it opens one to what is
behind, when the first byte has to go there (:mod:`tests.campaigns.rig.wire`). A fault lasts until :meth:`Link.heal`; faults
of different kinds may be on together. All methods may be called from any thread and return once the fault is on.

Who watches sees the wire between the link and who connects to it: ``watch(connection, data, to_behind)`` is called in the
link's thread with what the gateway sent, when it arrives here (``to_behind`` true), and what it is sent, when it leaves here.
``connection`` counts from 1. What ``watch`` raises is raised when the link is left.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from types import MappingProxyType, TracebackType
from typing import Self

from gateway.commands.demo.services import Service, free_port
from tests.campaigns.rig.exchange import LOSE_ANSWER, Deed, raw_answer
from tests.campaigns.rig.wire import Faults, Wire

Watch = Callable[[int, bytes, bool], None]
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Link:
    """Use as a context manager.

    :ivar accepted: how many connections have come.
    """

    def __init__(self, behind: Service | tuple[str, int], watch: Watch | None = None) -> None:
        self.host = "127.0.0.1"
        self.port = free_port()
        self.accepted = 0
        self._behind = (behind.host, behind.port) if isinstance(behind, Service) else behind
        self._watch: Watch = watch or (lambda *_: None)
        self._faults = Faults()
        self._wires: set[Wire] = set()
        self._forgotten: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self._errors: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._work, name=f"link-{self.port}")

    def lead_to(self, behind: Service) -> None:
        """Lead the connections that come from now on to this service."""
        self._behind = (behind.host, behind.port)

    def url(self, scheme: str) -> str:
        """Its address, for the configuration of who connects."""
        return f"{scheme}://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Close all; raise what went wrong in the link's thread."""
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        if kind is None and self._errors:
            raise self._errors[0]

    # Faults; each lasts until it is healed.

    def cut(self) -> None:
        """All connections end in order, new ones are refused."""
        self._do(self._break(Wire.close, refuse=True))

    def reset(self) -> None:
        """All connections are reset, new ones are refused."""
        self._do(self._break(Wire.reset, refuse=True))

    def stall(self) -> None:
        """Nothing passes; when it is healed all comes, in order: as after a cable was out for a while."""
        self._faults.held = True

    def half_open(self) -> None:
        """All bytes are swallowed, both ways. Connections stay open, new ones are accepted, nobody answers.

        When it is healed they are reset, since their bytes are lost, as by a server that was restarted.
        """
        self._faults.mute = True
        self._do(self._kill())

    def forget(self) -> None:
        """The connections of now are half open for good, as behind a router that lost its table; new ones work."""
        self._do(self._kill(forgotten=True))

    def delay(self, seconds: float) -> None:
        """Delay all that comes from now on by this much, in each direction, in order."""
        self._faults.delay_s = seconds

    def lose(self, share: float, seed: int) -> None:
        """This share of segments is lost and sent again as TCP does it: 200 ms later, doubling; what is behind waits for it."""
        self._faults.chance = Random(seed)  # noqa: S311 - the same every time
        self._faults.lost_share = share

    def answer(
        self, status: int, headers: Mapping[str, str] = _NO_HEADERS, body: str | bytes = b"", *, forward: bool = False
    ) -> None:
        """Every HTTP request that begins from now on gets this answer, on old and new connections.

        With ``forward`` it reaches what is behind first, and the answer of that is replaced; else nothing is asked behind.
        """
        raw = body.encode() if isinstance(body, str) else body
        self._faults.deed = Deed(forward, raw_answer(status, headers, raw))

    def lose_answer(self) -> None:
        """Every HTTP request reaches what is behind; when that has answered, the connection breaks in the answer's place."""
        self._faults.deed = LOSE_ANSWER

    def heal(self) -> None:
        """All is well again; what is delayed already still comes at its time, to keep the order."""
        self._faults.mute = self._faults.held = False
        self._faults.delay_s = self._faults.lost_share = 0.0
        self._faults.deed = None
        self._do(self._listen())

    # In the link's thread.

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _work(self) -> None:
        self._loop.set_exception_handler(self._failed)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def _failed(self, _: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        self._errors.append(error if isinstance(error, BaseException) else RuntimeError(str(context["message"])))

    async def _listen(self) -> None:
        for wire in tuple(self._wires):
            (wire.reset if wire.dead else wire.go_on)()
        if self._server is None:
            self._server = await self._loop.create_server(self._accept, self.host, self.port, backlog=1000)

    def _accept(self) -> asyncio.Protocol:
        self.accepted += 1
        number = self.accepted
        watch = self._watch
        wire = Wire(self._behind, self._faults, lambda data, to_behind: watch(number, data, to_behind), self._wires.discard)
        self._wires.add(wire)
        return wire.near

    async def _break(self, deed: Callable[[Wire], None], *, refuse: bool = False) -> None:
        if refuse and self._server is not None:
            self._server.close()
            self._server = None
        for wire in tuple(self._wires):
            deed(wire)

    async def _kill(self, *, forgotten: bool = False) -> None:
        for wire in self._wires:
            wire.dead = True
        if forgotten:
            self._forgotten |= self._wires
            self._wires.clear()

    async def _close(self) -> None:
        self._wires |= self._forgotten
        await self._break(Wire.reset, refuse=True)
        for _ in range(3):
            await asyncio.sleep(0)  # closed sockets are let go in the next turns of the loop
