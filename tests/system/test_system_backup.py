"""A gateway is backed up while it runs, goes on, burns, and another one takes its place."""

import json
import shutil
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, publish_all
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOPIC = "iot/v1/s1/water/{}/readings"


def test_a_gateway_that_is_replaced_loses_nothing_and_counts_nothing_twice(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    folder, now_ms = tmp_path / "gateway", time.time_ns() // 1_000_000
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: m1, site: s1, domain: water}]\n")
    with (
        gateway(folder, mosquitto.url, influxdb.url, devices={"registry": "devices.yaml"}) as gate,
        client_of(mosquitto) as client,
    ):

        def count(volume: float) -> None:
            written = gate.ledger()["written"]
            publish(client, TOPIC.format("m1"), json.dumps({"ts": time.time_ns() // 1_000_000, "volume_m3": volume}))
            until(lambda: gate.ledger()["written"] == written + 1)

        def answered() -> None:
            until(lambda: [one["sum"] for one in gate.document("/api/devices/m1")["counters"]][:1] not in ([], [None]))

        gate.wait_subscribed()
        count(100.0)
        answered()
        count(100.5)
        influxdb.stop()
        waiting = [(TOPIC.format("m2"), json.dumps({"ts": now_ms + second, "flow_m3_h": 1.0})) for second in range(300)]
        publish_all(client, waiting)
        until(lambda: gate.pending("journal") == 300, what="all wait in the journal")
        done = gate.command("backup", tmp_path / "backup.tar.gz", "--accounts", tmp_path / "none")
        assert (done.returncode, done.stderr) == (0, "")
        assert "300 readings that wait for the database are in it" in done.stdout
        influxdb.start()
        until(lambda: gate.pending("journal") == 0, what="the old machine goes on")
        assert gate.command("devices", "exchange", "m1", "--final", "101", "--register", "1").returncode == 0
        count(1.2)
        gate.kill()
        shutil.rmtree(folder)

        done = gate.command("restore", tmp_path / "backup.tar.gz")
        assert done.returncode == 0, done.stderr
        assert "300 readings wait in the journal" in done.stdout
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] == 300, what="what waited comes in again")
        count(1.5)
        answered()
        count(1.6)
    sums = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water WHERE device = 'm1'")
    found = {row["volume_m3"]: row["volume_sum_m3"] for row in sums}
    assert found == {100.0: None, 100.5: 100.5, 1.2: 101.2, 1.5: None, 1.6: 101.6}
    (once,) = query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water WHERE device = 'm2'")
    assert once["count"] == 300
