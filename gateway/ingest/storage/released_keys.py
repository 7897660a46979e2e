"""Keys whose messages may leave the quarantine, and the next instant at which a message expires.

The part that learns the missing piece releases its key: the registry a device, the Sparkplug host a node, a codec itself.
The way out of the quarantine (:mod:`gateway.ingest.storage.quarantine_out`) takes the keys from here.
"""

import asyncio
from collections.abc import Iterable

from gateway.support.clock import WallClock


class ReleasedKeys:
    """Released keys, in the order of their release.

    :ivar next_expiry_ms: the time at which the next message expires; None: none has a limit.
    """

    def __init__(self, clock: WallClock) -> None:
        self._clock = clock
        self.next_expiry_ms: int | None = None
        self._free: dict[str, None] = {}
        self._freed = asyncio.Event()

    def release(self, *keys: str) -> None:
        """Release the messages that wait for these keys."""
        self._free.update(dict.fromkeys(keys))
        self._freed.set()

    def expires(self, at_ms: int) -> None:
        """Note a message that expires at ``at_ms``, and wake a wait for a later instant."""
        if self.next_expiry_ms is None or at_ms < self.next_expiry_ms:
            self.next_expiry_ms = at_ms
            self._freed.set()

    def expect_expiry(self, at_ms: int | None) -> None:
        """Set the next expiry, read from disk, for the next wait."""
        self.next_expiry_ms = at_ms

    def expired_ms(self) -> int | None:
        """Return the time now if a message has expired; None if none has."""
        now_ms = self._clock.now_ms()
        return now_ms if self.next_expiry_ms is not None and self.next_expiry_ms <= now_ms else None

    def pop_all(self) -> list[str]:
        """Take all keys out."""
        free, self._free = self._free, {}
        return list(free)

    def requeue(self, keys: Iterable[str]) -> None:
        """Put keys back without a wake-up: they cannot be processed now."""
        self._free.update(dict.fromkeys(keys))

    def wake_in(self, seconds: float) -> None:
        """End the wait later, for keys that could not be processed now."""
        asyncio.get_running_loop().call_later(seconds, self._freed.set)

    async def wait(self) -> None:
        """Return when a key is released or a message has expired."""
        try:
            async with asyncio.timeout(self._until_expiry_s()):
                await self._freed.wait()
        except TimeoutError:
            pass
        self._freed.clear()

    def _until_expiry_s(self) -> float | None:
        if self.next_expiry_ms is None:
            return None
        return self._clock.real_s(max(0, self.next_expiry_ms - self._clock.now_ms()) / 1000)
