"""The parts of a soak: broker, InfluxDB, the links to them, the gateway between, and the fleet that writes its ledger."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service, influxdb, mosquitto
from tests.campaigns.rig.link import Link
from tests.system.rig import Gateway, gateway

DEVICES: Final = {"water": 250, "power": 125, "traffic": 100, "urban": 25}
"""A fleet's devices by domain."""
NEWCOMERS: Final = {"water": 20, "power": 20, "traffic": 10, "urban": 0}
REJECTS_BYTES: Final = 64 * 1024
"""Room for rejects. They stand in the journal's file, so what they may take must not hide what the journal leaves behind."""
_SIM: Final = [sys.executable, "-m", "firmware_sim.cli"]
_SEED: Final = 1


@dataclass
class World:
    """Everything that can be made to fail.

    :ivar fleets: all that were started, the one that stays first; the others came for a while.
    :ivar numbers: each is given once.
    """

    folder: Path
    rate: int
    broker: Service
    database: Service
    to_broker: Link
    to_database: Link
    gate: Gateway
    fleets: list[subprocess.Popen[bytes]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def ledgers(self) -> list[Path]:
        """The ledgers that the fleets wrote."""
        return sorted(self.folder.glob("ledger-*.jsonl"))

    def fleet(self, seconds: float) -> subprocess.Popen[bytes]:
        """The fleet, which reports for so long."""
        return self._simulate(_SEED, DEVICES, sum(DEVICES.values()) / self.rate, seconds)

    def newcome(self, seconds: float) -> None:
        """A few devices that nobody has seen yet report for so long, and never again."""
        self._simulate(_SEED + len(self.fleets), NEWCOMERS, 1.0, seconds)

    def _simulate(self, seed: int, devices: dict[str, int], interval_s: float, seconds: float) -> subprocess.Popen[bytes]:
        numbers = [word for domain, number in devices.items() for word in (f"--{domain}", str(number))]
        told = ["--seed", str(seed), "--interval", f"{interval_s:.4f}", "--duration", f"{seconds:.1f}"]
        where = ["--broker", self.broker.url, "--connections", "shared", "--ledger", str(self.folder / f"ledger-{seed}.jsonl")]
        with (self.folder / "fleet.log").open("ab") as log:
            command = [*_SIM, "run", *numbers, *told, *where]
            self.fleets.append(subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True))
        return self.fleets[-1]

    def end_fleets(self) -> None:
        """Nobody publishes any more."""
        for process in self.fleets:
            process.kill()
            process.wait()

    def limit_files(self, size_bytes: int) -> None:
        """No file of the gateway grows beyond so many bytes: to it the disk is full; -1: as far as it was allowed before."""
        if self.gate.pid is not None:
            _, hard = resource.prlimit(self.gate.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self.gate.pid, resource.RLIMIT_FSIZE, (hard if size_bytes < 0 else size_bytes, hard))

    def write_registry(self, turn: int) -> None:
        """A registry of its own for each turn: some devices stay with other data, others go, others come."""
        stay = [{"id": f"stay-{at}", "site": "s1", "domain": "water", "area": f"a{turn % 3}"} for at in range(200)]
        come = [{"id": f"turn-{turn}-{at}", "site": "s1", "domain": "power", "interval": "15min"} for at in range(200)]
        document = {"areas": {f"a{at}": f"Area {at}" for at in range(3)}, "devices": stay + come}
        (self.gate.folder / "devices.yaml").write_text(json.dumps(document))

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Run ``firmware-sim verify`` on all ledgers together: each reading is in InfluxDB once, as it was sent."""
        whole = self.folder / "ledger.jsonl"
        with whole.open("wb") as file:
            for ledger in self.ledgers:
                file.write(ledger.read_bytes())
        words = [*_SIM, "verify", "--ledger", str(whole), "-c", str(self.gate.config), "--wait", "20", "--json"]
        return subprocess.run(words, capture_output=True, text=True, check=False)


@contextmanager
def world(folder: Path, rate: int) -> Iterator[World]:
    """All parts, running; the gateway reaches the others through links."""
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        to_broker = running.enter_context(Link(broker))
        to_database = running.enter_context(Link(database))
        rejects = {"max_bytes": REJECTS_BYTES}
        gate = gateway(folder / "gateway", to_broker.url("mqtt"), to_database.url("http"), rejects=rejects)
        found = World(folder, rate, broker, database, to_broker, to_database, gate)
        found.write_registry(0)
        running.enter_context(gate)
        gate.wait_subscribed()
        running.callback(found.end_fleets)
        for service in (broker, database):
            running.callback(service.resume)  # what hangs cannot be stopped
        yield found
