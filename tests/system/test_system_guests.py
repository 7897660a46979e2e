"""Commands that connect to the broker beside a running gateway: its session, and what waits in it, stay as they are."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.brokers import guarded
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"


def check(gate: Gateway) -> tuple[int, str]:
    done = gate.command("check", "--connect")
    return done.returncode, done.stderr


def propose(gate: Gateway) -> tuple[int, str]:
    """Nothing can be proposed here: 1 is what it says then."""
    done = gate.command("profiles", "propose", "--seconds", "1")
    return {1: 0}.get(done.returncode, done.returncode), done.stderr


def reading(number: int) -> str:
    """A reading with a time of its own: one that was under way while the guest came is known when it comes again."""
    return json.dumps({"ts": time.time_ns() // 1_000_000, "seq": number, "flow_m3_h": number})


BOTH = pytest.mark.parametrize("guest", [check, propose])
Guest = Callable[[Gateway], tuple[int, str]]


@BOTH
def test_a_guest_does_not_disturb_the_running_gateway(guest: Guest, gate: Gateway, mosquitto: Service) -> None:
    assert guest(gate)[0] == 0
    with client_of(mosquitto) as client:
        publish(client, TOPIC, '{"flow_m3_h": 1}')
        assert wait_settled(gate, mosquitto)["written"] == 1
    assert gate.said("connected to") == 1
    assert gate.said("not connected") == 0


def test_check_takes_nothing_of_what_waits_for_a_gateway_that_is_away(gate: Gateway, mosquitto: Service) -> None:
    gate.terminate()
    with client_of(mosquitto) as client:
        publish(client, TOPIC, '{"flow_m3_h": 1}')
    assert check(gate)[0] == 0
    gate.start()
    gate.wait_subscribed()
    until(lambda: gate.ledger()["written"] == 1)
    assert gate.said("session resumed") == 1


@BOTH
@pytest.mark.parametrize("away", [pytest.param(True, id="away"), pytest.param(False, id="running")])
def test_where_the_broker_names_clients_after_their_accounts_a_guest_leaves_the_session_alone(
    guest: Guest, influxdb: Service, tmp_path: Path, *, away: bool
) -> None:
    """There the guest is the gateway. It must notice before it wipes out what waits."""
    broker = guarded(tmp_path / "broker", "use_username_as_clientid true", per_listener=False)
    mqtt = {"username": "gateway"}
    with broker.service, gateway(tmp_path / "gateway", broker.service.url, influxdb.url, mqtt=mqtt) as gate:
        gate.wait_subscribed()
        if away:
            gate.terminate()
        with client_of(broker.devices) as client:
            publish(client, TOPIC, reading(1))
            status, said = guest(gate)
            publish(client, TOPIC, reading(2))
        assert status == 3
        assert "names clients after their accounts" in said
        if not away:
            gate.terminate()  # thrown out by the guest it would try again after a minute
        gate.start()
        gate.wait_subscribed()
        until(lambda: len(query(influxdb.url, "iot", "SELECT flow_m3_h FROM water")) == 2)
        assert gate.said("session new") == 1
