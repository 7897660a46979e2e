"""Devices of makes at a real broker: births of edge nodes, last wills, and the connections of servers and bridges."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_sim.cli import main
from gateway.commands.demo.services import Service
from tests.firmware_sim.listener import Listener, listening
from tests.system.fleet import client_of, publish
from tests.waiting import until

pytestmark = pytest.mark.real

NODE = "sim-1-sparkplug-power-0001"


@contextmanager
def fleet(broker: Service, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "firmware_sim.cli", "run", "--broker", broker.url, "--interval", "1", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def verbs(heard: Listener) -> list[str]:
    return [topic.split("/")[2] for topic, _ in heard.messages]


def test_an_edge_node_is_born_again_when_its_host_asks_and_dies_with_its_connection(mosquitto: Service) -> None:
    with (
        listening(mosquitto.host, mosquitto.port, "spBv1.0/#") as heard,
        client_of(mosquitto) as host,
        fleet(mosquitto, "--profile", "sparkplug-power=1") as running,
    ):
        until(lambda: verbs(heard)[:3] == ["NBIRTH", "DBIRTH", "DDATA"], what="it is born")
        publish(host, f"spBv1.0/sim/NCMD/{NODE}", b"")
        until(lambda: verbs(heard).count("NBIRTH") == 2, what="it is born again")
        running.kill()
        until(lambda: verbs(heard)[-1] == "NDEATH", what="the broker tells of its death")


def test_a_device_keeps_its_maker_s_words_for_online_and_offline(mosquitto: Service) -> None:
    state = "tele/sim-1-tasmota-energy-0001/LWT"
    with listening(mosquitto.host, mosquitto.port, "tele/+/+") as heard:
        with fleet(mosquitto, "--profile", "tasmota-energy=1") as running:
            until(lambda: any(topic.endswith("SENSOR") for topic, _ in heard.messages), what="it sends")
            assert heard.last(state) == b"Online"
            running.kill()
        until(lambda: heard.last(state) == b"Offline", what="its last will")


@pytest.mark.parametrize("water", [pytest.param(["--water", "2"], id="beside others"), pytest.param([], id="alone")])
def test_makes_measure_in_simulated_time(mosquitto: Service, tmp_path: Path, water: list[str]) -> None:
    ledger = tmp_path / "ledger"
    what = ["--profile", "kamstrup-lorawan=2", "--interval", "900", "--connections", "shared", *water]
    when = ["--start", "2026-01-05T00:00:00+07:00", "--days", "1", "--speed", "0"]
    assert main(["run", "--broker", mosquitto.url, "--ledger", str(ledger), *what, *when]) == 0
    rows = [json.loads(line) for line in ledger.read_text().splitlines()]
    times = [row["ts"] for row in rows if "f" in row and "kamstrup" in row["tags"]["device"] and row["m"] == "water"]
    day_ms = range(1_767_546_000_000, 1_767_546_000_000 + 86_400_000 + 1, 900_000)
    assert sorted(times) == sorted([*day_ms, *day_ms]), "every quarter of an hour, midnight too"
