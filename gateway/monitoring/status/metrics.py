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
        yield from self._readings()
        yield from self._influxdb()
        yield from self._waiting()
        yield from self._codecs()
        yield from self._devices_and_build()

    def _messages(self) -> Iterator[Metric]:
        events = self.state.events
        yield CounterMetricFamily("gateway_messages_received", "Messages received.", events.messages_received)
        yield _counter("gateway_messages_ignored", "Messages that carry no data.", "cause", events.messages_ignored)
        yield _counter("gateway_fields_dropped", "Values left out of readings.", "cause", events.fields_dropped)
        ended = "Connections of readers that were closed because others needed their place."
        yield CounterMetricFamily("gateway_http_connections_ended", ended, events.readers_ended)
        yield _counter("gateway_rejects", "Messages and points that could not become data.", "reason", events.rejects)
        yield _counter("gateway_rejects_kept", "Rejects whose bytes are on disk.", "reason", events.rejects_kept)
        missing = self.state.evaluator.sequence_missing
        yield _counter("gateway_sequence_missing", "Readings that never arrived, by gaps in seq.", "domain", missing)
        dropped = events.drops.dropped
        yield CounterMetricFamily(
            "gateway_broker_dropped", "Messages that the broker says it dropped, for any client.", dropped
        )
        yield GaugeMetricFamily("gateway_mqtt_connected", "1 while connected to the broker.", float(events.broker_reached))
        if (standby := self.state.standby) is not None:
            roles = {role: role is standby.role for role in (PairRole.LIVE, PairRole.PASSIVE)}
            yield _gauge("gateway_standby_role", "1 for the role that this machine has in its pair.", "role", roles)
        text = "Shares and journals for which a machine has waited for another one for three minutes."
        yield GaugeMetricFamily("gateway_waits_for_others", text, len(self.state.waits.told))
        owed = self.state.acknowledger.owed
        yield GaugeMetricFamily("gateway_mqtt_unacknowledged", "Messages received and not acknowledged yet.", owed)
        yield from self._session()

    def _session(self) -> Iterator[Metric]:
        session, expiry_s = self.state.events.session, self.state.config.mqtt.session_expiry.total_seconds()
        granted_s = session.expiry_s[0] if session.expiry_s is not None else expiry_s
        text = "Seconds that the broker keeps an absent gateway's session."
        yield GaugeMetricFamily("gateway_mqtt_session_expiry_seconds", text, granted_s)
        text = "Sessions of this gateway that the broker had forgotten."
        yield CounterMetricFamily("gateway_mqtt_sessions_lost", text, session.lost)
        text = "Topic filters that led nothing to the gateway's queue although it had subscribed; it subscribed again."
        yield CounterMetricFamily("gateway_mqtt_bindings_restored", text, session.restored)
        if session.unroutable is not None:
            text = "Messages at the broker that no gateway's queue took."
            yield GaugeMetricFamily("gateway_mqtt_unroutable", text, session.unroutable)

    def _readings(self) -> Iterator[Metric]:
        ledger = self.state.ledger
        received = {source: ledger.received.get(source, 0) for source in SOURCES}
        yield _counter("gateway_readings_received", "Readings received.", "source", received)
        family = CounterMetricFamily("gateway_readings", "Readings that are settled.", labels=["domain", "outcome"])
        for outcome in ENDS:
            for domain, count in ledger.outcomes[outcome].items():
                family.add_metric([domain, outcome], count)
        yield family
        yield _gauge("gateway_readings_pending", "Readings on their way.", "where", ledger.pending)
        yield GaugeMetricFamily("gateway_ledger_imbalance", "Readings that are unaccounted for; must be 0.", ledger.imbalance)
        trusted = float(not self.state.evaluator.trust.doubted)
        yield GaugeMetricFamily("gateway_clock_trusted", "1 while the gateway's clock is trusted.", trusted)

    def _influxdb(self) -> Iterator[Metric]:
        events = self.state.events
        yield GaugeMetricFamily("gateway_influxdb_up", "1 while InfluxDB accepts readings.", float(events.influxdb_up))
        delivery = HistogramMetricFamily("gateway_delivery_seconds", "Arrival to durable in InfluxDB, live lane.")
        _add(delivery, [], events.delivery)
        yield delivery
        requests = HistogramMetricFamily("gateway_influxdb_request_seconds", "Writes by fate.", labels=["outcome"])
        for outcome, histogram in events.requests.items():
            _add(requests, [outcome], histogram)
        yield requests
        link = self.state.link
        sent = "Bytes of IP to and from InfluxDB for writes and questions, both directions."
        yield CounterMetricFamily("gateway_link_bytes", sent, link.use.total_bytes)
        if link.max_bytes_per_s is not None:
            limit = "The budget of the link, influxdb.max_bytes_per_s."
            yield GaugeMetricFamily("gateway_link_max_bytes_per_second", limit, link.max_bytes_per_s)

    def _waiting(self) -> Iterator[Metric]:
        journal = self.state.journal
        yield GaugeMetricFamily("gateway_journal_bytes", "Bytes the journal uses on disk.", journal.used_bytes)
        yield GaugeMetricFamily("gateway_journal_batches", "Batches in the journal.", journal.batches)
        limit = self.state.config.journal.max_bytes
        yield GaugeMetricFamily("gateway_journal_max_bytes", "The limit of the journal, journal.max_bytes.", limit)
        room = GaugeMetricFamily("gateway_journal_room_bytes", "Bytes that the journal may still grow by, the disk considered.")
        if journal.room_bytes is not None:
            room.add_metric([], journal.room_bytes)
        yield room
        full = GaugeMetricFamily(
            "gateway_journal_full_seconds",
            "Seconds until the journal has no room, 0 if it has none; absent while it does not grow.",
        )
        if (seconds := journal.seconds_to_full()) is not None:
            full.add_metric([], seconds)
        yield full
        oldest_s = journal.oldest_s(self.state.clock.now_ms())
        yield GaugeMetricFamily("gateway_journal_oldest_seconds", "Age of the oldest batch.", oldest_s)
        missing = journal.tally.missing
        yield GaugeMetricFamily(
            "gateway_journal_missing_readings", "Readings that the journal lost, not acknowledged yet.", missing
        )
        written = self.state.events.journal_written_bytes
        yield CounterMetricFamily("gateway_journal_written_bytes", "Bytes given to the journal.", written)
        yield from self._catch_up()
        stock = self.state.quarantine.stock.by_cause
        waiting = {cause: stock.get(cause, 0) for cause in WaitCause}
        yield _gauge("gateway_quarantine_messages", "Messages that wait in quarantine.", "cause", waiting)

    def _catch_up(self) -> Iterator[Metric]:
        """Add the time to catch up; while it is unknown the gauge has no sample."""
        now = self.state.catch_up()
        per_s = GaugeMetricFamily("gateway_catch_up_readings_per_second", "Readings of the journal written to InfluxDB.")
        per_s.add_metric([], now["per_s"] or 0.0 if now else 0.0)
        left = GaugeMetricFamily("gateway_catch_up_seconds_left", "Seconds until the journal is empty; absent while unknown.")
        seconds_left = now["seconds_left"] if now else 0.0
        if seconds_left is not None:
            left.add_metric([], seconds_left)
        yield per_s
        yield left

    def _codecs(self) -> Iterator[Metric]:
        codecs = self.state.codecs
        suspended = {key: key in codecs.suspended for key in codecs.keys}
        yield _gauge("gateway_codec_suspended", "1 while a codec is suspended because it overran.", "codec", suspended)
        yield CounterMetricFamily("gateway_codec_restarts", "Restarts of the process that runs the codecs.", codecs.restarts)
        warnings = self.state.events.codec_warnings
        yield _counter("gateway_codec_warnings", "Warnings of codecs.", "codec", warnings)

    def _devices_and_build(self) -> Iterator[Metric]:
        fleet = self.fleet
        total = fleet.total
        counts = {presence: total[presence] for presence in Presence}
        yield _gauge("gateway_devices", "Devices by state; unknown: registered and never heard.", "state", counts)
        unregistered = "Devices that were heard but are not registered; the other states count them too."
        yield GaugeMetricFamily("gateway_devices_unregistered", unregistered, fleet.unregistered)
        told = Counter(state.severity for state in (() if self.state.stands_by else self.state.alarms.told()))
        alarms = {severity: told[severity] for severity in Severity}
        complete = GaugeMetricFamily("gateway_completeness_ratio", "Readings of yesterday that arrived.", labels=["domain"])
        for domain, ratio in self.state.day_completeness.items():
            complete.add_metric([domain], ratio)
        yield complete
        yield _gauge("gateway_alarms", "Active alarms outside planned work.", "severity", alarms)
        floods = len(self.state.events.floods)
        yield GaugeMetricFamily("gateway_flooding_devices", "Devices that send so much that they would starve others.", floods)
        days = GaugeMetricFamily("gateway_certificate_days_left", "Days until a certificate ends.", labels=["which"])
        for which, left in self.state.certificate_days().items():
            days.add_metric([which], left)
        yield days
        build = GaugeMetricFamily("gateway_build_info", "1, with version and commit as labels.", labels=["version", "commit"])
        build.add_metric([__version__, running_commit()], 1)
        yield build


def _counter(name: str, text: str, label: str, counts: Mapping[Any, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([printable(str(value))], count)
    return family


def _gauge(name: str, text: str, label: str, values: Mapping[Any, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
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
