"""An InfluxDB outage under load: memory, disk and delay during it and while the backlog is written; nothing may be missing."""

import sqlite3
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.commands.demo.services import Service, influxdb, mosquitto
from tests.campaigns.bench.children import (
    BenchFault,
    Plan,
    disk_bytes,
    gateway,
    get,
    paced,
    pacer,
    pid_of,
    rss_bytes,
    tap,
    wait_written,
)
from tests.influx import query
from tests.waiting import until

RATE = 1000
_DEVICES = 1000
_WARM_RATE = 4000
_WARM_READINGS = 40 * _DEVICES
"""So many that what the gateway remembers of each device (the last 32 keys) grows no more during the outage."""
_LOOK_EVERY_S = 0.05


@dataclass
class Outage:
    """The observations of an outage.

    :ivar readings: published while InfluxDB was away.
    :ivar backlog: of the readings that waited when InfluxDB was back.
    :ivar rss_bytes: resident memory about once a second, from the beginning of the outage.
    :ivar written_bytes: to disk, until all readings of the outage were in the journal.
    :ivar drained_bytes: to disk, from then on until the journal was empty again.
    :ivar pause_s: from InfluxDB's first 204 until the first of the backlog came in: by chance, and no longer than two seconds.
    :ivar drain_s: from then until all was in.
    :ivar live_ms: from publishing to InfluxDB's 204, of each reading that was published from its first 204 until all was in.
    :ivar rows: what stood in the journal: how many readings each row held, and its body.
    """

    readings: int = 0
    backlog: int = 0
    rss_bytes: list[int] = field(default_factory=list)
    written_bytes: int = 0
    drained_bytes: int = 0
    pause_s: float = 0.0
    drain_s: float = 0.0
    live_ms: list[float] = field(default_factory=list)
    rows: list[tuple[int, bytes]] = field(default_factory=list)


def run_outage(plan: Plan, seconds: float, *, answer_delay_ms: int = 0) -> Outage:
    """Stop InfluxDB under 1,000 readings/s, start it again after ``seconds`` while they go on, and see that every one is in it.

    :raises BenchFault: one is not.
    """
    folder = plan.fresh("outage")
    seen = Outage()
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        between = running.enter_context(tap(folder, database, answer_delay_ms))
        consumer = running.enter_context(gateway(folder, broker.url, between.url, api="v1"))
        warm = int(paced(pacer(broker.port, _WARM_RATE, _WARM_READINGS / _WARM_RATE, _DEVICES))["published"])
        wait_written(consumer, warm, within_s=30.0)
        before_bytes = disk_bytes(pid_of(consumer))
        database.stop()
        plan.say(f"InfluxDB is away for {seconds:g} s at {RATE:,} readings/s")
        process = pacer(broker.port, RATE, seconds, _DEVICES)
        look = lambda: seen.rss_bytes.append(rss_bytes(consumer))  # noqa: E731
        seen.readings = int(paced(process, look)["published"])
        until(lambda: _in_journal(get(consumer, "/api/ledger"), warm + seen.readings), 20.0, what="all in the journal")
        in_journal_bytes = disk_bytes(pid_of(consumer))
        seen.written_bytes = in_journal_bytes - before_bytes
        seen.rows = _rows(folder / "data" / "journal.db")
        get(between, "/arrivals")
        process = pacer(broker.port, RATE, 8 + seconds / 12, _DEVICES)
        database.start()
        database.wait_ready()
        began_ns, ended_ns = _wait_drained(consumer, seen, within_s=60.0 + seconds)
        live = int(paced(process, look)["published"])
        total = warm + seen.readings + live
        wait_written(consumer, total, within_s=30.0)
        time.sleep(2.0)  # settled rows leave the journal a moment later, and the file system takes its pages back
        seen.drained_bytes = disk_bytes(pid_of(consumer)) - in_journal_bytes
        came: list[tuple[int, int]] = get(between, "/arrivals", timeout_s=60.0)
        seen.live_ms = [(at_ns - sent_ns) / 1e6 for sent_ns, at_ns in came if began_ns <= sent_ns < ended_ns]
        stored = query(database.url, "iot", "SELECT count(volume_m3) FROM water")[0]["count"]
        if stored != total:
            raise BenchFault(f"of {total} readings InfluxDB holds {stored} after the outage")
    plan.say(f"{seen.backlog:,} readings came in within {seen.pause_s:.1f} + {seen.drain_s:.1f} s; nothing is missing")
    return seen


def _in_journal(ledger: dict[str, Any], readings: int) -> bool:
    return bool(ledger["received"] == readings and ledger["pending"]["memory"] == 0)


def _rows(journal: Path) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT readings, body FROM journal ORDER BY id").fetchall()


def _wait_drained(consumer: Service, seen: Outage, within_s: float) -> tuple[int, int]:
    """Return when InfluxDB took the first and the last reading of the backlog, in ns; note their number and their delays."""
    deadline_s = time.monotonic() + within_s
    while not get(consumer, "/api/status")["influxdb"]["up"]:
        _check(deadline_s)
    began_ns = first_ns = time.perf_counter_ns()
    while waiting := get(consumer, "/api/ledger")["pending"]["journal"]:
        if waiting >= seen.backlog:
            seen.backlog, first_ns = waiting, time.perf_counter_ns()
        seen.rss_bytes.append(rss_bytes(consumer))
        _check(deadline_s)
    ended_ns = time.perf_counter_ns()
    seen.pause_s, seen.drain_s = (first_ns - began_ns) / 1e9, (ended_ns - first_ns) / 1e9
    return began_ns, ended_ns


def _check(deadline_s: float) -> None:
    if time.monotonic() > deadline_s:
        raise BenchFault("the backlog did not come in in time")
    time.sleep(_LOOK_EVERY_S)
