"""The gateway's HTTP answers, and who may see them."""

import json
import signal
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"
READ = ["status", "devices", "rejects", "ledger", "coverage", "quarantine"]
CHANGES = ["/api/rejects/replay", "/api/rejects/purge", "/api/journal/drop"]
METRICS = {  # the contract's, each with its labels
    "gateway_messages_received_total": set(),
    "gateway_messages_ignored_total": {"cause"},
    "gateway_readings_received_total": {"source"},
    "gateway_readings_total": {"domain", "outcome"},
    "gateway_readings_pending": {"where"},
    "gateway_rejects_total": {"reason"},
    "gateway_rejects_kept_total": {"reason"},
    "gateway_sequence_missing_total": {"domain"},
    "gateway_clock_trusted": set(),
    "gateway_fields_dropped_total": {"cause"},
    "gateway_delivery_seconds_bucket": {"le"},
    "gateway_influxdb_request_seconds_bucket": {"outcome", "le"},
    "gateway_influxdb_up": set(),
    "gateway_mqtt_connected": set(),
    "gateway_mqtt_unacknowledged": set(),
    "gateway_journal_bytes": set(),
    "gateway_journal_max_bytes": set(),
    "gateway_journal_room_bytes": set(),
    "gateway_journal_batches": set(),
    "gateway_journal_oldest_seconds": set(),
    "gateway_journal_written_bytes_total": set(),
    "gateway_quarantine_messages": {"cause"},
    "gateway_codec_restarts_total": set(),
    "gateway_devices": {"state"},
    "gateway_ledger_imbalance": set(),
    "gateway_build_info": {"version", "commit"},
}


def test_changes_need_the_token_and_reading_on_loopback_needs_none(gate: Gateway) -> None:
    for path in ("/", "/metrics", "/healthz", "/readyz", *(f"/api/{name}" for name in READ)):
        assert gate.ask(path)[0] == 200, path
    for path in CHANGES:
        assert gate.ask(path, "POST")[0] == 401, path
        assert gate.ask(path, "POST", token="guessed")[0] == 401, path  # noqa: S106 - no password
        assert gate.ask(path, "POST", token=gate.token())[0] == 200, path
    assert gate.ask("/login", "POST", form="token=guessed")[0] == 401
    assert gate.ask("/login", "POST", form=f"token={gate.token()}")[0] == 303
    assert gate.ask("/api/rejects?reason=ugly")[0] == 400
    assert gate.ask("/api/rejects?id=99999999999999999999")[0] == 400
    assert gate.ask("/nowhere")[0] == 404


def test_beyond_loopback_everything_but_its_health_needs_the_token(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("a very long secret\n")
    http = {"host": "0.0.0.0", "token_file": "../token"}  # noqa: S104 - this is what is tested
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http=http) as gate:
        assert gate.ask("/healthz")[0] == 200
        for path in ("/", "/metrics", "/readyz", *(f"/api/{name}" for name in READ)):
            assert gate.ask(path)[0] == 401, path
            assert gate.ask(path, token="a very long secret")[0] == 200, path  # noqa: S106 - of this test
        assert gate.command("rejects", "list").returncode == 0


def test_a_taken_port_is_told(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    second = gateway(gate.folder.parent / "second", mosquitto.url, influxdb.url, http={"port": gate.port})
    second.start()
    assert second.wait_ended() == 2
    told = f"http.port: 127.0.0.1 port {gate.port}: "
    assert second.said(told) == 1
    assert len(second.printed().splitlines()) == 1, "one line, and no trace"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        pytest.param("vi", ["Cổng thu thập cảm biến", "Cơ sở dữ liệu InfluxDB", "Thiết bị"], id="vi"),
        pytest.param("en", ["Sensor gateway", "InfluxDB", "Devices"], id="en"),
    ],
)
def test_the_status_page_speaks_the_configured_language(
    language: str, words: list[str], mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    gate.config.write_text(json.dumps(json.loads(gate.config.read_text()) | {"language": language}))
    other = {"vi": "en", "en": "vi"}[language]
    with gate:
        status, page = gate.ask("/")
        assert f'<html lang="{other}"' in gate.ask(f"/?language={other}")[1], "or the one that is asked for"
    assert status == 200
    assert f'<html lang="{language}"' in page
    assert [word for word in words if word not in page] == []


def test_prometheus_reads_every_series_of_the_contract(gate: Gateway, mosquitto: Service) -> None:
    with client_of(mosquitto) as client:
        publish(client, TOPIC, '{"seq": 1, "flow_m3_h": 1, "ph": 99}')
        publish(client, TOPIC, '{"seq": 4, "flow_m3_h": 1}')
        publish(client, TOPIC, "?")
        wait_settled(gate, mosquitto)
    found: dict[str, set[str]] = {}
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(gate.ask("/metrics")[1]):
        for sample in family.samples:
            found[sample.name] = set(sample.labels)
            values[f"{sample.name} {' '.join(sample.labels.values())}".strip()] = sample.value
    assert {name: found.get(name) for name in METRICS} == METRICS
    assert values["gateway_readings_total water written"] == 2
    assert values["gateway_readings_total water rejected"] == 1
    assert values["gateway_rejects_total bad_json"] == values["gateway_rejects_kept_total bad_json"] == 1
    assert values["gateway_fields_dropped_total out_of_bounds"] == 1
    assert values["gateway_sequence_missing_total water"] == 2
    assert values["gateway_delivery_seconds_count"] == 2
    assert values["gateway_mqtt_connected"] == values["gateway_influxdb_up"] == values["gateway_clock_trusted"] == 1
    assert values["gateway_ledger_imbalance"] == 0


def test_a_gateway_without_readings_knows_whether_influxdb_takes_them(gate: Gateway, influxdb: Service) -> None:
    until(lambda: gate.status()["influxdb"]["up"], within_s=2.0)
    influxdb.stop()
    assert gate.terminate() == 0
    gate.start()
    gate.wait_ready()
    until(lambda: "InfluxDB" in gate.troubles(), within_s=2.0)
    influxdb.start()
    until(lambda: gate.status()["influxdb"]["up"] and not gate.troubles())


def test_a_faulty_registry_leaves_the_old_one_in_force(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    registry = gate.folder / "devices.yaml"
    registry.write_text("areas: {x1: Xã Thanh Nưa}\ndevices: [{id: m1, area: x1}]\n")
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        registry.write_text("devices: [{id: m1, area: nowhere}, {id: m1}]\n")
        gate.send_signal(signal.SIGHUP)
        until(lambda: "devices.0.area" in gate.troubles())
        assert f"{registry}: devices.1.id: m1 occurs twice" in gate.troubles()
        assert gate.said("the old registry and profiles stay active") == 2
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        wait_settled(gate, mosquitto)
        registry.write_text("areas: {x2: Phường Mường Thanh}\ndevices: [{id: m1, area: x2}]\n")
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.troubles() == "")
        publish(client, TOPIC, '{"flow_m3_h": 2}')
        wait_settled(gate, mosquitto)
    assert [row["area"] for row in query(influxdb.url, "iot", "SELECT flow_m3_h, area FROM water")] == ["x1", "x2"]
