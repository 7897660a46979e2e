"""A cluster of VictoriaMetrics is looked at, and its processes' flags are told: they run elsewhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.commands.demo import services
from tests.admin.databases.commanding import configure, setup
from tests.cluster import Cluster

SELECT = "http://127.0.0.1:9/select/0/prometheus"


@pytest.fixture(params=["1ms", "0s"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    args = [f"-dedup.minScrapeInterval={request.param}"]
    with services.victoria_metrics(tmp_path, args=args) as service, Cluster(service) as found:
        yield found


@pytest.mark.real
def test_how_vmselect_counts_is_looked_at(cluster: Cluster, tmp_path: Path) -> None:
    config = configure(tmp_path, url=cluster.url, read_url=cluster.read_url)
    said = setup(config, "--keep", "800d")
    if said.status == 0:
        assert "vmselect runs with -dedup.minScrapeInterval=1ms" in said.out
        assert "vmstorage  -retentionPeriod=800d -dedup.minScrapeInterval=1ms" in said.out
    else:
        assert (said.status, "-dedup.minScrapeInterval=0s: restart it with 1ms" in said.err) == (3, True)


def test_flags_are_told_before_a_cluster_runs(tmp_path: Path) -> None:
    rollups = {"url": "http://i/insert/1/influx", "read_url": "http://s/select/1/prometheus"}
    config = configure(tmp_path, url="http://i/insert/0/influx", read_url=SELECT, rollups=rollups)
    said = setup(config, "--victoria-metrics", "--keep", "800d", "--root", tmp_path / "root")
    assert said.status == 0
    assert "vminsert   -replicationFactor=2" in said.out
    assert "-retentionPeriod=100y" in said.out
    assert not (tmp_path / "root").exists()


def test_a_vmselect_that_is_away_is_told(tmp_path: Path) -> None:
    said = setup(configure(tmp_path, url="http://i/insert/0/influx", read_url=SELECT))
    assert said.status == 3
    assert "http://127.0.0.1:9/select/0/prometheus does not answer" in said.err


def test_a_cluster_that_is_written_and_never_asked_is_warned_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = configure(tmp_path, url="http://127.0.0.1:8480/insert/0/influx")
    assert main(["check", "-c", str(config)]) == 0
    assert "without influxdb.read_url" in capsys.readouterr().err
    config = configure(tmp_path, url="http://127.0.0.1:8480/insert/0/influx", read_url=SELECT)
    assert main(["check", "-c", str(config)]) == 0
    assert "influxdb" not in capsys.readouterr().err
