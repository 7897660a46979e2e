"""The journal: one gateway's own, bounded, readable by commands, and never a reason not to start."""

import json
import random
import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.services import Service
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
    until(lambda: _status(gate)["batches"] >= 1)
    status = _status(gate)
    assert status["readings"] == 300
    assert status["bytes"] > 1000
    assert 0 <= status["oldest_s"] < 60
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
    assert gate.command("journal", "drop").stdout == "300 readings dropped\n"
    assert _status(gate)["readings"] == 0
    if running:
        ledger = gate.ledger()
        assert (ledger["received"], ledger["expired"]) == (300, 300)


def test_a_journal_at_its_limit_gives_up_the_oldest(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    journal = {"max_bytes": "1500KiB", "min_free_bytes": 0}
    influxdb.stop()
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal=journal) as gate, client_of(mosquitto) as client:
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


def test_a_full_journal_that_may_not_forget_stops_acknowledging(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    journal = {"max_bytes": "64KiB", "min_free_bytes": 0, "when_full": "stop_acking"}
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal=journal) as gate:
        gate.wait_subscribed()
        with Fleet(mosquitto, rate=1500) as fleet:
            influxdb.stop()
            until(lambda: "stop_acking" in gate.troubles())
            until(lambda: gate.status()["mqtt"]["unacknowledged"] >= 2000)
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
        _, unlimited = resource.prlimit(gate.pid, resource.RLIMIT_FSIZE, (65_536, resource.RLIM_INFINITY))
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


def test_a_row_whose_bytes_changed_is_lost_alone(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    """Each way in which a row can be wrong costs that row, is counted, and stops nothing."""
    influxdb.stop()
    changes = ["body = zeroblob(length(body))", "domains = '{'", "pairs = '[0, 1]'", "readings = 9", "domains = CAST(x'ff' AS TEXT)"]
    _fill(gate, mosquitto, rows=len(changes) + 1, readings=20)
    assert gate.terminate() == 0
    with closing(sqlite3.connect(gate.journal)) as file, file:
        for row, change in zip(file.execute("SELECT id FROM journal ORDER BY id").fetchall(), changes, strict=False):
            file.execute(f"UPDATE journal SET {change} WHERE id = ?", row)  # noqa: S608 - ours
    influxdb.start()
    gate.start()
    gate.wait_subscribed()
    ledger = wait_settled(gate, mosquitto)
    assert ledger["lost"] == 20 * len(changes) - 11, "one row says 9 and is believed"
    assert ledger["written"] == 20
    assert gate.said("is damaged; ") == len(changes)


def _at_random(file: bytearray, chance: random.Random) -> None:
    for _ in range(20):
        at = chance.randrange(1024, len(file) - 64)
        file[at : at + 64] = chance.randbytes(64)


def _all(file: bytearray, chance: random.Random) -> None:
    file[:] = chance.randbytes(len(file))


def _cut(file: bytearray, _: random.Random) -> None:
    del file[len(file) // 2 :]


@pytest.mark.parametrize(
    "damage", [pytest.param(_at_random, id="at-random"), pytest.param(_all, id="all"), pytest.param(_cut, id="cut")]
)
def test_a_damaged_journal_is_set_aside_and_work_goes_on(
    damage: Callable[[bytearray, random.Random], None], gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    influxdb.stop()
    _fill(gate, mosquitto, rows=20, readings=20)
    assert gate.terminate() == 0
    file = bytearray(gate.journal.read_bytes())
    damage(file, random.Random(7))  # noqa: S311 - the same every time
    gate.journal.write_bytes(file)
    gate.start()
    gate.wait_subscribed()
    with client_of(mosquitto) as client:
        publish(client, TOPIC.format("new"), '{"seq": 1, "flow_m3_h": 1}')
        until(lambda: gate.pending("journal") > 0)
        influxdb.start()
        wait_settled(gate, mosquitto)
    assert ("new", 1) in points(influxdb)
    assert gate.said("is damaged")
    assert list(gate.journal.parent.glob("journal.db.damaged-*"))


def _fill(gate: Gateway, broker: Service, *, rows: int, readings: int) -> None:
    """Put readings into the journal, in so many commits."""
    with client_of(broker) as client:
        for row in range(rows):
            stored = gate.pending("journal")
            publish_all(client, [(TOPIC.format(f"r{row}"), json.dumps({"seq": n, "flow_m3_h": n})) for n in range(readings)])
            until(lambda stored=stored: gate.pending("journal") == stored + readings)


def _status(gate: Gateway) -> dict[str, float]:
    found: dict[str, float] = json.loads(gate.command("journal", "status", "--json").stdout)
    return found


def _backlog(seq: int, *, readings: int) -> str:
    chance = random.Random(seq)  # noqa: S311 - bytes that do not compress to nothing, the same every time
    rows = [{"seq": seq * 1000 + n, "flow_m3_h": chance.random(), "ph": 14 * chance.random()} for n in range(readings)]
    return json.dumps(rows)
