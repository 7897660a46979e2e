"""Findings about the session that the broker keeps for the gateway, and about its queue there."""

import time
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.core.gateways.queue_members import TOO_FEW_NODES, ClusterSeen, QueueMembers
from gateway.core.status.verdict import Finding, Level
from gateway.ingest.session_events import SessionEvents

_LOSS_SHOWN_MS: Final = 86_400_000
_NAMED: Final = 3


def of_session(session: SessionEvents, now_ms: int, *, shared: bool) -> Iterator[Finding]:
    """Findings about the session.

    :param shared: several gateways share out what comes: the broker's queue is all that keeps a gateway's part.
    """
    if session.expiry_s is not None:
        granted_s, asked_s = session.expiry_s
        yield Finding("session_expiry_cut", Level.TROUBLE, {"granted": _span(granted_s), "asked": _span(asked_s)})
    if shared and session.lost and now_ms - session.lost_ms < _LOSS_SHOWN_MS:
        yield Finding("session_lost", Level.TROUBLE, {"last": _minute(session.lost_ms)})
    if session.window is not None:
        granted, asked = session.window
        yield Finding("window_cut", Level.ATTENTION, {"granted": granted, "asked": asked})
    if session.missing and now_ms - session.missing_ms < _LOSS_SHOWN_MS:
        yield Finding("bindings_missing", Level.TROUBLE, _named(session.missing) | {"last": _minute(session.missing_ms)})
    if session.strange:
        yield Finding("bindings_strange", Level.TROUBLE, _named(session.strange))
    if session.unroutable:
        yield Finding("unroutable", Level.TROUBLE, {"count": session.unroutable})
    if not session.is_kept:
        yield Finding("unroutable_dropped", Level.TROUBLE)
    if session.cluster is not None:
        yield from _of_cluster(session.cluster)
    if session.unwatched:
        yield Finding("broker_unwatched", Level.ATTENTION, {}, session.unwatched)


def _of_cluster(seen: ClusterSeen) -> Iterator[Finding]:
    """Queues that would not outlive the end of a node."""
    if few := seen.few:
        has = min(len(queue.members) for queue in few)
        yield Finding("queue_members_few", Level.TROUBLE, _queues(few) | {"has": has, "wanted": seen.wanted})
    if away := seen.away:
        nodes = sorted({node for queue in away for node in queue.away})
        level = Level.ATTENTION if all(queue.is_served for queue in away) else Level.TROUBLE
        yield Finding("queue_members_away", level, _queues(away) | {"nodes": ", ".join(nodes)})
    if len(seen.nodes) == TOO_FEW_NODES:
        yield Finding("broker_two_nodes", Level.ATTENTION)


def _queues(queues: Sequence[QueueMembers]) -> dict[str, float | str]:
    return {"queues": ", ".join(queue.name for queue in queues)}


def _minute(time_ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(time_ms / 1000))


def _named(names: Sequence[str]) -> dict[str, float | str]:
    return {"count": len(names), "some": ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")}


def _span(seconds: int) -> str:
    """A span of time in the largest unit that divides it."""
    for unit, length_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds and not seconds % length_s:
            return f"{seconds // length_s} {unit}"
    return f"{seconds} s"
