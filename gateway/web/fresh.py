"""Answers that take time, worked out once for all who ask."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_SHARE: Final = 10
"""What took so long to make is not made again before so many times that has passed: with many devices, looks are rarer."""


class Fresh(Generic[T]):
    """Something that is made at most once in so many seconds, however many people look at it."""

    def __init__(self, make: Callable[[], Awaitable[T]], for_s: float = 0.0) -> None:
        self._make = make
        self._for_s = for_s
        self._made: tuple[object, float, T] | None = None
        self._making = asyncio.Lock()

    async def get(self, basis: object = None) -> T:
        """The thing; made again when it is old, or when ``basis`` is another object than then."""
        async with self._making:
            began_s = time.monotonic()
            if self._made is None or self._made[0] is not basis or began_s >= self._made[1]:
                made, ended_s = await self._make(), time.monotonic()
                self._made = basis, max(began_s + self._for_s, ended_s + _SHARE * (ended_s - began_s)), made
            return self._made[2]
