"""The last hours of a device: from the database, as numbers and as charts, and a sentence while it is away."""

import time

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway, Slowness
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/m1/readings"


def test_what_was_written_is_told_and_drawn_and_a_database_that_is_away_holds_nobody(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with client_of(mosquitto) as client:
        publish(client, TOPIC, '{"flow_m3_h": 1.5, "pressure_kpa": 300}')
        wait_settled(gate, mosquitto)
        found = gate.document("/api/series/m1")
        points = {one["field"]: one["points"] for one in found["series"] if one["measurement"] == "water"}
        ((at_ms, value),) = points["flow_m3_h"]
        assert value == 1.5
        assert found["from_ms"] <= at_ms < found["to_ms"]
        assert "<svg" in gate.ask("/devices/m1/charts?language=en")[1]
        assert gate.ask("/api/series/nobody")[0] == 404
        assert gate.ask("/api/series/m1?hours=x")[0] == 400
        influxdb.stop()
        publish(client, TOPIC, '{"flow_m3_h": 2}')
        until(lambda: not gate.status()["influxdb"]["up"], what="it is known to be away")
    began_s, slowness = time.monotonic(), Slowness(gate)
    assert gate.ask("/api/series/m1")[0] == 503
    assert "cannot be read from the database" in gate.ask("/devices/m1/charts?language=en")[1]
    assert time.monotonic() - began_s < 2 * slowness.times
