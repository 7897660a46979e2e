"""A number that counts the changes of something, for those who wait for the next one."""

import asyncio


class Revision:
    """Counts changes. Whoever was busy while several came is woken once, and misses none."""

    def __init__(self) -> None:
        self.number = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Something changed."""
        self.number += 1
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def after(self, number: int, within_s: float | None = None) -> int:
        """Wait until the number is another one, at most ``within_s``; return it."""
        if self.number == number:
            try:
                async with asyncio.timeout(within_s):
                    await self._next.wait()
            except TimeoutError:
                pass
        return self.number
