"""Losses of acknowledged messages by RabbitMQ's defaults, and none with the settings of ``setup rabbitmq``.

Each loss is brought about on both: a test that finds none on the first could not find one on the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.ingest.broker.rabbitmq.accounts import queue_of
from gateway.ingest.broker.rabbitmq.management import ManagementApi, joined, policies, unroutable
from gateway.ingest.broker.rabbitmq.queues import replay_unroutable
from tests.campaigns.rabbitmq.node import STARTS_WITHIN_S, Node, rabbitmq
from tests.campaigns.rabbitmq.wire import KEPT, NOBODY, REFUSED, WEEK_S, wire
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

NAME = "gateway-1"
QUEUE = queue_of(NAME)
FILTER, TOPIC = "iot/v1/ward-1/+/+/readings", "iot/v1/ward-1/water/m1/readings"
NEW_SITE = "iot/v1/ward-9/water/m1/readings"
LOST = "gateway.unroutable"
RECONNECTIONS = 30
ONE = b"kept?"
MANY = [b"%d" % number for number in range(100)]
QUORUM = {"mqtt.durable_queue_type": "quorum"}
KEEPING = QUORUM | {"mqtt.prefetch": "2000", "mqtt.max_session_expiry_interval_seconds": str(WEEK_S)}


@pytest.fixture(scope="module")
def plain_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """RabbitMQ as it comes, but for its queues, which are replicated."""
    with rabbitmq(tmp_path_factory.mktemp("plain"), QUORUM) as node:
        yield node


@contextmanager
def set_up(folder: Path) -> Iterator[Node]:
    """RabbitMQ with the settings and definitions of ``setup rabbitmq``."""
    with rabbitmq(folder, KEEPING) as node:
        wanted = joined([policies([NAME]), unroutable(["iot/v1/+/+/+/readings", "iot/v1/+/+/+/status"])])
        node.management.ask("definitions", "POST", wanted)
        yield node


@pytest.fixture(scope="module")
def keeping_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """RabbitMQ with those settings, for all of these tests."""
    with set_up(tmp_path_factory.mktemp("keeping")) as node:
        yield node


@pytest.fixture
def plain(plain_node: Node) -> Node:
    """The same without the session of an earlier test."""
    _forget(plain_node)
    return plain_node


@pytest.fixture
def keeping(keeping_node: Node) -> Node:
    """The same without the session of an earlier test."""
    _forget(keeping_node)
    keeping_node.management.ask(f"queues/%2F/{LOST}/contents", "DELETE")
    return keeping_node


def _forget(node: Node) -> None:
    with wire(node, NAME, clean=True, expiry_s=0):
        pass
    until(lambda: QUEUE not in queues(node), what="no session")


def queues(node: Node) -> set[str]:
    """The names of its queues."""
    return {queue["name"] for queue in node.management.ask("queues")}


def subscribed(node: Node) -> None:
    """Make the gateway's session, and leave it."""
    with wire(node, NAME) as session:
        session.subscribe(FILTER)


def delivered(node: Node) -> list[bytes]:
    """The messages that the gateway's session holds, acknowledged one by one."""
    with wire(node, NAME) as session:
        session.subscribe(FILTER)
        session.ping()
        with wire(node, "end", expiry_s=0) as device:
            assert device.publish(TOPIC, b"the last") == KEPT
        found: list[bytes] = []
        while not found or found[-1] != b"the last":
            message = session.message()
            session.acknowledge(message)
            found.append(message.payload)
        session.ping()
    return found[:-1]


def published(node: Node, topic: str, *payloads: bytes) -> list[int]:
    """Publish messages of a device; return the answer to each."""
    with wire(node, "device", expiry_s=0) as device:
        return [device.publish(topic, payload) for payload in payloads]


# A gateway that comes and goes.


def reconnect_again_and_again(node: Node) -> None:
    """Take a message each time without acknowledging it, and another, which is acknowledged."""
    subscribed(node)
    assert published(node, TOPIC, ONE) == [KEPT]
    for number in range(RECONNECTIONS):
        assert published(node, TOPIC, b"%d" % number) == [KEPT]
        with wire(node, NAME) as session:
            message = session.message()
            if message.payload == ONE:
                message = session.message()
            assert message.payload == b"%d" % number
            session.acknowledge(message)
            session.ping()


def test_a_message_that_was_on_its_way_at_21_reconnections_is_gone_by_default(plain: Node) -> None:
    reconnect_again_and_again(plain)
    assert delivered(plain) == []


def test_a_message_that_was_on_its_way_at_30_reconnections_comes_at_the_next(keeping: Node) -> None:
    reconnect_again_and_again(keeping)
    assert delivered(keeping) == [ONE]


# A session that ends.


def test_what_comes_after_the_end_of_a_session_is_gone_by_default(plain: Node) -> None:
    subscribed(plain)
    with wire(plain, NAME, clean=True, expiry_s=0):
        pass
    assert published(plain, TOPIC, ONE) == [NOBODY], "which most devices take for a success"
    assert delivered(plain) == []


