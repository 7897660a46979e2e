"""Attacks while honest devices report: each alone, and all at once on a gateway with as much memory as its unit gives it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import CHECKOUT, Service
from tests.influx import query
from tests.system.besiegers import ATTACKS, CODEC_PORTS, flood_connections
from tests.system.door import Door
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, publish
from tests.system.makes import Sender, profile
from tests.system.memory_limit import MemoryLimit, NoLimit, held_bytes, memory_limit
from tests.system.rig import Document, Gateway, gateway
from tests.system.test_system_codecs import HOSTILE, codec
from tests.system.test_system_readers import Delays, hostile_readers, memory_bytes
from tests.waiting import until

pytestmark = pytest.mark.real

SECONDS: Final = float(os.environ.get("SIEGE_SECONDS", "300"))
"""The environment variable makes it shorter or longer."""
CALM_S: Final = 10.0
RATE: Final = 500
FLEET: Final = ["--water", "250", "--power", "125", "--traffic", "100", "--urban", "25", "--interval", "1"]
MARKER: Final = "marker"
"""A registered device that says once that it is online."""
EUI: Final = "aa00000000000001"
MEMORY_BYTES: Final = 384 * 2**20
"""``MemoryMax`` of the shipped unit."""
ALONE_S: Final = 2.5
SPANS: Final = 4
GROWTH_BYTES: Final = 20 * 2**20
QUICK: Final = (flood_connections,)
"""Tried alone with every run of the tests; the others with the slow ones."""
_SIM: Final = [sys.executable, "-m", "firmware_sim.cli"]


@dataclass
class Siege:
    """The observations of a siege, and what the attackers report."""

    held_bytes: list[int] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)

    def most(self) -> str:
        """The most that gateway and codecs held so far, for people."""
        return f"{max(self.held_bytes) / 2**20:.0f} MiB at most"


def registry(folder: Path) -> None:
    """All honest devices, and those whose makers mean harm; the names that are invented are none of them."""
    said = subprocess.run([*_SIM, "registry", *FLEET], check=True, capture_output=True, text=True, cwd=CHECKOUT).stdout
    numbered = [*(f"m{number}" for number in range(20)), *(f"bad-{port}" for port in CODEC_PORTS)]
    others = [EUI, MARKER, "twice", "escapes", *numbered]
    (folder / "devices.yaml").write_text(said + "".join(f"  - {{id: {name}, site: site, domain: water}}\n" for name in others))


def codecs(folder: Path) -> None:
    """A maker's codec that works, and some that do not."""
    profile(folder, "sound")
    for port, name in zip(CODEC_PORTS, HOSTILE, strict=False):
        profile(folder, name, codec(HOSTILE[name]), port=port)


@contextmanager
def fleet(broker: Service, ledger: Path, seconds: float) -> Iterator[subprocess.Popen[bytes]]:
    """The honest devices, which write down what the broker acknowledged."""
    told = ["--broker", broker.url, "--connections", "shared", "--duration", f"{seconds:g}", "--ledger", str(ledger)]
    with subprocess.Popen([*_SIM, "run", *FLEET, *told], cwd=CHECKOUT) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def besiegers(gate: Gateway, broker: Service, siege: Siege, *attacks: str) -> Iterator[None]:
    """All of :mod:`tests.system.besiegers`, or the one that is named."""
    command = [sys.executable, "-m", "tests.system.besiegers", str(gate.port), str(broker.port), *attacks]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "they begin\n"
            yield
            siege.done = json.loads(process.communicate(timeout=30)[0])
        finally:
            process.kill()


def watch(gate: Gateway, siege: Siege, seconds: float) -> None:
    """Look each second for so long: it answers, its ledger balances, it holds no more than it may."""
    ends_s = time.monotonic() + seconds
    pid = gate.pid
    while time.monotonic() < ends_s:
        gate.ledger()
        assert gate.pid == pid, gate.printed()[-3000:]
        with suppress(FileNotFoundError, ProcessLookupError):  # a codec's process ended meanwhile
            siege.held_bytes.append(held_bytes(family(pid)))
        time.sleep(1.0)


def family(pid: int | None) -> list[int]:
    """The gateway and its children."""
    assert pid is not None
    return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]


def wait_empty(gate: Gateway, broker: Service) -> Document:
    """Wait until all that the broker acknowledged so far arrived, and nothing waits but in quarantine; the ledger then."""
    with client_of(broker) as client:
        publish(client, f"iot/v1/site/water/{MARKER}/status", '{"state": "online"}')
    until(lambda: is_online(gate, MARKER), 60.0, what="all arrived")
    until(lambda: gate.status()["mqtt"]["unacknowledged"] == 0, 60.0, what="codecs have answered")
    until(lambda: not gate.pending("memory") and not gate.pending("journal"), 60.0, what="all is stored")
    return gate.ledger()


def is_online(gate: Gateway, device: str) -> bool:
    """Tell if a device said that it is online."""
    return any(one["id"] == device and one["online"] for one in gate.document("/api/devices")["devices"])


def assert_all_were_told(gate: Gateway, siege: Siege) -> None:
    """Each attack took place, and left a word for people."""
    status, troubles, log = gate.status(), gate.troubles(), gate.printed()
    assert not [name for name, times in siege.done.items() if times < SECONDS], siege.done
    assert {"bad_json", "profile_error"} <= status["rejects"].keys(), status["rejects"]
    assert "HTTP: a connection from 127.0.1.9 was closed" in log
    assert "wrong tokens over HTTP" in log
    assert "127.0.1.3" in log
    assert "invented-" not in json.dumps(gate.document("/api/devices")), "they are no devices"
    assert "dropped" not in troubles, "the broker kept all"
    assert "\x1b" not in log
    assert "Traceback" not in log
    assert sum(status["rejects"].values()) > 0


