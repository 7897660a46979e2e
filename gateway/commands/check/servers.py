"""The parts of ``gateway check`` about servers: broker, queue at RabbitMQ, certificates, database and budget of its link."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC
from ipaddress import ip_address
from typing import Final

from mqtt5 import RetainHandling

from gateway.admin.capacity.plan import LinkPlan, link_plan, read_figures
from gateway.commands.guest import guest, open_as_guest, read
from gateway.commands.terminal import say, show, warn
from gateway.core.batching.write_result import Fate, fate_of
from gateway.core.mqtt_session import DISCONNECT, Connected, ProtocolFault, Session, Subscribed
from gateway.ingest.broker.rabbitmq.accounts import queue_of
from gateway.ingest.broker.rabbitmq.management import ManagementFault
from gateway.ingest.broker.rabbitmq.queues import QueueSeen, compare, see, watch_api
from gateway.ingest.catalog import Catalog, state_topics, topic_filters
from gateway.ingest.database.database_http import DatabaseHttp
from gateway.ingest.database.open_store import is_victoria_metrics
from gateway.ingest.database.store import StoreFault
from gateway.ingest.delivery.influxdb import InfluxdbClient
from gateway.ingest.intake.connection import BrokerAddress
from gateway.ingest.waiting_events import SessionEvents
from gateway.monitoring.status.troubles import of_session
from gateway.runtime.jobs.certificates import names_in
from gateway.runtime.pipeline.options import pair_topics, session_options
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config, Influxdb, Mqtt
from gateway.support.config.setting_types import split_url
from gateway.support.i18n.findings import sentence
from gateway.support.i18n.formats import Formats
from gateway.support.registry.shares import ManagementSection
from gateway.support.tls import ended, first_in, handshake_fault
from schemas.registry import Registry

_PATIENCE_S: Final = 5.0


async def try_broker(address: BrokerAddress, config: Config, catalog: Catalog) -> str:
    """Connect beside a running gateway, which keeps its session, and subscribe as the gateway would."""
    options = session_options(config)
    session = Session(guest(options, "check"))
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer, granted_s = await open_as_guest(address, options)
            async with ended(writer):
                refused = await _subscribe(session, topic_filters(config, catalog) | _watched(config), reader, writer)
    except TimeoutError:
        return f"{address}: no answer within {_PATIENCE_S:g} s"
    except OSError as error:
        return f"{address}: {handshake_fault(error, tls=address.tls is not None)}"
    except ProtocolFault as fault:
        return f"{address}: {fault}"
    _warn_of_expiry(address, granted_s, options.session_expiry_s)
    say(f"{address}: {'connected' if refused else 'connected and subscribed'}")
    return "; ".join(f"{address}: subscription {pattern} refused: {why}" for pattern, why in refused.items())


def _warn_of_expiry(address: BrokerAddress, granted_s: int | None, asked_s: int) -> None:
    """Say that the broker keeps the session of an absent gateway for less time than it was asked for."""
    session = SessionEvents(expiry_s=None if granted_s is None else (granted_s, asked_s))
    for finding in of_session(session, 0, shared=False):
        warn(f"{address}: {sentence(finding)}")


def _watched(config: Config) -> dict[str, RetainHandling]:
    """The filters by which two machines of a pair hear each other."""
    topics = pair_topics(config.mqtt)
    return {} if topics is None else dict.fromkeys(topics.filters, RetainHandling.SEND_NEVER)


async def _subscribe(
    session: Session, filters: dict[str, RetainHandling], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> dict[str, str]:
    """Connect, subscribe, disconnect; return the refused filters with their reasons."""
    writer.write(session.connect())
    while True:
        for event in session.receive(await read(reader, writer, session)):
            if isinstance(event, Connected):
                writer.write(session.subscribe(filters))
            elif isinstance(event, Subscribed):
                writer.write(DISCONNECT)
                return event.refused


def unusable(management: ManagementSection, mqtt: Mqtt) -> list[str]:
    """The faults by which a gateway could not ask RabbitMQ, and would not start."""
    try:
        watch_api(management, mqtt)
    except ConfigurationFault as fault:
        return list(fault.lines)
    return []


def check_queue(config: Config, catalog: Catalog) -> str:
    """Print the state of the queue, and warnings about it; return why RabbitMQ cannot be asked, if it cannot."""
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
    missing, strange = compare(topic_filters(config, catalog), state_topics(config, catalog), seen.keys)
    show(f"{management.url}: {queue}: {f'{len(seen.keys)} bindings' if seen.keys else 'is not there yet'}")
    if seen.keys and missing:
        warn(f"{management.url}: {queue}: nothing leads {', '.join(missing)} there; the gateway mends that while it runs")
    for finding in of_session(_as_seen(seen, strange, config.mqtt.receive_maximum), 0, shared=True):
        warn(f"{management.url}: {sentence(finding)}")
    return ""


def _as_seen(seen: QueueSeen, strange: list[str], asked: int) -> SessionEvents:
    cut = (seen.window, asked) if seen.window is not None and seen.window < asked else None
    is_kept = seen.unroutable is not None
    return SessionEvents(window=cut, strange=strange, unroutable=seen.unroutable, is_kept=is_kept, cluster=seen.cluster)


# The database.

_EMPTY_GZIP: Final = bytes.fromhex("1f8b08000000000000ff03000000000000000000")
_NO_QUESTIONS: Final = (
    "influxdb.read_url: neither VictoriaMetrics nor InfluxDB answers questions there; that of a cluster is "
    "http://VMSELECT:8481/select/0/prometheus"
)
ONLY_WRITTEN: Final = (
    "influxdb.url: a cluster of VictoriaMetrics is written there and asked elsewhere, and without influxdb.read_url, as "
    "http://VMSELECT:8481/select/0/prometheus, sums are not taken over and there are no reports"
)


async def try_writing(place: Influxdb) -> str:
    """Send an empty write: it checks address, rights and bucket without leaving a point."""
    async with InfluxdbClient(place) as influxdb:
        answer = await influxdb.write(_EMPTY_GZIP)
    where = f"{place.url} bucket {place.bucket}"
    if fate_of(answer) is Fate.WRITTEN:
        say(f"{where}: accepts writes")
        return ""
    return f"{where}: {answer.describe()}"


async def try_asking(place: Influxdb) -> str:
    """See that a database answers at the address for questions."""
    http = DatabaseHttp(place)
    try:
        name = "VictoriaMetrics" if await is_victoria_metrics(http) else await http.version()
    except StoreFault as fault:
        return str(fault)
    if not name:
        return f"{http.url}: {_NO_QUESTIONS}"
    say(f"{http.url}: answers questions")
    return ""


_DAY_S: Final = 86_400.0
_SLOW: Final = 1.0
"""Catching up takes as long as the outage did."""


def planned_link(config: Config, registry: Registry) -> tuple[LinkPlan, int] | None:
    """The budget as it will be divided, and the number of devices with an interval; None if either is missing."""
    intervals = [device.interval for device in registry.devices if device.interval is not None]
    limit = config.influxdb.max_bytes_per_s
    if limit is None or not intervals:
        return None
    rate = sum(1 / interval.total_seconds() for interval in intervals)
    return link_plan(rate, limit, read_figures()), len(intervals)


def link_line(link: LinkPlan, devices: int) -> str:
    """The budget in a sentence."""
    day = Formats("en", UTC).span(max(1.0, link.catch_up * _DAY_S))
    return (
        f"link: {link.max_bytes_per_s:,.0f} B/s, of which live readings of the {devices:,} devices with an interval take about "
        f"{link.live:,.0f} B/s; after a day without InfluxDB the journal is empty again in about {day}"
    )


def link_warnings(link: LinkPlan) -> Iterator[str]:
    """Say why the budget is too small."""
    if link.is_exceeded:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s is less than live readings need, about "
            f"{link.live:,.0f} B/s; they are sent all the same, and what waited in the journal gets a tenth of the budget"
        )
    elif link.catch_up > _SLOW:
        yield (
            f"influxdb.max_bytes_per_s: {link.max_bytes_per_s:,.0f} B/s leaves what waited in the journal so little that "
            "catching up takes longer than the outage did"
        )


# Names in certificates. The gateway's own connections compare them by themselves. Nobody does for devices, which come by
# ``enrolment.url``, nor for people, who open the pages by ``http.hosts``.


def unnamed(config: Config, shown: Mapping[str, bytes]) -> Iterator[str]:
    """Yield what certificates do not name though they are asked for by it; ``shown``: those of servers, by setting."""
    host = split_url(config.enrolment.url or "").hostname
    if host is not None and "enrolment.url" in shown:
        yield _unnamed("enrolment.url", "the broker's certificate", str(host), shown["enrolment.url"], "devices refuse it")
    cert = config.http.tls.cert
    if cert is None or config.http.trusted_proxies:  # a proxy shows one of its own
        return
    with suppress(OSError, ValueError):  # a file that cannot be used has been told
        for name in config.http.hosts:
            yield _unnamed("http.hosts", str(cert), name, first_in(cert), "browsers warn of it")


def _unnamed(setting: str, what: str, wanted: str, certificate: bytes, then: str) -> str:
    """The fault; empty if the certificate has the name."""
    names = names_in(certificate)
    if any(_is(wanted, name) for name in names):
        return ""
    has = f"is for {', '.join(names)}" if names else "has no name in it"
    return f"{setting}: {wanted}: {what} {has}, and not for {wanted}: {then}. Make one with that name, or write one that it has"


def _is(wanted: str, name: str) -> bool:
    """Tell if a certificate with this name is for what is wanted; ``*`` stands for the first label (RFC 9525 section 6.3)."""
    with suppress(ValueError):
        return str(ip_address(wanted)) == name
    wanted, name = wanted.rstrip(".").lower(), name.rstrip(".").lower()
    first, _, rest = wanted.partition(".")
    return name == wanted or (bool(first and rest) and name == f"*.{rest}")
