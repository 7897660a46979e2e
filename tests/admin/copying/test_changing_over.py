"""The command, beside a gateway that goes on writing: no reading is missing in the new database, and none stands twice."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.admin.copying.sides import DAY, KINDS, CopySide, as_numbers, lines_of_every_kind, side
from tests.influx import exported
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Gateway, configure, gateway, run_gateway, until_more
from tests.waiting import until

pytestmark = pytest.mark.real


def section(new: CopySide) -> dict[str, str]:
    """The settings that lead to a database."""
    return {"url": new.service.url, "api": "v1", "bucket": new.database}


def copy(gate: Gateway, target: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Give the command for the last weeks."""
    return run_gateway("setup", "copy", "-c", gate.config, "--to", target, "--since", weeks_ago(), *arguments)


def weeks_ago() -> str:
    """The first day that is copied."""
    return str(datetime.fromtimestamp(time.time() - 20 * DAY / 1000, UTC).date())


def history() -> list[str]:
    """Points of the last days."""
    today_ms = time.time_ns() // 1_000_000 // DAY * DAY
    lines = lines_of_every_kind(start_ms=today_ms - 5 * DAY)
    return [re.sub(r",seq=\d+i", "", line) for line in lines if not line.startswith("gateway")]


def wait_each_in_victoriametrics_once(new: CopySide, fleet: Fleet) -> None:
    """Return when each reading that the broker acknowledged stands there once, with its value, and no other of the fleet."""
    expected = {(sent.device, sent.ts, round(sent.values["volume_m3"], 6)): 1 for sent in fleet.acknowledged}

    def found() -> Counter[tuple[str, int, float]]:
        """The points that stand there; VictoriaMetrics shows them a second or two late."""
        points: Counter[tuple[str, int, float]] = Counter()
        for one in exported(new.service.url, '{__name__="water_volume_m3",device=~"m[0-9]+"}'):
            rows = zip(one["timestamps"], one["values"], strict=True)
            points.update((one["metric"]["device"], at, round(value, 6)) for at, value in rows)
        return points

    until(lambda: found().keys() == expected.keys(), what="all readings are there")
    assert found() == expected


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["influxdb", "victoria-metrics"])
def test_a_gateway_changes_over_without_a_gap_and_without_doubles(
    kind: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    old, target = CopySide(influxdb), tmp_path / "new.yaml"
    old.write(history())
    with side(kind, tmp_path / "new") as new, gateway(tmp_path / "gateway", mosquitto.url, influxdb.url) as gate:
        target.write_text(json.dumps({"influxdb": section(new)}))
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=100) as fleet:
            until(lambda: gate.ledger()["written"] > 100)
            live = copy(gate, target)
            assert live.returncode == 0, live.stderr
            assert "The gateway goes on writing to the old database." in live.stdout
            until_more(lambda: gate.ledger()["written"], 100)
            assert gate.terminate() == 0
            until_more(lambda: len(fleet.acknowledged), 100)  # the broker keeps them
            final = copy(gate, target)
            assert final.returncode == 0, final.stderr
            assert "Both are the same." in final.stdout
            document = json.loads(gate.config.read_text())
            configure(gate, document | {"influxdb": section(new)})
            gate.start()
            gate.wait_subscribed()
            until(lambda: gate.ledger()["written"] > 100)
        wait_settled(gate, mosquitto)
        assert gate.terminate() == 0
        before = {point: fields for point, fields in old.contents(KINDS).items() if dict(point[1]).get("site") != "site"}
        if kind == "influxdb":
            assert_each_stands_once(new.service, fleet)
            after = new.contents(KINDS)
        else:
            wait_each_in_victoriametrics_once(new, fleet)
            before, after = as_numbers(before), as_numbers(new.contents(KINDS))
        assert {point: after[point] for point in before} == before


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_copy_that_is_killed_again_and_again_is_whole_at_the_end(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    old, target, progress = CopySide(influxdb), tmp_path / "new.yaml", tmp_path / "progress.json"
    old.write(history())
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    with side("influxdb", tmp_path / "new") as new:
        target.write_text(json.dumps({"influxdb": section(new)}))
        where = map(str, ("-c", gate.config, "--to", target, "--since", weeks_ago(), "--progress", progress))
        command = [sys.executable, "-m", "gateway", "setup", "copy", *where]
        for _ in range(8):
            before = progress.read_bytes() if progress.exists() else b""
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            until(lambda before=before, process=process: process.poll() is not None or _is_new(progress, before))
            process.send_signal(signal.SIGKILL)
            process.communicate()
        final = run_gateway(*command[3:])
        assert final.returncode == 0, final.stderr
        assert new.contents(KINDS) == old.contents(KINDS)


def _is_new(progress: Path, before: bytes) -> bool:
    return progress.exists() and progress.read_bytes() != before


def test_a_copy_says_what_it_would_do_and_what_is_wrong(influxdb: Service, tmp_path: Path) -> None:
    config, target = tmp_path / "gateway.yaml", tmp_path / "new.yaml"
    config.write_text(json.dumps({"influxdb": {"url": influxdb.url, "api": "v1"}}))
    command = ("setup", "copy", "-c", config, "--to", target)
    assert run_gateway(*command).stderr == f"{target}: document: cannot be read: No such file or directory\n"
    target.write_text(config.read_text())
    same = run_gateway(*command)
    assert (same.returncode, same.stderr) == (2, f"{target}: influxdb: is the database that the gateway writes to already\n")
    target.write_text(json.dumps({"influxdb": {"url": "http://127.0.0.1:9", "api": "v1"}}))
    away = run_gateway(*command)
    assert away.returncode == 3
    assert away.stderr.startswith("http://127.0.0.1:9 does not answer: ")
    target.write_text(json.dumps({"influxdb": {"url": influxdb.url, "api": "v1", "bucket": "nowhere"}}))
    CopySide(influxdb).write(["water,device=d volume_m3=1.0,quality=0i 1790000000000", "cpu,host=h value=1.0 1790000000000"])
    planned = run_gateway(*command, "--dry-run")
    assert planned.returncode == 0
    assert "left out, since no gateway writes them: cpu" in planned.stdout
    refused = run_gateway(*command)
    assert refused.returncode == 3
    assert "nowhere refuses points: 404" in refused.stderr
    assert "give the command again, and it goes on" in refused.stderr
    (tmp_path / "data" / "copy.json").write_text("{")
    assert "remove it to copy from the beginning" in run_gateway(*command).stderr
