"""Verify: the memory and time of ``firmware-sim verify`` over the number of readings, with a database that holds them.

A tenth of the readings is of one device, so that a device that does not fit into memory is among them. Some were lost, and must
be named.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from gateway.commands.demo.services import Service, influxdb, victoria_metrics
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.figures import Bar, Baseline, Figure

NUMBERS: Final = (1_000_000, 3_000_000, 10_000_000)
QUICK: Final = (20_000, 60_000, 200_000)
METERS: Final = 1_800
OF_LOGGER: Final = 200
"""Readings of the one device for each reading of all the others."""
TICK_MS: Final = 10_000
LOST: Final = frozenset({1_000, 11_111, 19_999})
"""Readings that never reached the database."""
FLAT: Final = 1.15
BATCH: Final = 10_000


def measure(plan: Plan) -> list[Figure]:
    """Megabytes and seconds of each number of readings, in both databases."""
    databases: dict[str, Callable[[Path], Service]] = {
        "InfluxDB": influxdb,
        "VictoriaMetrics": lambda folder: victoria_metrics(folder, args=["-retentionPeriod=100y"]),
    }
    return [figure for name, start in databases.items() for figure in _of_database(plan, name, start)]


def _of_database(plan: Plan, name: str, start: Callable[[Path], Service]) -> Iterator[Figure]:
    folder = plan.fresh("verify")
    ledger = folder / "ledger.jsonl"
    written, least_mb = 0, None
    with start(folder) as database:
        for number in QUICK if plan.quick else NUMBERS:
            _fill(database.url, ledger, range(written, number))
            written = number
            took_s, peak_mb = _verify(database.url, ledger, number)
            plan.say(f"{name}, {number:,} readings: {took_s:,.0f} s, {peak_mb:.1f} MB")
            if least_mb is None:
                least_mb = Baseline(f"of {number:,}", peak_mb)
                continue
            yield Figure("verify", f"{number:,} readings in {name}, memory", "MB", peak_mb, least_mb, Bar(FLAT, of_ratio=True))
        yield Figure("verify", f"{written:,} readings in {name}", "s", took_s)
    ledger.unlink()


def _fill(url: str, ledger: Path, numbers: range) -> None:
    """Write readings into ledger and database."""
    address = urlsplit(url)
    with closing(HTTPConnection(str(address.hostname), address.port, timeout=300.0)) as connection, ledger.open("ab") as file:
        for first in range(numbers.start, numbers.stop, BATCH):
            batch = range(first, min(first + BATCH, numbers.stop))
            file.write(b"".join(map(_row, batch)))
            connection.request("POST", "/write?db=iot&precision=ms", b"".join(map(_line, batch)))
            if (answer := connection.getresponse()).status != 204:
                raise BenchFault(f"the database answers {answer.status}: {answer.read()[:200]!r}")
            answer.read()
        connection.request("POST", "/internal/force_flush")  # VictoriaMetrics shows it now; InfluxDB has no such page
        connection.getresponse().read()


def _place(number: int) -> tuple[str, int, int]:
    """Device, time and seq of a reading."""
    tick, turn = divmod(number, METERS + OF_LOGGER)
    if turn < METERS:
        return f"sim-1-water-meter-{turn:04}", 1_793_491_200_000 + tick * TICK_MS + turn * TICK_MS // METERS, tick
    turn -= METERS
    return "sim-1-water-logger", 1_793_491_200_000 + tick * TICK_MS + turn * TICK_MS // OF_LOGGER, tick * OF_LOGGER + turn


def _row(number: int) -> bytes:
    device, time_ms, seq = _place(number)
    return (
        b'{"t":"iot/v1/xa-01/water/%s/readings","m":"water","tags":{"device":"%s","site":"xa-01"},"ts":%d,"seq":%d,'
        b'"f":{"volume_m3":%d.5,"flow_m3_h":0.25,"temperature_c":21.5,"alarm_leak":false},"q":128,"drop":[],"at":%d}\n'
        % (device.encode(), device.encode(), time_ms, seq, seq, time_ms + 5)
    )


def _line(number: int) -> bytes:
    if number in LOST:
        return b""
    device, time_ms, seq = _place(number)
    fields = b"volume_m3=%d.5,volume_sum_m3=%d.5,flow_m3_h=0.25,temperature_c=21.5,alarm_leak=false" % (seq, seq)
    return b"water,area=A,device=%s,site=xa-01 %s,quality=128i,seq=%di %d\n" % (device.encode(), fields, seq, time_ms)


def _verify(url: str, ledger: Path, number: int) -> tuple[float, float]:
    """Seconds and peak megabytes."""
    words = ["verify", "--ledger", str(ledger), "--influxdb", url, "--api", "v1", "--json"]
    began_s = time.perf_counter()
    with subprocess.Popen([sys.executable, "-m", "firmware_sim.cli", *words], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    took_s = time.perf_counter() - began_s
    named = {(first["device"], first["time_ms"]) for first in told["first"]}
    if told["total"]["found"] != number - len(LOST) or named != {_place(lost)[:2] for lost in LOST}:
        raise BenchFault(f"verify tells something else than what was lost: {told}")
    return took_s, usage.ru_maxrss * 1024 / 1e6
