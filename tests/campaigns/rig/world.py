"""The world of one schedule: real broker, real InfluxDB, a gateway that reaches both by links, and a fleet with a ledger."""

import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from gateway.commands.demo import services
from gateway.commands.demo.services import Program, Service
from tests.campaigns.chaos.surroundings import Surroundings
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.schedule import Setting
from tests.campaigns.rig.tap import Tap
from tests.system.fleet import client_of, publish
from tests.system.rig import OUTCOMES, Document, Gateway, gateway
from tests.waiting import until

LOOK_S: Final = 1.0
STOPS_WITHIN_S: Final = 10.0
"""Five seconds are promised; three worlds share this machine."""
SETTLES_WITHIN_S: Final = 90.0
FLEET: Final = {"water": 8, "power": 6, "traffic": 6, "urban": 5}
_EVERY_S: Final = 0.1
_DISK_BYTES: Final = 8192


class Fleet(Service):
    """``firmware-sim run`` with a ledger, for so many seconds."""

    @property
    def ledger(self) -> Path:
        """The ledger of messages that the broker acknowledged to it."""
        return self.folder / "fleet.jsonl"

    def wait_ended(self, within_s: float) -> int:
        """Its exit status, once all is acknowledged."""
        assert self._process is not None
        return self._process.wait(within_s)


@dataclass
class Account:
    """The gateway's ledger as it was seen, over all its starts.

    :ivar looks: how often it was seen.
    :ivar faults: what must never be seen.
    """

    looks: int = 0
    faults: list[str] = field(default_factory=list)
    _by_start: defaultdict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def note(self, ledger: Document) -> None:
        """Hold a look at it against what must always be so."""
        self.looks += 1
        self._by_start[ledger["since"]] = {outcome: ledger[outcome] for outcome in OUTCOMES}
        pending = ledger["pending"]
        settled = sum(ledger[outcome] for outcome in OUTCOMES)
        balanced = ledger["imbalance"] == 0 and ledger["received"] == settled + sum(pending.values())
        if not balanced or min(pending.values()) < 0 or ledger["lost"] or ledger["rejected"]:
            self.faults.append(f"the gateway's ledger: {ledger}")

    def total(self, outcome: str) -> int:
        """Readings that came to this end, as far as was seen."""
        return sum(counts[outcome] for counts in self._by_start.values())


