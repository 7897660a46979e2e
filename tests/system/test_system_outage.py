"""What fails around the gateway, or the gateway itself, under load: nothing the broker acknowledged is lost."""

from pathlib import Path

import pytest

from gateway.services import Service
from tests.system.fleet import Fleet, assert_each_stands_once
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_readings_of_an_outage_of_influxdb_are_brought_in_afterwards(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=1000) as fleet:
            until(lambda: gate.ledger()["written"] > 300)
            influxdb.stop()
            until(lambda: gate.pending("journal") > 1000)
            assert "InfluxDB" in gate.troubles()
            influxdb.start()
            until(lambda: gate.status()["influxdb"]["up"])
        ledger = gate.wait_settled()
        assert gate.terminate() == 0
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)
