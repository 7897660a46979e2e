"""A flood: what the readings of 1,000 quiet devices suffer while one device sends far more than all of them.

From the instant of publishing to the moment a real InfluxDB has them, behind a relay (relay.py) that makes it as slow as a
deployment may find it. The broker keeps one queue for the gateway: what Mosquitto itself makes the quiet ones wait is inside
the figures.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPMethod
from pathlib import Path
from urllib.request import Request, urlopen

from gateway.commands.demo.services import Program, Service, free_port, influxdb, mosquitto
from tests.campaigns.bench.children import BenchFault, Plan, cpu_s, gateway, get, paced, pacer, printed, rss_bytes
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.latency import Run

P99_MS = 250.0
_P99_AT_ITS_LIMIT_MS = 1000.0
"""What came of the flood before it was known for one stands in InfluxDB's own queue, and the others behind it."""
_RATE = 1000
_DEVICES = 1000
_PATIENCE_S = 60.0
_OF_A_FLOODER = 1_000_000_000_000
"""The ``seq`` of a quiet reading is an instant in ns, far above this; that of a flooder counts from 0."""


@dataclass(frozen=True)
class Case:
    """A flood, and how InfluxDB is.

    :ivar slow_s: by how much each answer is late.
    :ivar reading_s: what a reading costs a database at its limit.
    """

    name: str
    kind: str
    rate: int
    slow_s: float = 0.0
    reading_s: float = 0.0


CASES = (
    Case("none", "readings", 0),
    Case("10,000/s", "readings", 10_000),
    Case("10,000/s, answers take 0.3 s", "readings", 10_000, slow_s=0.3),
    Case("10,000/s, InfluxDB takes 5,000/s", "readings", 10_000, reading_s=0.0002),
    Case("garbage, 1,000/s of one", "garbage", 1000),
    Case("garbage, 1,000/s of 1,000", "garbage-of-many", 1000),
    Case("type conflicts, 10/s", "conflicts", 10),
    Case("120 kB, 20/s", "large", 20),
    Case("new devices, 1,000/s", "strangers", 1000),
    Case("new sites, 1,000/s", "sites", 1000),
)


def measure(plan: Plan) -> list[Figure]:
    """The 99th percentile of the quiet readings in each case, and the gateway's CPU and memory."""
    figures: list[Figure] = []
    for case in CASES:
        run, memory_mb = _run(plan, case)
        plan.say(
            f"flood of {case.name}: p50 {run.percentile_ms(50):.1f}, p99 {run.percentile_ms(99):.1f},"
            f" max {run.percentile_ms(100):.1f} ms, {run.cpu_us:.0f} µs of CPU a message, {memory_mb:.0f} MB"
            f" (the publisher itself was at most {run.late_ms:.1f} ms late)"
        )
        figures += [
            Figure(
                "flood",
                f"{case.name}: p99 of the others",
                "ms",
                run.percentile_ms(99),
                bar=Bar(_P99_AT_ITS_LIMIT_MS if case.reading_s else P99_MS),
            ),
            Figure("flood", "CPU of a message", "µs", run.cpu_us),
            Figure("flood", "memory", "MB", memory_mb),
        ]
    return figures


def _run(plan: Plan, case: Case) -> tuple[Run, float]:
    folder, seconds = plan.fresh("flood"), 4.0 if plan.quick else 10.0
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        _spoil_ph(database)
        relay = running.enter_context(_relay(folder, database, case))
        gate = running.enter_context(gateway(folder, broker.url, relay.url, api="v1"))
        paced(pacer(broker.port, _RATE, 1.0, _DEVICES))
        _written(relay, gate, _RATE)
        before = get(gate, "/api/status")["messages"]
        with _flooder(broker, case, seconds + 1.0):
            time.sleep(1.0)
            cpu_before_s, memory = cpu_s(gate), [rss_bytes(gate)]
            sent = paced(pacer(broker.port, _RATE, seconds, _DEVICES), lambda: memory.append(rss_bytes(gate)))
        used_s, messages = cpu_s(gate) - cpu_before_s, get(gate, "/api/status")["messages"] - before
        came = _written(relay, gate, int(sent["published"]))
        delays_ms = [(written_ns - sent_ns) / 1e6 for sent_ns, written_ns in came.items()]
        return Run(delays_ms, used_s / messages * 1e6, sent["late_ms"]), max(memory) / 1e6


def _spoil_ph(database: Service) -> None:
    """InfluxDB knows ``ph`` as a text, so that a number is a type conflict."""
    url = f"{database.url}/write?db=iot"
    urlopen(Request(url, b'water,device=other ph="acid"', method=HTTPMethod.POST), timeout=10).close()  # noqa: S310 - our own URL


def _relay(folder: Path, database: Service, case: Case) -> Service:
    port = free_port()
    arguments = ["-m", "tests.campaigns.bench.relay", *map(str, (port, database.port, case.slow_s, case.reading_s))]
    url = f"http://127.0.0.1:{port}"
    service = Service("relay", "127.0.0.1", port, folder, url, Program(Path(sys.executable)), arguments, lambda: False)
    service.answers = lambda: _answers(service)
    return service


def _answers(relay: Service) -> bool:
    try:
        return bool(get(relay, "/ok"))
    except OSError:
        return False


@contextmanager
def _flooder(broker: Service, case: Case, seconds: float) -> Iterator[None]:
    if not case.rate:
        yield
        return
    command = [sys.executable, "-m", "tests.campaigns.bench.flooder", *map(str, (broker.port, case.kind, case.rate, seconds))]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield
            if process.wait(_PATIENCE_S):
                raise BenchFault(f"the flooder ended with status {process.returncode}")
        finally:
            process.kill()


def _written(relay: Service, gate: Service, readings: int) -> dict[int, int]:
    """The quiet readings that were published, and when InfluxDB had them."""
    deadline_s = time.monotonic() + _PATIENCE_S
    found: dict[int, int] = {}
    while len(found) < readings:
        for sent_ns, written_ns in get(relay, "/written"):
            if sent_ns > _OF_A_FLOODER:
                found.setdefault(sent_ns, written_ns)
        if time.monotonic() > deadline_s:
            raise BenchFault(f"of {readings} readings {len(found)} were written; the gateway:\n{printed(gate)[-2000:]}")
        time.sleep(0.05)
    return found
