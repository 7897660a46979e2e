"""The gateway's own series for Prometheus, read from the counters at scrape time, at no cost for the hot path."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.core.alarms.alarm import Severity
from gateway.core.batching.rates import Histogram
from gateway.core.gateways.standby import PairRole
from gateway.core.ledger import ENDS, SOURCES
from gateway.core.message import WaitCause
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import Fleet
from gateway.support.commit import running_commit
from schemas.printable import printable

if TYPE_CHECKING:
    from gateway.monitoring.status.status import Status


@dataclass(slots=True, eq=False)
class GatewayCollector(Collector):
    """Turns the gateway's state into series."""

    state: "Status"
    fleet: Fleet

    def collect(self) -> Iterator[Metric]:
        """All series of the gateway."""
        yield from self._messages()
        yield from self._session()
        yield from self._readings()
        yield from self._influxdb()
        yield from self._waiting()
        yield from self._codecs()
        yield from self._devices_and_build()

    def _messages(self) -> Iterator[Metric]:
        events = self.state.events
        yield _count("gateway_messages_received", "Messages received.", events.messages_received)
        yield _counts("gateway_messages_ignored", "Messages that carry no data.", "cause", events.messages_ignored)
        yield _counts("gateway_fields_dropped", "Values left out of readings.", "cause", events.fields_dropped)
        ended = "Connections of readers that were closed because others needed their place."
        yield _count("gateway_http_connections_ended", ended, events.readers_ended)
        yield _counts("gateway_rejects", "Messages and points that could not become data.", "reason", events.rejects)
        yield _counts("gateway_rejects_kept", "Rejects whose bytes are on disk.", "reason", events.rejects_kept)
        missing = self.state.evaluator.sequence_missing
        yield _counts("gateway_sequence_missing", "Readings that never arrived, by gaps in seq.", "domain", missing)
        yield _count(
            "gateway_broker_dropped", "Messages that the broker says it dropped, for any client.", events.drops.dropped
        )
        yield _gauge("gateway_mqtt_connected", "1 while connected to the broker.", events.broker_reached)
        if (standby := self.state.standby) is not None:
            roles = {role: role is standby.role for role in (PairRole.LIVE, PairRole.PASSIVE)}
            yield _gauges("gateway_standby_role", "1 for the role that this machine has in its pair.", "role", roles)
        text = "Shares and journals for which a machine has waited for another one for three minutes."
        yield _gauge("gateway_waits_for_others", text, len(self.state.waits.told))
        yield _gauge("gateway_mqtt_unacknowledged", "Messages received and not acknowledged yet.", self.state.acknowledger.owed)

    def _session(self) -> Iterator[Metric]:
        session, expiry_s = self.state.events.session, self.state.config.mqtt.session_expiry.total_seconds()
        granted_s = session.expiry_s[0] if session.expiry_s is not None else expiry_s
        yield _gauge(
            "gateway_mqtt_session_expiry_seconds", "Seconds that the broker keeps an absent gateway's session.", granted_s
        )
        yield _count("gateway_mqtt_sessions_lost", "Sessions of this gateway that the broker had forgotten.", session.lost)
        text = "Topic filters that led nothing to the gateway's queue although it had subscribed; it subscribed again."
        yield _count("gateway_mqtt_bindings_restored", text, session.restored)
        if session.unroutable is not None:
            yield _gauge("gateway_mqtt_unroutable", "Messages at the broker that no gateway's queue took.", session.unroutable)

    def _readings(self) -> Iterator[Metric]:
        ledger = self.state.ledger
        received = {source: ledger.received.get(source, 0) for source in SOURCES}
        yield _counts("gateway_readings_received", "Readings received.", "source", received)
        family = CounterMetricFamily("gateway_readings", "Readings that are settled.", labels=["domain", "outcome"])
        for outcome in ENDS:
            for domain, count in ledger.outcomes[outcome].items():
                family.add_metric([domain, outcome], count)
        yield family
        yield _gauges("gateway_readings_pending", "Readings on their way.", "where", ledger.pending)
        yield _gauge("gateway_ledger_imbalance", "Readings that are unaccounted for; must be 0.", ledger.imbalance)
        yield _gauge("gateway_clock_trusted", "1 while the gateway's clock is trusted.", not self.state.evaluator.trust.doubted)

    def _influxdb(self) -> Iterator[Metric]:
        events, link = self.state.events, self.state.link
        yield _gauge("gateway_influxdb_up", "1 while InfluxDB accepts readings.", events.influxdb_up)
        delivery = HistogramMetricFamily("gateway_delivery_seconds", "Arrival to durable in InfluxDB, live lane.")
        _add(delivery, [], events.delivery)
        yield delivery
        requests = HistogramMetricFamily("gateway_influxdb_request_seconds", "Writes by fate.", labels=["outcome"])
        for outcome, histogram in events.requests.items():
            _add(requests, [outcome], histogram)
        yield requests
        sent = "Bytes of IP to and from InfluxDB for writes and questions, both directions."
        yield _count("gateway_link_bytes", sent, link.total_bytes)
        if link.max_bytes_per_s is not None:
            yield _gauge(
                "gateway_link_max_bytes_per_second", "The budget of the link, influxdb.max_bytes_per_s.", link.max_bytes_per_s
            )

    def _waiting(self) -> Iterator[Metric]:
        journal, catch_up = self.state.journal, self.state.catch_up()
        yield _gauge("gateway_journal_bytes", "Bytes the journal uses on disk.", journal.used_bytes)
        yield _gauge("gateway_journal_batches", "Batches in the journal.", journal.batches)
        limit = self.state.config.journal.max_bytes
        yield _gauge("gateway_journal_max_bytes", "The limit of the journal, journal.max_bytes.", limit)
        yield _gauge(
            "gateway_journal_room_bytes", "Bytes that the journal may still grow by, the disk considered.", journal.room_bytes
        )
        text = (
            "Seconds until the journal has no room, 0 if it has none; absent unless readings wait that InfluxDB does not take."
        )
        yield _gauge("gateway_journal_full_seconds", text, self.state.seconds_to_full())
        yield _gauge("gateway_journal_oldest_seconds", "Age of the oldest batch.", journal.oldest_s(self.state.clock.now_ms()))
        text = "Readings that the journal lost, not acknowledged yet."
        yield _gauge("gateway_journal_missing_readings", text, journal.tally.missing)
        written = self.state.events.journal_written_bytes
        yield _count("gateway_journal_written_bytes", "Bytes given to the journal.", written)
        per_s = catch_up["per_s"] or 0.0 if catch_up else 0.0
        yield _gauge("gateway_catch_up_readings_per_second", "Readings of the journal written to InfluxDB.", per_s)
        left_s = catch_up["seconds_left"] if catch_up else 0.0
        yield _gauge("gateway_catch_up_seconds_left", "Seconds until the journal is empty; absent while unknown.", left_s)
        stock = self.state.quarantine.stock.by_cause
        waiting = {cause: stock.get(cause, 0) for cause in WaitCause}
        yield _gauges("gateway_quarantine_messages", "Messages that wait in quarantine.", "cause", waiting)

    def _codecs(self) -> Iterator[Metric]:
        codecs = self.state.codecs
        suspended = {key: key in codecs.suspended for key in codecs.keys}
        yield _gauges("gateway_codec_suspended", "1 while a codec is suspended because it overran.", "codec", suspended)
        yield _count("gateway_codec_restarts", "Restarts of the process that runs the codecs.", codecs.restarts)
        yield _counts("gateway_codec_warnings", "Warnings of codecs.", "codec", self.state.events.codec_warnings)

    def _devices_and_build(self) -> Iterator[Metric]:
        state, total = self.state, self.fleet.total
        counts = {presence: total[presence] for presence in Presence}
        yield _gauges("gateway_devices", "Devices by state; unknown: registered and never heard.", "state", counts)
        text = "Devices that were heard but are not registered; the other states count them too."
        yield _gauge("gateway_devices_unregistered", text, self.fleet.unregistered)
        yield _gauges("gateway_completeness_ratio", "Readings of yesterday that arrived.", "domain", state.day_completeness)
        told = Counter(alarm.severity for alarm in (() if state.stands_by else state.alarms.told()))
        alarms = {severity: told[severity] for severity in Severity}
        yield _gauges("gateway_alarms", "Active alarms outside planned work.", "severity", alarms)
        text = "Devices that send so much that they would starve others."
        yield _gauge("gateway_flooding_devices", text, len(state.events.floods))
        yield _gauges("gateway_certificate_days_left", "Days until a certificate ends.", "which", state.certificate_days())
        build = GaugeMetricFamily("gateway_build_info", "1, with version and commit as labels.", labels=["version", "commit"])
        build.add_metric([__version__, running_commit()], 1)
        yield build


