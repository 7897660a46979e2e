"""Three gateways that share out sites by a file, in simulated time: one that cannot tell what it hears is no silence.

The sites are those of their devices, so no alarm of a site stands for them.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from schemas.scaled_clock import PERMIT, VARIABLE, ScaledTime
from tests.campaigns.rig.link import Link
from tests.influx import query
from tests.system.alarming import active, alarm_gateway, history, points
from tests.system.fleet import client_of, publish
from tests.system.rig import Document, Gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

SPEED = 100.0
WITHIN_S = 120.0
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SENDS_EVERY_MS = 5 * MINUTE_MS
OF = {"a": ["a1"], "b": ["b1", "b2", "b-dead"], "c": ["c1", "c-dead"]}
"""Gateway → its devices; those that end in ``dead`` are those that fall silent."""
NAMES = [name for names in OF.values() for name in names]
DEVICES = [{"id": name, "site": f"of-{name}", "domain": "water", "interval": "15min"} for name in NAMES]


@dataclass
class Province:
    """The gateways, of which ``a`` leads, with the link of ``b`` to the database, and the devices.

    :ivar sending: the devices that send.
    :ivar false_silences: devices that send, and were called silent.
    """

    gates: dict[str, Gateway]
    link: Link
    shares: Path
    clock: ScaledTime
    client: paho.Client
    sending: set[str] = field(default_factory=lambda: set(NAMES))
    false_silences: list[str] = field(default_factory=list)
    _due_ms: int = 0
    _volume_m3: int = 100

    def now_ms(self) -> int:
        """The simulated time."""
        return self.clock.at_ms(time.time_ns())

    def states(self, name: str) -> dict[str, str]:
        """Device → its state, as a gateway shows it."""
        return {device["id"]: device["state"] for device in self.gates[name].document("/api/devices")["devices"]}

    def work(self) -> None:
        """Let the devices send when they are due, and see if one of them is called silent."""
        if self.now_ms() >= self._due_ms:
            self._due_ms, self._volume_m3 = self.now_ms() + SENDS_EVERY_MS, self._volume_m3 + 1
            for name in sorted(self.sending):
                reading = json.dumps({"ts": self.now_ms(), "volume_m3": self._volume_m3})
                publish(self.client, f"iot/v1/of-{name}/water/{name}/readings", reading)
        for name, gate in self.gates.items():
            if gate.pid is not None and gate.answers():
                wrong = [device for device, state in self.states(name).items() if state == "silent" and device in self.sending]
                self.false_silences += [f"{name}: {device}" for device in wrong]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait while the devices send."""

        def met() -> bool:
            self.work()
            return condition()

        until(met, WITHIN_S, what=what)

    def pass_minutes(self, minutes: int) -> None:
        """Let simulated time pass while the devices send."""
        until_ms = self.now_ms() + minutes * MINUTE_MS
        self.until(lambda: self.now_ms() >= until_ms, f"{minutes} min")

    def told(self) -> dict[str, list[str]]:
        """Gateway that runs → its history of alarms."""
        return {name: history(gate) for name, gate in self.gates.items() if gate.pid is not None}


def write_shares(file: Path, *gateways: str) -> None:
    """Give each gateway the sites of its devices."""
    shares = [{"site": f"of-{device}", "gateway": name} for name, devices in OF.items() for device in devices]
    file.write_text(json.dumps({"gateways": gateways, "shares": shares}))


