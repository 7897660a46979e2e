"""Days of a simulated fleet through real parts on one scaled clock: readings, sums and alarms are what its ledger says."""

import json
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from firmware_sim.cli import main as firmware_sim
from gateway.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.system.fleet import wait_settled
from tests.system.rig import Document, Gateway, gateway

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

START_MS = 1_767_546_000_000 - 8 * 3_600_000
"""2026-01-04T16:00:00+07:00: the database is asked for the sums of all devices before their first midnight."""
SPEED = 3_600.0
FLEET = ["--water", "20", "--power", "14", "--traffic", "8", "--urban", "8", "--interval", "900"]
STORIES = ("reset", "steps_back", "halved", "garbage", "garbage_array", "late", "silent", "tamper", "backflow", "voltage_low")


def _said(*arguments: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    return status, out.getvalue()


def _gateway(folder: Path, mosquitto: Service, influxdb: Service) -> Gateway:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / PERMIT).touch()
    gate = gateway(folder, mosquitto.url, influxdb.url, journal={"path": "data/journal.db"})
    _, registry = _said("registry", *FLEET)
    gate.config.with_name("devices.yaml").write_text(registry)
    return gate


def _verified(ledger: Path, influxdb: Service) -> Document:
    where = ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot", "--within", "7200"]
    _, told = _said("verify", "--ledger", str(ledger), *where, "--json")
    found: Document = json.loads(told)
    return found


def test_three_days_of_a_fleet_to_which_things_happen_are_all_accounted_for(
    mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(ScaledTime(time.time_ns() // 1_000_000 + 3_000, START_MS, SPEED)))
    ledger = tmp_path / "ledger.jsonl"
    run = ["run", "--broker", mosquitto.url, *FLEET, "--connections", "shared", "--ledger", str(ledger), "--days", "3.4"]
    with _gateway(tmp_path / "gateway", mosquitto, influxdb) as gate:
        gate.wait_subscribed()
        status, said = _said(*run, *(word for name in STORIES for word in ("--story", name)))
        assert status == 0, said
        wait_settled(gate, mosquitto)
        verified = _verified(ledger, influxdb)
    readings, sums = verified["total"], verified["sums"]
    assert readings["missing"] == readings["different"] == readings["duplicate"] == readings["accepted"] == 0, verified["first"]
    assert sums["wrong"] == sums["uncovered"] == 0, verified["first"]
    assert sums["exact"] > 100
