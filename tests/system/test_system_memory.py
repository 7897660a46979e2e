"""Large things do not make the gateway large."""

import json
import os
import time
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, publish_all, wait_settled
from tests.system.rig import Document, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

RSS_MAX_BYTES = 160_000_000


@pytest.mark.parametrize(
    "journal",
    [
        pytest.param({}, id="into-the-journal"),
        pytest.param({"max_bytes": "64KiB", "when_full": "stop_acking"}, id="journal-full"),
    ],
)
def test_memory_stays_bounded_whatever_is_sent_while_influxdb_is_away(
    journal: Document, influxdb: Service, tmp_path: Path
) -> None:
    """A message of 20 MB and backlogs of 200 kB by the hundred: the sound ones arrive, all of them."""
    now_ms = time.time_ns() // 1_000_000
    backlogs = [(f"iot/v1/site/water/m{n}/readings", _backlog(now_ms)) for n in range(120)]
    assert 200_000 < len(backlogs[0][1]) < 262_144
    folder = tmp_path / "broker"
    folder.mkdir()
    with (
        services.mosquitto(folder, tuned=False) as broker,  # with no limit of its own on a message
        gateway(tmp_path / "gateway", broker.url, influxdb.url, journal={"min_free_bytes": 0} | journal) as gate,
        client_of(broker) as client,
    ):
        gate.wait_subscribed()
        influxdb.stop()
        publish_all(client, backlogs[:50])
        publish(client, "iot/v1/site/water/big/readings", b"[" + os.urandom(20_000_000))
        publish_all(client, backlogs[50:])
        if journal:
            until(lambda: "stop_acking" in gate.troubles() and gate.pending("memory") > 50_000, within_s=30.0)
        else:
            until(lambda: gate.ledger()["received"] == 120_001, within_s=30.0)
        influxdb.start()
        ledger = wait_settled(gate, broker, within_s=30.0)
        (reject,) = gate.rejects()
        peak_bytes = gate.rss_bytes
    assert (ledger["written"], ledger["rejected"]) == (120_000, 1)
    assert (reject["reason"], reject["device"], len(reject["payload_base64"])) == ("too_large", "big", 87_384)
    assert "20000001 bytes" in reject["detail"]
    assert query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water")[0]["count"] == 120_000
    assert peak_bytes <= RSS_MAX_BYTES, f"{peak_bytes / 1e6:.0f} MB"


def _backlog(newest_ms: int) -> str:
    """1,000 readings in over 200 kB."""
    rows = [{"ts": newest_ms - n, "seq": n, "flow_m3_h": n / 8, "ph": n / 100, "battery_pct": 90} for n in range(1000)]
    return json.dumps(rows, indent=11)
