"""``firmware-sim verify`` as its user sees it: exit status, text, JSON."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware_sim import ledger_index
from firmware_sim import verify as verify_module
from firmware_sim.cli import main
from firmware_sim.compare import Comparison, Discrepancy
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import build_fleet
from firmware_sim.progress import ShareProgress
from firmware_sim.query import InfluxdbAccess, StoredPoint
from firmware_sim.report import Report
from firmware_sim.scenarios.loader import scenario, shipped
from tests.firmware_sim.stub_influxdb import StubInfluxDB, stub_influxdb

TICKS = 8
COUNTS = {"water": 3, "power": 2, "traffic": 3, "urban": 2}


@pytest.fixture
def stub() -> Iterator[StubInfluxDB]:
    with stub_influxdb() as stub:
        yield stub


@pytest.fixture
def ledger(tmp_path: Path, stub: StubInfluxDB) -> Path:
    """A fleet's ledger, and all of it in the stub."""
    path = tmp_path / "ledger.jsonl"
    with path.open("wb") as file:
        for device in build_fleet(COUNTS, 1, 1):
            firmware = Firmware(device, scenario("normal"), 1)
            for tick in range(TICKS):
                for message in firmware.measure(1.79e9 + tick, 1_790_000_000_000 + 1000 * tick):
                    (row,) = message.rows
                    file.write(row[:-1] + b',"at":%d}\n' % (1_790_000_000_002 + 1000 * tick))
                    _stand(stub, json.loads(row))
    return path


def _stand(stub: StubInfluxDB, row: dict[str, Any]) -> None:
    tags, time_ms, own = dict(row["tags"]), row["ts"], {"quality": row["q"], "seq": row["seq"]}
    stub.points[row["m"]].append(StoredPoint(tags, time_ms, row["f"] | own))
    if "h" in row:
        stub.points["device_health"].append(StoredPoint(tags, time_ms, row["h"] | own))


def _verify(stub: StubInfluxDB, ledger: Path, *more: str) -> int:
    return main(["verify", "--ledger", str(ledger), "--influxdb", stub.url, *more])


