"""The world of a campaign: real broker, real InfluxDB, a gateway that reaches both by links, and fleets with ledgers."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.campaigns.rig.fleet import Fleet
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.linked import LinkedGateway
from tests.campaigns.rig.tap import Tap
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

SETTLES_WITHIN_S: Final = 90.0


@dataclass
class World:
    """All of it, running.

    :ivar fleets: all that were started, the one that stays first; the others came for a while.
    """

    broker: Service
    influxdb: Service
    gate: LinkedGateway
    fleets: list[Fleet] = field(default_factory=list)

    @property
    def http(self) -> Link:
        """The link to InfluxDB."""
        return self.gate.store

    @property
    def mqtt(self) -> Link:
        """The link to the broker."""
        return self.gate.mqtt

    @property
    def fleet(self) -> Fleet:
        """The fleet that stays."""
        return self.fleets[0]

    @property
    def gates(self) -> list[LinkedGateway]:
        """The one there is."""
        return [self.gate]

    # What faults do.

    def save_broker(self) -> None:
        """Have the broker save what it holds, as it does now and then: it knows the gateway's session from then on."""
        saved = self.broker.folder / "mosquitto-data" / "mosquitto.db"
        before = saved.stat().st_ino if saved.exists() else 0
        assert self.broker.pid is not None
        os.kill(self.broker.pid, signal.SIGUSR1)
        until(lambda: saved.exists() and saved.stat().st_ino != before, what="the broker has saved")

    def cut_power(self) -> None:
        """Kill broker, database and gateway at one moment."""
        parts = (self.influxdb, self.broker, self.gate.gate)
        for pid in [part.pid for part in parts]:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        self.influxdb.kill()
        self.broker.kill()
        self.gate.kill()

    def return_power(self) -> None:
        """Start them again."""
        self.influxdb.start()
        self.broker.start()
        self.gate.start()

    def end_fleets(self) -> None:
        """Nobody publishes any more."""
        for fleet in self.fleets:
            fleet.kill()

    # What is seen of it.

    def look(self) -> None:
        """Look at the gateway."""
        self.gate.look()

    def heard(self) -> int:
        """Return the number of devices that the gateway has heard since its start."""
        try:
            return int(self.gate.document("/api/status")["devices"]["online"])
        except (OSError, HTTPException, ValueError):
            return 0

    # How it ends.

    def settle(self) -> None:
        """All faults are healed: wait until the fleet is done and all that the broker has came to its end in the gateway."""
        deadline_s = time.monotonic() + SETTLES_WITHIN_S

        def wait(condition: Callable[[], object], what: str) -> None:
            until(condition, max(deadline_s - time.monotonic(), 0.1), what=what)

        wait(self.gate.gate.answers, "the gateway answers")
        status = self.fleet.wait_ended(60.0)
        if status:
            self.gate.account.faults.append(f"firmware-sim ended with {status}: {self.fleet.log.read_text()[-1000:]}")
        wait(lambda: self.gate.gate.status()["mqtt"]["connected"], "connected")
        wait(self.mark_arrives, "all that the broker has arrived")
        wait(self.gate.owes_nothing, "nothing waits")

    def mark_arrives(self) -> bool:
        """Publish a mark, and tell whether it arrives: the broker keeps the order, if it has a subscription to keep it for."""
        marker = f"marker-{time.monotonic_ns()}"
        with client_of(self.broker) as client:
            publish(client, f"iot/v1/site/water/{marker}/status", '{"state": "online"}')
        try:
            until(lambda: f'"{marker}"' in self.gate.gate.ask("/api/devices")[1], 5.0)
        except (AssertionError, OSError, HTTPException):
            return False
        return True


@contextmanager
def world(
    folder: Path,
    prepare: Callable[[Gateway], object] = lambda _: None,
    hosts: tuple[str, str] = ("127.0.0.1", "127.0.0.1"),
    sections: Mapping[str, Document] = MappingProxyType({}),
    *,
    tapped: bool = True,
) -> Iterator[World]:
    """All parts. The gateway is subscribed, the broker has saved its session, and no fleet runs yet.

    :param prepare: is given the gateway before it starts.
    :param hosts: names by which the gateway calls the links to the broker and to InfluxDB.
    :param sections: of ``gateway.yaml``.
    :param tapped: what the gateway is handed is noted, message by message; for an hour that is too much.
    """
    tap = Tap()
    with ExitStack() as running:
        broker = running.enter_context(services.mosquitto(folder))
        influxdb = running.enter_context(services.influxdb(folder))
        mqtt, http = running.enter_context(Link(broker, tap if tapped else None)), running.enter_context(Link(influxdb))
        urls = f"mqtt://{hosts[0]}:{mqtt.port}", f"http://{hosts[1]}:{http.port}"
        gate = gateway(folder / "gateway", *urls, **sections)
        prepare(gate)
        running.enter_context(gate)
        gate.wait_subscribed()
        found = World(broker, influxdb, LinkedGateway(gate, [mqtt], http, tap, is_wanted=True))
        found.save_broker()
        running.callback(found.end_fleets)
        yield found