def assert_frames_stand(influxdb: Service, sender: Sender) -> None:
    """Each frame of the make whose codec works is stored."""
    rows = query(influxdb.url, "iot", f"SELECT pressure_kpa FROM water WHERE device = '{EUI}'")  # noqa: S608 - a name of ours
    missing = {frame.time_ms for frame in sender.sent} - {row["time"] for row in rows}
    assert not missing, f"{len(missing)} of {len(sender.sent)} frames"


@contextmanager
def limited(gate: Gateway) -> Iterator[MemoryLimit | None]:
    """A gateway that the kernel ends when it takes more than it may; where that cannot be, what it holds is looked at alone."""
    with ExitStack() as made:
        try:
            limit = made.enter_context(memory_limit(MEMORY_BYTES))
        except NoLimit as why:
            print(f"no limit by the kernel: {why}")  # noqa: T201 - pytest shows it
            yield None
        else:
            limit.put(gate)
            yield limit


@pytest.mark.parametrize(
    "attack", [pytest.param(attack.__name__, marks=[pytest.mark.slow] * (attack not in QUICK)) for attack in ATTACKS]
)
def test_an_attack_costs_no_reading_its_time_and_the_gateway_no_memory(
    attack: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder, siege, delays = tmp_path / "gateway", Siege(), Delays("m")
    folder.mkdir()
    registry(folder)
    codecs(folder)
    with Door(influxdb) as door:
        door.deed = delays
        with gateway(folder, mosquitto.url, door.url, devices={"unknown": "quarantine"}) as gate:
            gate.wait_subscribed()
            with Fleet(mosquitto, rate=200) as fleet:
                until(lambda: len(delays.taken_s) > 200 * ALONE_S, 30.0)
                limit_s, before_bytes = max(2 * delays.p99_s(0), 0.05), memory_bytes(gate, "VmRSS")
                Path(f"/proc/{gate.pid}/clear_refs").write_text("5")  # forget VmHWM
                with besiegers(gate, mosquitto, siege, attack):
                    p99s_s = under_attack(delays, limit_s)
                    grown_bytes = memory_bytes(gate, "VmHWM") - before_bytes
            wait_empty(gate, mosquitto)
            assert siege.done[attack] > 0
            assert not gate.said("Traceback")
    assert_each_stands_once(influxdb, fleet)
    assert grown_bytes <= GROWTH_BYTES, f"{grown_bytes / 2**20:.0f} MiB"
    assert min(p99s_s) <= limit_s, p99s_s


def under_attack(delays: Delays, limit_s: float) -> list[float]:
    """The p99 of some spans, until one is within the limit: an attack's cost is in each, what else the machine does is not."""
    found: list[float] = []
    while len(found) < SPANS and min(found, default=inf) > limit_s:
        begun = len(delays.taken_s)
        until(lambda least=begun + 200 * ALONE_S: len(delays.taken_s) > least, 30.0)
        found.append(delays.p99_s(begun))
    return found


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 300)
def test_under_all_attacks_at_once_no_honest_reading_is_lost_within_384_megabytes(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder, ledger, siege, delays = tmp_path / "gateway", tmp_path / "ledger.jsonl", Siege(), Delays("sim-")
    folder.mkdir()
    registry(folder)
    codecs(folder)
    with Door(influxdb) as door:
        door.deed = delays
        gate = gateway(folder, mosquitto.url, door.url, devices={"unknown": "quarantine"})
        with limited(gate) as limit, gate:
            gate.wait_subscribed()
            with Sender(mosquitto, [EUI], rate=5) as sender, fleet(mosquitto, ledger, CALM_S + SECONDS) as devices:
                watch(gate, siege, CALM_S)
                calm, told = len(delays.taken_s), [f"p99 {delays.p99_s(0):.3f} s, {siege.most()} before"]
                with hostile_readers(gate, "127.0.1.9"), besiegers(gate, mosquitto, siege):
                    watch(gate, siege, SECONDS)
                    told.append(f"p99 {delays.p99_s(calm):.3f} s, {siege.most()} under siege")
                assert devices.wait(60) == 0
            told.append(str(wait_empty(gate, mosquitto)))
            if limit is not None:
                told.append(f"the kernel's count: {limit.peak_bytes / 2**20:.0f} MiB at most, page cache included")
                assert limit.ended == 0, "the kernel ended none of its processes"
            print(*told, siege.done, sep="\n")  # noqa: T201 - pytest shows it
            assert_all_were_told(gate, siege)
    assert max(siege.held_bytes) <= MEMORY_BYTES
    assert_frames_stand(influxdb, sender)
    assert_all_stand(influxdb, ledger)


def assert_all_stand(influxdb: Service, ledger: Path) -> None:
    """Check that each reading the broker acknowledged to an honest device is in InfluxDB, once and as it was sent."""
    where = ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot", "--wait", "10", "--json"]
    words = [*_SIM, "verify", "--ledger", str(ledger), *where]
    verified = subprocess.run(words, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    found = json.loads(verified.stdout)
    print(found["total"])  # noqa: T201 - pytest shows it
    assert verified.returncode == 0, found["first"]
    assert found["total"]["sent"] >= 0.9 * RATE * SECONDS
