"""A fleet of all makes through a real broker, gateway and database: what stands is what its ledger says."""

import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from firmware_sim.cli import main as firmware_sim
from firmware_sim.makers.table import MAKERS
from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import wait_settled
from tests.system.rig import Document, gateway

pytestmark = pytest.mark.real

INTERVAL_S = 2
FLEET = [
    word for name, maker in MAKERS.items() if maker.clock_ms <= INTERVAL_S * 1000 for word in ("--profile", name)
] + ["--interval", str(INTERVAL_S)]  # fmt: skip


def said(*arguments: str) -> tuple[int, str]:
    with redirect_stdout(StringIO()) as out:
        status = firmware_sim(arguments)
    return status, out.getvalue()


def verified(ledger: Path, influxdb: Service) -> Document:
    where = ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot"]
    _, told = said("verify", "--ledger", str(ledger), *where, "--json")
    found: Document = json.loads(told)
    return found


def test_a_fleet_of_all_makes_is_accounted_for(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    _, registry = said("registry", *FLEET)
    gate.config.with_name("devices.yaml").write_text(registry)
    with gate:
        gate.wait_subscribed()
        status, told = said("run", "--broker", mosquitto.url, "--ledger", str(ledger), *FLEET, "--duration", "5")
        assert status == 0, told
        account = wait_settled(gate, mosquitto)
        assert (account["rejected"], account["lost"], account["expired"]) == (0, 0, 0)
    found = verified(ledger, influxdb)
    faults = {name: found["total"][name] for name in ("missing", "different", "duplicate", "accepted")}
    assert not any(faults.values()), found["first"]
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert len({row["tags"]["device"] for row in rows}) == len(MAKERS) - 1
    device = rows[0]["tags"]["device"]
    query(influxdb.url, "iot", f"DROP SERIES WHERE device = '{device}'")
    assert verified(ledger, influxdb)["total"]["missing"] > 0
