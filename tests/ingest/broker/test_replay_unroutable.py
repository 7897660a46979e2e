"""Messages that no queue took are routed again, only by a queue that loses none."""

from typing import Any

import pytest

from gateway.ingest.broker.rabbitmq.accounts import UNROUTABLE, VHOST
from gateway.ingest.broker.rabbitmq.management import HANDED_ON, ManagementFault
from gateway.ingest.broker.rabbitmq.queues import replay_unroutable, unroutable_depth

SOUND: dict[str, Any] = {"type": "quorum", "arguments": {f"x-{key}": value for key, value in HANDED_ON.items()}}


class Broker:
    """The management API of a broker whose queue of what nobody reads holds so many messages."""

    url = "http://127.0.0.1:15672"

    def __init__(self, messages: int, queue: dict[str, Any] | None) -> None:
        self.messages, self.queue = messages, queue
        self.taken = 0

    def find(self, *path: str) -> dict[str, Any] | None:
        """The queue."""
        assert path == ("queues", VHOST, UNROUTABLE)
        return self.queue and {**self.queue, "messages": self.messages}

    def ask(self, *path: str, method: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        """Take some; each comes back behind the others, for still nobody reads it."""
        assert (path, method) == (("queues", VHOST, UNROUTABLE, "get"), "POST")
        some = min(body["count"], self.messages)
        self.taken += some
        return [{"message_count": self.messages - number} for number in range(1, some + 1)]


def test_each_message_is_routed_again_once_though_it_comes_back() -> None:
    for messages in (0, 1, 250, 1001):
        broker = Broker(messages, SOUND)
        replayed = replay_unroutable(broker)  # type: ignore[arg-type]
        assert replayed == broker.taken
        assert messages <= replayed <= messages + 1000 * (messages > 0)
        assert unroutable_depth(broker) == messages  # type: ignore[arg-type]


@pytest.mark.parametrize("queue", [None, SOUND | {"type": "classic"}, {"type": "quorum"}, SOUND | {"arguments": {}}], ids=str)
def test_a_queue_that_would_lose_what_is_rejected_is_not_touched(queue: dict[str, Any] | None) -> None:
    broker = Broker(3, queue)
    with pytest.raises(ManagementFault, match="does not hand its messages on, so nothing was tried"):
        replay_unroutable(broker)  # type: ignore[arg-type]
    assert broker.taken == 0


def test_a_queue_that_is_not_there_has_no_depth() -> None:
    assert unroutable_depth(Broker(0, None)) is None  # type: ignore[arg-type]
