"""Instances that share out the sites on RabbitMQ: what a reading costs in each of them, beside one alone; shares and order.

All readings go to one node, and nobody but it hands them out: each instance subscribes to its own topics, as ``shares.yaml``
says. On fewer than N + 3 cores (instances; broker, publisher, database) the rate leaves them idle time, and what N instances
can do together is not measured.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from gateway.commands.demo.services import Service, influxdb
from gateway.support.registry.shares import load_shares
from tests.campaigns.bench.children import Plan, cpu_s, gateway, paced, pacer, printed, wait_written
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.messages import site
from tests.campaigns.rabbitmq.cluster import kept_settings
from tests.campaigns.rabbitmq.instance import share_out
from tests.campaigns.rabbitmq.node import Node, rabbitmq
from tests.campaigns.rabbitmq.order import out_of_order
from tests.campaigns.rig.link import Link
from tests.campaigns.rig.tap import Tap
from tests.waiting import until

_DEVICES: Final = 120
_SITES: Final = 12
"""Of each instance, as many as of one alone: a device sends as often in both."""
_RATES: Final = {2: 480, 4: 240}
"""Instances → readings a second of each."""
_SECONDS: Final = 5.0
_ORDER_SECONDS: Final = 3.0
_WARM_S: Final = 2.0
_ROUNDS: Final = 3
_QUICK_ROUNDS: Final = 1
_BESIDE: Final = 3
"""Cores for what runs beside the instances."""
_PATIENCE_S: Final = 60.0
_OFF: Final = 15.0
"""Percent that an instance may be off an equal part."""


def measure(plan: Plan) -> list[Figure]:
    """CPU of a reading in the dearest instance by that of one alone, the largest share, and readings out of order.

    :raises BenchFault: readings are missing, or an instance had those of another.
    """
    figures: list[Figure] = []
    with rabbitmq(plan.fresh("rabbitmq"), kept_settings()) as broker:
        for instances, rate in _RATES.items():
            alone_us: list[float] = []
            beside_us: list[float] = []
            shares: list[float] = []
            for _ in range(_QUICK_ROUNDS if plan.quick else _ROUNDS):
                (alone,), _ = _round(plan, broker, 1, rate)
                each, shares = _round(plan, broker, instances, rate)
                plan.say(f"alone {alone:.1f} µs, {instances} beside each other {', '.join(f'{us:.1f}' for us in each)} µs")
                alone_us.append(alone)
                beside_us.append(max(each))
            baseline = Baseline("one alone", median(alone_us))
            has_cores = (os.cpu_count() or 1) >= instances + _BESIDE
            bar = Bar(1.1, of_ratio=True) if has_cores or instances == min(_RATES) else None
            name = f"CPU of a reading in the dearest of {instances}, {rate}/s each"
            off = max(abs(share * instances - 1) for share in shares) * 100
            late = _late(plan, broker, instances, rate)
            figures += [
                Figure("rabbitmq", name, "µs", median(beside_us), baseline, bar, len(alone_us), min(beside_us)),
                Figure("rabbitmq", f"furthest of {instances} from an equal part of the readings", "%", off, bar=Bar(_OFF)),
                Figure("rabbitmq", f"readings out of the order of their device, {instances} instances", "", late, bar=Bar(0)),
            ]
            if not has_cores:
                plan.say(f"{os.cpu_count()} cores are too few to measure what {instances} instances can do together")
    return figures


def _round(plan: Plan, broker: Node, instances: int, rate: int) -> tuple[list[float], list[float]]:
    """CPU of a reading in each instance in µs, and the part that each had of all readings."""
    with ExitStack() as running:
        database = running.enter_context(influxdb(plan.fresh("rabbitmq")))
        names = [f"bench-{instances}-{number}" for number in range(instances)]
        shares = _share_out(plan.fresh("rabbitmq"), names)
        made = [_instance(running, plan, broker.url, database, name, shares) for name in names]
        warm = _send(broker, made, shares, rate * instances, _WARM_S, [0] * instances)
        before_s = [cpu_s(each) for each in made]
        sent = _send(broker, made, shares, rate * instances, _SECONDS, warm)
        used_us = [(cpu_s(each) - was_s) * 1e6 for each, was_s in zip(made, before_s, strict=True)]
        readings = [all_ - old for all_, old in zip(sent, warm, strict=True)]
    _forget(broker, names)
    return [us / each for us, each in zip(used_us, readings, strict=True)], [each / sum(readings) for each in readings]


def _late(plan: Plan, broker: Node, instances: int, rate: int) -> int:
    """Count the readings that an instance was handed after later ones of their device."""
    taps = [Tap() for _ in range(instances)]
    with ExitStack() as running:
        database = running.enter_context(influxdb(plan.fresh("rabbitmq")))
        names = [f"order-{instances}-{number}" for number in range(instances)]
        shares = _share_out(plan.fresh("rabbitmq"), names)
        links = [running.enter_context(Link(broker, tap)) for tap in taps]
        urls = [link.url("mqtt") for link in links]
        made = [_instance(running, plan, url, database, name, shares) for url, name in zip(urls, names, strict=True)]
        _send(broker, made, shares, rate * instances, _ORDER_SECONDS, [0] * instances)
    _forget(broker, names)
    return sum(len(out_of_order(tap.delivered)) for tap in taps)


def _instance(running: ExitStack, plan: Plan, url: str, database: Service, name: str, shares: Path) -> Service:
    """Start an instance; return once it has its shares with their sums, and does nothing for them any more."""
    mqtt = {"client_id": name, "shares": str(shares)}
    made = gateway(plan.fresh(name), url, database.url, api="v1", settings={"mqtt": mqtt}, tree=plan.tree)
    running.enter_context(made)
    held = len(load_shares(shares).of(name))
    until(lambda: printed(made).count("its sums go on") == held, _PATIENCE_S, what=f"{name} holds its shares")
    return made


def _share_out(folder: Path, names: Sequence[str]) -> Path:
    file, sites = folder / "shares.yaml", _SITES * len(names)
    share_out(file, names, {site(number, sites): 1.0 for number in range(sites)})
    return file


def _send(broker: Node, made: list[Service], shares: Path, rate: int, seconds: float, written: list[int]) -> list[int]:
    """Publish the readings of all devices; return what each instance has written in all."""
    sites = _SITES * len(made)
    sent = int(paced(pacer(broker.port, rate, seconds, _DEVICES * len(made), sites=sites))["published"])
    found = load_shares(shares)
    total = [old + len(found.of(name)) * sent // sites for old, name in zip(written, found.gateways, strict=True)]
    for each, readings in zip(made, total, strict=True):
        wait_written(each, readings, _PATIENCE_S)
    return total


def _forget(broker: Node, names: Sequence[str]) -> None:
    """Delete the queues of instances that come no more."""
    for name in names:
        broker.management.ask(f"queues/%2F/mqtt-subscription-{name}qos1", "DELETE")
