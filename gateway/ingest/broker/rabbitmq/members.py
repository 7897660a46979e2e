"""Members of queues on RabbitMQ, as its management API shows them, and adding those that are missing.

A quorum queue keeps the members that it was made with: one that was made on the first node of a cluster stays on that node
alone, and stops with it. RabbitMQ adds members by itself where its configuration says so (``rabbitmq.conf``), but one node more
is not enough for that, and a node reads its configuration only when it starts. :func:`spread` adds them in any case.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from gateway.core.gateways.queue_members import ClusterSeen, QueueMembers
from gateway.ingest.broker.rabbitmq.accounts import VHOST
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault

_SPREADS_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 1.0


def see_cluster(api: ManagementApi, queues: Iterable[Mapping[str, Any] | None]) -> ClusterSeen:
    """Look at the nodes of the cluster, on which queues stand.

    :param queues: documents of the API; None: the queue is not there yet.
    :raises ManagementFault: the API does not answer, or refuses.
    """
    nodes = sorted((node["name"], bool(node["running"])) for node in api.ask("nodes"))
    running = [name for name, is_running in nodes if is_running]
    return ClusterSeen([_members(queue) for queue in queues if queue], [name for name, _ in nodes], running)


def see_queues(api: ManagementApi, names: Iterable[str]) -> ClusterSeen:
    """The same for queues by their names.

    :raises ManagementFault: the API does not answer, or refuses.
    """
    return see_cluster(api, [api.find("queues", VHOST, name) for name in names])


def spread(api: ManagementApi, names: Sequence[str]) -> tuple[ClusterSeen, list[str]]:
    """Have queues stand on as many nodes as they should; return how they stand then, and what was refused at last.

    :param names: of the queues; one that is not there is made with all members.
    :raises ManagementFault: the API does not answer, or refuses to be asked.
    """
    end_s = time.monotonic() + _SPREADS_WITHIN_S
    while True:
        seen = see_queues(api, names)
        faults = [fault for queue, node in seen.additions() if (fault := _add(api, queue, node))]
        is_final = any(fault.status != HTTPStatus.SERVICE_UNAVAILABLE for fault in faults) or not _may_change(seen)
        if is_final or time.monotonic() > end_s:
            return seen, list(map(str, faults))
        time.sleep(_LOOK_EVERY_S)


def _add(api: ManagementApi, queue: str, node: str) -> ManagementFault | None:
    """Add a member; return the fault if that was refused: 503 while another is on its way. One that is there is a success."""
    try:
        api.ask("queues", "quorum", VHOST, queue, "replicas", "add", method="POST", body={"node": node})
    except ManagementFault as fault:
        return fault
    return None


def _may_change(seen: ClusterSeen) -> bool:
    """Tell if a look later may show more: members that were just added, or whose node runs, come online within seconds."""
    return any(seen.additions()) or any(node in seen.running for queue in seen.away for node in queue.away)


def _members(queue: Mapping[str, Any]) -> QueueMembers:
    """The members in a document of the API; a queue that is no quorum queue stands on one node."""
    members = queue.get("members", [queue["node"]])
    online = queue.get("online", members if queue.get("state") == "running" else [])
    return QueueMembers(queue["name"], sorted(members), sorted(online))
