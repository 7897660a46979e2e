"""Failures of the gateway and around it, under load: nothing the broker acknowledged is lost."""

import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from schemas.quantities import Quality
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, points, publish, wait_settled
from tests.system.rig import Gateway, gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real


def test_readings_of_an_outage_of_influxdb_are_brought_in_afterwards(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=1000) as fleet:
        until(lambda: gate.ledger()["written"] > 300)
        influxdb.stop()
        until(lambda: gate.pending("journal") > 1000)
        assert "InfluxDB" in gate.troubles()
        influxdb.start()
        until(lambda: gate.status()["influxdb"]["up"])
    ledger = wait_settled(gate, mosquitto)
    assert gate.terminate() == 0
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.parametrize(
    "influxdb_away",
    [pytest.param(False, id="influxdb-up", marks=pytest.mark.slow), pytest.param(True, id="influxdb-away")],
)
def test_a_gateway_killed_twice_under_load_loses_nothing_and_takes_nothing_for_lost(
    gate: Gateway, mosquitto: Service, influxdb: Service, *, influxdb_away: bool
) -> None:
    with Fleet(mosquitto, rate=1000) as fleet:
        until(lambda: gate.ledger()["written"] > 300)
        assert gate.terminate() == 0, "the numbers of the devices are saved"
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] > 300)
        if influxdb_away:
            influxdb.kill()
            until(lambda: gate.pending("journal") > 300)
        for _ in range(2):
            gate.kill()
            until_more(lambda: len(fleet.acknowledged), 500)
            gate.start()
            gate.wait_subscribed()
            until(lambda: gate.ledger()["received"] > 600)
        influxdb.start()
    wait_settled(gate, mosquitto)
    assert not any(device["seq_missing"] for device in gate.document("/api/devices")["devices"])
    assert gate.terminate() == 0
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.slow
@pytest.mark.parametrize("hangs", [pytest.param(False, id="away-and-two-kills"), pytest.param(True, id="hanging")])
def test_half_a_minute_without_influxdb_loses_nothing_on_a_broker_as_debian_ships_it(
    stock_mosquitto: Service, influxdb: Service, tmp_path: Path, *, hangs: bool
) -> None:
    """Such a broker drops what it cannot hand over beyond 1,000 messages: a second of this load."""
    with gateway(tmp_path / "gateway", stock_mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        with Fleet(stock_mosquitto, rate=1000) as fleet:
            until(lambda: gate.ledger()["written"] > 1000)
            if hangs:
                influxdb.pause()
            else:
                influxdb.stop()
            for kill in (True, True, False):
                until_more(lambda: len(fleet.acknowledged), 10_000, within_s=30.0)
                if kill and not hangs:
                    gate.kill()
                    gate.start()
            influxdb.resume()
            influxdb.start()
            until(lambda: gate.ledger()["written"] > 0, within_s=30.0)
        wait_settled(gate, stock_mosquitto, within_s=30.0)
    assert_each_stands_once(influxdb, fleet)


@pytest.mark.parametrize("kills", [pytest.param(2, id="2"), pytest.param(10, id="10", marks=pytest.mark.slow)])
def test_readings_without_a_time_outlive_kills_and_tell_where_they_may_stand_twice(
    kills: int, gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=500, clocks=False) as fleet:
        for _ in range(kills):
            until_more(lambda: gate.ledger()["received"], 200)
            gate.kill()
            gate.start()
            gate.wait_subscribed()
    wait_settled(gate, mosquitto)
    found = points(influxdb)
    assert not {(reading.device, reading.seq) for reading in fleet.acknowledged} - set(found)
    marked = Quality.GATEWAY_TIME | Quality.MAY_STAND_TWICE
    for rows in found.values():
        assert {row["quality"] for row in rows} <= {Quality.GATEWAY_TIME, marked}
        assert sum(row["quality"] == marked for row in rows) >= len(rows) - 1


def test_a_restarted_broker_brings_what_it_had_acknowledged(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    with Fleet(mosquitto, rate=500) as fleet:
        until(lambda: gate.ledger()["written"] > 300)
        influxdb.pause()  # so that the broker has something to keep: what is in flight to the gateway
        mosquitto.stop()
        until(lambda: not gate.status()["mqtt"]["connected"])
        assert "MQTT" in gate.troubles()
        influxdb.resume()
        mosquitto.start()
        mosquitto.wait_ready()
        until(lambda: gate.status()["mqtt"]["connected"])
        until_more(lambda: len(fleet.acknowledged), 300)
    wait_settled(gate, mosquitto)
    assert_each_stands_once(influxdb, fleet)


def test_a_paused_influxdb_stalls_one_write_and_no_acknowledgement(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=1000) as fleet:
        until(lambda: gate.ledger()["written"] > 300)
        influxdb.pause()
        paused_s = time.monotonic()
        until(lambda: gate.pending("journal") > 0, within_s=3.0)
        until(lambda: gate.status()["mqtt"]["unacknowledged"] < 1500 and time.monotonic() > paused_s + 4.0)
        influxdb.resume()
        until(lambda: gate.status()["influxdb"]["up"])
    ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == ledger["received"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)


def test_sigterm_while_influxdb_hangs_ends_in_time_with_everything_on_disk(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    with Fleet(mosquitto, rate=1000) as fleet:
        until(lambda: gate.ledger()["written"] > 300)
        influxdb.pause()
        until(lambda: gate.pending("memory") > 0)
        assert gate.terminate(within_s=5.0) == 0
    assert _account_at_the_end(gate)["memory"] == 0
    influxdb.resume()
    gate.start()
    gate.wait_subscribed()
    wait_settled(gate, mosquitto)
    assert_each_stands_once(influxdb, fleet)


def test_a_commit_under_way_at_sigterm_is_not_made_twice(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    """The last commit finds the one before it still waiting for the disk, here for a lock on the file."""
    with client_of(mosquitto) as client:
        influxdb.pause()
        with closing(sqlite3.connect(gate.journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            publish(client, "iot/v1/site/water/m1/readings", '{"flow_m3_h": 1.5}')
            until(lambda: "they go to the journal" in gate.printed())
            gate.send_signal(signal.SIGTERM)
            until(lambda: "stopping" in gate.printed())
            time.sleep(0.2)  # it waits for the lock now, whichever way it came; too early, and this shows nothing
            other.execute("COMMIT")
        assert gate.wait_ended() == 0
    assert _account_at_the_end(gate) == {"memory": 0, "journal": 1, "quarantine": 0}
    influxdb.resume()


def _account_at_the_end(gate: Gateway) -> dict[str, int]:
    """Return the readings pending when the gateway said goodbye."""
    last = gate.printed().splitlines()[-1]
    assert "stopped; " in last
    pending: dict[str, int] = eval(last.partition("stopped; ")[2], {})["pending"]  # noqa: S307 - a dict printed by our own
    return pending