def test_what_comes_after_a_clean_start_under_the_gateways_name_waits_beside_it(keeping: Node) -> None:
    subscribed(keeping)
    with wire(keeping, NAME, clean=True, expiry_s=0):
        pass
    until(lambda: published(keeping, TOPIC, ONE) == [KEPT], what="the device hears that nobody reads it, until it is kept")
    assert replayed(keeping) == ONE


def test_what_comes_after_a_session_has_expired_waits_beside_it(keeping: Node) -> None:
    with wire(keeping, NAME, expiry_s=1) as session:
        session.subscribe(FILTER)
    until(lambda: QUEUE not in queues(keeping), what="it has expired")
    until(lambda: published(keeping, TOPIC, ONE) == [KEPT], what="the device hears that nobody reads it, until it is kept")
    assert replayed(keeping) == ONE


def test_a_session_lives_for_a_day_by_default_and_for_the_week_that_is_asked_for_with_the_settings(
    plain: Node, keeping: Node
) -> None:
    with wire(plain, NAME) as by_default, wire(keeping, NAME) as kept:
        assert by_default.accepted.session_expiry_interval == 86400
        assert kept.accepted.session_expiry_interval == WEEK_S


# Messages that no queue takes.


def test_what_nobody_subscribed_to_is_gone_by_default(plain: Node) -> None:
    subscribed(plain)
    assert published(plain, NEW_SITE, ONE) == [NOBODY]


def replayed(node: Node, *patterns: str) -> bytes:
    """Replay what waits beside; wait for it at the gateway, marked as sent before: a stamped reading gets bit 64.

    What was acknowledged before a sudden end may come first, likewise marked.
    """
    with wire(node, NAME) as session:
        session.subscribe(FILTER, *patterns)
        replay_unroutable(ManagementApi(node.management.url, "guest", "guest"))
        while (message := session.message()).payload != ONE:
            assert message.duplicate
            session.acknowledge(message)
        assert message.duplicate
        session.acknowledge(message)
        session.ping()
        return message.payload


def test_what_nobody_subscribed_to_waits_until_somebody_does(keeping: Node) -> None:
    subscribed(keeping)
    assert published(keeping, NEW_SITE, ONE) == [KEPT]
    api = ManagementApi(keeping.management.url, "guest", "guest")
    for _ in range(2):
        until(lambda: replay_unroutable(api) == 1, what="it goes round, and is back")
    assert replayed(keeping, "iot/v1/ward-9/+/+/readings") == ONE


# Limits, and the end of the broker.


@contextmanager
def limited(node: Node) -> Iterator[None]:
    """An operator limits the length of all queues."""
    definition = {"pattern": ".*", "definition": {"max-length": 3}, "apply-to": "queues"}
    node.management.ask("operator-policies/%2F/short", "PUT", definition)
    yield
    node.management.ask("operator-policies/%2F/short", "DELETE")


def test_a_full_queue_drops_what_it_has_confirmed_by_default(plain: Node) -> None:
    subscribed(plain)
    with limited(plain):
        assert published(plain, TOPIC, *MANY) == [KEPT] * len(MANY)
    assert len(delivered(plain)) < len(MANY)


def test_a_full_queue_refuses_what_it_cannot_keep_and_the_device_knows(keeping: Node) -> None:
    subscribed(keeping)
    with limited(keeping):
        answers = published(keeping, TOPIC, *MANY)
    assert set(answers) == {KEPT, REFUSED}
    assert delivered(keeping) == [payload for payload, answer in zip(MANY, answers, strict=True) if answer == KEPT]


def is_listed(node: Node) -> bool:
    """Tell if a restart will find the queue of the gateway's session: RabbitMQ lists a new one half a second later."""
    (listed,) = node.folder.glob("mnesia/*/quorum/*/names.dets")
    return QUEUE.encode() in listed.read_bytes()


def lets_in(node: Node) -> bool:
    """Tell if the gateway's session can be used; a queue that recovers does not answer."""
    try:
        with wire(node, NAME) as session:
            session.ping()
    except OSError:
        return False
    return True


def test_what_was_confirmed_outlives_the_sudden_end_of_the_broker_in_its_order(tmp_path: Path) -> None:
    with set_up(tmp_path / "rabbitmq") as node:
        subscribed(node)
        until(lambda: is_listed(node), what="the session's queue is listed on disk")
        assert published(node, TOPIC, *MANY) == [KEPT] * len(MANY)
        assert published(node, NEW_SITE, ONE) == [KEPT]
        node.kill()
        node.start()
        node.wait_ready(STARTS_WITHIN_S)
        until(lambda: lets_in(node), STARTS_WITHIN_S, what="the session is served again")
        assert delivered(node) == MANY
        assert replayed(node, "iot/v1/ward-9/+/+/readings") == ONE
