"""A whole gateway on a cluster of VictoriaMetrics: it writes at one address and asks at the other."""

import csv
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from tests.cluster import Cluster
from tests.influx import exported
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/s1/water/m1/readings"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with services.victoria_metrics(tmp_path, args=["-dedup.minScrapeInterval=1ms"]) as service, Cluster(service) as found:
        yield found


@pytest.fixture
def gate(mosquitto: Service, cluster: Cluster, tmp_path: Path) -> Gateway:
    """A gateway that does not run yet."""
    influxdb = {"api": "v2", "read_url": cluster.read_url}
    registry = {"devices": [{"id": "m1", "domain": "water", "site": "s1", "interval": "1min"}]}
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text(json.dumps(registry))
    return gateway(folder, mosquitto.url, cluster.url, influxdb=influxdb, devices={"registry": "devices.yaml"})


def report(gate: Gateway) -> list[dict[str, str]]:
    """The consumption of the meter, of yesterday to tomorrow."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=2)), str(today + timedelta(days=2))]
    done = gate.command("report", "consumption", "--from", days[0], "--to", days[1], "--csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(StringIO(done.stdout)))


def test_sums_go_on_and_reports_are_made_by_the_address_for_questions(
    gate: Gateway, cluster: Cluster, mosquitto: Service
) -> None:
    """The file of the gateway is lost while a part of the cluster is away: no sum is taken over from what is left."""
    start_ms, sent = time.time_ns() // 1_000_000 - 3 * 3_600_000, 0

    def awaits() -> bool:
        return any(counter["sum"] is None for counter in gate.document("/api/devices/m1")["counters"])

    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        assert gate.status()["influxdb"]["read_url"] == cluster.read_url

        def counts(*volumes: float) -> None:
            nonlocal sent
            for volume in volumes:
                written, sent = gate.ledger()["written"], sent + 1
                publish(client, TOPIC, json.dumps({"ts": start_ms + sent * 60_000, "volume_m3": volume}))
                _wait_written(gate, written + 1)

        counts(500.0)
        until(lambda: not awaits(), what="its sums were asked for")
        counts(500.5, 0.0, 0.1, 0.2)
        cluster.flush()
        until(lambda: report(gate), what="what was written is shown, which takes a moment for a new series")
        gate.kill_at_rest()
        for file in gate.journal.parent.glob("journal.db*"):
            file.unlink()
        cluster.part_is_away = True
        cluster.asked.clear()
        gate.start()
        gate.wait_subscribed()
        counts(0.3)
        until(lambda: any(path.startswith("/select/") for path in cluster.asked[1:]), what="it was asked again")
        assert awaits(), "an answer in part is none"
        assert gate.command("report", "consumption", "--from", "2026-01-01", "--to", "2026-01-02").returncode == 3
        cluster.part_is_away = False
        until(lambda: not awaits(), what="the cluster is whole, and was asked")
        counts(0.4)
    cluster.flush()
    (series,) = exported(cluster.behind.url, '{__name__="water_volume_sum_m3"}')
    assert series["values"] == [500.5, 500.7, 500.9]
    through = report(gate)
    document = json.loads(gate.config.read_text())
    document["influxdb"] |= {"read_url": None, "url": cluster.behind.url}
    gate.config.write_text(json.dumps(document))
    assert through == report(gate)
    assert through
    assert {path.split("/")[1] for path in cluster.written} == {"insert"}


def _wait_written(gate: Gateway, number: int) -> None:
    until(lambda: gate.ledger()["written"] == number, what="it is written")


def test_check_tries_both_addresses(gate: Gateway, cluster: Cluster) -> None:
    done = gate.command("check", "--connect")
    assert done.returncode == 0, done.stderr
    assert f"{cluster.url} bucket iot: accepts writes" in done.stdout
    assert f"{cluster.read_url}: answers questions" in done.stdout
    document = json.loads(gate.config.read_text())
    document["influxdb"]["read_url"] = cluster.url  # vminsert answers no question
    gate.config.write_text(json.dumps(document))
    refused = gate.command("check", "--connect")
    assert refused.returncode == 3
    assert "that of a cluster is http://VMSELECT:8481/select/0/prometheus" in refused.stderr
