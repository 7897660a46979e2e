"""The watch over bindings judges only what stood still while it looked."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from mqtt5 import RetainHandling

from gateway.core.gateways.queue_members import ClusterSeen
from gateway.ingest.broker.rabbitmq.management import ManagementApi
from gateway.ingest.broker.rabbitmq.queues import QueueSeen, look_at_bindings
from gateway.ingest.events import Events
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.ingest.storage.database import Database
from gateway.support.clock import WallClock
from gateway.support.config.model import Mqtt

FILTER = "iot/v1/a/+/+/readings"
WHOLE = ClusterSeen((), ("rabbit@one",), ("rabbit@one",))
API = ManagementApi("http://127.0.0.1:1", "gateway-watch", "secret")


class Told:
    """In the connection's place: what it was asked to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[str], list[str]]] = []

    def subscribe(self, wanted: dict[str, RetainHandling], stale: list[str]) -> None:
        """Note it."""
        self.sent.append((list(wanted), stale))


def looked(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    refused: tuple[str, ...] = (),
    meanwhile: Callable[[Subscriptions], None] = lambda _: None,
) -> tuple[Events, list[tuple[list[str], list[str]]]]:
    """Look once at a queue to which nothing leads; return what is told, and what is sent by it."""
    database, told, events = Database(folder / "journal.db"), Told(), Events()
    database.open()

    async def story() -> int:
        subscriptions = Subscriptions(database, told.subscribe, {FILTER: RetainHandling.SEND_ALWAYS})

        def see(*_: object) -> QueueSeen:
            meanwhile(subscriptions)
            return QueueSeen([], None, 0, WHOLE)

        monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues.see", see)
        events.mqtt_connected = True
        subscriptions.send()
        subscriptions.confirm(refused)
        subscriptions.answered()
        before = len(told.sent)
        await look_at_bindings(API, Mqtt(), subscriptions, events, WallClock())
        return before

    before = asyncio.run(story())
    database.close()
    return events, told.sent[before:]


def test_a_filter_that_leads_nowhere_is_told_and_subscribed_to_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events, sent = looked(tmp_path, monkeypatch)
    assert (events.session.missing, events.session.restored) == ([FILTER], 1)
    assert sent == [([], [FILTER]), ([FILTER], [])]


def test_what_was_seen_while_subscriptions_were_sent_again_is_no_evidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, _ = looked(tmp_path, monkeypatch, meanwhile=Subscriptions.send)
    assert (list(events.session.missing), events.session.restored) == ([], 0)
    assert events.session.cluster == WHOLE, "nodes have nothing to do with subscriptions"


def test_a_filter_that_the_broker_refused_is_not_missed_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events, sent = looked(tmp_path, monkeypatch, refused=(FILTER,))
    assert (list(events.session.missing), sent) == ([], [])
