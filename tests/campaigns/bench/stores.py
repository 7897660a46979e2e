"""The cost of a reading in the databases: room on disk, bytes written to it, CPU. The gateway's own is elsewhere.

Meters that send every quarter of an hour, in the order in which they send: a bulk of some days first, then readings one by one
at ten a second, as a small cabinet writes them. By the last flash memory wears: a write of one reading costs whole pages.
"""

import gzip
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Final

from gateway.commands.demo.services import Service, influxdb, victoria_metrics
from tests.campaigns.bench.children import BenchFault, Plan, cpu_s, disk_bytes, pid_of
from tests.campaigns.bench.figures import Figure

_METERS: Final = 1000
_DAYS: Final = 10
_QUICK_DAYS: Final = 1
_INTERVAL_MS: Final = 900_000
_TOGETHER: Final = 1000
_ALONE: Final = 600
_ALONE_EVERY_S: Final = 0.1
_STANDS_STILL_S: Final = 15.0
_NOTED_BYTES: Final = 500_000
STORES: Final[dict[str, Callable[[Path], Service]]] = {
    "InfluxDB 1.6.7": influxdb,
    "VictoriaMetrics": lambda folder: victoria_metrics(folder, args=["-retentionPeriod=2y"]),
}

NAMES: Final = {
    "disk_bytes": "room on disk of a reading",
    "cpu_together_us": "CPU of a reading, a thousand a write",
    "written_together_bytes": "written to disk for a reading, a thousand a write",
    "cpu_alone_us": "CPU of a reading, ten writes of one a second",
    "written_alone_bytes": "written to disk for a reading, ten writes of one a second",
}
"""What is measured, by the names that plans of capacity know."""


def measure(plan: Plan) -> list[Figure]:
    """A reading of four values with its sum, in each store.

    :raises BenchFault: a store took a write with another answer than 204.
    """
    figures: list[Figure] = []
    days = _QUICK_DAYS if plan.quick else _DAYS
    for name, start in STORES.items():
        folder = plan.fresh("stores")
        with start(folder) as store:
            figures += _of_store(plan, name, store, folder, days)
    return figures


def _of_store(plan: Plan, name: str, store: Service, folder: Path, days: int) -> Iterator[Figure]:
    readings = _METERS * days * 86_400_000 // _INTERVAL_MS
    lines = readings_of_meters(time.time_ns() // 1_000_000 - days * 86_400_000)
    before_cpu_s = cpu_s(store)
    for _ in range(readings // _TOGETHER):
        _write(store, tuple(islice(lines, _TOGETHER)))
    _stand_still(folder)
    plan.say(f"{name}: {readings:,} readings, {_size_bytes(folder):,} bytes on disk")
    bulk_cpu_s, bulk_bytes = cpu_s(store), disk_bytes(pid_of(store))
    found = {
        "disk_bytes": _size_bytes(folder) / readings,
        "cpu_together_us": (bulk_cpu_s - before_cpu_s) * 1e6 / readings,
        "written_together_bytes": bulk_bytes / readings,
    }
    for line in islice(lines, _ALONE):
        _write(store, (line,))
        time.sleep(_ALONE_EVERY_S)
    found["cpu_alone_us"] = (cpu_s(store) - bulk_cpu_s) * 1e6 / _ALONE
    found["written_alone_bytes"] = (disk_bytes(pid_of(store)) - bulk_bytes) / _ALONE
    for key, value in found.items():
        yield Figure("stores", f"{name}: {NAMES[key]}", "µs" if key.endswith("_us") else "B", value)


def readings_of_meters(first_ms: int) -> Iterator[str]:
    """Readings of all meters, quarter by quarter, without end."""
    turn = 0
    while True:
        for meter in range(_METERS):
            tags = f"water,area=A{meter % 20},device=w-{meter:05d},site=s-{meter % 50}"
            volume, flow = 1000 + meter * 3.217 + turn * 0.031, 0.5 + (meter * 37 + turn * 11) % 400 / 100
            pressure, battery = 280 + (meter * 13 + turn * 7) % 600 / 10, 60 + meter % 40 - turn // 3000
            values = f"battery_pct={battery},flow_m3_h={flow:.2f},pressure_kpa={pressure:.1f},volume_m3={volume:.3f}"
            yield f"{tags} {values},volume_sum_m3={volume:.3f} {first_ms + turn * _INTERVAL_MS + meter * 897}"
        turn += 1


def _write(store: Service, lines: tuple[str, ...]) -> None:
    with closing(HTTPConnection(store.host, store.port, timeout=60.0)) as connection:
        body = gzip.compress("\n".join(lines).encode(), 1)
        connection.request("POST", "/write?db=iot&precision=ms", body, {"Content-Encoding": "gzip"})
        answer = connection.getresponse()
        if answer.status != 204:
            raise BenchFault(f"{store.name} answers {answer.status}: {answer.read().decode()}")


def _stand_still(folder: Path) -> None:
    """Return when the files of a store have kept their size for a while, but for what it notes of itself."""
    kept_bytes, since_s = 0, time.monotonic()
    while time.monotonic() < since_s + _STANDS_STILL_S:
        time.sleep(1.0)
        now_bytes = _size_bytes(folder)
        if abs(now_bytes - kept_bytes) > _NOTED_BYTES:
            kept_bytes, since_s = now_bytes, time.monotonic()


def _size_bytes(folder: Path) -> int:
    """The room of all files, in blocks as the disk counts them; a file that goes meanwhile counts nothing."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return total
