"""The broker fails between the receipt of messages and their PUBACK: none is confirmed that is not stored.

A PUBACK kept over a reconnect would confirm another message: a broker that lost the session starts its identifiers again. So
every PUBACK is looked at when it leaves the gateway, and what it confirms is looked for in the journal and in InfluxDB.
"""

import json
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rig.tap import Handed
from tests.campaigns.rig.world import World, world
from tests.influx import query
from tests.system.fleet import client_of, points, publish_all
from tests.waiting import until

pytestmark = pytest.mark.real

MESSAGES = 30
NOT_CONNECTED = "not connected to the broker"
"""Said of each reason once: of the end of a connection, and of an attempt in vain."""
CYCLES = [pytest.param(3, id="3"), pytest.param(100, id="100", marks=[pytest.mark.slow, pytest.mark.timeout(600)])]


@dataclass
class Scene(World):
    """A gateway between a broker and an InfluxDB whose answers can be withheld.

    :ivar too_early: what was confirmed and stood nowhere then.
    :ivar lasting_at_s: when the connection of now will have lasted as long as the gateway was without one.
    """

    too_early: list[Handed] = field(default_factory=list)
    lasting_at_s: float = 0.0

    def hear(self, confirmed: list[Handed]) -> None:
        """Look for what is being confirmed: in the journal first, since readings go from there to InfluxDB."""
        names = {_device(handed) for handed in confirmed}
        standing = _in_journal(self.gate.gate.journal) | _in_influxdb(self.influxdb, names)
        self.too_early += [handed for handed in confirmed if _key(handed) not in standing]

    def hand_over(self, device: str) -> list[Handed]:
        """Publish readings of a device; as the broker handed them to the gateway."""
        with client_of(self.broker) as client:
            publish_all(client, [(f"iot/v1/s/water/{device}/readings", _reading(seq)) for seq in range(MESSAGES)])
        until(lambda: len(self._of(device)) >= MESSAGES, what=f"the messages of {device} handed over")
        return self._of(device)[-MESSAGES:]

    def reconnect(self, deed: Callable[[], None]) -> None:
        """Do something that ends the connection to the broker; returns when the gateway is subscribed on the next.

        It comes back quickly after a connection that lasted longer than the gateway had waited for it.
        """
        until(lambda: time.monotonic() > self.lasting_at_s)
        before, began_s = self.gate.gate.said("subscribed to"), time.monotonic()
        deed()
        until(lambda: self.gate.gate.said("subscribed to") > before, what="subscribed again")
        self.lasting_at_s = 2 * time.monotonic() - began_s

    def forget_session(self) -> None:
        """The broker is killed and starts with nothing: its identifiers begin with 1.

        It stays away until the gateway has tried once in vain. A broker that closes connection after connection soon after
        it was made looks as if another client had this id, and the gateway would wait longer each time.
        """
        before = self.gate.gate.said(NOT_CONNECTED)
        self.broker.kill()
        until(lambda: self.gate.gate.said(NOT_CONNECTED) >= before + 2, what="it tried in vain")
        for file in (self.broker.folder / "mosquitto-data").iterdir():
            file.unlink()
        self.broker.start()
        self.broker.wait_ready()

    def break_connection(self) -> None:
        """The connection is reset; the broker keeps the session and hands over again what is not confirmed."""
        self.mqtt.reset()
        self.mqtt.heal()

    def wait_all_confirmed(self) -> None:
        """Return when the gateway has confirmed all that came on the connection of now."""
        connection = self.mqtt.accepted
        until(lambda: not self.gate.tap.owed(connection), what="all confirmed")
        assert not self.too_early
        assert not self.gate.tap.wrong

    def _of(self, device: str) -> list[Handed]:
        return [handed for handed in self.gate.tap.delivered if _device(handed) == device]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """All is well and connected."""
    with world(tmp_path) as made:
        found = Scene(made.broker, made.influxdb, made.gate)
        found.gate.tap.on_confirmed = found.hear
        yield found


@pytest.mark.parametrize("cycles", CYCLES)
def test_a_broker_that_lost_the_session_hears_no_puback_for_what_is_not_stored(scene: Scene, cycles: int) -> None:
    for cycle in range(cycles):
        scene.reconnect(scene.forget_session)
        with _answers_withheld(scene):
            old = scene.hand_over(f"old-{cycle}")
            scene.reconnect(scene.forget_session)
            new = scene.hand_over(f"new-{cycle}")
            assert {handed.packet_id for handed in new} == {handed.packet_id for handed in old}
        scene.wait_all_confirmed()
    _assert_all_stand_once(scene, cycles)


@pytest.mark.parametrize("cycles", CYCLES)
def test_a_broken_connection_is_confirmed_anew_and_not_before_it_is_stored(scene: Scene, cycles: int) -> None:
    for cycle in range(cycles):
        with _answers_withheld(scene):
            scene.hand_over(f"old-{cycle}")
            scene.reconnect(scene.break_connection)
            scene.hand_over(f"new-{cycle}")
        scene.wait_all_confirmed()
    _assert_all_stand_once(scene, cycles)


@contextmanager
def _answers_withheld(scene: Scene) -> Iterator[None]:
    until(lambda: not any(scene.gate.gate.ledger()["pending"].values()), what="the cycle before is over")
    scene.http.stall()
    yield
    scene.http.heal()


def _assert_all_stand_once(scene: Scene, cycles: int) -> None:
    until(lambda: not any(scene.gate.gate.ledger()["pending"].values()), what="settled")
    assert scene.gate.gate.ledger()["written"] == 2 * MESSAGES * cycles
    assert scene.gate.gate.rejects() == []
    found = points(scene.influxdb)
    assert len(found) == 2 * MESSAGES * cycles
    assert all(len(rows) == 1 for rows in found.values())


Key = tuple[str, int]
"""Device and sequence number."""


def _reading(seq: int) -> str:
    return json.dumps({"ts": time.time_ns() // 1_000_000 - 1000 + seq, "seq": seq, "volume_m3": 1000.0 + seq})


def _device(handed: Handed) -> str:
    return handed.topic.split("/")[4]


def _key(handed: Handed) -> Key:
    return _device(handed), int(json.loads(handed.payload)["seq"])


def _in_influxdb(influxdb: Service, names: set[str]) -> set[Key]:
    pattern = "|".join(sorted(names))
    rows = query(influxdb.url, "iot", f"SELECT device, seq FROM water WHERE device =~ /^({pattern})$/")  # noqa: S608 - names of ours
    return {(str(row["device"]), int(str(row["seq"]))) for row in rows}


def _in_journal(journal: Path) -> set[Key]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        bodies = connection.execute("SELECT body FROM journal").fetchall()
    lines = [line for (body,) in bodies for line in zlib.decompress(body, wbits=31).decode().splitlines()]
    return {_key_of(line) for line in lines}


def _key_of(line: str) -> Key:
    """Of a line of line protocol: ``water,device=m1,site=s volume_m3=1000.0,quality=0i,seq=1i 1793491200250``."""
    tags, fields, _ = line.split(" ")
    named = dict(part.split("=") for part in (*tags.split(",")[1:], *fields.split(",")))
    return named["device"], int(named["seq"].removesuffix("i"))
