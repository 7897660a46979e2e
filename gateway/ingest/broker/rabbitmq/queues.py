"""A gateway's queue on RabbitMQ, and the one for what no gateway reads, as the management API shows them.

Each function raises :class:`ManagementFault` while the API does not answer, or refuses.

A quorum queue keeps the members that it was made with: one that was made on the first node of a cluster stays on that node
alone, and stops with it. RabbitMQ adds members by itself where its configuration says so (``rabbitmq.conf``), but one node more
is not enough for that, and a node reads its configuration only when it starts. :func:`spread` adds them in any case.

Every minute the bindings that lead to the gateway's queue are held against those that it wants. A session that was made anew
without the gateway's knowledge, or a hand in the broker, leaves topics that lead nowhere: devices are told that their messages
arrived, and no gateway gets them. It is noticed, told, and mended by subscribing again. Nodes that the queue does not stand on
although it should are told too: nothing else shows them before one dies. When the broker cannot be asked, that is told, and
readings go on.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from gateway.core.devices.broker_drops import BROKER_DROPPED
from gateway.core.gateways.queue_members import ClusterSeen, QueueMembers
from gateway.core.gateways.sharing import routing_key
from gateway.ingest.broker.rabbitmq.accounts import TOPICS, UNROUTABLE, VHOST, queue_of
from gateway.ingest.broker.rabbitmq.management import HANDED_ON, ManagementApi, ManagementFault
from gateway.ingest.events import Events
from gateway.ingest.intake.subscriptions import Subscriptions
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Mqtt
from gateway.support.registry.shares import ManagementSection
from gateway.support.tls import tls_context

_REPLAYED_TOGETHER: Final = 1000
_SPREADS_WITHIN_S: Final = 30.0
_LOOK_EVERY_S: Final = 1.0
BINDINGS_EVERY_S: Final = 60.0
BINDINGS_FIRST_S: Final = 10.0
"""Wait at the start: RabbitMQ counts consumers every five seconds."""


class QueueSeen(NamedTuple):
    """A look at the queues: the routing keys that lead to the gateway's, and the nodes that both stand on.

    :ivar window: messages that are on their way to the gateway at once; None: not known yet, or no limit.
    :ivar unroutable: messages that no gateway's queue took; None: nothing keeps them.
    """

    keys: list[str]
    window: int | None
    unroutable: int | None
    cluster: ClusterSeen


def watch_api(management: ManagementSection, mqtt: Mqtt) -> ManagementApi:
    """The API for the account that watches. With https it shows a certificate of the authority that the broker has."""
    try:
        tls = tls_context(mqtt.tls.ca) if management.url.startswith("https:") else None
    except OSError as error:
        raise ConfigurationFault([f"{mqtt.tls.ca}: mqtt.tls.ca: cannot be used: {error.strerror or error}"]) from error
    return ManagementApi(management.url, management.username, secret(None, management.password_file) or "", tls)


def see(api: ManagementApi, client_id: str) -> QueueSeen:
    """Look at the queues once."""
    name = queue_of(client_id)
    bindings = api.find("queues", VHOST, name, "bindings") or []
    queue, unroutable = api.find("queues", VHOST, name), api.find("queues", VHOST, UNROUTABLE)
    consumers = (queue or {}).get("consumer_details") or []
    windows = [consumer["prefetch_count"] for consumer in consumers if consumer.get("prefetch_count")]
    keys = [binding["routing_key"] for binding in bindings if binding["source"] == TOPICS]
    return QueueSeen(keys, min(windows, default=None), _depth(unroutable), see_cluster(api, [queue, unroutable]))


def compare(filters: Iterable[str], states: Iterable[str], live: Iterable[str]) -> tuple[list[str], list[str]]:
    """Compare ``live`` routing keys with wanted topics; return filters without a binding, and keys that nobody subscribed to.

    A filter that is missing loses readings; the topics of states are not missed: the filters take them too.
    """
    wanted, there = {routing_key(pattern): pattern for pattern in filters}, set(live)
    known = {*wanted, *map(routing_key, states), routing_key(BROKER_DROPPED)}
    return [wanted[key] for key in wanted if key not in there], sorted(there - known)


def unroutable_depth(api: ManagementApi) -> int | None:
    """The number of messages that no gateway's queue took; None: nothing keeps them."""
    return _depth(api.find("queues", VHOST, UNROUTABLE))


