"""A Sparkplug edge node on the real broker: its births are asked for, wait for nobody, and outlive the gateway."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage

from gateway.commands.demo.services import Service
from tests.core.sparkplug_payloads import DOUBLE, LONG, M, payload
from tests.system.fleet import client_of, publish
from tests.system.makes import registry, rows_of
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

SPARKPLUG: Document = {"enable": ["sparkplug-power"]}
DEVICE = "hue.station-4.pm-1"
POWER = 7
"""Alias of the device's power."""


@dataclass
class EdgeNode:
    """A node with one device, as it publishes; it knows what it is asked.

    :ivar asked: topics of the commands that came.
    """

    client: Client
    start_ms: int = field(default_factory=lambda: time.time_ns() // 1_000_000 - 60_000)
    seq: int = 0
    bd_seq: int = 3
    asked: list[str] = field(default_factory=list)

    def births(self) -> None:
        """Be born: the node, then its device."""
        self.seq = 0
        self._send("NBIRTH", M("bdSeq", self.bd_seq, LONG, kind="Int64", time_ms=self.start_ms))
        power = M("Power/Active", 100.0, DOUBLE, alias=POWER, kind="Double", time_ms=self.start_ms)
        self._send("DBIRTH/pm-1", power)

    def data(self, number: int) -> None:
        """A power by its alias, with the time and value that belong to ``number``."""
        self._send("DDATA/pm-1", M(value=100.0 + number, field=DOUBLE, alias=POWER, time_ms=self.start_ms + number))

    def dies(self) -> None:
        """Publish its last will."""
        death = payload(M("bdSeq", self.bd_seq, LONG, kind="Int64"), time_ms=self.start_ms)
        publish(self.client, "spBv1.0/hue/NDEATH/station-4", death)

    def _send(self, verb: str, *metrics: M) -> None:
        kind, _, device = verb.partition("/")
        topic = f"spBv1.0/hue/{kind}/station-4" + (f"/{device}" if device else "")
        publish(self.client, topic, payload(*metrics, seq=self.seq, time_ms=time.time_ns() // 1_000_000))
        self.seq = (self.seq + 1) % 256


@contextmanager
def edge_node(broker: Service) -> Iterator[EdgeNode]:
    with client_of(broker) as client:
        node = EdgeNode(client)

        def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
            assert b"Node Control/Rebirth" in message.payload
            node.asked.append(message.topic)

        client.on_message = on_message
        client.subscribe("spBv1.0/hue/NCMD/#", qos=1)
        yield node


def powers(influxdb: Service) -> dict[int, float]:
    """Power by time."""
    return {int(str(row["time"])): float(str(row["active_power_w"])) for row in rows_of(influxdb, DEVICE, "power")}


def is_online(gate: Gateway) -> bool:
    (device,) = [device for device in gate.document("/api/devices")["devices"] if device["id"] == DEVICE]
    return bool(device["online"])


def expected(node: EdgeNode, *numbers: int) -> dict[int, float]:
    return {node.start_ms + number: 100.0 + number for number in numbers}


def test_data_before_its_birth_waits_and_the_gateway_asks_for_it(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, profiles=SPARKPLUG) as gate,
        edge_node(mosquitto) as node,
    ):
        gate.wait_subscribed()
        for number in range(1, 21):
            node.data(number)
        until(lambda: gate.pending("quarantine") == 20, what="they wait")
        until(lambda: node.asked == ["spBv1.0/hue/NCMD/station-4"], what="the node is asked, once")
        assert powers(influxdb) == {}
        node.births()
        until(lambda: gate.ledger()["written"] == 21, what="the birth and what waited for it arrived")
        assert powers(influxdb) == expected(node, *range(21))
        node.data(30)
        until(lambda: gate.ledger()["written"] == 22, what="data goes on")
        ledger = gate.ledger()
        assert (ledger["received"], sum(ledger["pending"].values()), gate.troubles()) == (22, 0, "")
        assert gate.status()["rejects"] == {}


def test_births_and_data_of_an_unregistered_device_wait_together(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    folder = tmp_path / "gateway"
    with (
        gateway(folder, mosquitto.url, influxdb.url, profiles=SPARKPLUG, devices={"unknown": "quarantine"}) as gate,
        edge_node(mosquitto) as node,
    ):
        gate.wait_subscribed()
        node.births()
        for number in range(1, 11):
            node.data(number)
        until(lambda: gate.pending("quarantine") == 11, what="they wait")
        gate.kill()
        gate.start()
        gate.wait_subscribed()
        node.data(11)
        # What was stored, but not yet confirmed to the broker when the gateway was killed, came and waits a second time.
        until(lambda: gate.pending("quarantine") >= 12, what="another one waits")
        registry(folder, [{"id": DEVICE}])
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.ledger()["written"] == 12, what="all arrived")
        until(lambda: not any(gate.ledger()["pending"].values()), what="none waits")
    assert powers(influxdb) == expected(node, *range(12))


@pytest.mark.parametrize("kill", [pytest.param(True, id="killed"), pytest.param(False, id="stopped")])
def test_births_outlive_the_gateway(mosquitto: Service, influxdb: Service, tmp_path: Path, *, kill: bool) -> None:
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, profiles=SPARKPLUG) as gate,
        edge_node(mosquitto) as node,
    ):
        gate.wait_subscribed()
        node.births()
        until(lambda: gate.status()["mqtt"]["unacknowledged"] == 0 and gate.ledger()["written"] == 1, what="births are saved")
        if kill:
            gate.kill()
        else:
            assert gate.terminate() == 0
        node.data(1)
        gate.start()
        gate.wait_subscribed()
        node.data(2)
        until(lambda: gate.ledger()["written"] == 2, what="data by alias is understood")
        assert gate.pending("quarantine") == 0
        until(lambda: node.asked, what="it asks, since it may have missed births")
    assert powers(influxdb) == expected(node, 0, 1, 2)


def test_a_gateway_killed_before_the_birth_came_lets_in_what_waited(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, profiles=SPARKPLUG) as gate,
        edge_node(mosquitto) as node,
    ):
        gate.wait_subscribed()
        node.data(1)
        until(lambda: gate.pending("quarantine") == 1, what="it waits")
        gate.kill()
        node.births()
        gate.start()
        until(lambda: powers(influxdb) == expected(node, 0, 1), what="both arrived")


def test_the_death_of_a_node_marks_its_devices_offline(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, profiles=SPARKPLUG) as gate,
        edge_node(mosquitto) as node,
    ):
        gate.wait_subscribed()
        node.births()
        until(lambda: gate.ledger()["written"] == 1, what="it is born")
        assert is_online(gate)
        node.bd_seq += 1
        node.dies()
        node.data(1)
        until(lambda: gate.ledger()["written"] == 2, what="a death of another session is none")
        assert is_online(gate)
        node.bd_seq -= 1
        node.dies()
        until(lambda: not is_online(gate), what="it is offline")
        assert gate.status()["devices"]["online"] == 0
        node.births()
        until(lambda: is_online(gate), what="it is back")
