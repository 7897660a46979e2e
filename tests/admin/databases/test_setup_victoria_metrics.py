"""VictoriaMetrics is set up: a process for each retention, and the gateway's metrics and rules."""

import shlex
import urllib.request
from pathlib import Path

import pytest
import yaml

from gateway.commands.demo import services
from tests.admin.databases.commanding import configure, setup


def arguments_of(file: Path) -> list[str]:
    """The arguments of a process, as systemd reads them from the file of its environment."""
    (line,) = [line for line in file.read_text().splitlines() if line.startswith("ARGS=")]
    return shlex.split(shlex.split(line.removeprefix("ARGS="))[0])


def test_files_for_both_processes_are_written_once(tmp_path: Path) -> None:
    root = tmp_path / "root"
    config = configure(tmp_path, url="http://127.0.0.1:8428", rollups={"url": "http://127.0.0.1:8429"})
    command: list[str | Path] = ["--victoria-metrics", "--root", root, "--keep", "800d"]
    assert setup(config, *command, "--dry-run").status == 0
    assert not root.exists()
    made = setup(config, *command)
    assert made.status == 0
    first = arguments_of(root / "etc/default/victoria-metrics")
    assert {"-retentionPeriod=800d", "-dedup.minScrapeInterval=1ms", "-httpListenAddr=127.0.0.1:8428"} <= set(first)
    second = arguments_of(root / "etc/default/victoria-metrics-rollups")
    assert {"-retentionPeriod=100y", "-httpListenAddr=127.0.0.1:8429"} <= set(second)
    assert (
        "EnvironmentFile=/etc/default/victoria-metrics-rollups"
        in (root / "etc/systemd/system/victoria-metrics-rollups.service").read_text()
    )
    scrape = yaml.safe_load((root / "etc/victoria-metrics/scrape.yaml").read_text())
    assert scrape["scrape_configs"][0]["static_configs"] == [{"targets": ["127.0.0.1:8080"]}]
    assert "GatewayAbsent" in (root / "etc/victoria-metrics/gateway.rules.yaml").read_text()
    assert setup(config, *command).out.count("is as wanted") == 5


def test_debians_own_file_stays_beside_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "etc/default/victoria-metrics"
    file.parent.mkdir(parents=True)
    file.write_text('ARGS="-mine"\n')
    config = configure(tmp_path, url="http://127.0.0.1:8428")
    made = setup(config, "--victoria-metrics", "--root", tmp_path)
    assert "the old one is victoria-metrics.bak" in made.out
    assert "influxdb.rollups.url" in made.out
    assert file.with_name("victoria-metrics.bak").read_text() == 'ARGS="-mine"\n'


def test_roll_ups_without_a_process_of_their_own_are_refused(tmp_path: Path) -> None:
    command: list[str | Path] = ["--victoria-metrics", "--root", tmp_path]
    bucket = configure(tmp_path, url="http://127.0.0.1:8428", rollups={"bucket": "long"})
    assert "VictoriaMetrics has no buckets" in setup(bucket, *command).err
    same = configure(tmp_path, url="http://127.0.0.1:8428", rollups={"url": "http://127.0.0.1:8428"})
    refused = setup(same, *command)
    assert refused.status == 3
    assert "needs an address of its own" in refused.err


@pytest.mark.real
def test_the_real_one_takes_the_written_flags_and_is_told_apart(tmp_path: Path) -> None:
    port, root = services.free_port(), tmp_path / "root"
    config = configure(tmp_path, url=f"http://127.0.0.1:{port}")
    assert setup(config, "--victoria-metrics", "--root", root, "--keep", "800d").status == 0
    flags = [
        argument.replace("/etc/", f"{root}/etc/")
        for argument in arguments_of(root / "etc/default/victoria-metrics")
        if not argument.startswith(("-storageDataPath", "-httpListenAddr"))
    ]
    with services.victoria_metrics(tmp_path, port=port, args=flags) as service:
        with urllib.request.urlopen(f"{service.url}/flags", timeout=20) as answer:  # noqa: S310 - our own
            told = answer.read().decode()
        assert 'dedup.minScrapeInterval="1ms"' in told
        assert 'retentionPeriod="800d"' in told
        found = setup(config, "--root", root, "--keep", "800d")  # found out by asking it
        assert found.status == 0
        assert found.out.count("is as wanted") == 3
