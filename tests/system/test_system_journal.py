"""The journal: one gateway's own, bounded, readable by commands, and never a reason not to start."""

import json
import random
import resource
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.batching import encode
from gateway.core.message import Reading
from gateway.database import Database
from gateway.journal import append
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
    assert gate.command("journal", "drop").stdout == "300 readings dropped\n"
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
        assert gate.command("journal", "drop").stdout == "1 readings dropped\n"
        publish(client, TOPIC.format("m1"), '{"seq": 2, "flow_m3_h": 2}')
        until(lambda: gate.pending("journal") == 1)
        influxdb.resume()
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["received"], ledger["expired"], ledger["written"]) == (2, 1, 1)
    assert set(points(influxdb)) == {("m1", 1), ("m1", 2)}


def test_a_full_journal_that_may_not_forget_stops_acknowledging(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    journal = {"max_bytes": "64KiB", "min_free_bytes": 0, "when_full": "stop_acking"}
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


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("body = zeroblob(length(body))", id="body"),
        pytest.param("domains = '{'", id="domains"),
        pytest.param("pairs = '[0, 1]'", id="pairs"),
        pytest.param("readings = 9", id="count"),
        pytest.param("domains = CAST(x'ff' AS TEXT)", id="not-utf8"),
    ],
)
def test_a_row_that_is_not_what_was_stored_is_lost_alone(
    change: str, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    _store(gate.journal, rows=3)
    with closing(sqlite3.connect(gate.journal)) as file, file:
        file.execute(f"UPDATE journal SET {change} WHERE id = 2")  # noqa: S608 - a line above
    with gate:
        gate.wait_subscribed()
        until(lambda: gate.pending("journal") == 0)
        ledger = gate.ledger()
        assert (ledger["written"], ledger["lost"]) == (40, 9 if "readings" in change else 20)
        assert gate.said("journal row 2 is damaged") == 1


def _at_random(file: bytearray, chance: random.Random) -> None:
    """Anywhere behind the pages that say what tables there are: without those nothing can be had."""
    for _ in range(20):
        at = chance.randrange(8192, len(file) - 64)
        file[at : at + 64] = chance.randbytes(64)


def _all(file: bytearray, chance: random.Random) -> None:
    file[:] = chance.randbytes(len(file))


def _cut(file: bytearray, _: random.Random) -> None:
    del file[len(file) // 2 :]


@pytest.mark.parametrize(
    ("damage", "saved"),
    [
        pytest.param(_at_random, 50, id="at-random"),
        pytest.param(_all, 0, id="all"),
        pytest.param(_cut, 1000, id="cut"),
    ],
)
def test_a_damaged_journal_is_set_aside_and_salvaged_behind(
    damage: Callable[[bytearray, random.Random], None], saved: int, mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """``saved``: readings that can be had of 6,000 at least."""
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    _store(gate.journal, rows=300)
    file = bytearray(gate.journal.read_bytes())
    damage(file, random.Random(7))  # noqa: S311 - the same every time
    gate.journal.write_bytes(file)
    looked = gate.command("journal", "status")
    assert looked.returncode == 2
    assert "is damaged" in looked.stderr, "a command changes nothing"
    with gate:
        gate.wait_subscribed()
        with client_of(mosquitto) as client:
            publish(client, TOPIC.format("new"), '{"seq": 1, "flow_m3_h": 1}')
            until(lambda: gate.ledger()["written"] > 0)
        until(lambda: gate.said("readings of it are saved"))
        ledger = wait_settled(gate, mosquitto)
    assert ledger["written"] >= saved + 1
    assert ledger["written"] + ledger["lost"] == ledger["received"]
    found = query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water")[0]["count"]
    assert found == ledger["written"]
    assert len(list(gate.journal.parent.glob("journal.db.salvaged-*"))) == 1


def test_a_journal_damaged_under_a_running_gateway_costs_what_stood_in_it(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    influxdb.stop()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    _store(gate.journal, rows=8000)  # more than SQLite keeps in memory
    with gate:
        gate.wait_subscribed()
        with gate.journal.open("r+b") as file:
            file.seek(100_000)
            file.write(random.Random(7).randbytes(gate.journal.stat().st_size - 100_000))  # noqa: S311 - the same every time
        influxdb.start()
        influxdb.wait_ready()
        until(lambda: gate.said("readings of it are saved"))
        gate.wait_subscribed()
        ledger = wait_settled(gate, mosquitto)
        assert ledger["written"] + ledger["lost"] == ledger["received"]
        influxdb.stop()
        with client_of(mosquitto) as client:
            publish(client, TOPIC.format("new"), '{"seq": 1, "flow_m3_h": 1}')
        until(lambda: gate.pending("journal") == 1, what="there is a journal again")
        influxdb.start()
        influxdb.wait_ready()
        wait_settled(gate, mosquitto)
    assert query(influxdb.url, "iot", "SELECT flow_m3_h FROM water WHERE device = 'new'")


def _store(journal: Path, *, rows: int) -> None:
    """A journal as an earlier run left it: so many rows, each of 20 readings of a second."""
    file = Database(journal)
    file.open()
    now_s = time.time_ns() // 1_000_000_000 - rows
    bodies = [
        encode([_reading(value=row + n / 64, time_ms=(now_s + row) * 1000 + n) for n in range(20)]) for row in range(rows)
    ]
    file.run_here(append, bodies, file.reserve_rows(rows), time.time_ns() // 1_000_000, refused=False)
    file.close()


def _reading(*, value: float, time_ms: int) -> Reading:
    return Reading(f"water,device=r,site=s flow_m3_h={value!r},quality=0i {time_ms}", "water")


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