@dataclass
class World:
    """All of it, running; ``disk_full`` holds for gateways that are started from now on too."""

    broker: Service
    influxdb: Service
    mqtt: Link
    http: Link
    tap: Tap
    surroundings: Surroundings
    gate: Gateway
    fleet: Fleet
    account: Account = field(default_factory=Account)
    disk_full: bool = False

    # What faults do.

    def start_gateway(self) -> None:
        """Start it, on a full disk if it is full."""
        self.gate.start()
        self.limit_disk()

    def limit_disk(self) -> None:
        """No file of the gateway's may grow, or all may again."""
        if self.gate.pid is not None:
            limit = _DISK_BYTES if self.disk_full else resource.RLIM_INFINITY
            resource.prlimit(self.gate.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    def stop_gateway(self) -> None:
        """In order, once it has started: before that, no program hears a SIGTERM."""
        self.gate.wait_ready()
        status = self.gate.terminate(STOPS_WITHIN_S)
        if status:
            self.account.faults.append(f"the gateway ended with {status} at SIGTERM")

    # What is seen of it.

    def look(self, *, gateway_may_be_away: bool) -> None:
        """See whether the gateway runs and whether its ledger balances; one that ended by itself is started again."""
        if gateway_may_be_away:
            return
        if self.gate.pid is None:
            self.account.faults.append(f"the gateway ended by itself:\n{self.gate.printed()[-3000:]}")
            self.start_gateway()
        with suppress(OSError, HTTPException, ValueError):
            self.account.note(self._document("/api/ledger"))

    def heard(self) -> int:
        """Return the number of devices that the gateway has heard since its start."""
        try:
            return int(self._document("/api/status")["devices"]["online"])
        except (OSError, HTTPException, ValueError):
            return 0

    def _document(self, path: str) -> Document:
        """Return a document of the gateway; retry for a while, for the gateway may be starting or suspended."""
        with closing(HTTPConnection(self.gate.host, self.gate.port, timeout=LOOK_S)) as connection:
            connection.request("GET", path)
            found: Document = json.loads(connection.getresponse().read())
            return found

    # How it ends.

    def settle(self) -> None:
        """All faults are healed: wait until the fleet is done and all that the broker has came to its end in the gateway."""
        deadline_s = time.monotonic() + SETTLES_WITHIN_S

        def wait(condition: Callable[[], object], what: str) -> None:
            until(condition, max(deadline_s - time.monotonic(), 0.1), what=what)

        wait(self.gate.answers, "the gateway answers")
        status = self.fleet.wait_ended(60.0)
        if status:
            self.account.faults.append(f"firmware-sim ended with {status}: {self.fleet.log.read_text()[-1000:]}")
        wait(lambda: self.gate.status()["mqtt"]["connected"], "connected")
        wait(self._mark, "all that the broker has arrived")
        wait(self._is_empty, "nothing waits")

    def _mark(self) -> bool:
        """Publish a mark, and tell whether it arrives: the broker keeps the order, if it has a subscription to keep it for."""
        marker = f"marker-{time.monotonic_ns()}"
        with client_of(self.broker) as client:
            publish(client, f"iot/v1/site/water/{marker}/status", '{"state": "online"}')
        try:
            until(lambda: f'"{marker}"' in self.gate.ask("/api/devices")[1], 5.0)
        except (AssertionError, OSError, HTTPException):
            return False
        return True

    def _is_empty(self) -> bool:
        ledger = self.gate.ledger()
        self.account.note(ledger)
        return not any(ledger["pending"].values()) and self.gate.status()["mqtt"]["unacknowledged"] == 0


@contextmanager
def world(folder: Path, setting: Setting, seed: int, seconds: float) -> Iterator[World]:
    """Build it; the fleet is to run for ``seconds`` from the beginning of the schedule."""
    tap = Tap()
    surroundings = Surroundings(folder / "surroundings")
    with (
        services.mosquitto(folder) as broker,
        services.influxdb(folder) as influxdb,
        Link(broker, tap) as mqtt,
        Link(influxdb) as http,
        _gateway(folder, setting, mqtt, http) as gate,
    ):
        gate.wait_subscribed(20.0)
        _save(broker)
        with simulated_fleet(folder, broker.url, setting, seed, seconds) as fleet:
            yield World(broker, influxdb, mqtt, http, tap, surroundings, gate, fleet)


def _save(broker: Service) -> None:
    """Have it save what it holds, as it does now and then: it knows the gateway from now on, whatever happens to it."""
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGUSR1)
    saved = broker.folder / "mosquitto-data" / "mosquitto.db"
    until(lambda: saved.exists() and b"gateway-1" in saved.read_bytes(), what="the broker has saved the gateway's session")


def _gateway(folder: Path, setting: Setting, mqtt: Link, http: Link) -> Gateway:
    urls = f"mqtt://broker.test:{mqtt.port}", f"http://influxdb.test:{http.port}"
    gate = gateway(folder / "gateway", *urls, **setting.gateway)
    gate.arguments[:2] = ["-m", "tests.campaigns.chaos.surroundings", str(folder / "surroundings")]
    return gate


def simulated_fleet(
    folder: Path, broker_url: str, setting: Setting, seed: int, seconds: float, every_s: float = _EVERY_S
) -> Fleet:
    """A fleet that publishes for so many seconds, each device every so often; not started."""
    options = {
        **{f"--{domain}": str(devices) for domain, devices in FLEET.items()},
        "--broker": broker_url,
        "--seed": str(seed),
        "--interval": str(every_s),
        "--duration": str(seconds),
        "--ledger": str(folder / "fleet.jsonl"),
        "--scenario": setting.scenario,
        "--connections": setting.connections,
    }
    fleet = Fleet(
        "firmware-sim",
        "",
        0,
        folder,
        broker_url,
        Program(Path(sys.executable)),
        ["-m", "firmware_sim.cli", "run", *(word for option in options.items() for word in option)],
        lambda: (folder / "fleet.jsonl").stat().st_size > 0,
    )
    fleet.ledger.touch()
    return fleet
