"""Sums are worked out again by command: through the running gateway, and on its file."""

import json
import re
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from gateway.commands.demo.services import Service
from tests.influx import exported, query
from tests.monitoring.reports.points import VIETNAM
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/s1/water/m1/readings"


@pytest.fixture
def client(mosquitto: Service) -> Iterator[paho.Client]:
    with client_of(mosquitto) as found:
        yield found


def counts(gate: Gateway, client: paho.Client, minutes: dict[int, float]) -> None:
    """A meter sends what it counts, by minutes from now; return when that is written."""
    written, now_ms = gate.ledger()["written"] + len(minutes), time.time_ns() // 1_000_000
    for minute, volume in minutes.items():
        publish(client, TOPIC, json.dumps({"ts": now_ms + 60_000 * minute, "volume_m3": volume}))
    until(lambda: gate.ledger()["written"] == written, what="written")


def begins(gate: Gateway, client: paho.Client) -> None:
    """The meter is met; return when its sums are known."""
    counts(gate, client, {-200: 500.0})
    until(lambda: gate.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums were asked for")


def sums(influxdb: Service) -> list[float | None]:
    return [row["volume_sum_m3"] for row in query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")]


def test_an_exchange_told_later_is_worked_into_the_sums_by_the_running_gateway(
    gate: Gateway, influxdb: Service, client: paho.Client
) -> None:
    begins(gate, client)
    counts(gate, client, {-190: 500.5, -180: 501.0, -170: 47.0, -160: 47.5, -150: 48.0, -140: 48.5})
    assert sums(influxdb) == [None, 500.5, 501.0, None, None, 502.0, 502.5]
    told = gate.command("devices", "exchange", "m1", "--at", "175min", "--final", "501.25", "--register", "46.75")
    assert told.returncode == 0, told.stderr
    first, command = told.stdout.splitlines()
    assert first == "m1: volume_m3: readings came since then: the sums are worked out again in the night, or now by"
    since = re.fullmatch(r"gateway devices resum m1 --from '(.+)'", command)
    assert since is not None
    done = gate.command("devices", "resum", "m1", "--from", since[1])
    assert (done.returncode, done.stdout) == (0, "m1: 4 sums changed, of 4 readings\n"), done.stderr
    assert sums(influxdb) == [None, 500.5, 501.0, 501.5, 502.0, 502.5, 503.0]
    gate.kill_at_rest()
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()
    counts(gate, client, {-130: 49.0})
    assert sums(influxdb)[-1] == 503.5
    assert gate.terminate() == 0
    again = gate.command("devices", "resum", "m1", "--from", "4h")
    assert (again.returncode, again.stdout) == (0, "m1: 1 sums changed, of 8 readings\n"), again.stderr


def test_sums_are_worked_out_on_the_file_of_a_gateway_that_stands(
    gate: Gateway, influxdb: Service, client: paho.Client
) -> None:
    begins(gate, client)
    counts(gate, client, {-190: 500.5, -180: 501.0, -170: 47.0, -160: 47.5, -150: 48.0, -140: 48.5})
    assert gate.terminate() == 0
    assert (
        gate.command("devices", "exchange", "m1", "--at", "175min", "--final", "501.25", "--register", "46.75").returncode == 0
    )
    done = gate.command("devices", "resum", "m1", "--from", "175min")
    assert (done.returncode, done.stdout) == (0, "m1: 4 sums changed, of 4 readings\n"), done.stderr
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()
    counts(gate, client, {-130: 49.0})
    assert sums(influxdb) == [None, 500.5, 501.0, 501.5, 502.0, 502.5, 503.0, 503.5]


def test_what_cannot_be_worked_out_is_said(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    begins(gate, client)
    for arguments, said in {
        ("m2", "--from", "2h"): "'m2' was never heard",
        ("m1", "--from", "2999-01-01"): "this time has not come yet",
        ("m1", "--from", "soon"): "'soon' is no time; write",
    }.items():
        done = gate.command("devices", "resum", *arguments)
        assert (done.returncode, done.stdout, said in done.stderr) == (2, "", True), done
    influxdb.stop()
    done = gate.command("devices", "resum", "m1", "--from", "4h")
    assert (done.returncode, "does not answer" in done.stderr) == (3, True), done


def loses_its_file(gate: Gateway) -> None:
    """The gateway dies with all that it had kept, and starts again."""
    gate.kill_at_rest()
    for file in gate.journal.parent.glob("journal.db*"):
        if not file.name.endswith(".token"):
            file.unlink()
    gate.start()
    gate.wait_ready()
    gate.wait_subscribed()


def test_an_exchange_told_late_outlives_the_file_of_the_gateway(gate: Gateway, influxdb: Service, client: paho.Client) -> None:
    """It was lost before the night in which its sums are worked out again; that is known as soon as the meter sends."""
    begins(gate, client)
    counts(gate, client, {-190: 500.5, -180: 501.0, -170: 47.0, -160: 47.5, -150: 48.0, -140: 48.5})
    told = gate.command("devices", "exchange", "m1", "--at", "175min", "--final", "501.25", "--register", "46.75")
    assert told.returncode == 0, told.stderr
    until(lambda: said_late(influxdb) == [1.0], what="the exchange stands in InfluxDB")
    loses_its_file(gate)
    counts(gate, client, {-130: 49.0})
    until(lambda: gate.document("/api/late-sums")["devices"], what="the exchange is known again")
    done = gate.command("devices", "resum", "m1", "--from", "3h")
    assert done.returncode == 0, done.stderr
    assert sums(influxdb) == [None, 500.5, 501.0, 501.5, 502.0, 502.5, 503.0, 503.5]
    until(lambda: said_late(influxdb) == [1.0, 0.0], what="it is worked in, and that stands there too")
    loses_its_file(gate)
    counts(gate, client, {-120: 49.5})
    until(lambda: gate.document("/api/devices/m1")["counters"][0]["sum"] == 504.0, what="its sums go on")
    assert not gate.document("/api/late-sums")["devices"]


def said_late(influxdb: Service) -> list[float]:
    """The words about exchanges: 1 while the sums since then are wrong."""
    rows = query(influxdb.url, "iot", "SELECT late FROM event WHERE kind = 'exchange_told'")
    return [row["late"] for row in rows]


HOURS = 104
EXCHANGED_BEFORE_H = 64


@pytest.fixture
def site(mosquitto: Service, victoria_metrics: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that writes to VictoriaMetrics, with a registered meter."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: m1, site: s1, domain: water, interval: 1h}]\n")
    influx = {"api": "v1", "bucket": "iot"}
    with gateway(folder, mosquitto.url, victoria_metrics.url, influxdb=influx, devices={"registry": "devices.yaml"}) as found:
        found.wait_subscribed()
        yield found


def used(gate: Gateway, victoria_metrics: Service) -> list[float]:
    """The use of the two days before yesterday, as a report tells it: no hour after midnight is theirs."""
    exported(victoria_metrics.url, '{__name__="water_volume_sum_m3"}')  # so that all points can be asked for
    today = datetime.now(VIETNAM).date()
    days = "--from", str(today - timedelta(days=3)), "--to", str(today - timedelta(days=2))
    done = gate.command("report", "consumption", *days, "--step", "day", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row["used"] for row in rows if row["domain"] == "water"]


def test_on_victoria_metrics_a_report_is_right_without_a_point_written_again(
    site: Gateway, victoria_metrics: Service, client: paho.Client
) -> None:
    """A meter counts half a cubic metre an hour; nobody tells of its exchange before its successor has sent."""
    counts(site, client, {-60 * HOURS: 100.0})
    until(lambda: site.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums were asked for")
    old = {-60 * hour: 100 + (HOURS - hour) / 2 for hour in range(HOURS - 1, EXCHANGED_BEFORE_H, -1)}
    new = {-60 * hour: 7 + (EXCHANGED_BEFORE_H - hour) / 2 for hour in range(EXCHANGED_BEFORE_H, 0, -1)}
    counts(site, client, old | new)
    assert used(site, victoria_metrics) != [12, 12]
    final, first = 100 + (HOURS - EXCHANGED_BEFORE_H) / 2 - 1 / 120, 7 - 1 / 120
    at = f"{60 * EXCHANGED_BEFORE_H + 1}min"
    told = site.command("devices", "exchange", "m1", "--at", at, "--final", str(final), "--register", str(first))
    assert told.returncode == 0, told.stderr
    assert used(site, victoria_metrics) == pytest.approx([12, 12]), "before the sums are worked out, which the night does"
    done = site.command("devices", "resum", "m1", "--from", at)
    assert "m1: this database does not replace points: reports work the sums out while they read" in done.stdout, done.stderr
    counts(site, client, {0: 27.0})
    assert used(site, victoria_metrics) == pytest.approx([12, 12])
    assert site.terminate() == 0
    assert used(site, victoria_metrics) == pytest.approx([12, 12])
    site.start()
    site.wait_ready()
    loses_its_file(site)
    assert used(site, victoria_metrics) == pytest.approx([12, 12]), "before the meter sends again, or on another machine"
    counts(site, client, {1: 27.0})
    until(lambda: site.document("/api/late-sums")["devices"], what="the exchange is known again")
    assert used(site, victoria_metrics) == pytest.approx([12, 12])
