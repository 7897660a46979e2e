"""A simulated fleet as a process, its ledger of what the broker acknowledged, and what stands of it in the database."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.commands.demo.services import Program, Service
from schemas.quantities import DOMAINS
from tests.campaigns.rig.tap import Handed
from tests.campaigns.rig.verdict import Key, keys_of
from tests.influx import query
from tests.system.rig import Document

FIRMWARE_SIM: Final = ["-m", "firmware_sim.cli"]
FEW: Final = {"water": 8, "power": 6, "traffic": 6, "urban": 5}
"""The devices of a small fleet by domain."""


class Fleet(Service):
    """``firmware-sim run`` with a ledger."""

    @property
    def ledger(self) -> Path:
        """The ledger of messages that the broker acknowledged to it."""
        return self.folder / f"{self.name}.jsonl"

    def wait_ended(self, within_s: float | None = None) -> int:
        """Its exit status, once all is acknowledged."""
        assert self._process is not None
        return self._process.wait(within_s)

    def end(self, within_s: float) -> int:
        """End it in order before its time; its exit status."""
        assert self._process is not None
        self._process.terminate()
        return self.wait_ended(within_s)


def fleet(
    folder: Path,
    broker_url: str,
    devices: Mapping[str, int],
    every_s: float,
    options: Mapping[str, object] = MappingProxyType({}),
    name: str = "fleet",
) -> Fleet:
    """A fleet in which each device publishes every so often; not started.

    :param devices: domain → number of devices.
    :param options: further ones of ``firmware-sim run``, such as ``duration`` in seconds; without it only an end ends it.
    """
    words = {"broker": broker_url, "interval": f"{every_s:g}", "connections": "shared"} | dict(devices) | dict(options)
    made = Fleet(
        name,
        "",
        0,
        folder,
        broker_url,
        Program(Path(sys.executable)),
        [*FIRMWARE_SIM, "run", *(word for option, value in words.items() for word in (f"--{option}", str(value)))],
        lambda: made.ledger.stat().st_size > 0,
    )
    made.ledger.touch()
    made.arguments += ["--ledger", str(made.ledger)]
    return made


def verify(ledger: Path, *where: str) -> Document:
    """Hold a ledger against the database, as ``firmware-sim verify`` does; what it found is left beside the ledger."""
    command = [sys.executable, *FIRMWARE_SIM, "verify", "--json", "--ledger", str(ledger), *where]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise AssertionError(f"firmware-sim verify ended with {done.returncode}: {done.stderr}")
    ledger.with_name("verified.json").write_text(done.stdout)
    found: Document = json.loads(done.stdout)
    return found


def in_influxdb(influxdb: Service) -> list[str]:
    """Arguments of :func:`verify` for InfluxDB itself."""
    return ["--influxdb", influxdb.url, "--api", "v1", "--bucket", "iot"]


def acknowledged(ledger: Path) -> frozenset[Key]:
    """The readings that the broker acknowledged to a fleet."""
    rows = map(json.loads, ledger.read_text().splitlines())
    return frozenset((row["tags"]["device"], row["seq"]) for row in rows)


def readings_of(handed: Iterable[Handed]) -> frozenset[Key]:
    """The readings that were handed over."""
    messages = {(each.topic, each.payload) for each in handed if each.topic.endswith("/readings")}
    return frozenset(key for topic, payload in messages for key in keys_of(topic, payload))


def standing(influxdb: Service) -> frozenset[Key]:
    """The readings of a fleet that stand in InfluxDB."""
    return frozenset(
        (str(row["device"]), int(str(row["seq"])))
        for domain in DOMAINS
        for row in query(influxdb.url, "iot", f"SELECT seq, device FROM {domain}")  # noqa: S608 - a name of ours
        if row["seq"] is not None
    )
