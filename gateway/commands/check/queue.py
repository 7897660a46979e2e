"""The part of ``gateway check --connect`` that asks RabbitMQ about the queue of the gateway's session."""

from gateway.commands.check.findings import warn
from gateway.ingest.broker.rabbitmq.bindings import compare, queue_of
from gateway.ingest.broker.rabbitmq.management import ManagementFault
from gateway.ingest.broker.rabbitmq.queues import QueueSeen, see, watch_api
from gateway.ingest.catalog import Catalog, state_topics, topic_filters
from gateway.ingest.session_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, Mqtt
from gateway.support.i18n.findings import sentence
from gateway.support.registry.shares import ManagementSection
from schemas.printable import printable


def unusable(management: ManagementSection, mqtt: Mqtt) -> list[str]:
    """The faults by which a gateway could not ask RabbitMQ, and would not start."""
    try:
        watch_api(management, mqtt)
    except ConfigurationFault as fault:
        return list(fault.lines)
    return []


def check_queue(config: Config, catalog: Catalog) -> str:
    """Print the state of the queue, and warnings about it; return the reason why RabbitMQ cannot be asked, if it cannot.

    :raises ConfigurationFault: the password or the authority cannot be used.
    """
    management = catalog.management
    if management is None:
        return ""
    queue = queue_of(config.mqtt.client_id)
    try:
        api = watch_api(management, config.mqtt)
        api.refuse_older()
        seen = see(api, config.mqtt.client_id)
    except ManagementFault as fault:
        return str(fault)
    found = compare(topic_filters(config, catalog), state_topics(config, catalog), seen.keys)
    print(printable(f"{management.url}: {queue}: {f'{len(seen.keys)} bindings' if seen.keys else 'is not there yet'}"))
    if seen.keys and found.missing:
        warn(f"{management.url}: {queue}: nothing leads {', '.join(found.missing)} there; the gateway mends that while it runs")
    for finding in of_session(_as_seen(seen, found.strange, config.mqtt.receive_maximum), 0, shared=True):
        warn(f"{management.url}: {sentence(finding)}")
    return ""


def _as_seen(seen: QueueSeen, strange: list[str], asked: int) -> SessionEvents:
    cut = (seen.window, asked) if seen.window is not None and seen.window < asked else None
    is_kept = seen.unroutable is not None
    return SessionEvents(window=cut, strange=strange, unroutable=seen.unroutable, is_kept=is_kept, cluster=seen.cluster)
