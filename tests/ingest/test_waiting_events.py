"""The log of what waits in the session that the broker keeps, and in the quarantine."""

import logging
from logging import ERROR, INFO, WARNING

import pytest

from gateway.core.gateways.queue_members import ClusterSeen, QueueMembers
from gateway.ingest.waiting_events import QuarantineEvents, SessionEvents


@pytest.fixture(autouse=True)
def _all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "gateway")


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    """Return what was logged."""
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_what_leaves_the_quarantine_and_what_is_damaged_there_is_logged_each_time(caplog: pytest.LogCaptureFixture) -> None:
    quarantine = QuarantineEvents()
    for _ in range(2):
        quarantine.released("m1", 3)
        quarantine.damaged(1)
    texts = [
        (INFO, "3 messages that waited in quarantine for m1 were processed"),
        (ERROR, "1 messages in quarantine are damaged and lost"),
    ]
    assert said(caplog) == texts * 2


def test_what_the_broker_grants_less_than_was_asked_is_logged_once_and_again_when_it_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = SessionEvents()
    for granted_s in (None, 60, 60, 30, None):
        session.granted(granted_s, 3600)
    assert session.expiry_s is None
    session.granted(60, 3600)
    assert session.expiry_s == (60, 3600)
    for window in (None, 20, 20, 2000, 3000, 10):
        session.window_seen(window, 2000)
    assert session.window == (10, 2000)
    kept = "the broker keeps an absent gateway's session for {} s, not for the 3600 s that were asked"
    at_once = "the broker has {} messages on their way to this gateway at once, not the 2000 that were asked"
    assert said(caplog) == [
        *((ERROR, kept.format(seconds)) for seconds in (60, 30, 60)),
        *((WARNING, at_once.format(messages)) for messages in (20, 10)),
    ]


def test_a_session_that_was_forgotten_and_filters_that_led_nowhere_are_logged_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = SessionEvents()
    session.forgotten(5)
    session.forgotten(6)
    assert (session.lost, session.stands) == (2, {"session_lost": {"at_ms": 6}})
    session.bindings_seen(["a/#", "b/#"], ["x.#"], 7)
    session.bindings_seen([], ["x.#", "y.#"], 8)
    assert (session.missing, session.missing_ms, session.restored) == (["a/#", "b/#"], 7, 2)
    assert session.strange == ["x.#", "y.#"]
    assert [text.split()[0] for _, text in said(caplog)] == ["the", "the", "a/#", "b/#", "x.#", "y.#"]


def test_messages_that_reach_no_gateway_are_logged_when_they_begin_and_so_is_a_broker_that_keeps_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    session = SessionEvents()
    for why in ("refused", "refused", "timed out"):
        session.not_watched(why)
    assert session.unwatched == "timed out"
    for depth in (0, 3, 4, 0, None, None, 0):
        session.unroutable_seen(depth)
    assert (session.unroutable, session.is_kept, session.unwatched) == (0, True, "")
    assert said(caplog) == [
        (WARNING, "the broker's queues are not watched: refused"),
        (WARNING, "the broker's queues are not watched: timed out"),
        (ERROR, "3 messages reached no gateway, and wait at the broker"),
        (ERROR, "the broker does not keep what reaches no gateway; `gateway setup rabbitmq` sets that up"),
    ]


def test_a_queue_on_too_few_nodes_and_one_not_served_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    session, nodes = SessionEvents(), ["a", "b", "c"]
    seen = ClusterSeen([QueueMembers("few", ["a"], ["a"]), QueueMembers("away", nodes, ["a", "b"])], nodes, nodes)
    for _ in range(2):
        session.cluster_seen(seen)
    assert session.cluster is seen
    assert said(caplog) == [
        (ERROR, "the queue few stands on a only, not on 3 nodes"),
        (ERROR, "the queue away is not served on c, which it stands on"),
    ]
