"""Alarms of a pair over a take-over: they go on with their beginning and their acknowledgement, and nobody is told twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.commands.demo.services import Service
from gateway.monitoring.alarms.shared_alarms import read_bucket
from tests.firmware_sim.listener import Listener, listening
from tests.monitoring.alarms.receiver import ToldServer
from tests.system.alarming import active, leaking, points
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.pair import GatewayPair, pair
from tests.system.rig import Gateway
from tests.waiting import until

pytestmark = pytest.mark.real

OWN: Final = "iot/v1/q1/water/own/readings"
LIST: Final = "iot/v1/q1/water/own/alarms"
DEVICES: Final = [
    {"id": "own", "site": "q1", "domain": "water", "interval": "1h"},
    {"id": "far", "site": "q2", "domain": "water", "interval": "1h"},
]


@pytest.fixture
def receiver() -> Iterator[ToldServer]:
    with ToldServer() as found:
        yield found


@pytest.fixture
def machines(mosquitto: Service, influxdb: Service, receiver: ToldServer, tmp_path: Path) -> Iterator[GatewayPair]:
    alarms = {"webhook": receiver.url, "mqtt": True}
    with pair(tmp_path, mosquitto, influxdb, keep_alive_s=4, devices=DEVICES, alarms=alarms) as made:
        yield made


def told(receiver: ToldServer) -> list[str]:
    """The changes that the webhook took."""
    return [f"{body['change']} {body['id']}" for body in receiver.taken]


def works(gate: Gateway) -> list[str]:
    """The notes of planned work."""
    return [work["note"] for work in gate.document("/api/silences")["silences"]]


def held_back(listener: Listener) -> list[bool]:
    """Of each alarm that the broker retains for the other machine, if the webhook has yet to be told of it."""
    buckets = [bucket for payload in dict(listener.messages).values() if (bucket := read_bucket(payload)) is not None]
    return [held for bucket in buckets for _, held in bucket.states]


def test_an_acknowledged_alarm_goes_on_over_a_take_over_and_ends_once(
    machines: GatewayPair, mosquitto: Service, influxdb: Service, receiver: ToldServer
) -> None:
    live, standby = machines.by_role()
    live.gate.wait_subscribed()
    with (
        client_of(mosquitto) as client,
        listening(mosquitto.host, mosquitto.port, "gateway/v1/gateway-1/alarms/+") as listener,
        listening(mosquitto.host, mosquitto.port, LIST) as of_device,
    ):
        publish(client, OWN, leaking())
        until(lambda: active(live.gate), what="the alarm is raised")
        assert live.gate.command("alarms", "ack", "leak@own", "--by", "Lan", "--note", "đang đến").returncode == 0
        until(lambda: told(receiver) == ["raised leak@own", "changed leak@own"], what="the webhook knows")
        until(lambda: held_back(listener) == [False], what="the other machine knows that it does")
        before = active(live.gate)
        until(lambda: active(standby.gate) == before, what="the standby has it")
        planned = ("--site", "q2", "--until", "2h", "--by", "Lan", "--note", "a new pump")
        assert live.gate.command("alarms", "silence", *planned).returncode == 0
        until(lambda: works(standby.gate) == ["a new pump"], what="the standby knows of planned work")
        refused = standby.gate.command("alarms", "ack", "leak@own", "--by", "Minh")
        assert f"make the change on the live machine, {live.name}" in refused.stderr
        until(lambda: len(points(influxdb)) == 2, what="the database has both changes")
        live.gate.kill()
        standby.until_role("live")
        publish(client, OWN, leaking())
        wait_settled(standby.gate, mosquitto)
        assert active(standby.gate) == before
        publish(client, OWN, leaking(leaks=False))
        until(lambda: not active(standby.gate), what="it has ended")
        until(lambda: told(receiver)[2:] == ["cleared leak@own"], what="once, and nothing else is told")
        assert receiver.taken[-1]["acknowledged"]["by"] == "Lan"
        until(lambda: len(points(influxdb)) == 3, what="its end stands in the database")
        assert [(row["active"], row["acknowledged"]) for row in points(influxdb)] == [
            (True, False),
            (True, True),
            (False, True),
        ]
        until(lambda: of_device.last(LIST) == b"[]", what="its list is empty")
        live.gate.start()
        live.until_role("passive")
        until(lambda: not active(live.gate), what="the one that comes back knows that it has ended")
    once = [change for change in told(receiver) if not change.startswith("changed")]  # the dead one may have just told that
    assert once == ["raised leak@own", "cleared leak@own"]


@pytest.mark.slow
def test_a_broker_that_forgot_all_is_told_of_the_alarms_again(machines: GatewayPair, mosquitto: Service) -> None:
    live, standby = machines.by_role()
    live.gate.wait_subscribed()
    with client_of(mosquitto) as client:
        publish(client, OWN, leaking())
    until(lambda: active(standby.gate), what="the standby has the alarm")
    standby.gate.kill()
    mosquitto.kill()
    for file in mosquitto.folder.rglob("mosquitto.db*"):
        file.unlink()
    mosquitto.start()
    mosquitto.wait_ready()
    with listening(mosquitto.host, mosquitto.port, "gateway/v1/gateway-1/alarms/+") as listener:
        until(lambda: held_back(listener), 120.0, what="it is retained again")
    live.gate.kill()
    for file in standby.gate.journal.parent.glob("journal.db*"):
        file.unlink()
    standby.gate.start()
    standby.until_role("live")
    until(lambda: "leak@own" in active(standby.gate), what="a machine that has lost its file has it from the broker")
