"""The look at the nodes that queues stand on, at answers of RabbitMQ 4.0.5 as ``recorded_answers.json`` has them."""

import json
import logging
from copy import deepcopy
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from gateway.core.status.verdict import Level
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault
from gateway.ingest.broker.rabbitmq.queues import see, spread
from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.support.i18n.findings import sentence

SESSION: Final = "mqtt-subscription-gateway-1qos1"
QUEUES: Final = (SESSION, "gateway.unroutable")
RECORDED: Final = json.loads(Path(__file__).with_name("recorded_answers.json").read_text())
FIRST_ALONE, ALL = "three nodes, queues on the first", "three nodes, queues on all"


class Answers(ManagementApi):
    """The API as it answered then, and as it answers once members are added.

    :ivar busy: times that it adds none, as while another member is on its way.
    """

    def __init__(self, when: str, busy: int = 0) -> None:
        super().__init__("http://127.0.0.1:15672", "gateway-watch", "secret")
        self._answers = deepcopy(RECORDED[when])
        self.busy = busy

    def ask(self, *path: str, method: str = "GET", body: Any = None) -> Any:  # noqa: ANN401 - as the real one
        """Answer, or add a member."""
        if method == "POST":
            return self._add(path[3], body["node"])
        where = f"/api/{'/'.join(quote(part, safe='') for part in path)}"
        if where not in self._answers:
            raise ManagementFault(f"{where}: 404", 404, is_missing=True)
        return self._answers[where]

    def _add(self, queue: str, node: str) -> None:
        if self.busy:
            self.busy -= 1
            raise ManagementFault("503 cluster_change_not_permitted", 503)
        for list_of_nodes in ("members", "online"):
            self._answers[f"/api/queues/%2F/{queue}"][list_of_nodes].append(node)


def looked(when: str) -> SessionEvents:
    session = SessionEvents()
    session.cluster_seen(see(Answers(when), "gateway-1").cluster)
    return session


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("one node", {}),
        ("two nodes, queues on the first", {"queue_members_few": Level.TROUBLE, "broker_two_nodes": Level.ATTENTION}),
        (FIRST_ALONE, {"queue_members_few": Level.TROUBLE}),
        (
            "the first, which all queues stand on, is dead",
            {"queue_members_few": Level.TROUBLE, "queue_members_away": Level.TROUBLE},
        ),
        (ALL, {}),
        ("the first of three is dead, queues stand on all", {"queue_members_away": Level.ATTENTION}),
    ],
)
def test_queues_that_would_not_outlive_a_node_are_told(when: str, told: dict[str, Level]) -> None:
    assert {finding.key: finding.level for finding in of_session(looked(when), 0, shared=True)} == told


def test_what_is_told_names_queues_and_nodes_and_what_to_do() -> None:
    (few,) = (sentence(finding) for finding in of_session(looked(FIRST_ALONE), 0, shared=True))
    assert f"the queue {SESSION}, gateway.unroutable stands on 1 of the 3 nodes" in few
    assert "`gateway setup rabbitmq --apply`" in few
    (away,) = (
        sentence(finding) for finding in of_session(looked("the first of three is dead, queues stand on all"), 0, shared=True)
    )
    assert "the node one@localhost does not serve" in away


def test_it_is_logged_once_and_over_by_itself(caplog: pytest.LogCaptureFixture) -> None:
    session = SessionEvents()
    with caplog.at_level(logging.ERROR, "gateway"):
        for _ in range(3):
            session.cluster_seen(see(Answers(FIRST_ALONE), "gateway-1").cluster)
    assert [record.getMessage().split()[2] for record in caplog.records] == list(QUEUES)
    session.cluster_seen(see(Answers(ALL), "gateway-1").cluster)
    assert list(of_session(session, 0, shared=True)) == []


def test_a_session_that_is_not_there_yet_is_not_missed() -> None:
    assert [queue.name for queue in see(Answers(FIRST_ALONE), "gateway-7").cluster.queues] == ["gateway.unroutable"]


def test_members_that_cannot_be_added_yet_are_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.queues._LOOK_EVERY_S", 0.0)
    seen, refused = spread(Answers(FIRST_ALONE, busy=3), QUEUES)
    assert (seen.few, seen.away, refused) == ([], [], [])
    assert {len(queue.members) for queue in seen.queues} == {3}