def _count(name: str, text: str, number: float) -> Metric:
    return CounterMetricFamily(name, text, number)


def _gauge(name: str, text: str, number: float | None) -> Metric:
    """A gauge; without a sample while its number is not known."""
    family = GaugeMetricFamily(name, text)
    if number is not None:
        family.add_metric([], float(number))
    return family


def _counts(name: str, text: str, label: str, numbers: Mapping[Any, float]) -> Metric:
    return _labelled(CounterMetricFamily(name, text, labels=[label]), numbers)


def _gauges(name: str, text: str, label: str, numbers: Mapping[Any, float]) -> Metric:
    return _labelled(GaugeMetricFamily(name, text, labels=[label]), numbers)


def _labelled(family: CounterMetricFamily | GaugeMetricFamily, numbers: Mapping[Any, float]) -> Metric:
    for value, number in numbers.items():
        family.add_metric([printable(str(value))], number)
    return family


def _add(family: HistogramMetricFamily, labels: list[str], histogram: Histogram) -> None:
    total, buckets = 0, []
    for bound, count in zip((*histogram.bounds_s, float("inf")), histogram.counts, strict=True):
        total += count
        buckets.append(("+Inf" if bound == float("inf") else str(bound), total))
    family.add_metric(labels, buckets, histogram.sum_s)


def exposition(state: "Status", fleet: Fleet) -> bytes:
    """The text Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(GatewayCollector(state, fleet))
    return generate_latest(registry)
