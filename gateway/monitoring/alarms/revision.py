"""A number that grows with each change of something, and wakes those who wait for the next change."""

import asyncio


class Revision:
    """A count of changes. A waiter that was busy during several of them is woken once and misses none."""

    def __init__(self) -> None:
        self.number = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Count a change, and wake all who wait."""
        self.number += 1
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def after(self, number: int, within_s: float | None = None) -> int:
        """Wait until the number differs from the known one, at most ``within_s``; return it."""
        if self.number == number:
            try:
                async with asyncio.timeout(within_s):
                    await self._next.wait()
            except TimeoutError:
                pass
        return self.number
