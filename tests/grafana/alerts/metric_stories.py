"""Metrics of gateways while something is wrong, minute by minute, in the notation of ``promtool``.

``1x10 0x20`` is eleven times 1, then twenty-one times 0; ``0+7x3`` is 0 7 14 21; ``_`` is a missing sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NEVER: Final = 0
GOOD: Final[Mapping[str, str]] = {
    "up": "1x180",
    "gateway_waits_for_others": "0x180",
    "gateway_mqtt_connected": "1x60 0x2 1x120",
    "gateway_influxdb_up": "1x80 0x2 1x100",
    "gateway_journal_full_seconds": "_x80 900000 _x100",
    "gateway_journal_missing_readings": "0x180",
    'gateway_readings_total{domain="water",outcome="written"}': "0+3000x90 0+3000x90",
    'gateway_readings_total{domain="unknown",outcome="duplicate"}': "_x40 1x140",
    "gateway_ledger_imbalance": "0x180",
    'gateway_rejects_total{reason="bad_json"}': "0+2x90 0+1x90",
    "gateway_broker_dropped_total": "0x180",
    "gateway_clock_trusted": "1x100 0x9 1x70",
    'gateway_certificate_days_left{which="http.tls.cert"}': "200x180",
    'gateway_completeness_ratio{domain="water"}': "0.99x180",
    'gateway_codec_suspended{codec="axioma"}': "0x120 1x8 0x50",
}
"""Quiet hours: a restart of the gateway, short interruptions, now and then a message that is rejected."""


@dataclass(frozen=True)
class MetricStory:
    """A gateway with a trouble that begins at ten minutes.

    :ivar told_min: people are told by then, and were not two minutes before.
    :ivar over_min: it is over by then, and was not six minutes before: windows of the two programs differ at their ends. NEVER:
        not within the story.
    :ivar labels: labels of the alert, beside those of the gateway.
    """

    alert: str
    series: str
    values: str
    told_min: int
    over_min: int
    labels: Mapping[str, str] = field(default_factory=dict)


_EXPIRED = 'gateway_readings_total{domain="water",outcome="expired"}'
_LOST = 'gateway_readings_total{domain="water",outcome="lost"}'

STORIES: Final = (
    MetricStory("GatewayAbsent", "up", "1x9 0x20 1x30", 13, 31),
    MetricStory("GatewayWaits", "gateway_waits_for_others", "0x9 2x20 0x30", 10, 31),
    MetricStory("GatewayMqttAway", "gateway_mqtt_connected", "1x9 0x20 1x30", 15, 31),
    MetricStory("GatewayInfluxdbAway", "gateway_influxdb_up", "1x9 0x20 1x30", 15, 31),
    MetricStory("GatewayJournalFilling", "gateway_journal_full_seconds", "_x9 7000-60x20 stale", 15, 35),
    MetricStory("GatewayReadingsExpired", _EXPIRED, "0x9 0+500x3 1500x60", 11, 28),
    MetricStory("GatewayReadingsExpired", _EXPIRED, "_x10 500x60", 10, 25),
    MetricStory("GatewayReadingsLost", "gateway_journal_missing_readings", "0x9 40x20 0x30", 10, 31),
    MetricStory("GatewayReadingsLost", _LOST, "_x10 3x60", 10, NEVER),
    MetricStory("GatewayLedgerImbalance", "gateway_ledger_imbalance", "0x9 -2x20 0x30", 15, 31),
    MetricStory("GatewayRejectsRising", 'gateway_rejects_total{reason="bad_json"}', "0x9 0+30x20 600x60", 18, 43),
    MetricStory("GatewayBrokerDropped", "gateway_broker_dropped_total", "0x9 7x90", 10, 70),
    MetricStory("GatewayClockDoubted", "gateway_clock_trusted", "1x9 0x30 1x30", 25, 41),
    MetricStory(
        "GatewayCertificateEnds",
        'gateway_certificate_days_left{which="mqtt.tls.cert"}',
        "22x9 20x100 300x30",
        70,
        111,
        {"which": "mqtt.tls.cert"},
    ),
    MetricStory(
        "GatewayCompletenessLow",
        'gateway_completeness_ratio{domain="power"}',
        "0.95x9 0.8x100 0.99x30",
        70,
        111,
        {"domain": "power"},
    ),
    MetricStory(
        "GatewayCodecSuspended", 'gateway_codec_suspended{codec="axioma"}', "0x9 1x30 0x30", 25, 41, {"codec": "axioma"}
    ),
)
