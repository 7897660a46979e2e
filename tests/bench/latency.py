"""Latency: from the instant of publishing to InfluxDB's door, with evenly spaced readings and a broker as Debian ships it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from gateway.demo.services import Service, mosquitto
from tests.bench.children import BenchFault, Plan, cpu_s, door, gateway, get, helper, paced, pacer, pid_of, printed
from tests.bench.figures import Bar, Baseline, Figure

RATES = (10, 100, 1000, 5000)
_DIRECT_RATES = frozenset({10, 100, 1000})
_DEVICES = 1000
_PATIENCE_S = 20.0

P50_MS = {10: 2.0, 100: 2.0, 1000: 8.0, 5000: 12.0}
P99_MS = {10: 5.0, 100: 5.0, 1000: 20.0, 5000: 20.0}
CPU_US = {1000: 100.0}


@dataclass(frozen=True)
class Run:
    """One consumer at one rate."""

    delays_ms: list[float]
    cpu_us: float
    late_ms: float

    def percentile_ms(self, percent: float) -> float:
        """The delay that so many percent of the readings keep (nearest rank)."""
        ordered = sorted(self.delays_ms)
        return ordered[max(1, ceil(len(ordered) * percent / 100)) - 1]


def measure(plan: Plan) -> list[Figure]:
    """Median, 99th percentile and maximum of the delay, and CPU of a reading, at each rate."""
    seconds = 3.0 if plan.quick else 10.0
    figures: list[Figure] = []
    for rate in RATES:
        direct = None
        if rate in _DIRECT_RATES:
            direct = _run(plan, rate, seconds, _direct)
            _tell(plan, f"one POST for each message at {rate}/s", direct)
        ours = _run(plan, rate, seconds, _gateway)
        _tell(plan, f"gateway at {rate}/s", ours)
        figures += _figures(rate, ours, direct)
    return figures


def _figures(rate: int, ours: Run, direct: Run | None) -> list[Figure]:
    def figure(name: str, unit: str, of: Callable[[Run], float], limits: dict[int, float]) -> Figure:
        return Figure(
            "latency",
            f"{rate:,}/s: {name}",
            unit,
            of(ours),
            Baseline("a POST for each message", of(direct)) if direct else None,
            Bar(limits[rate]) if rate in limits else None,
        )

    return [
        figure("p50, publish to door", "ms", lambda run: run.percentile_ms(50), P50_MS),
        figure("p99", "ms", lambda run: run.percentile_ms(99), P99_MS),
        figure("max", "ms", lambda run: run.percentile_ms(100), {}),
        figure("CPU of a reading", "µs", lambda run: run.cpu_us, CPU_US),
    ]


def _tell(plan: Plan, who: str, run: Run) -> None:
    p50, p99, worst = (run.percentile_ms(percent) for percent in (50, 99, 100))
    plan.say(
        f"{who}: p50 {p50:.2f}, p99 {p99:.2f}, max {worst:.2f} ms, {run.cpu_us:.0f} µs of CPU a reading"
        f" (the publisher itself was at most {run.late_ms:.1f} ms late)"
    )


def _gateway(folder: Path, broker: Service, stub: Service) -> Service:
    return gateway(folder, broker.url, stub.url)


def _direct(folder: Path, broker: Service, stub: Service) -> Service:
    return helper(folder, "subscriber", "post", broker.port, stub.port)


def _run(plan: Plan, rate: int, seconds: float, consumer_of: Callable[[Path, Service, Service], Service]) -> Run:
    folder = plan.fresh("latency")
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder, tuned=False))
        stub = running.enter_context(door(folder))
        consumer = running.enter_context(consumer_of(folder, broker, stub))
        warm = paced(pacer(broker.port, rate, 1.0, _DEVICES))
        arrivals(stub, consumer, warm["published"])
        cpu_before_s = cpu_s(consumer)
        sent = paced(pacer(broker.port, rate, seconds, _DEVICES))
        came = arrivals(stub, consumer, sent["published"])
        used_s = cpu_s(consumer) - cpu_before_s
        delays_ms = [(arrived_ns - sent_ns) / 1e6 for sent_ns, arrived_ns in came]
        return Run(delays_ms, used_s / len(came) * 1e6, sent["late_ms"])


def arrivals(stub: Service, consumer: Service, readings: float) -> list[tuple[int, int]]:
    """All that was published, as it came through the door; asked only after the pacer has ended."""
    deadline_s = time.monotonic() + _PATIENCE_S
    found: dict[int, int] = {}
    while True:
        found |= dict(get(stub, "/arrivals"))
        if len(found) >= readings:
            return list(found.items())
        if time.monotonic() > deadline_s:
            raise BenchFault(
                f"of {readings} readings {len(found)} came to InfluxDB's door within {_PATIENCE_S:g} s;"
                f" the end of what {consumer.name} (pid {pid_of(consumer)}) printed:\n{printed(consumer)[-2000:]}"
            )
        time.sleep(0.05)
