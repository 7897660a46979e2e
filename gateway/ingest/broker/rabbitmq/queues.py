"""A gateway's queue on RabbitMQ, and the one for what no gateway reads, as the management API shows them."""

from typing import Any, Final, NamedTuple

from gateway.core.gateways.queue_members import ClusterSeen
from gateway.ingest.broker.rabbitmq.accounts import TOPICS, UNROUTABLE, VHOST
from gateway.ingest.broker.rabbitmq.bindings import queue_of
from gateway.ingest.broker.rabbitmq.definitions import HANDED_ON
from gateway.ingest.broker.rabbitmq.management import ManagementApi, ManagementFault
from gateway.ingest.broker.rabbitmq.members import see_cluster
from gateway.support.config.files import ConfigurationFault, secret
from gateway.support.config.model import Mqtt
from gateway.support.registry.shares import ManagementSection
from gateway.support.tls import tls_context

_REPLAYED_TOGETHER: Final = 1000


class QueueSeen(NamedTuple):
    """A look at the queues.

    :ivar keys: routing keys that lead to the gateway's queue.
    :ivar window: messages that are on their way to the gateway at once; None: not known yet, or no limit.
    :ivar unroutable: messages that no gateway's queue took; None: nothing keeps them.
    :ivar cluster: the nodes that both queues stand on.
    """

    keys: list[str]
    window: int | None
    unroutable: int | None
    cluster: ClusterSeen


def watch_api(management: ManagementSection, mqtt: Mqtt) -> ManagementApi:
    """The API for the account that watches. With https it shows a certificate of the authority that the broker has.

    :raises ConfigurationFault: the password or the authority cannot be used.
    """
    try:
        tls = tls_context(mqtt.tls.ca) if management.url.startswith("https:") else None
    except OSError as error:
        raise ConfigurationFault([f"{mqtt.tls.ca}: mqtt.tls.ca: cannot be used: {error.strerror or error}"]) from error
    return ManagementApi(management.url, management.username, secret(None, management.password_file) or "", tls)


def see(api: ManagementApi, client_id: str) -> QueueSeen:
    """Look at the queues once.

    :raises ManagementFault: the API does not answer, or refuses.
    """
    name = queue_of(client_id)
    bindings = api.find("queues", VHOST, name, "bindings") or []
    queue, unroutable = api.find("queues", VHOST, name), api.find("queues", VHOST, UNROUTABLE)
    consumers = (queue or {}).get("consumer_details") or []
    windows = [consumer["prefetch_count"] for consumer in consumers if consumer.get("prefetch_count")]
    keys = [binding["routing_key"] for binding in bindings if binding["source"] == TOPICS]
    return QueueSeen(keys, min(windows, default=None), _depth(unroutable), see_cluster(api, [queue, unroutable]))


def unroutable_depth(api: ManagementApi) -> int | None:
    """The number of messages that no gateway's queue took; None: nothing keeps them.

    :raises ManagementFault: the API does not answer, or refuses.
    """
    return _depth(api.find("queues", VHOST, UNROUTABLE))


def replay_unroutable(api: ManagementApi) -> int:
    """Have RabbitMQ route again what no gateway's queue took; return how many messages.

    Rejected messages are dead letters, which their queue hands on to the exchange that they came by: RabbitMQ keeps each until
    another queue has confirmed it, and marks it as sent before. One that still nobody reads comes back to this queue, behind
    those that are taken here.

    :raises ManagementFault: the API does not answer, or refuses; or the queue would drop what is rejected.
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


def _depth(queue: dict[str, Any] | None) -> int | None:
    return None if queue is None else int(queue.get("messages", 0))


def _hands_on(queue: dict[str, Any]) -> bool:
    """Tell if dead letters of the queue go where they came from, and are kept until they have arrived."""
    arguments = {key.removeprefix("x-"): value for key, value in queue.get("arguments", {}).items()}
    settings = (queue.get("effective_policy_definition") or {}) | arguments
    return queue.get("type") == "quorum" and all(settings.get(key) == value for key, value in HANDED_ON.items())
