"""``firmware-sim run`` against a real broker, and ``verify`` against a real InfluxDB."""

import json
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from firmware_sim import run as run_module
from firmware_sim.cli import main
from gateway.commands.demo.services import Service, free_port
from schemas.quantities import HEALTH, QUANTITIES, TEXT_TAGS
from schemas.topics import parse_topic
from tests.firmware_sim.listener import listening
from tests.influx import query
from tests.waiting import until

pytestmark = pytest.mark.real

FLEET = ["--water", "4", "--power", "3", "--traffic", "3", "--urban", "2"]
MODES = [pytest.param("per-device", id="per-device"), pytest.param("shared", id="shared")]


def _command(broker: Service, ledger: Path, *options: str) -> list[str]:
    fixed = ["--broker", broker.url, "--ledger", str(ledger)]
    return [sys.executable, "-m", "firmware_sim.cli", "run", *fixed, *(FLEET if "--water" not in options else ()), *options]


@contextmanager
def _running(broker: Service, ledger: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
    command = _command(broker, ledger, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as fleet:
        try:
            yield fleet
        finally:
            fleet.kill()


def _run(broker: Service, ledger: Path, *options: str) -> str:
    done = subprocess.run(_command(broker, ledger, *options), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _rows(ledger: Path) -> list[dict[str, Any]]:
    """The whole rows of a ledger that may be growing."""
    whole = ledger.read_text().rpartition("\n")[0] if ledger.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def _line(topic: str, reading: dict[str, Any]) -> str:
    """Return the line that a gateway writes for a sound reading."""
    at = parse_topic(topic)
    assert at is not None
    tags = {"device": at.device, "site": at.site} | {tag: reading.pop(tag) for tag in TEXT_TAGS if tag in reading}
    ts, seq = reading.pop("ts"), reading.pop("seq")
    lines = []
    for measurement in (at.domain, HEALTH):
        fields = [f"{key}={json.dumps(value)}" for key, value in reading.items() if key in QUANTITIES[measurement]]
        if fields:
            text = ",".join(f"{key}={value}" for key, value in sorted(tags.items()))
            lines.append(f"{measurement},{text} {','.join(fields)},quality=128i,seq={seq}i {ts}")
    return "\n".join(lines)


def _write(influxdb: Service, lines: list[str]) -> None:
    with closing(HTTPConnection(influxdb.host, influxdb.port, timeout=10)) as connection:
        connection.request("POST", "/write?db=iot&precision=ms", "\n".join(lines))
        response = connection.getresponse()
        assert response.status == 204, response.read()


@pytest.mark.parametrize("mode", MODES)
def test_what_a_fleet_sends_is_verified_in_influxdb(mosquitto: Service, influxdb: Service, tmp_path: Path, mode: str) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with listening(mosquitto.host, mosquitto.port, "iot/v1/+/+/+/readings") as heard:
        said = _run(mosquitto, ledger, "--interval", "0.1", "--duration", "1", "--connections", mode)
        rows = _rows(ledger)
        assert f"{len(rows)} acknowledged" in said
        assert 110 <= len(rows) <= 121
        until(lambda: len(heard.messages) == len(rows))
    _write(influxdb, [_line(topic, json.loads(payload)) for topic, payload in heard.messages])
    verify = ["verify", "--ledger", str(ledger), "--api", "v1", "--influxdb"]
    assert main([*verify, influxdb.url]) == 0
    query(influxdb.url, "iot", f"DROP SERIES WHERE device = '{rows[0]['tags']['device']}'")
    assert main([*verify, influxdb.url]) == 1
    assert main([*verify, f"http://127.0.0.1:{free_port()}"]) == 3


@pytest.mark.parametrize("mode", MODES)
def test_a_broker_that_is_killed_and_comes_back_costs_no_reading(mosquitto: Service, tmp_path: Path, mode: str) -> None:
    ledger = tmp_path / "ledger.jsonl"
    with _running(mosquitto, ledger, "--interval", "0.1", "--connections", mode) as fleet:
        until(lambda: len(_rows(ledger)) > 50)
        mosquitto.kill()
        stood = len(_rows(ledger))
        mosquitto.start()
        mosquitto.wait_ready()
        until(lambda: len(_rows(ledger)) > stood + 200)
        fleet.send_signal(signal.SIGTERM)
        said, _ = fleet.communicate(timeout=30)
        assert fleet.returncode == 0
    measured = int(said.split()[0].replace(",", ""))
    sequence = Counter((row["tags"]["device"], row["seq"]) for row in _rows(ledger))
    assert len(sequence) == measured, "every reading is acknowledged in the end"
    assert set(sequence.values()) == {1}


def test_a_device_is_online_while_it_runs_and_offline_when_it_ends(mosquitto: Service, tmp_path: Path) -> None:
    options = ["--water", "2", "--power", "0", "--traffic", "0", "--urban", "0", "--interval", "0.2"]
    for last_signal in (signal.SIGINT, signal.SIGKILL):  # its own word, and its will
        with (
            listening(mosquitto.host, mosquitto.port, "iot/v1/+/+/+/status") as heard,
            _running(mosquitto, tmp_path / "ledger.jsonl", *options) as fleet,
        ):
            until(lambda heard=heard: len(_states(heard.messages)) == 2 and set(_states(heard.messages).values()) == {"online"})
            fleet.send_signal(last_signal)
            until(lambda heard=heard: set(_states(heard.messages).values()) == {"offline"})
            fleet.communicate(timeout=30)
            assert fleet.returncode == (0 if last_signal is signal.SIGINT else -signal.SIGKILL)
    with listening(mosquitto.host, mosquitto.port, "iot/v1/+/+/+/status") as late:
        until(lambda: set(_states(late.messages).values()) == {"offline"}, what="it is retained")


def _states(messages: list[tuple[str, bytes]]) -> dict[str, str]:
    return {topic: json.loads(payload)["state"] for topic, payload in messages}


@pytest.mark.parametrize("mode", MODES)
def test_a_broker_nobody_can_reach_is_exit_status_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setattr(run_module, "REACH_S", 0.5)
    url = f"mqtt://user:secret@127.0.0.1:{free_port()}"
    assert main(["run", "--broker", url, "--duration", "1", "--connections", mode]) == 3
    error = capsys.readouterr().err
    assert re.fullmatch(r"firmware-sim: broker mqtt://127.0.0.1:\d+ not reachable: .*refused\n", error)


@pytest.mark.parametrize("mode", MODES)
def test_readings_are_evenly_spaced(mosquitto: Service, tmp_path: Path, mode: str) -> None:
    with listening(mosquitto.host, mosquitto.port, "iot/v1/+/+/+/readings") as heard:
        _run(mosquitto, tmp_path / "ledger.jsonl", "--interval", "0.1", "--duration", "1.5", "--connections", mode)
    gaps_s = [later - earlier for earlier, later in zip(heard.arrived_s, heard.arrived_s[1:], strict=False)]
    assert sum(gaps_s) / len(gaps_s) == pytest.approx(0.1 / 12, rel=0.05)
    even = sum(0.25 * 0.1 / 12 < gap_s < 1.75 * 0.1 / 12 for gap_s in gaps_s)
    assert even > len(gaps_s) / 6, "nearly all neighbours are a gap apart, on a busy machine fewer; of bursts none would be"


@pytest.mark.slow
def test_shared_connections_carry_five_thousand_readings_a_second(mosquitto: Service, tmp_path: Path) -> None:
    fleet = ["--water", "2000", "--power", "1500", "--traffic", "1000", "--urban", "500"]
    _run(mosquitto, tmp_path / "ledger.jsonl", *fleet, "--interval", "1", "--duration", "4", "--connections", "shared")
    times_ms = [row["at"] for row in _rows(tmp_path / "ledger.jsonl")]
    assert len(times_ms) / (max(times_ms) - min(times_ms)) * 1000 > 4_800


@pytest.mark.slow
def test_three_hundred_devices_have_a_connection_each(mosquitto: Service, tmp_path: Path) -> None:
    fleet = ["--water", "100", "--power", "100", "--traffic", "50", "--urban", "50"]
    _run(mosquitto, tmp_path / "ledger.jsonl", *fleet, "--interval", "1", "--duration", "3")
    assert len({row["tags"]["device"] for row in _rows(tmp_path / "ledger.jsonl")}) == 300


def test_a_device_without_network_is_offline_by_its_will_and_sends_its_log_when_it_is_back(
    mosquitto: Service, tmp_path: Path
) -> None:
    scenario = tmp_path / "lost.yaml"
    scenario.write_text("{about: x, lasts: 8s, events: [{story: network_lost, at: 3s, lasts: 3s}], sites: 1}")
    with listening(mosquitto.host, mosquitto.port, "iot/#") as listener:
        _run(mosquitto, tmp_path / "ledger", "--scenario", str(scenario), "--interval", "0.5")
    states: dict[str, list[bytes]] = {}
    for topic, payload in listener.messages:
        if topic.endswith("/status"):
            states.setdefault(topic, []).append(payload)
    online, offline = b'{"state":"online"}', b'{"state":"offline"}'
    assert len(states) == 12
    assert all(seen == [online, offline, online, offline] for seen in states.values()), states
    assert any(payload.startswith(b"[{") for _, payload in listener.messages), "logs"
    by_device: dict[str, list[int]] = {}
    for row in (row for row in _rows(tmp_path / "ledger") if "f" in row):
        by_device.setdefault(row["tags"]["device"], []).append(row["seq"])
    assert all(sorted(seqs) == list(range(len(seqs))) for seqs in by_device.values()), "none is lost"


def test_a_sleeper_connects_to_send_and_is_gone_between(mosquitto: Service, tmp_path: Path) -> None:
    with listening(mosquitto.host, mosquitto.port, "iot/#") as listener:
        _run(
            mosquitto, tmp_path / "ledger", "--scenario", "sleepers", "--interval", "0.2", "--duration", "2.5", "--devices", "3"
        )
    births = Counter(topic for topic, payload in listener.messages if payload == b'{"state":"online"}')
    arrays = Counter(topic for topic, payload in listener.messages if payload.startswith(b"["))
    assert len(arrays) == 12
    assert all(3 <= number <= 5 for number in births.values()), births
    assert all(2 <= number <= 4 for number in arrays.values()), arrays
