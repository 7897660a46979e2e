"""Ten thousand devices with connections of their own in one process: an even rate, little memory, every reading accounted for.

Two minutes of them; ``MINUTES=10`` takes the ten of the bar, on a machine that does nothing else. ``DEVICES=1000`` shows on a
busy one that all is well but the rate of ten thousand.
"""

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.system.fleet import wait_settled
from tests.system.rig import gateway

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(1_200)]

DEVICES, INTERVAL_S = int(os.environ.get("DEVICES", "10000")), 10
SECONDS = 60 * int(os.environ.get("MINUTES", "2"))
FILES = DEVICES + 2_000
MOST_MB = 400
UNEVEN = 0.02
RATE = re.compile(r"\) +([\d,.]+)/s ")


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process, and the broker that it starts, open as many files as there are connections."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] != resource.RLIM_INFINITY and before[1] < FILES:
        pytest.skip(f"{FILES} open files are needed: ulimit -Hn {FILES} as root")
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.usefixtures("many_files")
def test_devices_with_connections_of_their_own_send_evenly_and_are_all_accounted_for(tmp_path: Path, influxdb: Service) -> None:
    where = tmp_path / "broker"
    where.mkdir()
    ledger = tmp_path / "ledger.jsonl"
    with services.mosquitto(where) as broker, gateway(tmp_path / "gateway", broker.url, influxdb.url) as gate:
        gate.wait_subscribed()
        said, peak_mb = _run(broker, ledger)
        wait_settled(gate, broker)
        verified = _verified(ledger, influxdb)
    faults = [verified["total"][name] for name in ("missing", "different", "duplicate", "accepted")]
    assert not any(faults), verified["first"]
    assert peak_mb <= MOST_MB
    assert verified["total"]["sent"] >= DEVICES / INTERVAL_S * SECONDS * (1 - UNEVEN)
    rates = [float(rate.replace(",", "")) for rate in RATE.findall(said)]
    usual = DEVICES / INTERVAL_S
    even = [rate for rate in rates[1:-1] if abs(rate - usual) <= UNEVEN * usual]
    assert len(even) >= 0.95 * len(rates[1:-1]), rates


def _run(broker: Service, ledger: Path) -> tuple[str, float]:
    """Let the fleet send; what it said of its progress, and the most memory that it took."""
    per_domain = [word for name in ("water", "power", "traffic", "urban") for word in (f"--{name}", str(DEVICES // 4))]
    fixed = ["--broker", broker.url, "--ledger", str(ledger), "--interval", str(INTERVAL_S), "--duration", str(SECONDS)]
    command = [sys.executable, "-m", "firmware_sim.cli", "run", *fixed, *per_domain]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as fleet:
        assert fleet.stderr is not None
        lines, peak_kb = [], 0
        for line in fleet.stderr:
            lines.append(line)
            status = Path(f"/proc/{fleet.pid}/status").read_text()
            peak_kb = max(peak_kb, int(re.findall(r"VmHWM:\s+(\d+)", status)[0]))
        assert fleet.wait() == 0, lines[-3:]
    return "".join(lines), peak_kb / 1024


def _verified(ledger: Path, influxdb: Service) -> dict[str, dict[str, int]]:
    where = ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot", "--wait", "30", "--json"]
    command = [sys.executable, "-m", "firmware_sim.cli", "verify", "--ledger", str(ledger), *where]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    found: dict[str, dict[str, int]] = json.loads(told)
    return found
