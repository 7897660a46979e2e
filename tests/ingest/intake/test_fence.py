"""A fence has passed when it is back from the queue, and all that came before it is durable."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.core.batching.batch import Acknowledger, Batch
from gateway.ingest.intake import subscriptions
from gateway.ingest.intake.subscriptions import Fence
from tests.waiting import PATIENCE_S


class Broker:
    """In the connection's place: what was published, while it is open."""

    def __init__(self) -> None:
        self.is_open = True
        self.published: list[tuple[str, bytes]] = []

    def publish(self, topic: str, payload: bytes) -> bool:
        """Note it."""
        if self.is_open:
            self.published.append((topic, payload))
        return self.is_open


Story = Callable[[Fence, Broker, Acknowledger, "asyncio.Task[None]"], Awaitable[None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "_LOOK_EVERY_S", 0.01)


def run(story: Story) -> None:
    """Have a gateway wait for a fence."""

    async def begun() -> None:
        broker, acknowledger = Broker(), Acknowledger()
        acknowledger.connected(session_present=True)
        fence = Fence(broker.publish, acknowledger, "gateway-1")
        waiting = asyncio.create_task(fence.passed())
        async with asyncio.timeout(PATIENCE_S):
            while not broker.published:  # noqa: ASYNC110 - it is looked at as another broker would
                await asyncio.sleep(0)
            await story(fence, broker, acknowledger, waiting)

    asyncio.run(begun())


def test_it_has_passed_when_all_that_came_before_it_is_acknowledged() -> None:
    async def story(fence: Fence, broker: Broker, acknowledger: Acknowledger, waiting: "asyncio.Task[None]") -> None:
        before = Batch()
        acknowledger.begin(before)
        acknowledger.owe(before, 1, 1)
        (topic, token) = broker.published[0]
        assert topic == "gateway/v1/gateway-1/fence"
        fence.came(b"of an earlier run")
        fence.came(token)
        while acknowledger.has_any([before]):
            assert not waiting.done()
            await asyncio.sleep(0.01)
            before.holds = 0
            acknowledger.release()
        await waiting

    run(story)


def test_it_is_sent_again_on_the_next_connection() -> None:
    async def story(fence: Fence, broker: Broker, acknowledger: Acknowledger, waiting: "asyncio.Task[None]") -> None:
        broker.is_open = False
        acknowledger.disconnected()
        acknowledger.connected(session_present=True)
        broker.is_open = True
        while len(broker.published) < 2:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.01)
        assert broker.published[0] == broker.published[1]
        fence.came(broker.published[0][1])
        await waiting

    run(story)
