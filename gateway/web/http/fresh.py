"""Answers that take time, computed once for all readers."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SHARE: Final = 10
"""Least age of an answer, in multiples of the time it took to make: with many devices it is made less often."""


class Fresh(Generic[T]):
    """A value that is made at most once in an interval, however many readers ask for it."""

    def __init__(self, make: Callable[[], Awaitable[T]], for_s: float = 0.0) -> None:
        self._make = make
        self._for_s = for_s
        self._made: tuple[object, float, T] | None = None
        self._made_s = 0.0
        self._making = asyncio.Lock()

    async def get(self, basis: object = None) -> T:
        """Return the value; made again if it is old, or if ``basis`` is another object than before."""
        async with self._making:
            began_s = time.monotonic()
            if self._made is None or self._made[0] is not basis or began_s >= self._made[1]:
                made, ended_s = await self._make(), time.monotonic()
                self._made_s = ended_s
                self._made = basis, max(began_s + self._for_s, ended_s + _SHARE * (ended_s - began_s)), made
            return self._made[2]

    def newest(self, within_s: float) -> T | None:
        """The value as it was made last, if that is not longer ago; nothing is made."""
        return self._made[2] if self._made is not None and time.monotonic() - self._made_s <= within_s else None
