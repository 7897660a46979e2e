"""The chart of the start page is full when the gateway starts again: the last hours are stored."""

import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.status.history import History
from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database
from gateway.runtime.jobs.looks import HISTORY
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real


def test_the_last_hours_outlive_a_restart(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    gate, earlier, now_ms = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url), History(), int(time.time() * 1000)
    for minutes_ago, received in ((90, 0), (60, 7000), (59, 7100)):
        earlier.count(now_ms - 60_000 * minutes_ago, received, received)
    gate.journal.parent.mkdir(parents=True, exist_ok=True)
    database = Database(gate.journal)
    database.open()
    database.run_here(keyvalue.put, HISTORY, earlier.text())
    database.close()
    with gate:
        gate.wait_subscribed()
        until(lambda: "highest 7,000" in gate.ask("/?language=en")[1], what="the chart shows an hour ago")
        assert gate.terminate() == 0
        gate.start()
        gate.wait_subscribed()
        until(lambda: "highest 7,000" in gate.ask("/?language=en")[1], what="it shows it again")
