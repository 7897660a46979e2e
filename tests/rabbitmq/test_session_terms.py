"""RabbitMQ as it comes keeps a session on other terms than the gateway asks for; the gateway and ``check`` say so."""

from pathlib import Path

import pytest

from gateway.demo.services import Service
from tests.rabbitmq.node import rabbitmq
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_a_session_that_rabbitmq_keeps_for_a_day_only_is_told(influxdb: Service, tmp_path: Path) -> None:
    with rabbitmq(tmp_path / "rabbitmq") as broker, gateway(tmp_path / "gateway", broker.url, influxdb.url) as gate:
        until(lambda: "for 1 d, not for 7 d" in gate.troubles(), what="the running gateway tells it")
        assert "gateway_mqtt_session_expiry_seconds 86400.0" in gate.ask("/metrics")[1]
        done = gate.command("check", "--connect")
        assert done.returncode == 0, done.stderr
        assert "for 1 d, not for 7 d" in done.stderr
