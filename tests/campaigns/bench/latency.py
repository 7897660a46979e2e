"""Latency: from the instant of publishing to InfluxDB's door, with evenly spaced readings and a broker as Debian ships it."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gateway.commands.demo.services import Service, mosquitto
from tests.campaigns.bench.children import BenchFault, Plan, cpu_s, door, gateway, get, helper, paced, pacer, pid_of, printed
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure

SECONDS: Final[Mapping[int, float]] = MappingProxyType({10: 8.0, 100: 4.0, 1000: 4.0, 5000: 3.0})
"""Readings a second → how long they are measured, in a round."""

P50, P99, CPU = "p50, publish to door", "p99", "CPU of a reading"
POST, PLAIN = "a POST for each message", "plain gateway"
DEVICES = 1000
_WARM_S = 1.0
_SETTLE_S = 3.0
_PATIENCE_S = 20.0
_MISSING_S = 3.0
_ENDLESS = 10**9
_LATE_MAX_MS = 5.0
"""A publisher that is later measures the machine; people are told."""

_BARS: Final[Mapping[tuple[int, str], float]] = MappingProxyType(
    {
        (10, P50): 1.0,
        (10, P99): 2.0,
        (100, P50): 1.0,
        (100, P99): 2.0,
        (1000, P50): 6.0,
        (1000, P99): 11.0,
        (1000, CPU): 70.0,
        (5000, CPU): 35.0,
    }
)


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


def at(rate: int, what: str) -> str:
    """The name of a figure at a rate."""
    return f"{rate:,}/s: {what}"


def _figures(samples: Samples) -> list[Figure]:
    found = []
    for rate in SECONDS:
        for what, unit in ((P50, "ms"), (P99, "ms"), (CPU, "µs")):
            limit = _BARS.get((rate, what))
            bar = None if limit is None else Bar(limit)
            found.append(samples.figure("latency", at(rate, what), unit, POST, bar))
            found.append(samples.figure("latency", at(rate, what), unit, PLAIN))
    return found


def _gateway(folder: Path, broker: Service, stub: Service) -> Service:
    return gateway(folder, broker.url, stub.url)


def _post(folder: Path, broker: Service, stub: Service) -> Service:
    return helper(folder, "subscriber", "post", broker.port, stub.port)


def _plain(folder: Path, broker: Service, stub: Service) -> Service:
    return helper(folder, "plain", broker.port, stub.url, _ENDLESS)


def _runs(
    consumer_of: Callable[[Path, Service, Service], Service], *, may_miss: bool = False
) -> Callable[[Plan], dict[str, float]]:
    """Measure a consumer at one rate after the other; each begins with readings that do not count."""

    def measure(plan: Plan) -> dict[str, float]:
        folder, found = plan.fresh("latency"), dict[str, float]()
        with ExitStack() as running:
            broker = running.enter_context(mosquitto(folder, tuned=False))
            stub = running.enter_context(door(folder))
            consumer = running.enter_context(consumer_of(folder, broker, stub))
            meet_devices(broker)
            for rate, seconds in SECONDS.items():
                made = run(broker, stub, consumer, (rate, seconds / 2 if plan.quick else seconds), may_miss=may_miss)
                values = {P50: made.percentile_ms(50), P99: made.percentile_ms(99), CPU: made.cpu_us}
                found |= {at(rate, what): value for what, value in values.items()}
                if made.late_ms > _LATE_MAX_MS:
                    plan.say(f"{consumer.name} at {rate}/s: the publisher itself was up to {made.late_ms:.1f} ms late")
        return found

    return measure


def meet_devices(broker: Service) -> None:
    """Let every device send once: to ask InfluxDB for its sums is a device's cost, not a reading's."""
    paced(pacer(broker.port, DEVICES, 1.0, DEVICES))
    time.sleep(_SETTLE_S)


def run(broker: Service, stub: Service, consumer: Service, pace: tuple[int, float], *, may_miss: bool = False) -> Run:
    """Measure a consumer at one rate, after a second at that rate.

    :param pace: readings a second, and seconds.
    :param may_miss: as in :func:`arrivals`.
    """
    rate, seconds = pace
    warm = paced(pacer(broker.port, rate, _WARM_S, DEVICES))
    arrivals(stub, consumer, warm["published"], may_miss=may_miss)
    cpu_before_s = cpu_s(consumer)
    sent = paced(pacer(broker.port, rate, seconds, DEVICES))
    came = arrivals(stub, consumer, sent["published"], may_miss=may_miss)
    used_s = cpu_s(consumer) - cpu_before_s
    delays_ms = [(arrived_ns - sent_ns) / 1e6 for sent_ns, arrived_ns in came]
    return Run(delays_ms, used_s / len(came) * 1e6, sent["late_ms"])


def arrivals(stub: Service, consumer: Service, readings: float, *, may_miss: bool = False) -> list[tuple[int, int]]:
    """All that was published, as it came through the door; asked only after the pacer has ended.

    :param may_miss: what has not come after a few seconds is left out: a plain gateway that falls behind lets the broker drop.
    """
    patience_s = _MISSING_S if may_miss else _PATIENCE_S
    deadline_s = time.monotonic() + patience_s
    found: dict[int, int] = {}
    while True:
        found |= dict(get(stub, "/arrivals"))
        if len(found) >= readings:
            return list(found.items())
        if time.monotonic() > deadline_s:
            if may_miss and found:
                return list(found.items())
            raise BenchFault(
                f"of {readings} readings {len(found)} came to InfluxDB's door within {patience_s:g} s;"
                f" the end of what {consumer.name} (pid {pid_of(consumer)}) printed:\n{printed(consumer)[-2000:]}"
            )
        time.sleep(0.05)


CONTEST = Contest({GATEWAY: _runs(_gateway), POST: _runs(_post), PLAIN: _runs(_plain, may_miss=True)}, _figures)