def test_all_accounted_for(stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(stub, ledger) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "all accounted for"
    assert out[-2].split() == ["total", "80", "80", *["0"] * 7]


def test_what_is_missing_or_different_is_told_device_by_device(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = stub.points["water"].pop(3)
    stub.points["power"][0].fields["active_power_w"] = 1.5
    assert _verify(stub, ledger) == 1
    out = capsys.readouterr().out
    assert f"missing   {gone.tags['device']} 2026-09-21T14:13:23.000Z seq 3 (water)" in out
    assert "active_power_w: sent" in out
    assert "stands 1.5" in out
    assert out.endswith("NOT accounted for: 2 of 80 readings\n")


def test_only_the_first_twenty_faults_are_told(stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stub.points.clear()
    assert _verify(stub, ledger) == 1
    out = capsys.readouterr().out
    assert out.count("missing   sim-") == 20
    assert "... and 60 more" in out


def test_json_holds_the_same_account(stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stub.points["water"].pop(3)
    assert _verify(stub, ledger, "--json") == 1
    summary = json.loads(capsys.readouterr().out)
    assert summary["ok"] is False
    assert summary["domains"]["water"] | {"sent": 24, "found": 23, "missing": 1} == summary["domains"]["water"]
    assert summary["total"]["found"] == 79
    assert [(first["kind"], first["seq"]) for first in summary["first"]] == [("missing", 3)]


def test_small_groups_come_to_the_same_account(stub: StubInfluxDB, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_index, "PART_ROWS", 2 * TICKS)
    assert _verify(stub, ledger) == 0
    questions = [form["q"] for form in stub.asked if 'FROM "device_health"' not in form["q"]]
    assert len(questions) == 6, "two devices at a time, a domain at a time"
    assert max(question.count('"device" =') for question in questions) == 2


def test_faults_of_a_device_in_parts_are_told_once_where_they_are(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_index, "PART_ROWS", 3)
    first, *_, gone = (point for point in stub.points["water"] if "meter" in point.tags["device"])
    stub.points["water"].remove(gone)
    stub.points["water"].append(StoredPoint(first.tags, first.time_ms + 4_500, dict(first.fields)))  # in another part
    assert _verify(stub, ledger) == 1
    said = capsys.readouterr().out
    assert said.count("missing   ") == said.count("duplicate ") - 1 == 1, "and a heading"
    assert f"duplicate {first.tags['device']} 2026-09-21T14:13:20.000Z seq 0 (water) stands also at" in said
    assert said.endswith("NOT accounted for: 2 of 80 readings\n")


def test_the_earliest_faults_are_told_whatever_the_order_of_devices() -> None:
    report = Report()
    for times_ms in ([100, 90], range(30, 60), range(5)):
        findings = [Discrepancy("missing", "water", "d", time_ms, 1, "") for time_ms in times_ms]
        report.add("water", Comparison(findings=[*findings, Discrepancy("duplicate", "water", "d", 1_000, 1, "")]))
    told = [(found.kind, found.time_ms) for found in report.findings]
    assert told[:20] == [("missing", time_ms) for time_ms in (*range(5), *range(30, 45))]
    assert told[20:] == [("duplicate", 1_000)] * 3


def test_progress_tells_the_rate_and_what_is_left() -> None:
    progress = ShareProgress(10_000, "readings looked up", began_s=100.0)
    assert progress.line(2_500, 105.0) == "2,500 of 10,000 readings looked up (25%), 500/s, 15 s left"
    assert progress.line(0, 105.0) == "0 of 10,000 readings looked up (0%), 0/s"


def test_it_waits_until_all_are_there(stub: StubInfluxDB, ledger: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "POLL_S", 0.05)
    late = stub.points.pop("water")

    def arrive() -> None:
        stub.points["water"] = late

    timer = threading.Timer(0.3, arrive)
    timer.start()
    assert _verify(stub, ledger, "--wait", "30") == 0
    timer.join()


def test_points_without_a_row_are_told_and_no_fault(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = stub.points["water"][0]
    stub.points["water"].append(StoredPoint(known.tags, known.time_ms + 1, {"volume_m3": 1.0, "seq": 900, "quality": 128}))
    assert _verify(stub, ledger) == 0
    assert "1 points without a row" in capsys.readouterr().out


def test_a_ledger_that_ends_within_a_row_is_checked_up_to_there(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write_bytes(ledger.read_bytes()[:-40])
    assert _verify(stub, ledger) == 0
    assert "the last line of the ledger is cut short" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "holds no readings", id="empty"),
        pytest.param(b"hello\n{}\n", ":1: no row of a ledger", id="not JSON"),
        pytest.param(
            b'{"m":"water","tags":{"device":"x"},"ts":1,"at":1}\n', ":1: a row of a ledger has seq, f, q too", id="keys"
        ),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_what_is_no_ledger_is_a_usage_error(
    stub: StubInfluxDB, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, told: str
) -> None:
    path = tmp_path / "other.jsonl"
    if content is not None:
        path.write_bytes(content)
    assert _verify(stub, path) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param((401, b'{"error":"authorization failed"}'), "answers 401", id="refused"),
        pytest.param((200, b'{"results":[{"error":"database not found: iot"}]}'), "database not found: iot", id="no database"),
        pytest.param((200, b"<html>Please top up</html>"), "does not speak InfluxQL", id="another page"),
    ],
)
def test_a_database_that_cannot_be_asked_is_not_reachable(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str], answer: tuple[int, bytes], told: str
) -> None:
    stub.answer = answer
    assert _verify(stub, ledger) == 3
    assert told in capsys.readouterr().err


def test_nothing_listens(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--ledger", str(ledger), "--influxdb", "http://127.0.0.1:1"]) == 3
    assert "http://127.0.0.1:1 does not answer" in capsys.readouterr().err


def test_the_database_of_a_gateway_yaml_is_asked_with_its_token(stub: StubInfluxDB, ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    config = tmp_path / "gateway.yaml"
    config.write_text(f"influxdb: {{url: '{stub.url}/', bucket: province/year, token_file: token, org: o}}\nmqtt: {{}}\n")
    assert main(["verify", "--ledger", str(ledger), "-c", str(config)]) == 0
    assert set(stub.authorizations) == {"Token s3cret"}
    assert {(form["db"], form["rp"], form["epoch"], form["chunked"]) for form in stub.asked} == {
        ("province", "year", "ms", "true")
    }


def test_user_and_password_of_influxdb_1(stub: StubInfluxDB, ledger: Path, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p:w\n")
    options = ["--api", "v1", "--username", "gw", "--password-file", str(tmp_path / "password")]
    assert _verify(stub, ledger, *options) == 0
    assert set(stub.authorizations) == {"Basic Z3c6cDp3"}
    assert all("rp" not in form for form in stub.asked)


def test_the_environment_overrides_gateway_yaml(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text("influxdb: {bucket: iot}\n")
    environment = {"GATEWAY_INFLUXDB__URL": "http://db:1", "GATEWAY_INFLUXDB__BUCKET": "other", "GATEWAY_INFLUXDB__TOKEN": "t"}
    assert InfluxdbAccess.from_gateway_yaml(config, environment) == InfluxdbAccess(
        "http://db:1", "other", authorization="Token t"
    )
    assert InfluxdbAccess.from_gateway_yaml(config, {}) == InfluxdbAccess("http://127.0.0.1:8086", "iot")
    asked = {"GATEWAY_INFLUXDB__READ_URL": "http://s:8481/select/0/prometheus"}
    assert InfluxdbAccess.from_gateway_yaml(config, asked).url == "http://s:8481/select/0/prometheus"


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        pytest.param("influxdb: {url: 'ftp://x'}", "influxdb.url: ftp://x is not http://host:8086", id="url"),
        pytest.param("influxdb: {api: v3}", "influxdb.api: v3 is neither v1 nor v2", id="api"),
        pytest.param("influxdb: {token_file: none}", "influxdb.token_file: none: No such file", id="token file"),
        pytest.param("a: [", "not YAML", id="YAML"),
        pytest.param(None, "No such file", id="no file"),
    ],
)
def test_a_faulty_gateway_yaml_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], yaml: str | None, told: str
) -> None:
    config = tmp_path / "gateway.yaml"
    if yaml is not None:
        config.write_text(yaml)
    assert main(["verify", "--ledger", "l", "-c", str(config)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"firmware-sim: {config}: ")
    assert told in error


def test_without_a_database_it_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--ledger", "l"]) == 2
    assert "-c gateway.yaml or --influxdb URL" in capsys.readouterr().err


def test_an_unknown_scenario_is_a_usage_error_that_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--scenario", "storm"]) == 2
    error = capsys.readouterr().err
    assert "--scenario storm" in error
    assert all(name in error for name in shipped())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param("--water 0 --power 0 --traffic 0 --urban 0", "no devices", id="no devices"),
        pytest.param("--interval 0.01 --speed 100", "every 1 ms at most", id="too fast"),
        pytest.param("--broker http://x", "http://x: write mqtt://host:1883", id="scheme"),
        pytest.param("--broker mqtt://x:99999", "Port out of range", id="port"),
        pytest.param("--broker mqtts://x --ca /none", "certificate authority /none: No such file", id="certificate authority"),
        pytest.param("--ledger /none/ledger.jsonl", "--ledger /none/ledger.jsonl: No such file", id="ledger"),
    ],
)
def test_what_cannot_be_run_is_a_usage_error(capsys: pytest.CaptureFixture[str], options: str, told: str) -> None:
    assert main(["run", *options.split()]) == 2
    assert told in capsys.readouterr().err