@pytest.fixture
def province(mosquitto: Service, influxdb: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    """The gateways, with all devices online at each of them."""
    now_ms = time.time_ns() // 1_000_000
    clock = ScaledTime(now_ms, now_ms - DAY_MS, SPEED)
    monkeypatch.setenv(VARIABLE, str(clock))
    shares = tmp_path / "shares.yaml"
    write_shares(shares, *OF)
    with ExitStack() as stack:
        link = stack.enter_context(Link(influxdb))
        client = stack.enter_context(client_of(mosquitto))
        found = Province({}, link, shares, clock, client)
        for name in OF:
            (tmp_path / name / "data").mkdir(parents=True)
            (tmp_path / name / "data" / PERMIT).touch()
            url = link.url("http") if name == "b" else influxdb.url
            mqtt: Document = {"client_id": name, "shares": str(shares)}
            sections: Document = {"mqtt": mqtt, "influxdb": {"api": "v1"}, "journal": {"path": "data/journal.db"}}
            gate = alarm_gateway(tmp_path / name, mosquitto, url, DEVICES, **sections)
            found.gates[name] = stack.enter_context(gate)
            gate.wait_subscribed()
        online = dict.fromkeys(NAMES, "online")
        found.until(lambda: all(found.states(name) == online for name in OF), "each knows of all devices")
        yield found


def downs(influxdb: Service, since_ms: int) -> set[str]:
    """The devices of which some health point since then says that they are down."""
    rows = query(influxdb.url, "iot", "SELECT device, up FROM device_health")
    return {row["device"] for row in rows if row["up"] is False and row["time"] > since_ms}


def newest(influxdb: Service) -> dict[str, bool]:
    """Device → whether it is silent, by the newest point of alarms."""
    return {row["device"]: row["active"] for row in points(influxdb)}


def test_a_gateway_that_is_cut_off_from_the_database_is_told_and_none_of_its_devices(
    province: Province, influxdb: Service
) -> None:
    leader, began_ms = province.gates["a"], province.now_ms()
    province.link.cut()
    province.sending -= {"b-dead", "c-dead"}
    province.until(lambda: history(leader) == ["raised device_silent@c-dead"], "what is silent at another gateway is told")
    unknown = dict.fromkeys(OF["b"], "unknown")
    province.until(lambda: province.states("a").items() >= unknown.items(), "the devices of b are unknown")
    assert "The gateway b has not reported since" in leader.shown()
    province.pass_minutes(60)
    assert province.told() == {"a": ["raised device_silent@c-dead"], "b": [], "c": []}
    assert downs(influxdb, began_ms) <= {"c-dead"}

    province.link.heal()
    province.until(lambda: province.states("a")["b1"] == "online", "the devices of b are known again")
    both = ["raised device_silent@c-dead", "raised device_silent@b-dead"]
    province.until(lambda: history(leader) == both, "what fell silent meanwhile is told")
    assert province.told() == {"a": both, "b": [], "c": []}
    dead = {"b-dead", "c-dead"}
    province.until(lambda: downs(influxdb, began_ms) >= dead, "health points say so of both")
    assert "The gateway b has not reported since" not in leader.shown()
    assert province.false_silences == []
    assert downs(influxdb, began_ms) == dead


def test_while_the_leader_is_down_nobody_is_called_silent_and_it_makes_up_for_all(
    province: Province, influxdb: Service
) -> None:
    leader = province.gates["a"]
    leader.kill()
    province.sending -= {"c-dead"}
    began_ms = province.now_ms()
    province.pass_minutes(130)
    assert province.told() == {"b": [], "c": []}
    assert points(influxdb) == []
    leader.start()
    province.until(lambda: leader.answers() and bool(history(leader)), "what was silent is told")
    ended_ms = began_ms // HOUR_MS * HOUR_MS + HOUR_MS

    def hours() -> set[int]:
        return {row["time"] for row in query(influxdb.url, "iot", "SELECT * FROM hourly") if row["device"] == "b1"}

    province.until(lambda: hours() >= {ended_ms, ended_ms + HOUR_MS}, "the hours that ended meanwhile are closed")
    assert province.told() == {"a": ["raised device_silent@c-dead"], "b": [], "c": []}
    assert province.false_silences == []


def test_a_change_of_the_leader_leaves_each_silence_told_once(province: Province, influxdb: Service) -> None:
    former, next_one, other = (province.gates[name] for name in ("a", "b", "c"))
    province.sending -= {"c-dead", "b-dead"}
    province.until(lambda: len(active(former)) == 2, "the leader tells both")
    write_shares(province.shares, "b", "c", "a")
    for gate in province.gates.values():
        gate.send_signal(signal.SIGHUP)
    wanted = "b is to lead in place of a: restart a first, then the others"
    province.until(lambda: all(wanted in gate.shown() for gate in province.gates.values()), "each says what to do")
    province.pass_minutes(10)
    assert {name: len(told) for name, told in province.told().items()} == {"a": 2, "b": 0, "c": 0}

    for gate in (former, other, next_one):
        gate.stop()
        gate.start()
        gate.wait_subscribed()
        province.until(lambda: not active(former), "the former leader ends its silences")
    both = {"device_silent@b-dead", "device_silent@c-dead"}
    told = [f"raised {alarm}" for alarm in sorted(both)]
    province.until(lambda: sorted(history(next_one)) == told, "the new one tells them")
    province.until(lambda: newest(influxdb) == {"b-dead": True, "c-dead": True}, "so the database has it")
    province.pass_minutes(10)
    assert [active(gate).keys() for gate in (former, other)] == [set(), set()]
    assert sorted(history(next_one)) == told
    assert newest(influxdb) == {"b-dead": True, "c-dead": True}
    assert all(wanted not in gate.shown() for gate in province.gates.values())
    assert province.false_silences == []
