"""A gateway's session on RabbitMQ as it comes: terms other than those asked for are told, and what is missing is mended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway.demo.services import Service
from tests.rabbitmq.node import Node, rabbitmq
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """RabbitMQ as it comes, for all of these tests."""
    with rabbitmq(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


def sharing(folder: Path, broker: Node, influxdb: Service, name: str, *devices: dict[str, str]) -> Gateway:
    """A gateway that has the site of its own name, with registered devices."""
    gate = gateway(folder / name, broker.url, influxdb.url, mqtt={"client_id": name, "shares": "shares.yaml"})
    shares = {"gateways": [name, "another"], "shares": [{"site": name, "gateway": name}, {"site": "far", "gateway": "another"}]}
    (gate.folder / "shares.yaml").write_text(yaml.safe_dump(shares))
    (gate.folder / "devices.yaml").write_text(yaml.safe_dump({"devices": list(devices)}))
    return gate


def test_a_session_that_rabbitmq_keeps_for_a_day_only_is_told(broker: Node, influxdb: Service, tmp_path: Path) -> None:
    with sharing(tmp_path, broker, influxdb, "day") as gate:
        until(lambda: "for 1 d, not for 7 d" in gate.troubles(), what="the running gateway tells it")
        assert "gateway_mqtt_session_expiry_seconds 86400.0" in gate.ask("/metrics")[1]
        done = gate.command("check", "--connect")
        assert done.returncode == 0, done.stderr
        assert "for 1 d, not for 7 d" in done.stderr


def test_retained_states_of_registered_devices_come_and_later_ones_come_once(
    broker: Node, influxdb: Service, tmp_path: Path
) -> None:
    gate = sharing(tmp_path, broker, influxdb, "states", {"id": "m1", "site": "states", "domain": "water"})
    with client_of(broker) as client:
        for device in ("m0", "m1"):
            publish(client, f"iot/v1/states/water/{device}/status", '{"state": "online"}', retain=True)
        with gate:
            until(lambda: heard(gate) == 1, what="the state of m1 came")
            publish(client, "iot/v1/states/water/m1/status", '{"state": "offline"}')
            publish(client, "iot/v1/states/water/m1/readings", '{"pressure_kpa": 300}')
            until(lambda: gate.ledger()["written"] == 1, what="what came after it is written")
            assert heard(gate) == 3, "the retained one, the later one and the reading; a wildcard gets nothing retained"


def heard(gate: Gateway) -> int:
    """The number of its messages."""
    return int(gate.status()["messages"])
