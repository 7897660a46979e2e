"""SIGKILL of the gateway, again and again, under a fleet with a ledger; InfluxDB is out of reach half of the time.

Kills come in fours: InfluxDB is up; it went away before the kill; it is away and comes back between the kill and the new
process, which then has a backlog in its journal; it is up again.
"""

import gzip
import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.commands.demo.services import Service, influxdb, mosquitto
from tests.campaigns.bench.children import BenchFault, gateway, printed
from tests.campaigns.bench.door import Requests
from tests.campaigns.rig.link import Link
from tests.system.fleet import client_of
from tests.waiting import until

_SIM: Final = [sys.executable, "-m", "firmware_sim.cli"]
_IMPORTS: Final = [sys.executable, "-c", "import uvloop, gateway.commands.cli, gateway.commands.run"]
_AWAY, _BACK = 1, 2
_PATIENCE_S: Final = 60.0
_LIVES_S: Final = (0.1, 0.8)
_DROPPED: Final = "$SYS/broker/publish/messages/dropped"
_DROPPED_EVERY_S: Final = 10.0
"""Mosquitto's default of ``sys_interval``."""


class FirstWritten:
    """Watches a link to InfluxDB for the first 204 to a reading that is younger than the moment it was armed.

    So neither the gateway's points about itself and its devices count, nor what an earlier process left in the journal.
    """

    def __init__(self) -> None:
        self.at_s: float | None = None
        self._since_ms = 0
        self._requests: defaultdict[int, Requests] = defaultdict(Requests)
        self._asked: set[int] = set()

    def arm(self) -> None:
        """Nobody is connected; wait for the next one's readings."""
        self._requests.clear()
        self._asked.clear()
        self._since_ms = time.time_ns() // 1_000_000
        self.at_s = None

    def __call__(self, connection: int, data: bytes, to_behind: bool) -> None:  # noqa: FBT001 - as a link calls it
        """See what passed."""
        if self.at_s is not None:
            return
        if to_behind:
            if any(self._is_young(gzip.decompress(body)) for _, body in self._requests[connection].feed(data) if body):
                self._asked.add(connection)
        elif connection in self._asked and data.startswith(b"HTTP/1.1 204"):
            self.at_s = time.perf_counter()

    def _is_young(self, lines: bytes) -> bool:
        return not lines.startswith((b"gateway,", b"device_health,")) and int(lines.rsplit(b" ", 1)[1]) >= self._since_ms


@dataclass(frozen=True)
class Restart:
    """From the start of the new process to its first reading in InfluxDB.

    :ivar backlog: whether readings stood in the journal.
    """

    seconds: float
    backlog: bool


