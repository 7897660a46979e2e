"""The journal: one gateway's own, bounded, readable by commands, and never a reason not to start."""

import json
import random
import resource
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import Fleet, assert_each_stands_once, client_of, points, publish, publish_all, wait_settled
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"


def test_a_second_gateway_on_the_same_journal_is_refused(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    second = gateway(gate.folder.parent / "second", mosquitto.url, influxdb.url, journal={"path": str(gate.journal)})
    second.start()
    assert second.wait_ended() == 2
    assert second.printed() == f"{gate.journal}: journal.path: {gate.journal} is in use by a running gateway\n"


@pytest.mark.parametrize("running", [pytest.param(True, id="running"), pytest.param(False, id="stopped")])
def test_commands_work_on_the_journal(gate: Gateway, mosquitto: Service, influxdb: Service, *, running: bool) -> None:
    influxdb.stop()
    _fill(gate, mosquitto, rows=1, readings=300)
    if not running:
        assert gate.terminate() == 0
    status = _status(gate)
    assert status["readings"] == 300
    if not running:  # a running gateway measures its journal every 5 s
        assert status["batches"] >= 1
        assert status["bytes"] > 1000
        assert 0 < status["oldest_s"] < 60
    assert "300 readings" in gate.command("journal", "status").stdout
    assert gate.command("journal", "export").returncode == 2
    exported = gate.command("journal", "export", gate.folder / "out.lp")
    if running:
        assert exported.returncode == 2
        assert "stop the gateway" in exported.stderr
    else:
        assert "300 readings" in exported.stdout
        lines = (gate.folder / "out.lp").read_text().splitlines()
        assert sorted(line.split(",seq=")[1].split("i ")[0] for line in lines) == sorted(str(n) for n in range(300))
    assert gate.command("journal", "drop", "--yes").stdout == "300 readings dropped\n"
    assert _status(gate)["readings"] == 0
    if running:
        ledger = gate.ledger()
        assert (ledger["received"], ledger["expired"]) == (300, 300)


def test_a_journal_at_its_limit_gives_up_the_oldest(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    journal = {"max_bytes": "1500KiB", "min_free_bytes": 0}
    mqtt = {"receive_maximum": 10}  # commits come quickly while the broker presses
    influxdb.stop()
    with (
        gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal=journal, mqtt=mqtt) as gate,
        client_of(mosquitto) as client,
    ):
        gate.wait_subscribed()
        for burst in range(40):
            publish_all(client, [(TOPIC.format(f"b{burst}"), _backlog(seq, readings=500)) for seq in range(10)])
            until(lambda: gate.ledger()["expired"] or not gate.pending("memory"))
            if gate.ledger()["expired"] > 10_000:
                break
        assert gate.said("the journal is full: its ")
        used = sum(path.stat().st_size for path in gate.journal.parent.glob("journal.db*"))
        assert used < 4_000_000, "pages in use and the WAL; freed pages and a page of slack aside"
        influxdb.start()
        ledger = wait_settled(gate, mosquitto)
    assert ledger["expired"] > 10_000
    assert ledger["written"] == ledger["received"] - ledger["expired"]
    kept = query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water")[0]["count"]
    assert kept == ledger["written"]
    (newest,) = query(influxdb.url, "iot", f"SELECT count(flow_m3_h) FROM water WHERE device = 'b{burst}'")  # noqa: S608
    assert newest["count"] == 5000, "the newest are all there"


def test_a_reading_given_up_while_its_first_write_hangs_has_one_end(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    """It was counted as expired; that InfluxDB has it after all changes nothing, least of all a row that came later."""
    with client_of(mosquitto) as client:
        influxdb.pause()
        publish(client, TOPIC.format("m1"), '{"seq": 1, "flow_m3_h": 1}')
        until(lambda: gate.pending("journal") == 1)
        assert gate.command("journal", "drop", "--yes").stdout == "1 readings dropped\n"
        publish(client, TOPIC.format("m1"), '{"seq": 2, "flow_m3_h": 2}')
        until(lambda: gate.pending("journal") == 1)
        influxdb.resume()
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["received"], ledger["expired"], ledger["written"]) == (2, 1, 1)
    assert set(points(influxdb)) == {("m1", 1), ("m1", 2)}


def test_a_full_journal_that_may_not_forget_stops_acknowledging(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    journal = {"max_bytes": "128KiB", "min_free_bytes": 0, "when_full": "stop_acking"}
    mqtt = {"receive_maximum": 200}
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal=journal, mqtt=mqtt) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=1000) as fleet:
            influxdb.stop()
            until(lambda: "stop_acking" in gate.troubles())
            until(lambda: gate.status()["mqtt"]["unacknowledged"] >= 200)
            assert gate.pending("journal") > 0
            status, why = gate.ask("/readyz")
            assert (status, "stop_acking" in why, "InfluxDB" in why) == (503, True, True)
            influxdb.start()
            until(lambda: gate.ask("/readyz")[0] == 200)
        ledger = wait_settled(gate, mosquitto)
        assert (ledger["expired"], ledger["lost"]) == (0, 0)
        assert ledger["written"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)


def test_a_disk_that_takes_nothing_is_said_and_outlived(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    """InfluxDB is away as well: readings wait with the broker, and everything goes on once the disk does."""
    assert gate.pid is not None
    with Fleet(mosquitto, rate=300) as fleet:
        until(lambda: gate.ledger()["written"] > 50)
        _, unlimited = resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        influxdb.stop()
        until(lambda: "journal" in gate.troubles() and gate.pending("memory") > 0)
        assert gate.ask("/readyz")[0] == 503
        resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
        until(lambda: "journal" not in gate.troubles() and gate.pending("journal") > 0)
        assert gate.ask("/readyz")[0] == 200
        influxdb.start()
    ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] == len(fleet.acknowledged)
    assert_each_stands_once(influxdb, fleet)


def _fill(gate: Gateway, broker: Service, *, rows: int, readings: int) -> None:
    """Put readings into the journal, in so many commits."""
    with client_of(broker) as client:
        for row in range(rows):
            publish_all(client, [(TOPIC.format(f"r{row}"), json.dumps({"seq": n, "flow_m3_h": n})) for n in range(readings)])
            until(lambda: gate.ledger()["received"] == (row + 1) * readings == gate.pending("journal"))  # noqa: B023


def _status(gate: Gateway) -> dict[str, float]:
    found: dict[str, float] = json.loads(gate.command("journal", "status", "--json").stdout)
    return found


def _backlog(seq: int, *, readings: int) -> str:
    chance = random.Random(seq)  # noqa: S311 - bytes that do not compress to nothing, the same every time
    rows = [{"seq": seq * 1000 + n, "flow_m3_h": chance.random(), "ph": 14 * chance.random()} for n in range(readings)]
    return json.dumps(rows)
