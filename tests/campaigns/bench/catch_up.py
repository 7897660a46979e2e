"""Catch-up: InfluxDB is away, comes back, and the backlog is written while live readings go on undisturbed."""

import time
from contextlib import closing
from http.client import HTTPConnection
from math import ceil

from gateway.commands.demo.services import influxdb
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.disk import OUTAGE_BAR_BYTES
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.outage import Outage, run_outage

RATE_BAR = 20_000.0
LIVE_P99_BAR_MS = 250.0
GROWTH_BAR_MB = 3.0
_FAR_AWAY_MS = 300
_FAR_AWAY_OUTAGE_S = 60.0
_QUICK_OUTAGE_S = 20.0


def measure(plan: Plan) -> list[Figure]:
    """Readings/s of the backlog, delay of live readings meanwhile, disk and memory; then with a database that is far away.

    :raises BenchFault: a reading is missing.
    """
    outage = run_outage(plan, 600.0 if plan.long else _QUICK_OUTAGE_S if plan.quick else 120.0)
    alone = Baseline("its rows, posted in turn by a plain loop", _posted_in_turn(plan, outage.rows))
    far = run_outage(plan, _QUICK_OUTAGE_S if plan.quick else _FAR_AWAY_OUTAGE_S, answer_delay_ms=_FAR_AWAY_MS)
    return [
        Figure("catch_up", f"{outage.backlog:,} readings come in", "/s", _rate(outage), alone, Bar(RATE_BAR, at_least=True)),
        Figure("catch_up", "live meanwhile, publish to 204: p50", "ms", _percentile(outage.live_ms, 50)),
        Figure("catch_up", "p99", "ms", _percentile(outage.live_ms, 99), None, Bar(LIVE_P99_BAR_MS)),
        *_wear(outage),
        Figure("catch_up", "growth of memory, first to last third", "MB", _growth_mb(outage), None, Bar(GROWTH_BAR_MB)),
        *_from_far_away(far),
    ]


def _from_far_away(outage: Outage) -> list[Figure]:
    answer = Baseline("the way there and back", float(_FAR_AWAY_MS))
    name = f"answers {_FAR_AWAY_MS} ms late: {outage.backlog:,} readings come in"
    return [
        Figure("catch_up", name, "/s", _rate(outage)),
        Figure("catch_up", "live meanwhile: p50", "ms", _percentile(outage.live_ms, 50), answer),
        Figure("catch_up", "p99", "ms", _percentile(outage.live_ms, 99), answer),
    ]


def _wear(outage: Outage) -> list[Figure]:
    """Bytes to disk of a reading of the outage."""
    body = Baseline("its share of a body", sum(len(gzip) for _, gzip in outage.rows) / outage.readings)
    away = outage.written_bytes / outage.readings
    drained = (outage.written_bytes + outage.drained_bytes) / outage.readings
    return [
        Figure("catch_up", "to disk while InfluxDB is away, a reading", "B", away, body, Bar(OUTAGE_BAR_BYTES)),
        Figure("catch_up", "the same with the drain after it", "B", drained, body, Bar(OUTAGE_BAR_BYTES)),
    ]


def _rate(outage: Outage) -> float:
    return outage.backlog / outage.drain_s


def _growth_mb(outage: Outage) -> float:
    third = max(1, len(outage.rss_bytes) // 3)
    return (max(outage.rss_bytes[-third:]) - max(outage.rss_bytes[:third])) / 1e6


def _percentile(delays_ms: list[float], percent: float) -> float:
    if not delays_ms:
        raise BenchFault("no live reading came while the backlog did; the outage was too short")
    return sorted(delays_ms)[max(1, ceil(len(delays_ms) * percent / 100)) - 1]


def _posted_in_turn(plan: Plan, rows: list[tuple[int, bytes]]) -> float:
    """Readings/s of a loop that posts one row after the other to an InfluxDB that has nothing else to do."""
    with influxdb(plan.fresh("plain")) as database, closing(HTTPConnection(database.host, database.port)) as connection:
        began_s = time.monotonic()
        for _, gzip in rows:
            connection.request("POST", "/write?db=iot&precision=ms", gzip, {"Content-Encoding": "gzip"})
            response = connection.getresponse()
            if response.status != 204:
                raise BenchFault(f"InfluxDB answered {response.status} {response.read()[:200]!r}")
            response.read()
        return sum(readings for readings, _ in rows) / (time.monotonic() - began_s)
