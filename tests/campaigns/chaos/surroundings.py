"""A gateway whose clock and resolver tests disturb: ``python -m tests.campaigns.chaos.surroundings FILE run -c gateway.yaml``.

The two ends share a mapped file, for a gateway asks the time for every packet. Names under ``.test`` (RFC 6761: nobody else
has them) are this machine; addresses and other names are left alone.
"""

import asyncio
import mmap
import socket
import struct
import sys
import time
from asyncio import SelectorEventLoop
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

try:
    import uvloop
except ImportError:  # no wheel for this processor
    uvloop = None  # type: ignore[assignment]

_LAYOUT: Final = struct.Struct("qq")
_SILENCE_S: Final = 10.0
"""So long the C library asks a name server that does not answer: twice 5 s."""


class Resolver(IntEnum):
    """The behaviour of name resolution: it works, it fails at once, or it fails after a long time."""

    ANSWERS = 0
    GONE = 1
    SILENT = 2


class Surroundings:
    """One end of the shared file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(_LAYOUT.pack(0, Resolver.ANSWERS))
        with path.open("r+b") as file:
            self._shared = mmap.mmap(file.fileno(), _LAYOUT.size)

    def set_clock(self, off_s: int) -> None:
        """Set the gateway's clock ahead by this much from now on."""
        _LAYOUT.pack_into(self._shared, 0, off_s, self.resolver)

    def set_resolver(self, resolver: Resolver) -> None:
        """Names are resolved like this from now on."""
        _LAYOUT.pack_into(self._shared, 0, self.clock_off_s, resolver)

    @property
    def clock_off_s(self) -> int:
        """The time by which the gateway's clock is ahead."""
        return int(_LAYOUT.unpack_from(self._shared)[0])

    @property
    def resolver(self) -> Resolver:
        """The behaviour of name resolution."""
        return Resolver(_LAYOUT.unpack_from(self._shared)[1])


def live_in(surroundings: Surroundings) -> None:
    """From now on this process lives in these surroundings."""
    seconds, nanoseconds = time.time, time.time_ns
    time.time = lambda: seconds() + surroundings.clock_off_s
    time.time_ns = lambda: nanoseconds() + surroundings.clock_off_s * 10**9
    base: Any = uvloop.Loop if uvloop else SelectorEventLoop

    class Resolving(base):  # type: ignore[misc] # uvloop resolves names in C, where nothing can be put in its place
        async def create_connection(self, protocol: Callable[[], Any], host: str, port: int, **options: object) -> object:
            if host.endswith(".test"):
                host = await _resolved(surroundings.resolver)
            return await super().create_connection(protocol, host, port, **options)

    asyncio.events.new_event_loop = Resolving
    if uvloop:
        uvloop.new_event_loop = Resolving


async def _resolved(resolver: Resolver) -> str:
    if resolver is Resolver.SILENT:
        await asyncio.sleep(_SILENCE_S)
    if resolver is not Resolver.ANSWERS:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    return "127.0.0.1"


if __name__ == "__main__":
    live_in(Surroundings(Path(sys.argv.pop(1))))
    from gateway.commands.cli import main

    sys.exit(main())
