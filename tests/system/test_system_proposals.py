"""Profiles proposed at a real broker: retained configurations, then a message of each topic they name."""

import subprocess
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import yaml

from gateway.commands.demo.services import Service
from tests.onboarding.proposals.discovered import MAKES, Rows, payload_bytes
from tests.system.fleet import client_of, publish
from tests.system.rig import gateway, run_gateway

pytestmark = pytest.mark.real

ROWS: Rows = [row for rows in MAKES.values() for row in rows]


def publish_rows(client: paho.Client) -> None:
    for row in ROWS:
        publish(client, row["topic"], payload_bytes(row), retain=True)


def propose(broker: str, folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    (folder / "profiles").mkdir(parents=True)
    config = {
        "mqtt": {"url": broker},
        "profiles": {"path": str(folder / "profiles")},
        "devices": {"registry": str(folder / "d.yaml")},
    }
    (folder / "d.yaml").write_text("devices: []\n")
    (folder / "gateway.yaml").write_text(yaml.safe_dump(config))
    return run_gateway("profiles", "propose", "-c", folder / "gateway.yaml", "--seconds", "2", *more)


def check(folder: Path) -> tuple[int, str, str]:
    done = run_gateway("check", "-c", folder / "gateway.yaml")
    return done.returncode, done.stdout, done.stderr


def test_all_devices_that_a_broker_remembers_are_proposed_and_none_is_in_force(mosquitto: Service, tmp_path: Path) -> None:
    with client_of(mosquitto) as client:
        publish_rows(client)
    done = propose(mosquitto.url, tmp_path / "office")
    assert done.returncode == 0, done.stderr
    found = [profile["match"]["topic"] for profile in yaml.safe_load_all(done.stdout)]
    assert sorted(found) == [
        "tele/{device}/SENSOR",
        "zigbee2mqtt/{device}",
        "{device}/binary_sensor/leak/state",
        "{device}/sensor/{what}/state",
        *(f"{{device}}/status/{component}" for component in ("em1:0", "em1:1", "em1data:0")),
    ]
    _, before, _ = check(tmp_path / "office")
    assert " yours " not in before
    (tmp_path / "office" / "profiles" / "proposed.yaml").write_text(done.stdout)
    status, after, _ = check(tmp_path / "office")
    assert (status, after.count(" yours ")) == (0, len(found))


def test_a_running_gateway_keeps_its_connection_while_profiles_are_proposed(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish_rows(client)
        assert propose(mosquitto.url, tmp_path / "office").returncode == 0
        assert gate.status()["mqtt"]["connected"]
        assert gate.troubles() == ""


def test_a_broker_that_is_not_there_is_said(tmp_path: Path) -> None:
    done = propose("mqtt://127.0.0.1:1", tmp_path / "office")
    assert (done.returncode, done.stdout) == (3, "")
    assert "mqtt://127.0.0.1:1" in done.stderr
