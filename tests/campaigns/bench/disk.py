"""Disk: bytes that the gateway has written, while all is well and while InfluxDB is away. Flash wears by them."""

import os
import sqlite3
import time
from contextlib import ExitStack, closing

from gateway.commands.demo.services import influxdb, mosquitto
from tests.campaigns.bench.children import BenchFault, Plan, disk_bytes, gateway, paced, pacer, pid_of, wait_written
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.latency import DEVICES, meet_devices
from tests.campaigns.bench.messages import payload
from tests.campaigns.bench.outage import run_outage

_RATE = 2000
_READINGS = 20_000
_ROWS = 2000

# SQLite writes once into its log and again, about every half minute here, from the log into the file: a shorter outage would
# see the first half only.
_OUTAGE_S = 120.0
_QUICK_OUTAGE_S = 45.0

OUTAGE_BAR_BYTES = 70.0


def measure(plan: Plan) -> list[Figure]:
    """Bytes to disk for a reading.

    :raises BenchFault: the folder is in memory, or readings are missing.
    """
    _check_folder(plan)
    baseline = Baseline("SQLite, a commit each", _commit_each(plan))
    plan.say(f"SQLite with a commit for each reading: {baseline.value:,.0f} bytes each")
    healthy_bytes = _healthy(plan)
    plan.say(f"{healthy_bytes:,} bytes written for {_READINGS:,} good readings")
    outage = run_outage(plan, _QUICK_OUTAGE_S if plan.quick else _OUTAGE_S)
    each = outage.written_bytes / outage.readings
    with_drain = (outage.written_bytes + outage.drained_bytes) / outage.readings
    return [
        Figure("disk", f"{_READINGS:,} readings, all well", "B", healthy_bytes, None, Bar(0)),
        Figure("disk", "a reading while InfluxDB is away", "B", each, baseline, Bar(OUTAGE_BAR_BYTES)),
        Figure("disk", "the same with the drain after it", "B", with_drain, baseline),
    ]


def _healthy(plan: Plan) -> int:
    folder = plan.fresh("disk")
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        consumer = running.enter_context(gateway(folder, broker.url, database.url, api="v1"))
        meet_devices(broker)  # whose sums are saved once
        wait_written(consumer, DEVICES, within_s=20.0)
        before_bytes = disk_bytes(pid_of(consumer))
        paced(pacer(broker.port, _RATE, _READINGS / _RATE, DEVICES))
        wait_written(consumer, DEVICES + _READINGS, within_s=20.0)
        return disk_bytes(pid_of(consumer)) - before_bytes


def _commit_each(plan: Plan) -> float:
    """Measure the obvious buffer: a row and a synced commit for each reading, with WAL and default pages."""
    before_bytes = disk_bytes("self")
    with closing(sqlite3.connect(plan.fresh("sqlite") / "buffer.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE buffer (id INTEGER PRIMARY KEY, payload BLOB NOT NULL)")
        for at in range(_ROWS):
            row = payload(time.time_ns() // 1_000_000, at, at % DEVICES, at // DEVICES)
            connection.execute("INSERT INTO buffer (payload) VALUES (?)", (row,))
    return (disk_bytes("self") - before_bytes) / _ROWS


def _check_folder(plan: Plan) -> None:
    before_bytes = disk_bytes("self")
    with (plan.folder / "probe").open("wb") as probe:
        probe.write(bytes(65536))
        probe.flush()
        os.fsync(probe.fileno())
    if disk_bytes("self") - before_bytes < 65536:
        raise BenchFault(f"{plan.folder} is not on a disk, so nothing can be said of one; choose a folder with --dir")
