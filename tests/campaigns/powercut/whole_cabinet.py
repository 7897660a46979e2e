"""A power cut of the whole cabinet: ``python -m tests.campaigns.powercut.whole_cabinet 20`` cuts twenty times in each state.

Broker, database and gateway are killed together at a moment of chance, while devices publish. Before that other devices have
published, and all of theirs was settled as far as the state allows: none of it may be missing afterwards.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Self

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.campaigns.powercut.replay import seeded
from tests.influx import query
from tests.system.fleet import Fleet, client_of, publish, wait_settled
from tests.system.rig import gateway
from tests.waiting import until

_RATE, _SETTLED = 200, 200
_LONGEST_S = 3.0


class Away(StrEnum):
    """The part that is away when the power fails."""

    NOBODY = "nobody"
    INFLUXDB = "InfluxDB"
    GATEWAY = "gateway"


class WholeCabinet:
    """Broker, database and gateway on one supply. Use as a context manager."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(exist_ok=True)
        self.broker, self.influxdb = services.mosquitto(folder / "mosquitto"), services.influxdb(folder / "influxdb")
        self.gate = gateway(folder / "gateway", self.broker.url, self.influxdb.url)
        self._saved = folder / "mosquitto" / "mosquitto-data" / "mosquitto.db"
        self._random = seeded(seed)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for service in (self.influxdb, self.broker, self.gate):
            self._open.enter_context(service)
        self.gate.wait_subscribed()
        self.save()  # the broker knows the gateway's session from now on
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def save(self) -> None:
        """Have the broker save, as it does every two minutes."""
        before = self._saved.stat().st_ino if self._saved.exists() else 0
        assert self.broker.pid is not None
        os.kill(self.broker.pid, signal.SIGUSR1)
        until(lambda: self._saved.exists() and self._saved.stat().st_ino != before, what="a save")

    def cut(self, away: Away, name: str) -> tuple[int, int]:
        """Cut the power; return how many readings were confirmed after all was settled, and how many of them are lost.

        :raises AssertionError: a reading is missing that was settled.
        """
        self._leave(away)
        with Fleet(self.broker, rate=_RATE, name=f"{name}settled") as settled:
            until(lambda: len(settled.acknowledged) >= _SETTLED)
        self._settle(away)
        with Fleet(self.broker, rate=_RATE, name=f"{name}flying") as flying:
            until(lambda: flying.acknowledged)
            time.sleep(self._random.random() * _LONGEST_S)
            self._kill()
            confirmed = list(flying.acknowledged)
            self._start()
        wait_settled(self.gate, self.broker)
        stored = self._stored()
        missing = [one for one in settled.acknowledged if (one.device, one.seq) not in stored]
        assert not missing, f"{away} away: {len(missing)} of {len(settled.acknowledged)} that were settled"
        return len(confirmed), sum((one.device, one.seq) not in stored for one in confirmed)

    def _leave(self, away: Away) -> None:
        if away is Away.INFLUXDB:
            self.influxdb.kill()
        if away is Away.GATEWAY:
            self.gate.kill()

    def _settle(self, away: Away) -> None:
        """Wait until what was published is where it is safe: in InfluxDB, in the journal, or saved by the broker."""
        if away is Away.GATEWAY:
            self.save()
        elif away is Away.NOBODY:
            wait_settled(self.gate, self.broker)
        else:
            marker = f"marker-{time.monotonic_ns()}"
            with client_of(self.broker) as client:
                publish(client, f"iot/v1/site/water/{marker}/status", '{"state": "online"}')
            until(lambda: f'"{marker}"' in self.gate.ask("/api/devices")[1])
            until(lambda: not self.gate.pending("memory") and self.gate.status()["mqtt"]["unacknowledged"] == 0)

    def _parts(self) -> Iterable[Service]:
        return (self.influxdb, self.broker, self.gate)

    def _kill(self) -> None:
        for pid in [part.pid for part in self._parts()]:
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
        for part in self._parts():
            part.kill()

    def _start(self) -> None:
        for part in self._parts():
            part.start()
            part.wait_ready(60.0)
        self.gate.wait_subscribed()

    def _stored(self) -> set[tuple[str, int]]:
        return {
            (row["device"], row["seq"])
            for row in query(self.influxdb.url, "iot", "SELECT seq, device FROM water")
            if row["seq"] is not None
        }


def main(cuts: int) -> None:
    """Cut and print."""
    with tempfile.TemporaryDirectory() as folder, WholeCabinet(Path(folder) / "cabinet", seed=1) as cabinet:
        for away in Away:
            found = [cabinet.cut(away, f"{away.name[0]}{number}") for number in range(cuts)]
            confirmed, lost = (sum(numbers) for numbers in zip(*found, strict=True))
            most = max(one for _, one in found)
            print(f"{away} away: {cuts} cuts, {confirmed} confirmed at {_RATE}/s, {lost} lost, at most {most} in one cut")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]))
