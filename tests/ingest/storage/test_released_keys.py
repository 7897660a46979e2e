"""A wait for keys ends with a release, or at the instant at which a message expires, and never otherwise."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from gateway.ingest.storage.quarantine_lanes import ReleasedKeys
from gateway.support.clock import WallClock
from tests.ingest.storage.quarantined import waiting
from tests.waiting import PATIENCE_S


async def ends(keys: ReleasedKeys, within_s: float = PATIENCE_S) -> bool:
    """Wait; return True when the wait ended in time."""
    try:
        async with asyncio.timeout(within_s):
            await keys.wait()
    except TimeoutError:
        return False
    return True


def story(tell: Callable[[ReleasedKeys], Awaitable[None]]) -> None:
    async def run() -> None:
        await tell(ReleasedKeys(WallClock()))

    asyncio.run(run())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_keys_come_out_once_in_the_order_of_their_release() -> None:
    async def tell(keys: ReleasedKeys) -> None:
        keys.release("b", "a")
        keys.release("b", "c")
        assert await ends(keys)
        assert (keys.pop_all(), keys.pop_all()) == (["b", "a", "c"], [])
        assert not await ends(keys, 0.01)

    story(tell)


def test_keys_that_cannot_be_done_now_wake_nobody_before_their_time() -> None:
    async def tell(keys: ReleasedKeys) -> None:
        keys.requeue(["a"])
        assert not await ends(keys, 0.01)
        keys.wake_in(0.01)
        assert await ends(keys)
        assert keys.pop_all() == ["a"]

    story(tell)


def test_the_wait_ends_when_a_message_has_waited_in_vain() -> None:
    async def tell(keys: ReleasedKeys) -> None:
        keys.next_expiry_ms = now_ms() + 60_000
        assert not await ends(keys, 0.01)
        task = asyncio.create_task(keys.wait())
        await asyncio.sleep(0)
        keys.expect([waiting(expires_ms=now_ms() + 10)])
        async with asyncio.timeout(PATIENCE_S):
            await task  # a sooner one wakes who waits for a later one ...
        assert await ends(keys)  # ... and is waited for then

    story(tell)


def test_a_later_expiry_changes_nothing() -> None:
    async def tell(keys: ReleasedKeys) -> None:
        soon_ms = now_ms() + 60_000
        keys.next_expiry_ms = soon_ms
        keys.expect([waiting(expires_ms=soon_ms + 1)])
        assert keys.next_expiry_ms == soon_ms
        assert not await ends(keys, 0.01)
        keys.next_expiry_ms = None
        keys.expect([waiting(), waiting(expires_ms=soon_ms + 2), waiting(expires_ms=soon_ms + 1)])
        assert keys.next_expiry_ms == soon_ms + 1
        keys.expect([waiting()])
        assert keys.next_expiry_ms == soon_ms + 1

    story(tell)
