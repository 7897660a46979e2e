"""The registry beside a running gateway: who of it is heard, and a device that is registered while it runs."""

import json
import signal
from pathlib import Path

import pytest

from gateway.services import Service
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
        counts = ("registered", "reporting", "silent", "unknown", "share_pct")
        assert [coverage(gate)["total"][key] for key in counts] == [2, 1, 1, 1, 50]
        assert gate.status()["devices"] == {"online": 2, "silent": 1, "unknown": 1}

        (folder / "new.csv").write_text("id,domain,area\nnew,water,A1\n")
        assert "1 new" in gate.command("devices", "import", folder / "new.csv").stdout
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.status()["devices"]["unknown"] == 0, what="the registry is taken in force")
        assert [coverage(gate)["total"][key] for key in counts] == [3, 2, 1, 0, pytest.approx(66.67)]
        listed = gate.command("devices", "list", "--json").stdout.splitlines()
        assert {row["id"]: row["state"] for row in map(json.loads, listed)} == {
            "m1": "reporting",
            "m2": "silent",
            "new": "reporting",
        }
        assert "# ours" in (folder / "devices.yaml").read_text(encoding="utf-8")
