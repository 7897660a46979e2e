"""Names that somebody invents: they take nothing away from registered devices, and people are told."""

import json
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, publish_all
from tests.system.makes import registry
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real

READING = json.dumps({"volume_m3": 1})


def test_a_registered_device_is_heard_first_after_a_flood_of_invented_names(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder = tmp_path / "gateway"
    folder.mkdir()
    registry(folder, [{"id": "meter", "domain": "water"}])
    with gateway(folder, mosquitto.url, influxdb.url, limits={"devices": 50}) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish_all(client, [(f"iot/v1/flooded/water/invented-{n}/readings", READING) for n in range(80)])
        until(lambda: gate.ledger()["rejected"] == 30, what="there are places for 50 of them")
        publish(client, "iot/v1/site/water/meter/readings", READING)
        until(lambda: gate.ledger()["written"] == 51, what="the meter's first reading is written")
        assert len(query(influxdb.url, "iot", "SELECT * FROM water WHERE device = 'meter'")) == 1
        until(lambda: "50 unregistered devices are known" in gate.troubles(), what="the alarm stands")
        assert "30 messages" in gate.troubles()
        assert "iot/v1/flooded/water/#" in gate.troubles()
        assert "limits.devices: " in gate.printed()
