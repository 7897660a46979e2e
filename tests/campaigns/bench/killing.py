"""SIGKILL of the gateway, again and again, under a fleet with a ledger; InfluxDB is out of reach half of the time.

Kills come in fours: InfluxDB is up; it went away before the kill; it is away and comes back between the kill and the new
process, which then has a backlog in its journal; it is up again.
"""

import gzip
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from gateway.commands.demo.services import influxdb, mosquitto
from tests.campaigns.bench.children import BenchFault
from tests.campaigns.bench.door import Requests
from tests.campaigns.rig.fleet import fleet, in_influxdb, verify
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.linked import LinkedGateway
from tests.campaigns.rig.tap import Tap
from tests.campaigns.rig.world import World
from tests.system.fleet import client_of
from tests.system.rig import Document, gateway
from tests.waiting import until

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


@dataclass(kw_only=True)
class Killing(World):
    """The gateway that is killed, and the world around it.

    :ivar rate: readings a second of the fleet.
    :ivar lives_s: a new process lives between so long and so long after its first reading.
    :ivar restarts: those at which InfluxDB was there.
    :ivar imports_s: an interpreter that imports what the gateway imports, now and then.
    """

    rate: int
    written: FirstWritten
    chance: Random
    lives_s: tuple[float, float] = _LIVES_S
    restarts: list[Restart] = field(default_factory=list)
    imports_s: list[float] = field(default_factory=list)

    def run(self, kills: int, *, imports_every: int = 1) -> Document:
        """Kill so often, under the fleet; then what ``firmware-sim verify`` says of its ledger.

        :raises BenchFault: the new process does not write, or the fleet breaks off.
        """
        with self._fleet() as ledger:
            until(lambda: self.written.at_s, _PATIENCE_S, what="the first reading is written")
            for number in range(kills):
                if number % imports_every == 0:
                    self.imports_s.append(imports_s())
                self._kill(number % 4)
            self.http.heal()
        until(self.mark_arrives, what="all that the broker has arrived")
        until(self.gate.owes_nothing, _PATIENCE_S * 2, what="nothing waits")
        return verify(ledger, *in_influxdb(self.influxdb))

    @property
    def journal(self) -> Path:
        """The gateway's database file."""
        return self.gate.gate.journal

    def run_unverified(self, kills: int, between: Callable[[], None]) -> None:
        """Kill so often, with a journal so large that nobody waits until it has come in; ``between`` while no process runs."""
        with self._fleet():
            until(lambda: self.written.at_s, _PATIENCE_S, what="the first reading is written")
            for _ in range(kills):
                self.imports_s.append(imports_s())
                self._kill(_BACK, between)

    def _kill(self, turn: int, between: Callable[[], None] = lambda: None) -> None:
        gate = self.gate.gate
        if turn == _AWAY:
            self.http.cut()
        time.sleep(self.chance.uniform(*self.lives_s))
        gate.kill()
        if turn == _BACK:
            self.http.heal()
        between()
        self.written.arm()
        began_s = time.perf_counter()
        gate.start()
        if turn == _AWAY:
            gate.wait_subscribed(_PATIENCE_S)
            return
        until(lambda: self.written.at_s, _PATIENCE_S, what="a reading is written after a kill")
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
        devices = {"water": self.rate // 2, "power": self.rate // 4, "traffic": self.rate // 4, "urban": 0}
        with fleet(self.broker.folder, self.broker.url, devices, 1.0) as publishing:
            yield publishing.ledger
            if status := publishing.end(_PATIENCE_S):
                raise BenchFault(f"the fleet ended with status {status}; see {publishing.log}")


@contextmanager
def killing(
    folder: Path, rate: int, *, tuned: bool = True, registry: str = "", prepare: Callable[[Path], None] = lambda _: None
) -> Iterator[Killing]:
    """Broker, InfluxDB and a gateway that has not seen a reading yet; to the broker it has no link, which would take CPU.

    :param prepare: called with the path of the journal that the gateway will find.
    """
    written = FirstWritten()
    with mosquitto(folder, tuned=tuned) as broker, influxdb(folder) as database, Link(database, written) as link:
        gate = gateway(folder / "gateway", broker.url, link.url("http"))
        if registry:
            gate.config.with_name("devices.yaml").write_text(registry)
        prepare(gate.journal)
        with gate:
            chance = Random(rate)  # noqa: S311 - the same every time
            linked = LinkedGateway(gate, [], link, Tap())
            yield Killing(broker, database, linked, rate=rate, written=written, chance=chance)


def imports_s() -> float:
    """Seconds of an interpreter that imports what the gateway imports."""
    began_s = time.perf_counter()
    subprocess.run(_IMPORTS, check=True)
    return time.perf_counter() - began_s
