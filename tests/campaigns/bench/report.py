"""Report: the consumption of one month of a province's meters, from InfluxDB with that month in it."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from urllib.parse import urlencode
from urllib.request import urlopen

from gateway.commands.demo.services import influxdb
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.monitoring.reports.make_year import DAY_MS, fill, registry

_DEVICES = 2000
_LONG_DEVICES = 10_000
_QUICK_DEVICES = 500
_FIRST = datetime(2026, 9, 29, tzinfo=UTC)
_DAYS = 35
"""October and some days around it: a report looks at a year's other months no more than at these."""
_MONTH = "2026-10"
BAR_S = 60.0
BAR_MB = 100.0


def measure(plan: Plan) -> list[Figure]:
    """Seconds and megabytes of the monthly report of all meters, each with a reading every 15 minutes."""
    devices = _LONG_DEVICES if plan.long else _QUICK_DEVICES if plan.quick else _DEVICES
    folder = plan.fresh("report")
    with influxdb(folder) as database:
        plan.say(f"{devices:,} devices, {_DAYS} days ...")
        first_ms = int(_FIRST.timestamp() * 1000)
        fill(database.url, devices, range(first_ms, first_ms + _DAYS * DAY_MS, DAY_MS))
        (folder / "devices.yaml").write_text("\n".join([*registry(devices), ""]))
        (folder / "gateway.yaml").write_text(f"influxdb: {{url: '{database.url}', api: v1}}\n")
        count_s = _count_s(database.url)
        took_s, peak_mb, rows = _report(folder / "gateway.yaml")
    if rows != devices:
        raise BenchFault(f"the report has {rows:,} rows of {devices:,} devices")
    baseline = Baseline("InfluxDB counts the sums of that month", count_s)
    return [
        Figure("report", f"a month of {devices:,} devices", "s", took_s, baseline, Bar(BAR_S)),
        Figure("report", "its memory, at most", "MB", peak_mb, None, Bar(BAR_MB)),
    ]


def _report(config: os.PathLike[str]) -> tuple[float, float, int]:
    """Seconds, peak megabytes and rows of a report."""
    command = [sys.executable, "-m", "gateway", "report", "consumption", "--from", _MONTH, "--to", _MONTH, "--csv"]
    began_s = time.perf_counter()
    with subprocess.Popen([*command, "-c", config], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        rows = sum(1 for _ in process.stdout) - 1
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchFault(f"the report ended with {process.returncode}")
    return time.perf_counter() - began_s, usage.ru_maxrss * 1024 / 1e6, rows


def _count_s(url: str) -> float:
    """Seconds in which InfluxDB alone reads the month once."""
    span = "time >= '2026-09-30T17:00:00Z' AND time < '2026-10-31T17:00:00Z'"
    query = urlencode({"db": "iot", "q": f"SELECT count(volume_sum_m3) FROM water WHERE {span} GROUP BY device"})  # noqa: S608 - ours
    began_s = time.perf_counter()
    with urlopen(f"{url}/query?{query}", timeout=300) as answer:  # noqa: S310 - our own InfluxDB
        answer.read()
    return time.perf_counter() - began_s
