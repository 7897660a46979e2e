"""Sums in the database: beside each counter, over a kill, a lost file and an exchange."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from tests.influx import exported, query
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/s1/water/m1/readings"


@pytest.fixture
def client(mosquitto: Service) -> Iterator[paho.Client]:
    with client_of(mosquitto) as found:
        yield found


class Meter:
    """A meter that sends a register each second of its own time, in order, beginning some hours ago."""

    def __init__(self, gate: Gateway, client: paho.Client) -> None:
        self._gate = gate
        self._client = client
        self._time_ms = time.time_ns() // 1_000_000 - 3 * 3_600_000

    def counts(self, *volumes: float) -> None:
        """Send registers, a minute apart; return when they are written."""
        for volume in volumes:
            written = self._gate.ledger()["written"]
            self._time_ms += 60_000
            publish(self._client, TOPIC, json.dumps({"ts": self._time_ms, "volume_m3": volume}))
            self._wait_written(written + 1)

    def _wait_written(self, number: int) -> None:
        until(lambda: self._gate.ledger()["written"] == number, what="it is written")


def stored(influxdb: Service) -> list[tuple[float, float | None]]:
    """The registers and their sums."""
    rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")
    return [(row["volume_m3"], row["volume_sum_m3"]) for row in rows]


def answered(gate: Gateway) -> None:
    """Return when InfluxDB was asked for the sums of the meter."""
    until(lambda: not awaits(gate), what="its sums were asked for")


def awaits(gate: Gateway) -> bool:
    return any(counter["sum"] is None for counter in gate.document("/api/devices/m1")["counters"])


def again(gate: Gateway) -> None:
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()


def test_a_sum_stands_beside_its_register_in_influxdb(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    """The first reading of all comes before InfluxDB was asked."""
    meter = Meter(gate, client)
    meter.counts(500.0)
    answered(gate)
    meter.counts(500.5, 0.0, 0.1, 0.2, 0.3)
    assert stored(influxdb) == [(500.0, None), (500.5, 500.5), (0.0, None), (0.1, None), (0.2, 500.7), (0.3, 500.8)]


def test_a_sum_stands_beside_its_register_in_victoria_metrics(
    mosquitto: Service, victoria_metrics: Service, tmp_path: Path, client: paho.Client
) -> None:
    influx = {"api": "v1", "bucket": "iot"}
    with gateway(tmp_path / "gateway", mosquitto.url, victoria_metrics.url, influxdb=influx) as gate:
        gate.wait_subscribed()
        meter = Meter(gate, client)
        meter.counts(500.0)
        answered(gate)
        meter.counts(500.5, 501.0)
    (series,) = exported(victoria_metrics.url, '{__name__="water_volume_sum_m3"}')
    assert series["values"] == [500.5, 501]


def test_a_step_outlives_a_gateway_that_dies_right_after(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    """Killed while the step is doubted, and again when it is confirmed; no snapshot was saved since the start before."""
    meter = Meter(gate, client)
    meter.counts(500.0)
    answered(gate)
    meter.counts(500.5)
    assert gate.terminate() == 0
    again(gate)
    meter.counts(0.0, 0.1)
    gate.kill_at_rest()
    again(gate)
    meter.counts(0.2)
    gate.kill_at_rest()
    again(gate)
    meter.counts(0.3)
    assert stored(influxdb) == [(500.0, None), (500.5, 500.5), (0.0, None), (0.1, None), (0.2, 500.7), (0.3, 500.8)]
    assert gate.said("go on where they stood") == 0, "nobody was asked again"


def test_after_the_file_is_lost_a_sum_goes_on_where_it_stood(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    meter = Meter(gate, client)
    meter.counts(500.0)
    answered(gate)
    meter.counts(500.5, 0.0, 0.1, 0.2)
    gate.kill_at_rest()
    for file in gate.journal.parent.glob("journal.db*"):
        file.unlink()
    again(gate)
    meter.counts(0.3)
    answered(gate)
    meter.counts(0.4)
    assert stored(influxdb)[-3:] == [(0.2, 500.7), (0.3, None), (0.4, 500.9)]
    assert gate.said("the sums of 1 devices go on where they stood in InfluxDB") == 1


def test_members_of_a_share_write_no_sums(mosquitto: Service, influxdb: Service, tmp_path: Path, client: paho.Client) -> None:
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, mqtt={"share_group": "g"}) as gate:
        gate.wait_subscribed()
        Meter(gate, client).counts(500.0, 500.5)
        warned = gate.command("check").stderr
    assert stored(influxdb) == [(500.0, None), (500.5, None)]
    assert "mqtt.share_group: no sums of counters are written" in warned
