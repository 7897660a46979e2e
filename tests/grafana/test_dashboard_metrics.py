import re
import time

import pytest

from gateway.commands.demo.services import Service
from tests.grafana.as_documented import MINUTE_MS, Shown, built_in, filled, posted
from tests.grafana.known_points import post
from tests.grafana.test_dashboard_files import panels, read
from tests.rows import each_row

# Metric with its labels, as the gateway's /metrics has them.
SERIES = [
    *(f'gateway_delivery_seconds_bucket{{le="{bound}"}}' for bound in ("0.01", "0.1", "1", "+Inf")),
    *(f'gateway_readings_total{{domain="water",outcome="{outcome}"}}' for outcome in ("written", "duplicate", "rejected")),
    *(f'gateway_readings_pending{{where="{where}"}}' for where in ("memory", "journal", "quarantine")),
    *(f'gateway_influxdb_request_seconds_{part}{{outcome="written"}}' for part in ("sum", "count")),
    *(f'gateway_devices{{state="{state}"}}' for state in ("online", "silent", "unknown")),
    *(f'gateway_alarms{{severity="{severity}"}}' for severity in ("critical", "warning", "info")),
    'gateway_rejects_total{reason="bad_json"}',
    'gateway_fields_dropped_total{cause="out_of_bounds"}',
    "gateway_mqtt_connected",
    "gateway_influxdb_up",
    "gateway_link_bytes_total",
    "gateway_link_max_bytes_per_second",
    "gateway_clock_trusted",
    "gateway_journal_bytes",
    "gateway_journal_oldest_seconds",
    "gateway_catch_up_seconds_left",
    "gateway_journal_written_bytes_total",
    "gateway_ledger_imbalance",
]
EXPRESSIONS = [
    pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for panel in panels(read("influxdb/gateway-metrics"))
    for target in panel.get("targets", [])
    if target["datasource"]["type"] == "prometheus"
]


@pytest.mark.real
def test_every_expression_finds_the_metrics_of_the_gateway(victoria_metrics: Service) -> None:
    now_s = int(time.time())
    samples = [f"{series} {1 + n} {1000 * (now_s - 1200 + 15 * n)}" for series in SERIES for n in range(60)]
    post(victoria_metrics, "/api/v1/import/prometheus", "\n".join(samples))
    post(victoria_metrics, "/internal/force_flush", "")
    variables = built_in("prometheus", Shown(1000 * (now_s - 1200), 1000 * now_s), MINUTE_MS)
    unanswered = []
    for parameter in EXPRESSIONS:
        (text,) = parameter.values
        form = {"query": filled(str(text), variables), "time": now_s - 330, "nocache": 1}
        answer = posted(f"{victoria_metrics.url}/api/v1/query", form)
        unanswered += [] if answer["data"]["result"] else [text]
    assert unanswered == []


@each_row("expression", EXPRESSIONS)
def test_an_expression_names_only_metrics_of_the_gateway(expression: str) -> None:
    known = {series.partition("{")[0] for series in SERIES}
    assert set(re.findall(r"gateway_\w+", expression)) <= known
