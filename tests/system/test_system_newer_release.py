"""A rollback to an older release: readings of the newer one wait, are counted, and go on when it is installed again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.ingest.storage.schema import SCHEMA_VERSION
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

TOPIC = "iot/v1/s/water/wm-1/readings"


def test_readings_of_a_newer_release_are_pending_until_it_is_back(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    influxdb.stop()
    with client_of(mosquitto) as client, gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        gate.wait_subscribed()
        for volume in (1, 2, 3):
            publish(client, TOPIC, f'{{"volume_m3": {volume}}}')
        until(lambda: gate.pending("journal") == 3)
        assert gate.terminate() == 0
        _set_version(gate.journal, SCHEMA_VERSION + 1)

        influxdb.start()
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.pending("journal") == 3, what="what waits for the newer release is counted")
        publish(client, TOPIC, '{"volume_m3": 4}')
        until(lambda: gate.ledger()["written"] == 1, what="the older one brings in its own")
        assert "3 readings wait in journal.db.newer-" in gate.troubles()
        assert (gate.pending("journal"), gate.ledger()["lost"]) == (3, 0)
        assert gate.terminate() == 0

        (waiting,) = gate.journal.parent.glob("journal.db.newer-*")
        _set_version(waiting, SCHEMA_VERSION)
        waiting.rename(waiting.with_name(waiting.name.replace(f"newer-{SCHEMA_VERSION + 1}", f"newer-{SCHEMA_VERSION}")))
        gate.start()
        gate.wait_subscribed()
        until(lambda: gate.ledger()["written"] == 3 and not gate.pending("journal"), what="they are brought in")
        assert gate.ledger()["lost"] == 0
        assert len(list(query(influxdb.url, "iot", "SELECT volume_m3 FROM water"))) == 4


def _set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version={version}")
