"""Kills: SIGKILL of the gateway under load. Nothing may be missing or altered, and the new process must write soon."""

import os
import struct
import time
import zlib
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

from gateway.core.batching.batch import Body
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database
from tests.campaigns.bench.children import Plan
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.killing import Killing, killing
from tests.campaigns.bench.start import registry

_RATE = 2000
_KILLS = 100
_STOCK_RATE = 500
_STOCK_KILLS = 20
_REGISTERED_KILLS = 10
_QUICK = 10
_LARGE_KILLS = 5
_LARGE_ROWS = 300_000
_LARGE_ROW_BYTES = 1600
"""Two readings in a row, as commits bring them from a few devices; what they lack in size is padding."""
_COMMIT_ROWS = 5000
RESTART_BAR = Bar(1.0)
LARGE_BAR = Bar(2.0, of_ratio=True)
"""While such a journal comes in InfluxDB has both cores busy, and the imports alone take a second."""


def measure(plan: Plan) -> list[Figure]:
    """Readings lost and altered, and seconds from the start of the new process to its first reading in InfluxDB."""
    kills = _QUICK if plan.quick else _KILLS
    figures = []
    with killing(plan.fresh("kills"), _RATE) as province:
        what = f"{kills} kills at {_RATE:,}/s"
        found = province.run(kills, imports_every=kills // 10)
        figures += _losses(plan, what, found) + _restarts(plan, province)
    with killing(plan.fresh("kills-registry"), _RATE, registry=registry()) as registered:
        what = f"{_REGISTERED_KILLS} kills, 10,000 more registered"
        figures += _losses(plan, what, registered.run(_REGISTERED_KILLS)) + _restarts(plan, registered, ", 10,000 registered")
    with killing(plan.fresh("kills-stock"), _STOCK_RATE, tuned=False) as stock:
        kills = _QUICK if plan.quick else _STOCK_KILLS
        what = f"{kills} kills at {_STOCK_RATE}/s, stock Mosquitto"
        figures += _losses(plan, what, stock.run(kills)) + _restarts(plan, stock, ", stock Mosquitto")
        figures.append(Figure("kills", f"{what}: dropped by it, its queue full", "", stock.dropped()))
    with killing(plan.fresh("kills-large"), _RATE, prepare=_fill) as large:
        large.run_unverified(_QUICK // 5 if plan.quick else _LARGE_KILLS, lambda: _forget(large.journal))
        size_mb = large.journal.stat().st_size / 1e6
        what = f", {2 * _LARGE_ROWS:,} readings in {size_mb:,.0f} MB of journal"
        figures += _restarts(plan, large, what, LARGE_BAR, (True,))
    return figures


def _fill(path: Path) -> None:
    """A journal of some days of an outage."""
    file = Database(path)
    file.open()
    now_ms = time.time_ns() // 1_000_000
    for first in range(1, _LARGE_ROWS + 1, _COMMIT_ROWS):
        rows = range(first, min(first + _COMMIT_ROWS, _LARGE_ROWS + 1))
        file.run_here(journal.append, [_row(now_ms - 2 * row) for row in rows], first, now_ms, refused=False)
    file.close()


def _row(time_ms: int) -> Body:
    lines = f"water,device=old,site=s flow_m3_h=1.5 {time_ms}\nwater,device=old,site=s flow_m3_h=1.25 {time_ms + 1}".encode()
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflate.compress(lines) + deflate.flush()
    padding = os.urandom(_LARGE_ROW_BYTES - len(data))
    head = b"\x1f\x8b\x08\x04" + bytes(6) + struct.pack("<H", len(padding)) + padding  # FEXTRA [RFC 1952, 2.3.1.1]
    body = head + data + struct.pack("<II", zlib.crc32(lines), len(lines))
    return Body(body, 2, Counter({"water": 2}), zlib.crc32(body))


def _forget(path: Path) -> None:
    """Have the kernel forget what it holds of a file in memory, as after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def _losses(plan: Plan, what: str, found: dict[str, Any]) -> list[Figure]:
    total = found["total"]
    plan.say(f"{what}: of {total['sent']:,} readings {total['missing']} are missing, {total['different']} altered")
    for finding in found["first"][:3]:
        plan.say(f"  {finding}")
    kinds = {"missing": "lost", "different": "altered", "duplicate": "stand twice"}
    return [Figure("kills", f"{what}: {word}", "", total[kind], None, Bar(0)) for kind, word in kinds.items()]


def _restarts(
    plan: Plan, done: Killing, what: str = "", bar: Bar = RESTART_BAR, backlogs: tuple[bool, ...] = (False, True)
) -> list[Figure]:
    baseline = Baseline("the same imports", median(done.imports_s))
    figures = []
    for backlog in backlogs:
        seconds = sorted(restart.seconds for restart in done.restarts if restart.backlog is backlog)
        name = f"to the first reading written{what}{', with a backlog' if backlog and len(backlogs) > 1 else ''}"
        plan.say(f"{name}: {' '.join(f'{each:.2f}' for each in seconds)}; the imports {baseline.value:.2f} s")
        figures += [
            Figure("kills", f"{name}, median", "s", median(seconds), baseline),
            Figure("kills", f"{name}, p99", "s", seconds[max(0, -(-len(seconds) * 99 // 100) - 1)], baseline),
            Figure("kills", f"{name}, max", "s", seconds[-1], baseline, bar),
        ]
    return figures
