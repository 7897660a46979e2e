"""``firmware-sim verify`` of sums and alarms: on what a perfect gateway would write, and on what a bad one would."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from firmware_sim import ledger_index
from firmware_sim.cli import main
from firmware_sim.firmware import Firmware
from firmware_sim.fleet import build_fleet
from firmware_sim.query import InfluxdbAccess, StoredPoint
from firmware_sim.scenarios.loader import scenario
from firmware_sim.signals import DAY_S
from firmware_sim.stories.cast import Role, cast
from firmware_sim.stories.chronicle import Chronicle
from firmware_sim.stories.plan import SimulatedSpan
from firmware_sim.stories.story import Incident
from firmware_sim.stories.table import STORIES
from firmware_sim.victoria import AnyDatabase
from gateway.commands.demo import services
from gateway.commands.demo.services import Service
from schemas.quantities import HEALTH, SUM_OF, Quality
from tests.firmware_sim.storied import BEGIN_S, INTERVAL_S
from tests.firmware_sim.stub_influxdb import StubInfluxDB, stub_influxdb
from tests.influx import exported

SPAN = SimulatedSpan(BEGIN_S, BEGIN_S + 3 * DAY_S, INTERVAL_S)
STEP_S, TAMPER_S, SILENT_S = (BEGIN_S + days * DAY_S + 77 for days in (1.3, 1.6, 0.9))


class PerfectGateway:
    """The readings of a fleet with their sums as points, its ledger, and the alarms that must follow."""

    def __init__(self, ledger: Path) -> None:
        fleet = build_fleet({"water": 4, "power": 2, "traffic": 2}, INTERVAL_S, 1)
        stepping, silent, tampered, *_ = (device.name for device in fleet if device.kind in {"water-meter", "power-house"})
        self.incidents = [
            Incident("reset", stepping, STEP_S, STEP_S + 1),
            Incident("tamper", tampered, TAMPER_S, TAMPER_S + 20_000),
            Incident("silent", silent, SILENT_S, SILENT_S + 20_000),
        ]
        self.roles = cast(fleet, self.incidents, STORIES, SPAN)
        self.points: list[tuple[str, StoredPoint]] = []
        rows = [
            json.loads(line)
            for _, line in Chronicle([role.witness for role in self.roles], self.incidents, STORIES, SPAN).lines()
        ]
        for role in self.roles:
            for row in _readings(role):
                rows.append(row)
                self.points += _points(row, role, suspect=role.device.name == stepping)
        ledger.write_text("".join(json.dumps(row) + "\n" for row in rows))
        raised = [
            ("counter_step", stepping, STEP_S + 2_700),
            ("tamper", tampered, TAMPER_S + 900),
            ("device_silent", silent, SILENT_S + 3_000),
        ]
        self.points += [_alarm(*about, active=active) for about in raised for active in (True, False)]

    def lines(self) -> str:
        """All points in line protocol."""
        return "\n".join(_line(measurement, point) for measurement, point in self.points)


def _readings(role: Role) -> Iterator[dict[str, Any]]:
    firmware = Firmware(role.device, scenario("normal"), 1, radio=role.radio)
    tick = 0
    while (at_s := role.witness.first_s + tick * INTERVAL_S) < SPAN.end_s + len(role.witness.streams) * INTERVAL_S:
        for message in firmware.measure(at_s, round(at_s * 1000)):
            yield from (json.loads(row) | {"at": round(at_s * 1000)} for row in message.rows)
        tick += 1


def _points(row: dict[str, Any], role: Role, *, suspect: bool) -> Iterator[tuple[str, StoredPoint]]:
    true = role.witness.source.true(row["ts"] / 1000, row["seq"]).values
    sums = {SUM_OF[name]: float(true[name]) for name in row["f"] if name in SUM_OF}
    after_s = row["ts"] / 1000 - STEP_S
    quality = row["q"] | (Quality.COUNTER_SUSPECT if suspect and 0 <= after_s < 3 * INTERVAL_S else 0)
    own = {"quality": quality, "seq": row["seq"]}
    tags = row["tags"] | {"area": "A"}
    yield row["m"], StoredPoint(tags, row["ts"], row["f"] | sums | own)
    if "h" in row:
        yield HEALTH, StoredPoint(tags, row["ts"], row["h"] | own)


def _alarm(name: str, device: str, at_s: float, *, active: bool) -> tuple[str, StoredPoint]:
    tags = {"alarm": name, "device": device, "site": "xa-01", "area": "A", "domain": "water", "severity": "warning"}
    time_ms = round(at_s * 1000) + (0 if active else 30_000_000)
    return "alarm", StoredPoint(tags, time_ms, {"active": active, "value": 1.0, "since_ms": round(at_s * 1000) - 900_000})


def _line(measurement: str, point: StoredPoint) -> str:
    tags = "".join(f",{key}={value}" for key, value in sorted(point.tags.items()))
    whole = {"quality", "seq", "since_ms"}
    fields = ",".join(f"{key}={json.dumps(value)}{'i' if key in whole else ''}" for key, value in point.fields.items())
    return f"{measurement}{tags} {fields} {point.time_ms}"


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def perfect(ledger: Path) -> PerfectGateway:
    return PerfectGateway(ledger)


@pytest.fixture
def stub(perfect: PerfectGateway) -> Iterator[StubInfluxDB]:
    with stub_influxdb() as stub:
        for measurement, point in perfect.points:
            stub.points[measurement].append(point)
        yield stub


def _verify(url: str, ledger: Path, *more: str) -> int:
    return main(["verify", "--ledger", str(ledger), "--influxdb", url, "--api", "v1", *more])


def test_a_perfect_gateway_is_all_accounted_for(stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(stub.url, ledger) == 0
    said = capsys.readouterr().out
    assert "3 marked" in said, "one with a step, two around a silent midnight"
    assert "0 wrong, 0 without sums" in said
    assert "alarms: 3 raised in time, 0 late, 0 missing" in said
    assert said.endswith("all accounted for\n")


def test_devices_that_are_looked_up_in_parts_come_to_the_same_account(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _verify(stub.url, ledger) == 0
    whole, questions = capsys.readouterr().out, len(stub.asked)
    monkeypatch.setattr(ledger_index, "PART_ROWS", 50)
    assert _verify(stub.url, ledger) == 0
    assert capsys.readouterr().out == whole
    assert len(stub.asked) > 10 * questions


def test_a_sum_that_invents_water_is_told_with_its_day(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for point in stub.points["water"]:
        if "volume_sum_m3" in point.fields and point.time_ms >= (BEGIN_S + 2.5 * DAY_S) * 1000:
            point.fields["volume_sum_m3"] += 0.75
    assert _verify(stub.url, ledger) == 1
    said = capsys.readouterr().out
    assert "wrong     sim-1-water-meter" in said
    assert "2026-01-06T17:00:00.000Z (sum) volume_sum_m3 says" in said
    assert "device-days\n" in said.rpartition("NOT accounted for: ")[2]


def test_alarms_that_are_missing_or_nobody_explains_are_told(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stub.points["alarm"] = stub.points["alarm"][2:]
    stub.points["alarm"].append(_alarm("leak", "sim-1-water-meter-0009", BEGIN_S + DAY_S, active=True)[1])
    assert _verify(stub.url, ledger) == 1
    said = capsys.readouterr().out
    assert "counter_step: never raised (reset)" in said
    assert "leak: no event explains it" in said


def test_an_alarm_on_a_day_without_events_is_false(
    stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger.write_text("".join(line + "\n" for line in ledger.read_text().splitlines() if '"event"' not in line))
    assert _verify(stub.url, ledger) == 1
    assert "tamper: no event explains it" in capsys.readouterr().out


def test_json_holds_sums_and_alarms_too(stub: StubInfluxDB, ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _verify(stub.url, ledger, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["sums"]["wrong"] == told["sums"]["uncovered"] == 0
    assert told["sums"]["exact"] > 10
    assert told["alarms"] == told["alarms"] | {"raised": 3, "missing": 0, "false": 0}


@pytest.mark.real
def test_influxdb_holds_what_a_perfect_gateway_writes(influxdb: Service, perfect: PerfectGateway, ledger: Path) -> None:
    _write(influxdb, "/write?db=iot&precision=ms", perfect.lines())
    assert _verify(influxdb.url, ledger) == 0


@pytest.mark.real
def test_victoria_metrics_holds_what_a_perfect_gateway_writes(
    perfect: PerfectGateway, ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with services.victoria_metrics(tmp_path, args=["-retentionPeriod=100y"]) as victoria:
        _write(victoria, "/write?db=iot&precision=ms", perfect.lines())
        exported(victoria.url, "{device!=''}")  # it can be found now
        assert _verify(victoria.url, ledger) == 0
    assert "alarms: 3 raised in time" in capsys.readouterr().out


class OlderVictoriaMetrics(BaseHTTPRequestHandler):
    """A VictoriaMetrics as Debian 12 has it, which tells no version of itself; without points."""

    def do_GET(self) -> None:
        """Answer what it tells of itself, and a question."""
        self._answer(b'{"status":"success","data":{}}')

    def do_POST(self) -> None:
        """Export nothing."""
        self._answer(b"" if self.path == "/api/v1/export" else b"unsupported path")

    def _answer(self, body: bytes) -> None:
        self.send_response(200 if body.startswith(b"{") or not body else 400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - the signature of its base
        """Say nothing."""


def test_a_victoria_metrics_that_tells_no_version_is_taken_for_none_of_influxdb() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), OlderVictoriaMetrics) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        database = AnyDatabase(InfluxdbAccess(f"http://127.0.0.1:{server.server_address[1]}", "iot"))
        assert list(database.points("water", ["m1"], 0, 1)) == []
        server.shutdown()


def _write(service: Service, path: str, body: str) -> None:
    with closing(HTTPConnection(service.host, service.port, timeout=30)) as connection:
        connection.request("POST", path, body)
        assert connection.getresponse().status == 204
