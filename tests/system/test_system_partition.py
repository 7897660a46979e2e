"""Two gateways that share a broker and a database, each with its own sites; and what is said of them together."""

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.commands.cli import main
from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

NAMES = ("north", "south")


@pytest.fixture
def gates(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[dict[str, Gateway]]:
    with ExitStack() as running:
        found = {}
        for name in NAMES:
            mqtt = {
                "client_id": f"gateway-{name}",
                "subscriptions": [f"iot/v1/{name}/+/+/readings", f"iot/v1/{name}/+/+/status"],
            }
            others = {"others": {other: f"https://{other}.example.vn" for other in NAMES if other != name}}
            made = gateway(tmp_path / f"gateway-{name}", mosquitto.url, influxdb.url, mqtt=mqtt, http=others)
            found[name] = running.enter_context(made)
            made.wait_subscribed()
        yield found


@pytest.fixture
def apart(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[dict[str, Gateway]]:
    """The same with a database each."""
    with ExitStack() as running:
        found = {}
        for name in NAMES:
            query(influxdb.url, "", f'CREATE DATABASE "iot-{name}"')
            folder = tmp_path / f"gateway-{name}"
            folder.mkdir()
            devices = [{"id": f"{name}-meter", "domain": "water", "site": name, "area": "p-01"}]
            (folder / "devices.yaml").write_text(json.dumps({"devices": devices, "areas": {"p-01": "P. 1"}}))
            mqtt = {"client_id": f"gateway-{name}", "subscriptions": [f"iot/v1/{name}/+/+/readings"]}
            made = gateway(folder, mosquitto.url, influxdb.url, mqtt=mqtt, influxdb={"bucket": f"iot-{name}"})
            found[name] = running.enter_context(made)
            made.wait_subscribed()
        yield found


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(["status", *arguments])
    return status, capsys.readouterr().out


def test_two_gateways_with_their_own_sites_write_each_reading_once(
    gates: dict[str, Gateway], mosquitto: Service, influxdb: Service
) -> None:
    with client_of(mosquitto) as client:
        for site in NAMES:
            for number in range(5):
                publish(client, f"iot/v1/{site}/water/{site}-{number}/readings", json.dumps({"pressure_kpa": 300 + number}))
    for gate in gates.values():
        until(lambda: gate.ledger()["written"] == 5, what="its own are written")  # noqa: B023
    rows = query(influxdb.url, "iot", "SELECT pressure_kpa, device FROM water")
    assert sorted(row["device"] for row in rows) == [f"{site}-{number}" for site in NAMES for number in range(5)]


def test_status_of_all_names_the_one_that_stands_and_links_lead_to_the_other(
    gates: dict[str, Gateway], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, text = told(capsys, "--all", "--under", str(tmp_path))
    assert [line.split()[0] for line in text.splitlines() if line.startswith("gateway")] == ["gateway-north", "gateway-south"]
    assert "0 readings written" in text
    page = gates["north"].ask("/?language=en")[1]
    assert '<a href="https://south.example.vn">south ↗</a>' in page
    assert gates["south"].terminate() == 0
    status, text = told(capsys, "--all", "--under", str(tmp_path), "--language", "vi")
    assert (status, "không chạy" in text, "cổng cần được xem xét" in text) == (1, True, True)
    status, text = told(capsys, "--all", "--under", str(tmp_path), "--json")
    north, south = json.loads(text)
    assert (north["status"]["gateway"], south["state"], south["status"]) == ("gateway-north", "stands", None)


def test_status_of_one_is_its_verdict(gates: dict[str, Gateway], capsys: pytest.CaptureFixture[str]) -> None:
    north = gates["north"]
    until(lambda: north.status()["influxdb"]["up"], what="its database is there")
    status, text = told(capsys, "-c", str(north.journal.parent.parent / "gateway.yaml"))
    assert (status, text.split()[0]) == (0, "gateway-north")


def test_where_no_gateway_has_settings_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--all", "--under", str(tmp_path / "nowhere")]) == 2
    assert "there is no gateway*/gateway.yaml: name its folder with --under, or a file with -c" in capsys.readouterr().err


def test_settings_that_cannot_be_read_do_not_hide_the_others(
    gates: dict[str, Gateway], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "gateway-broken" / "gateway.yaml"
    broken.parent.mkdir()
    broken.write_text("mqtt: {port: 1}\n")
    status, text = told(capsys, "--all", "--under", str(tmp_path))
    assert status == 1
    assert "mqtt.port" in text
    assert "gateway-south" in text, gates


@pytest.mark.slow
def test_with_a_database_each_a_report_is_of_one_and_what_areas_used_adds_up(
    apart: dict[str, Gateway], mosquitto: Service, influxdb: Service
) -> None:
    today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).replace(hour=0, minute=0, second=0, microsecond=0)
    day, used = today - timedelta(days=1), {}
    with client_of(mosquitto) as client:
        for name, gate in apart.items():
            more = 101.5 if name == "north" else 102.0
            for sent, (hour, volume) in enumerate(((-1, 100.0), (0, 100.0), (12, more), (24, more))):
                payload = json.dumps({"ts": (day + timedelta(hours=hour)).isoformat(), "volume_m3": volume})
                publish(client, f"iot/v1/{name}/water/{name}-meter/readings", payload)
                until(lambda: gate.ledger()["written"] == sent + 1, what="it is written")  # noqa: B023
                until(lambda: has_sums(gate, f"{name}-meter"), what="its sums were asked for")  # noqa: B023
    for name, gate in apart.items():
        rows = query(influxdb.url, f"iot-{name}", "SELECT volume_m3, device FROM water")
        assert {row["device"] for row in rows} == {f"{name}-meter"}
        span = ["--from", str(day.date()), "--to", str(day.date())]
        done = gate.command("report", "consumption", *span, "--by", "area", "--csv")
        assert done.returncode == 0, done.stderr
        (row,) = csv.DictReader(StringIO(done.stdout))
        used[row["group"], name] = float(row["used"])
    assert used == {("p-01", "north"): 1.5, ("p-01", "south"): 2.0}


def has_sums(gate: Gateway, device: str) -> bool:
    return all(counter["sum"] is not None for counter in gate.document(f"/api/devices/{device}")["counters"])
