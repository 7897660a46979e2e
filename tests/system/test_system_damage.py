"""A damaged journal: set aside, salvaged behind the readings, said, and never a reason not to start."""

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.core.batching.batch import encode
from gateway.core.message import Reading
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.journal import append
from tests.influx import query
from tests.system.fleet import client_of, points, publish, wait_settled
from tests.system.rig import gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"


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
        assert (ledger["written"], ledger["lost"]) == (40, 20), "whatever the row says it held"
        assert gate.said("journal row 2 is damaged") == 1
        assert f"{ledger['lost']} readings that journal.db should hold are lost" in gate.troubles()


def _at_random(file: bytearray, chance: random.Random) -> None:
    for _ in range(20):
        at = chance.randrange(len(file) - 64)
        file[at : at + 64] = chance.randbytes(64)


def _first_pages(file: bytearray, chance: random.Random) -> None:
    """They say what tables there are, and where."""
    file[:8192] = chance.randbytes(8192)


def _all(file: bytearray, chance: random.Random) -> None:
    file[:] = chance.randbytes(len(file))


def _cut(file: bytearray, _: random.Random) -> None:
    del file[len(file) // 2 :]


@pytest.mark.parametrize(
    ("damage", "saved"),
    [
        pytest.param(_at_random, 1500, id="at-random"),
        pytest.param(_first_pages, 4500, id="first-pages"),
        pytest.param(_all, 0, id="all"),
        pytest.param(_cut, 1500, id="cut"),
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
        assert ("are lost" in gate.troubles()) == (ledger["lost"] > 0)
        assert gate.command("journal", "acknowledge").stdout == f"{ledger['lost']} lost readings acknowledged\n"
        assert not gate.troubles()
    assert ledger["written"] >= saved + 1
    assert ledger["written"] + ledger["lost"] == ledger["received"]
    found = query(influxdb.url, "iot", "SELECT count(flow_m3_h) FROM water")[0]["count"]
    assert found == ledger["written"]
    assert len(list(gate.journal.parent.glob("journal.db.salvaged-*"))) == 1


@pytest.mark.slow
def test_a_salvage_is_said_as_long_as_it_goes_on(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    """Here it has to wait for room: no reading makes room for one that was salvaged."""
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, journal={"max_bytes": "96KiB"})
    _store(gate.journal, rows=300)
    with gate.journal.open("r+b") as file:
        file.write(bytes(1024))
    influxdb.stop()
    with gate:
        until(lambda: gate.pending("journal") > 0)
        assert "it was damaged and is set aside as journal.db.damaged-" in gate.troubles()
        assert gate.ask("/readyz")[0] == 200
        influxdb.start()
        until(lambda: gate.said("6000 readings of it are saved"), 30.0)
        assert not gate.troubles()


def test_what_stands_behind_damage_in_the_wal_comes_in_too(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    """SQLite itself forgets it, and says nothing."""
    influxdb.stop()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        for row in range(2):
            publish(client, TOPIC.format("w"), json.dumps({"seq": row, "flow_m3_h": row}))
            until(lambda: gate.pending("journal") == row + 1)  # noqa: B023
        gate.kill_at_rest()
        with gate.journal.with_name("journal.db-wal").open("r+b") as wal:
            wal.write(bytes(32))
        gate.start()
        gate.wait_subscribed()
        assert gate.said("journal.db-wal was cut short or damaged")
        influxdb.start()
        until(lambda: gate.said("2 readings of it are saved"))
        wait_settled(gate, mosquitto)
    assert set(points(influxdb)) == {("w", row) for row in range(2)}


def test_a_lost_wal_is_alarmed_until_a_person_acknowledges_it(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    influxdb.stop()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    alarm = "50 readings that journal.db should hold are lost"
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, TOPIC.format("w"), json.dumps([{"seq": n, "flow_m3_h": n} for n in range(50)]))
        until(lambda: gate.pending("journal") == 50)
        gate.kill_at_rest()
        gate.journal.with_name("journal.db-wal").unlink()
        gate.start()
        gate.wait_ready()
        until(lambda: gate.ledger()["lost"] == 50)
        assert gate.ledger()["received"] == 50
        for starts in (1, 2):
            until(lambda: alarm in gate.troubles())
            assert alarm in gate.shown()
            assert gate.ask("/metrics")[1].count("gateway_journal_missing_readings 50.0\n") == 1
            assert 'gateway_readings_total{domain="unknown",outcome="lost"}' in gate.ask("/metrics")[1] or starts > 1
            until(lambda: gate.said(alarm) == starts)  # noqa: B023
            assert "50 readings are lost" in gate.command("journal", "status").stdout
            assert gate.terminate() == 0
            assert "50 readings are lost" in gate.command("journal", "status").stdout
            gate.start()
            gate.wait_ready()
        assert gate.ask("/api/journal/acknowledge", "POST")[0] == 401
        assert gate.command("journal", "acknowledge").stdout == "50 lost readings acknowledged\n"
        assert alarm not in gate.troubles()
        assert "gateway_journal_missing_readings 0.0\n" in gate.ask("/metrics")[1]
        gate.terminate()
        assert gate.command("journal", "acknowledge").stdout == "0 lost readings acknowledged\n"


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


@pytest.mark.slow
def test_a_journal_removed_under_a_running_gateway_is_written_aside_and_comes_in(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    influxdb.stop()
    gate = gateway(tmp_path / "gateway", mosquitto.url, influxdb.url)
    _store(gate.journal, rows=50)
    with gate:
        gate.wait_subscribed()
        shutil.rmtree(gate.journal.parent)
        until(lambda: gate.said("1000 readings of it are saved"))
        gate.wait_ready()
        influxdb.start()
        ledger = wait_settled(gate, mosquitto)
    assert (ledger["received"], ledger["written"]) == (1000, 1000)


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
