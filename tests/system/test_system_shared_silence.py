"""Two gateways between which devices wander, in simulated time: who is silent is told once, and never falsely."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.influx import exported, query
from tests.system.alarming import active, alarm_gateway, history
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SPEED = {"influxdb": 200.0, "victoria-metrics": 50.0}
"""VictoriaMetrics shows a point up to eleven seconds after it took it."""
MINUTE_MS = 60_000
DAY_MS = 1440 * MINUTE_MS
TURN_MS = 15 * MINUTE_MS
WANDERERS = ["w1", "w2", "w3", "w4"]
NAMES = [*WANDERERS, "quiet", "left", "never"]
DEVICES = [{"id": name, "domain": "water", "interval": "15min"} for name in NAMES]
PARTS = {"leader": "north", "other": "south"}
"""Gateway → the site that it reads."""


@dataclass
class Province:
    """The two gateways, the first of which leads, and the devices."""

    leader: Gateway
    other: Gateway
    clock: ScaledTime
    client: paho.Client
    false_silences: list[str] = field(default_factory=list)

    @property
    def members(self) -> tuple[Gateway, Gateway]:
        """Both."""
        return self.leader, self.other

    def now_ms(self) -> int:
        """The simulated time."""
        return self.clock.at_ms(time.time_ns())

    def send(self, name: str, site: str) -> None:
        """Send a reading of a device from where it is."""
        publish(self.client, f"iot/v1/{site}/water/{name}/readings", json.dumps({"ts": self.now_ms(), "pressure_kpa": 300}))

    def wait(self, until_ms: int) -> None:
        """Wait until a simulated time; meanwhile look for wanderers that are called silent."""
        while self.now_ms() < until_ms:
            time.sleep(0.2)
            for number, gate in enumerate(self.members):
                wrong = [name for name, state in states(gate).items() if name in WANDERERS and state == "silent"]
                self.false_silences += [f"{number}: {name}" for name in wrong]

    def wander(self, turns: int) -> None:
        """Let the wanderers send every quarter of an hour; after every four turns they change places."""
        for turn in range(turns):
            due_ms = self.now_ms() + TURN_MS
            for number, name in enumerate(WANDERERS):
                self.send(name, ("north", "south")[(number + turn // 4) % 2])
            self.wait(due_ms)


def states(gate: Gateway) -> dict[str, str]:
    """Device → its state, as a gateway shows it."""
    return {device["id"]: device["state"] for device in gate.document("/api/devices")["devices"]}


@pytest.fixture(params=["influxdb", "victoria_metrics"])
def database(request: pytest.FixtureRequest) -> Service:
    """Each database in its turn."""
    found: Service = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def province(mosquitto: Service, database: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    """Both gateways, subscribed; the leader's clock is everybody's, a day behind: VictoriaMetrics exports no future."""
    now_ms = time.time_ns() // 1_000_000
    clock = ScaledTime(now_ms, now_ms - DAY_MS, SPEED[database.name])
    monkeypatch.setenv(VARIABLE, str(clock))
    influx: Document = {"api": "v1" if database.name == "influxdb" else "v2"}
    with ExitStack() as stack:
        gates = []
        for name, site in PARTS.items():
            (tmp_path / name / "data").mkdir(parents=True)
            (tmp_path / name / "data" / PERMIT).touch()
            filters = [f"iot/v1/{site}/+/+/{kind}" for kind in ("readings", "status")]
            sections: dict[str, Document] = {
                "mqtt": {"client_id": name, "subscriptions": filters, "share_leader": "leader"},
                "devices": {"moving": True},
                "influxdb": influx,
                "journal": {"path": "data/journal.db"},
            }
            gates.append(stack.enter_context(alarm_gateway(tmp_path / name, mosquitto, database.url, DEVICES, **sections)))
            gates[-1].wait_subscribed()
        client = stack.enter_context(client_of(mosquitto))
        yield Province(gates[0], gates[1], clock, client)


def downs(database: Service, name: str) -> list[int]:
    """The times of the health points that say a device is down."""
    if database.name == "influxdb":
        rows = query(database.url, "iot", "SELECT device, up FROM device_health")
        return [row["time"] for row in rows if row["device"] == name and row["up"] is False]
    found = exported(database.url, f'{{__name__="device_health_up",device="{name}"}}')
    return [time_ms for series in found for time_ms, up in zip(series["timestamps"], series["values"], strict=True) if not up]


def test_silence_is_told_once_and_never_of_a_device_that_another_gateway_hears(province: Province, database: Service) -> None:
    leader, other = province.members
    until(lambda: states(leader)["never"] == "new", what="the database was asked")
    province.send("quiet", "north")
    province.send("left", "south")
    until(lambda: states(leader)["left"] == states(other)["left"] == "online", what="each knows of both")
    publish(province.client, "iot/v1/south/water/left/status", '{"state": "offline"}', retain=True)
    begun_ms = province.now_ms()
    province.wander(9)
    assert province.false_silences == []
    assert [ledger["written"] > 10 for ledger in (leader.ledger(), other.ledger())] == [True, True], "both had their share"

    for gate in province.members:
        assert states(gate) == dict.fromkeys(WANDERERS, "online") | {"quiet": "silent", "left": "silent", "never": "unknown"}
    told = ["device_silent@left", "device_silent@quiet"]
    assert (sorted(active(leader)), sorted(active(other))) == (told, [])
    assert sorted(history(leader)) == [f"raised {alarm}" for alarm in told], "once each, and nobody else"
    assert history(other) == []

    minutes = (province.now_ms() - begun_ms) / MINUTE_MS
    for name in NAMES:
        times = [time_ms for time_ms in downs(database, name) if time_ms > begun_ms + 2 * TURN_MS]
        assert bool(times) is (name not in WANDERERS), name
        assert len(times) <= minutes + 2, f"{name} is told once a minute, by one gateway"
    province.send("quiet", "north")
    until(lambda: "cleared device_silent@quiet" in history(leader), what="the silence ends")