@dataclass
class Campaign:
    """The process that is killed, and those around it.

    :ivar lives_s: a new process lives between so long and so long after its first reading.
    :ivar restarts: those at which InfluxDB was there.
    :ivar imports_s: an interpreter that imports what the gateway imports, now and then.
    """

    folder: Path
    rate: int
    broker: Service
    database: Service
    link: Link
    service: Service
    written: FirstWritten
    chance: Random
    lives_s: tuple[float, float] = _LIVES_S
    restarts: list[Restart] = field(default_factory=list)
    imports_s: list[float] = field(default_factory=list)

    def run(self, kills: int, *, imports_every: int = 1) -> dict[str, Any]:
        """Kill so often, under the fleet; then what ``firmware-sim verify`` says of its ledger.

        :raises BenchFault: the new process does not write, or the fleet breaks off.
        """
        with self._fleet() as ledger:
            until(lambda: self.written.at_s, _PATIENCE_S, what="the first reading is written")
            for number in range(kills):
                if number % imports_every == 0:
                    self.imports_s.append(imports_s())
                self._kill(number % 4)
            self.link.heal()
        self._settle()
        return self._verify(ledger)

    @property
    def journal(self) -> Path:
        """The gateway's database file."""
        return self.folder / "data" / "journal.db"

    def run_unverified(self, kills: int, between: Callable[[], None]) -> None:
        """Kill so often, with a journal so large that nobody waits until it has come in; ``between`` while no process runs."""
        with self._fleet():
            until(lambda: self.written.at_s, _PATIENCE_S, what="the first reading is written")
            for _ in range(kills):
                self.imports_s.append(imports_s())
                self._kill(_BACK, between)

    def _kill(self, turn: int, between: Callable[[], None] = lambda: None) -> None:
        if turn == _AWAY:
            self.link.cut()
        time.sleep(self.chance.uniform(*self.lives_s))
        self.service.kill()
        if turn == _BACK:
            self.link.heal()
        between()
        self.written.arm()
        subscribed = printed(self.service).count("subscribed to")
        began_s = time.perf_counter()
        self.service.start()
        if turn == _AWAY:
            until(lambda: printed(self.service).count("subscribed to") > subscribed, _PATIENCE_S, what="it is subscribed")
            return
        until(
            lambda: self.written.at_s, _PATIENCE_S, what=f"a reading is written after a kill: {printed(self.service)[-2000:]}"
        )
        assert self.written.at_s is not None
        self.restarts.append(Restart(self.written.at_s - began_s, backlog=turn == _BACK))

    def dropped(self) -> int:
        """Messages that Mosquitto dropped because its queue was full, by its own account."""
        told: list[int] = []
        with client_of(self.broker) as client:
            client.on_message = lambda _client, _data, message: told.append(int(message.payload))
            client.subscribe(_DROPPED)
            time.sleep(_DROPPED_EVERY_S + 1)
        return max(told, default=0)

    @contextmanager
    def _fleet(self) -> Iterator[Path]:
        """The fleet, until it is left; its ledger."""
        ledger = self.folder / "ledger.jsonl"
        devices = [
            "--water",
            f"{self.rate // 2}",
            "--power",
            f"{self.rate // 4}",
            "--traffic",
            f"{self.rate // 4}",
            "--urban",
            "0",
        ]
        command = [*_SIM, "run", *devices, "--interval", "1", "--connections", "shared", "--broker", self.broker.url]
        with (self.folder / "fleet.log").open("wb") as log:
            process = subprocess.Popen([*command, "--ledger", str(ledger)], stdout=log, stderr=log, start_new_session=True)
        try:
            yield ledger
            process.send_signal(signal.SIGINT)
            if process.wait(_PATIENCE_S):
                raise BenchFault(f"the fleet ended with status {process.returncode}; see {self.folder}/fleet.log")
        finally:
            process.kill()
            process.wait()

    def _settle(self) -> None:
        """Wait until nothing waits any more, in the gateway or before it."""
        seen = list[Mapping[str, Any]]()

        def settled() -> bool:
            if (status := _status(self.service)) is not None:
                seen.append(status)
                pending = sum(status["ledger"]["pending"].values()) + status["mqtt"]["unacknowledged"]
                if not pending and len(seen) > 1 and seen[-2]["messages"] == status["messages"]:
                    return True
            time.sleep(0.2)
            return False

        until(settled, _PATIENCE_S * 2, what="nothing waits")

    def _verify(self, ledger: Path) -> dict[str, Any]:
        words = [*_SIM, "verify", "--ledger", str(ledger), "--influxdb", self.database.url, "--api", "v1", "--json"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if not done.stdout:
            raise BenchFault(f"firmware-sim verify: {done.stderr}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


@contextmanager
def campaign(
    folder: Path, rate: int, *, tuned: bool = True, registry: str = "", prepare: Callable[[Path], None] = lambda _: None
) -> Iterator[Campaign]:
    """Broker, InfluxDB and a gateway that has not seen a reading yet.

    :param prepare: called with the path of the journal that the gateway will find.
    """
    written = FirstWritten()
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder, tuned=tuned))
        database = running.enter_context(influxdb(folder))
        link = running.enter_context(Link(database, written))
        if registry:
            (folder / "devices.yaml").write_text(registry)
        service = gateway(folder, broker.url, link.url("http"), api="v1")
        found = Campaign(folder, rate, broker, database, link, service, written, Random(rate))  # noqa: S311 - the same every time
        prepare(found.journal)
        running.enter_context(service)
        yield found


def imports_s() -> float:
    """Seconds of an interpreter that imports what the gateway imports."""
    began_s = time.perf_counter()
    subprocess.run(_IMPORTS, check=True)
    return time.perf_counter() - began_s


def _status(service: Service) -> dict[str, Any] | None:
    """Return ``/api/status``; None while there is no answer."""
    try:
        with closing(HTTPConnection(service.host, service.port, timeout=10.0)) as connection:
            connection.request("GET", "/api/status")
            found: dict[str, Any] = json.loads(connection.getresponse().read())
            return found
    except (OSError, HTTPException):
        return None
