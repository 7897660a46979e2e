"""A loop whose seconds are short: what retries a second later does so at once, and the order of things stays as it is."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Final

SPEED: Final = 100
"""Seconds of the loop in one of the clock on the wall."""


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / SPEED)


class HastyLoop(asyncio.SelectorEventLoop):
    """An event loop that waits a hundredth of what it is asked to wait."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """Seconds of its own."""
        return super().time() * SPEED


async def until(condition: Callable[[], object], within_s: float = 1000.0) -> None:
    """Return once it holds.

    :param within_s: seconds of the loop.
    """
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - a condition of the parts, which know nothing of us
            await asyncio.sleep(0.1)
