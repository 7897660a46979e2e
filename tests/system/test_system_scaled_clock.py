"""A gateway on a scaled clock: readings, its own points and the health of devices have simulated times."""

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.influx import query
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real

SIMULATED_MS = 1_900_000_000_000
"""In 2030: InfluxDB's own clock stands years before it."""


def test_everything_has_simulated_times(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ScaledTime(time.time_ns() // 1_000_000, SIMULATED_MS, 3600.0)
    monkeypatch.setenv(VARIABLE, str(clock))
    (tmp_path / "gateway" / "data").mkdir(parents=True)
    (tmp_path / "gateway" / "data" / PERMIT).touch()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal={"path": "data/journal.db"})
    gate.config.with_name("devices.yaml").write_text(
        json.dumps({"devices": [{"id": "own", "site": "q1", "domain": "water", "interval": "1h"}]})
    )
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        sent_ms = clock.at_ms(time.time_ns())
        publish(client, "iot/v1/q1/water/own/readings", json.dumps({"ts": sent_ms, "pressure_kpa": 5}))
        publish(client, "iot/v1/q1/water/stamped/readings", '{"pressure_kpa": 6}')
        assert wait_settled(gate, mosquitto)["written"] == 2
        until(lambda: len(query(influxdb.url, "iot", "SELECT clock FROM gateway")) > 60, what="an hour of minutes")
        status = gate.status()
        assert status["clock_trusted"] is True
        assert gate.troubles() == ""
    own, stamped = query(influxdb.url, "iot", "SELECT device, quality FROM water")
    assert (own["device"], own["time"], own["quality"]) == ("own", sent_ms, 0)
    assert stamped["quality"] == 1, "the gateway's time, which is not doubted"
    points = [row["time"] for row in query(influxdb.url, "iot", "SELECT clock FROM gateway")]
    assert points[0] >= SIMULATED_MS
    assert all(after - before >= 60_000 for before, after in pairwise(points[1:]))
    health = query(influxdb.url, "iot", "SELECT up FROM device_health WHERE device = 'own'")
    now_ms = clock.at_ms(time.time_ns())
    assert sent_ms <= stamped["time"] <= now_ms
    assert points[-1] <= now_ms
    assert health
    assert all(SIMULATED_MS <= row["time"] <= now_ms for row in health)
    assert SIMULATED_MS <= status["since"] <= status["now"] <= now_ms
