"""Sums in the database: beside each counter, over a kill, a lost file and an exchange."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
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

    def __init__(self, gate: Gateway, client: paho.Client, topic: str = TOPIC) -> None:
        self._gate = gate
        self._topic = topic
        self._client = client
        self._time_ms = time.time_ns() // 1_000_000 - 3 * 3_600_000

    def counts(self, *volumes: float) -> None:
        """Send registers, a minute apart; return when they are written."""
        for volume in volumes:
            written = self._gate.ledger()["written"]
            self._time_ms += 60_000
            publish(self._client, self._topic, json.dumps({"ts": self._time_ms, "volume_m3": volume}))
            self._wait_written(written + 1)

    def _wait_written(self, number: int) -> None:
        until(lambda: self._gate.ledger()["written"] == number, what="it is written")


def stored(influxdb: Service) -> list[tuple[float, float | None]]:
    """The registers and their sums."""
    rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")
    return [(row["volume_m3"], row["volume_sum_m3"]) for row in rows]


def answered(gate: Gateway, device: str = "m1") -> None:
    """Return when InfluxDB was asked for the sums of the meter."""
    until(lambda: not awaits(gate, device), what="its sums were asked for")


def awaits(gate: Gateway, device: str = "m1") -> bool:
    return any(counter["sum"] is None for counter in gate.document(f"/api/devices/{device}")["counters"])


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


def test_gateways_that_share_out_sites_by_a_file_each_write_the_sums_of_their_own(
    mosquitto: Service, influxdb: Service, tmp_path: Path, client: paho.Client
) -> None:
    """On a broker that knows nothing of it."""
    shares = [{"site": "s1", "gateway": "gateway-1"}, {"site": "s2", "gateway": "gateway-2"}]
    (tmp_path / "shares.yaml").write_text(json.dumps({"gateways": ["gateway-1", "gateway-2"], "shares": shares}))
    with ExitStack() as stack:
        gates = []
        for name in ("gateway-1", "gateway-2"):
            mqtt = {"client_id": name, "shares": "../shares.yaml"}
            gates.append(stack.enter_context(gateway(tmp_path / name, mosquitto.url, influxdb.url, mqtt=mqtt)))
            gates[-1].wait_subscribed()
        for gate, site, device in zip(gates, ("s1", "s2"), ("m1", "m2"), strict=True):
            meter = Meter(gate, client, f"iot/v1/{site}/water/{device}/readings")
            meter.counts(500.0)
            answered(gate, device)
            meter.counts(500.5)
        assert [gate.ledger()["received"] for gate in gates] == [2, 2], "each its own"
    assert stored(influxdb).count((500.5, 500.5)) == 2
