"""The registry beside a running gateway: who of it is heard, and a device that is registered while it runs."""

import json
import signal
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

REGISTRY = (
    "areas: {A1: Phường Trung Tâm}\ndevices:\n- {id: m1, domain: water, area: A1}\n- {id: m2, domain: power, area: A1} # ours\n"
)


def coverage(gate: Gateway) -> Document:
    """As the command says it and, within its half minute or after a reload, the status page too."""
    done = gate.command("devices", "coverage", "--json")
    assert done.returncode == 0, done.stderr
    found: Document = json.loads(done.stdout)
    assert gate.document("/api/coverage") | {"at": 0} == found | {"at": 0}
    return found


def test_coverage_follows_what_is_heard_and_what_is_registered(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(REGISTRY, encoding="utf-8")
    with gateway(folder, mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with client_of(mosquitto) as client:
            for device in ("m1", "new"):
                publish(client, f"iot/v1/site/water/{device}/readings", '{"volume_m3": 1}')
        until(lambda: gate.ledger()["written"] == 2, what="both readings are written")
        counts = ("registered", "reporting", "silent", "new", "unregistered", "share_pct")
        assert [coverage(gate)["total"][key] for key in counts] == [2, 1, 0, 1, 1, 50]
        status = gate.status()
        assert (status["devices"], status["unregistered"]) == ({"online": 2, "silent": 0, "new": 1, "unknown": 0}, 1)

        (folder / "new.csv").write_text("id,domain,area\nnew,water,A1\n")
        assert "1 new" in gate.command("devices", "import", folder / "new.csv").stdout
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.status()["unregistered"] == 0, what="the registry is active")
        assert [coverage(gate)["total"][key] for key in counts] == [3, 2, 0, 1, 0, pytest.approx(66.67)]
        listed = gate.command("devices", "list", "--json").stdout.splitlines()
        assert {row["id"]: row["state"] for row in map(json.loads, listed)} == {
            "m1": "online",
            "m2": "new",
            "new": "online",
        }
        assert "# ours" in (folder / "devices.yaml").read_text(encoding="utf-8")


def states(gate: Gateway) -> dict[str, str]:
    return {found["id"]: found["state"] for found in gate.document("/api/devices")["devices"]}


def test_a_meter_heard_before_a_restart_is_online_after_it_wherever_one_looks(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: m1, domain: water, interval: 1d}, {id: gone}, {id: never}]\n")
    with gateway(folder, mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with client_of(mosquitto) as client:
            for device in ("m1", "gone"):
                publish(client, f"iot/v1/site/water/{device}/readings", '{"volume_m3": 1}')
            publish(client, "iot/v1/site/water/gone/status", '{"state": "offline"}')
        wanted = {"m1": "online", "gone": "silent", "never": "new"}
        until(lambda: states(gate) == wanted, what="all are heard")
        last_seen = gate.document("/api/devices/m1")["last_seen"]
        assert gate.terminate() == 0
        gate.start()
        gate.wait_ready()
        assert states(gate) == wanted
        assert gate.document("/api/devices/m1")["last_seen"] == last_seen
        assert gate.status()["devices"] == {"online": 1, "silent": 1, "new": 1, "unknown": 0}
        assert [coverage(gate)["total"][key] for key in ("reporting", "silent", "new")] == [1, 1, 1]
        assert 'gateway_devices{state="online"} 1.0' in gate.ask("/metrics")[1]


def test_a_device_never_heard_is_unknown_after_its_span_even_over_a_restart(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: m1, silent_after: 1s}, {id: p1, domain: power}, {id: m2}]\n")
    with gateway(folder, mosquitto.url, influxdb.url, devices={"silent_after": {"power": "1s"}}) as gate:
        gate.wait_subscribed()
        wanted = {"m1": "unknown", "p1": "unknown", "m2": "new"}
        until(lambda: states(gate) == wanted, what="the spans are over")
        gate.kill()
        gate.start()
        gate.wait_ready()
        assert states(gate) == wanted, "since when it is registered was saved at once"
        (folder / "devices.yaml").write_text("devices: [{id: m2}]\n")
        gate.send_signal(signal.SIGHUP)
        until(lambda: states(gate) == {"m2": "new"}, what="who left the registry left the list")
