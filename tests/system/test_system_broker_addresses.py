"""A broker at several addresses: after each end it is the turn of the next one. Two of Mosquitto stand for the nodes of one."""

from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_a_gateway_goes_on_at_the_next_address_when_the_one_it_used_is_gone(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    second = services.mosquitto(tmp_path / "second")
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, mqtt={"other_urls": [second.url]}) as gate, second:
        gate.wait_subscribed()
        assert gate.status()["mqtt"]["url"] == mosquitto.url, "the first is tried first"
        for dies, serves in ((mosquitto, second), (second, mosquitto)):
            serves.start()
            serves.wait_ready()
            dies.kill()
            until(lambda url=serves.url: gate.status()["mqtt"] | {"connected": True, "url": url} == gate.status()["mqtt"])
            with client_of(serves) as client:
                written = gate.ledger()["written"]
                publish(client, "iot/v1/site/water/m1/readings", '{"flow_m3_h": 1}')
                until(lambda before=written: gate.ledger()["written"] == before + 1, what="it reads what is published there")


def test_each_address_that_does_not_serve_is_said_once(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    mosquitto.stop()
    away = f"mqtt://127.0.0.1:{services.free_port()}"
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, mqtt={"other_urls": [away]}) as gate:
        until(lambda: gate.said("not connected to the broker") == 2, what="both are said")
        for url in (mosquitto.url, away, mosquitto.url):
            until(lambda shown=url: f"{shown}: " in gate.troubles(), what="each is tried again")
        assert gate.said("not connected to the broker") == 2
        checked = gate.command("check", "--connect")
        assert checked.returncode == 3
        assert all(f"{url}: " in checked.stderr for url in (mosquitto.url, away))
        mosquitto.start()
        gate.wait_subscribed()
        assert gate.troubles() == ""
