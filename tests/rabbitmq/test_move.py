"""A site moves from one gateway to another."""

import json
from pathlib import Path

import pytest

from gateway.core.tenures import Stage
from gateway.demo.services import Service
from tests.influx import query
from tests.rabbitmq.moving import NEW, OLD, SITE, now_ms, pair, reload
from tests.system.fleet import client_of, publish
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = f"iot/v1/{SITE}/water/m1/readings"


def stored(influxdb: Service) -> list[tuple[float, float | None]]:
    rows = query(influxdb.url, "iot", "SELECT volume_m3, volume_sum_m3 FROM water")
    return [(row["volume_m3"], row["volume_sum_m3"]) for row in rows]


def test_sums_go_on_at_the_new_gateway(influxdb: Service, tmp_path: Path) -> None:
    """A meter was reset at the old one: the register alone tells nothing any more."""
    with pair(tmp_path, influxdb) as gates, client_of(gates.broker) as client:
        begin_ms = now_ms() - 3_600_000

        def counts(*registers: float) -> None:
            nonlocal begin_ms
            for register in registers:
                begin_ms += 60_000
                before = len(stored(influxdb))
                publish(client, TOPIC, json.dumps({"ts": begin_ms, "volume_m3": register}))
                until(lambda before=before: len(stored(influxdb)) > before, what="stored")

        counts(500.0)
        until(lambda: gates.old.document("/api/devices/m1")["counters"][0]["sum"] is not None, what="its sums are known")
        counts(500.5, 0.0, 0.1, 0.2)
        reload(gates.new)
        reload(gates.old)
        until(lambda: gates.told(OLD) is Stage.LEFT, what="the old one is empty")
        counts(0.3)
        gates.holds(NEW)
        counts(0.4)
        until(lambda: stored(influxdb)[-2:] == [(0.3, 500.8), (0.4, 500.9)], what="all have their sums")
        assert gates.new.ledger()["written"] >= 2
