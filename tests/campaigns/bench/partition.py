"""Partitions: two gateways on two cores, each with half of the devices, beside one of them alone.

They share a broker and a database. Each takes its own topics, so a reading costs what it costs alone, but for what processes
that want the same cores and caches take from each other.
"""

from contextlib import ExitStack
from statistics import median
from typing import Final

from gateway.commands.demo.services import Service, mosquitto
from tests.campaigns.bench.children import Plan, cpu_s, door, gateway, paced, pacer, wait_written
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.messages import topic

_EACH: Final = 500
_RATE: Final = 2000
_SECONDS: Final = 4.0
_ROUNDS: Final = 5
_QUICK_ROUNDS: Final = 1
_WARM_S: Final = 2.0
_PATIENCE_S: Final = 60.0


def measure(plan: Plan) -> list[Figure]:
    """CPU of a reading in the dearer of the two, by that of one alone.

    :raises BenchFault: readings are missing, or one gateway had those of the other.
    """
    alone_us: list[float] = []
    beside_us: list[float] = []
    for _ in range(_QUICK_ROUNDS if plan.quick else _ROUNDS):
        (alone,) = _round(plan, gateways=1)
        pair = _round(plan, gateways=2)
        plan.say(f"alone {alone:.1f} µs, side by side {pair[0]:.1f} and {pair[1]:.1f} µs")
        alone_us.append(alone)
        beside_us.append(max(pair))
    baseline = Baseline("one alone", median(alone_us))
    bar = Bar(1.1, of_ratio=True)
    name = f"CPU of a reading in the dearer of two, {_RATE:,}/s each"
    return [Figure("partition", name, "µs", median(beside_us), baseline, bar, runs=len(alone_us), least=min(beside_us))]


def _round(plan: Plan, gateways: int) -> list[float]:
    """CPU of a reading in each gateway, in µs."""
    with ExitStack() as running:
        folder = plan.fresh("partition")
        broker = running.enter_context(mosquitto(folder))
        stub = running.enter_context(door(folder))
        made = []
        for number in range(gateways):
            topics = [topic(number * _EACH + device).decode() for device in range(_EACH)]
            mqtt = {"client_id": f"part-{number}", "subscriptions": topics}
            made.append(
                running.enter_context(gateway(plan.fresh(f"part-{number}"), broker.url, stub.url, settings={"mqtt": mqtt}))
            )
        warm = _send(broker, made, _WARM_S, [0] * gateways)
        before_s = [cpu_s(each) for each in made]
        sent = _send(broker, made, _SECONDS, warm)
        return [
            (cpu_s(each) - was_s) * 1e6 / (all_ - old)
            for each, was_s, all_, old in zip(made, before_s, sent, warm, strict=True)
        ]


def _send(broker: Service, gateways: list[Service], seconds: float, written: list[int]) -> list[int]:
    """Publish the devices of each gateway, all at the same time; return what each has written in all."""
    pacers = [pacer(broker.port, _RATE, seconds, _EACH, number * _EACH) for number in range(len(gateways))]
    sent = [int(paced(each)["published"]) for each in pacers]
    total = [old + new for old, new in zip(written, sent, strict=True)]
    for each, readings in zip(gateways, total, strict=True):
        wait_written(each, readings, _PATIENCE_S)
    return total