def replay_unroutable(api: ManagementApi) -> int:
    """Have RabbitMQ route again what no gateway's queue took; return how many messages.

    Rejected messages are dead letters, which their queue hands on to the exchange that they came by: RabbitMQ keeps each until
    another queue has confirmed it, and marks it as sent before. One that still nobody reads comes back to this queue, behind
    those that are taken here. If the queue would drop what is rejected, nothing is tried, and that raises the fault as well.
    """
    if not _hands_on(api.find("queues", VHOST, UNROUTABLE) or {}):
        raise ManagementFault(
            f"{api.url}: the queue {UNROUTABLE} does not hand its messages on, so nothing was tried; "
            "`gateway setup rabbitmq --apply` sets that up"
        )
    replayed, waiting = 0, 1
    while replayed < waiting:
        asked = {"count": _REPLAYED_TOGETHER, "ackmode": "reject_requeue_false", "encoding": "base64", "truncate": 1}
        taken = api.ask("queues", VHOST, UNROUTABLE, "get", method="POST", body=asked)
        if not taken:
            break
        waiting = waiting if replayed else len(taken) + taken[-1]["message_count"]
        replayed += len(taken)
    return replayed


def see_cluster(api: ManagementApi, queues: Iterable[Mapping[str, Any] | None]) -> ClusterSeen:
    """Look at the nodes of the cluster, on which queues stand, by the API's documents; None: a queue is not there yet."""
    nodes = sorted((node["name"], bool(node["running"])) for node in api.ask("nodes"))
    running = [name for name, is_running in nodes if is_running]
    return ClusterSeen([_members(queue) for queue in queues if queue], [name for name, _ in nodes], running)


def see_queues(api: ManagementApi, names: Iterable[str]) -> ClusterSeen:
    """The same for queues by their names."""
    return see_cluster(api, [api.find("queues", VHOST, name) for name in names])


def spread(api: ManagementApi, names: Sequence[str]) -> tuple[ClusterSeen, list[str]]:
    """Have queues stand on as many nodes as they should; return how they stand then, and what was refused at last.

    A queue that is not there is made with all members.
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


def _depth(queue: dict[str, Any] | None) -> int | None:
    return None if queue is None else int(queue.get("messages", 0))


def _hands_on(queue: dict[str, Any]) -> bool:
    """Tell if dead letters of the queue go where they came from, and are kept until they have arrived."""
    arguments = {key.removeprefix("x-"): value for key, value in queue.get("arguments", {}).items()}
    settings = (queue.get("effective_policy_definition") or {}) | arguments
    return queue.get("type") == "quorum" and all(settings.get(key) == value for key, value in HANDED_ON.items())


async def look_at_bindings(
    api: ManagementApi, mqtt: Mqtt, subscriptions: Subscriptions, events: Events, clock: WallClock
) -> None:
    """Look once, tell and mend. What was seen while subscriptions changed is no evidence against them."""

    def settled() -> int | None:
        """The number of times that subscriptions were sent; None: some were not answered yet."""
        return subscriptions.sent if events.mqtt_connected and subscriptions.settled else None

    before = settled()
    try:
        seen = await asyncio.to_thread(see, api, mqtt.client_id)
    except ManagementFault as fault:
        events.session.not_watched(str(fault))
        return
    events.session.unroutable_seen(seen.unroutable)
    events.session.cluster_seen(seen.cluster)
    if before is None or settled() != before:
        return
    taken = [pattern for pattern in subscriptions.wanted if pattern not in subscriptions.refused]
    missing, strange = compare(taken, subscriptions.states, seen.keys)
    events.session.window_seen(seen.window, mqtt.receive_maximum)
    events.session.bindings_seen(missing, strange, clock.now_ms())
    if missing:
        subscriptions.renew(missing)
