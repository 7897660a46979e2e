"""From a device to the database, whole: every quantity where it belongs, once."""

import json
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import exported, query
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_readings_stand_in_influxdb_and_the_journal_is_not_touched(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=1500) as fleet:
        until(lambda: len(fleet.acknowledged) >= 1500)
    ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)
    assert "gateway_journal_written_bytes_total 0.0" in gate.ask("/metrics")[1], "a healthy gateway wears no flash"
    assert gate.troubles() == ""


def test_a_reading_becomes_a_point_as_the_contract_says(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    now_ms = time.time_ns() // 1_000_000
    traffic = {
        "ts": now_ms,
        "seq": 17,
        "lane": "2",
        "direction": "in",
        "vehicle_class": "motorcycle",
        "vehicle_count": 41,
        "interval_s": 60,
        "congested": "off",
        "occupancy_pct": "12.5",
        "mean_speed_km_h": 999,
        "rssi_dbm": -71,
    }
    with client_of(mosquitto) as client:
        publish(client, "iot/v1/q1/traffic/sim-cam-1/readings", json.dumps(traffic))
        assert wait_settled(gate, mosquitto)["written"] == 1
    (row,) = query(influxdb.url, "iot", "SELECT * FROM traffic")
    assert row == {
        "time": now_ms,
        "device": "sim-cam-1",
        "direction": "in",
        "lane": "2",
        "site": "q1",
        "vehicle_class": "motorcycle",
        "vehicle_count": 41,
        "interval_s": 60,
        "congested": False,
        "occupancy_pct": 12.5,
        "quality": 128 | 2,
        "seq": 17,
    }
    (row,) = query(influxdb.url, "iot", "SELECT rssi_dbm, quality FROM device_health")
    assert row == {"time": now_ms, "rssi_dbm": -71, "quality": 128 | 2}


def test_readings_stand_in_victoria_metrics(mosquitto: Service, victoria_metrics: Service, tmp_path: Path) -> None:
    now_ms = time.time_ns() // 1_000_000
    influx = {"api": "v2", "bucket": "iot", "org": "province"}
    with (
        gateway(tmp_path / "gateway", mosquitto.url, victoria_metrics.url, influxdb=influx) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        messages = [
            (f"iot/v1/site/water/m{n % 10}/readings", json.dumps({"ts": now_ms + n, "seq": n, "flow_m3_h": n / 4}))
            for n in range(1000)
        ]
        publish_all(client, messages)
        ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == 1000
    found: list[tuple[object, object]] = []

    def stand() -> bool:
        found.clear()
        for series in exported(victoria_metrics.url, '{__name__="water_flow_m3_h"}'):
            found.extend(zip(series["timestamps"], series["values"], strict=True))
        return len(found) >= 1000

    until(stand)
    assert sorted(found) == [(now_ms + n, n / 4) for n in range(1000)]


def test_an_uploaded_backlog_is_taken_whole(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    """One message of 1,000 readings, a broken one among them, sent twice."""
    now_ms = time.time_ns() // 1_000_000
    rows: list[object] = [{"ts": now_ms - (1000 - n) * 60_000, "seq": n, "volume_m3": n / 8} for n in range(1000)]
    rows[500] = "broken"
    with client_of(mosquitto) as client:
        for _ in range(2):
            publish(client, "iot/v1/site/water/m1/readings", json.dumps(rows))
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["received"], ledger["rejected"]) == (2000, 2)
    found = query(influxdb.url, "iot", "SELECT seq, volume_m3, quality FROM water")
    assert [(row["seq"], row["volume_m3"]) for row in found] == [(n, n / 8) for n in range(1000) if n != 500]
    assert {row["quality"] for row in found} == {0, 8}, "what is older than an hour is historic"
