"""The gateway as it is, with RabbitMQ as its broker."""

from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.campaigns.rabbitmq.node import rabbitmq
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_readings_come_through_rabbitmq_and_what_waited_comes_after_a_restart(influxdb: Service, tmp_path: Path) -> None:
    with rabbitmq(tmp_path / "rabbitmq") as broker, gateway(tmp_path / "gateway", broker.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with client_of(broker) as client:
            publish(client, "iot/v1/ward-1/water/m1/readings", '{"pressure_kpa": 300}')
            until(lambda: gate.ledger()["written"] == 1, what="the first is written")
            gate.stop()
            publish(client, "iot/v1/ward-1/water/m1/readings", '{"pressure_kpa": 301}')
            gate.start()
            until(lambda: len(query(influxdb.url, "iot", "SELECT pressure_kpa FROM water")) == 2, what="both are stored")
