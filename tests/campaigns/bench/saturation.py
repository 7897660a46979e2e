"""Saturation: a backlog as fast as the broker gives it away."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway.commands.demo.services import Service, mosquitto, victoria_metrics
from tests.campaigns.bench.burst import publish
from tests.campaigns.bench.children import (
    BenchFault,
    Plan,
    cpu_s,
    disk_bytes,
    gateway,
    get,
    helper,
    pid_of,
    printed,
    wait_printed,
    wait_written,
)
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.messages import backlog
from tests.influx import exported
from tests.waiting import until

PATIENCE_S = 180.0
_SETTLE_S = 0.5
_STILL = 0.05
"""Share of a core that a process may use and count as idle."""
_DEVICES = 1000
_ONCE_READINGS = 50_000
_READINGS = 120_000
_PLAIN_READINGS = 40_000
CPU, SPEED, DISK = "CPU of a reading", "readings", "written to disk meanwhile"
PLAIN, LEAST = "plain gateway", "subscriber that only acknowledges"
ASKED_SELDOM_S = 0.25
"""How often the gateway is asked whether it is done, where only its CPU counts: an answer takes as much as 30 readings."""
READINGS_FIELD = "water_volume_m3"


@dataclass(frozen=True)
class Run:
    """One consumer's way through the backlog."""

    readings: int
    seconds: float
    cpu_s: float
    disk_bytes: int

    @property
    def per_s(self) -> float:
        """Readings a second, from the first publish to the last reading done."""
        return self.readings / self.seconds

    @property
    def cpu_us(self) -> float:
        """CPU of the consumer for one reading, in µs."""
        return self.cpu_s / self.readings * 1e6

    def values(self) -> dict[str, float]:
        """The values of a round."""
        return {CPU: self.cpu_us, SPEED: self.per_s, DISK: self.disk_bytes}


def _figures(samples: Samples) -> list[Figure]:
    return [
        samples.figure("saturation", CPU, "µs", PLAIN, Bar(1 / 6, of_ratio=True)),
        samples.figure("saturation", CPU, "µs", LEAST, Bar(8.0)),
        samples.figure("saturation", SPEED, "1/s", PLAIN),
        samples.figure("saturation", SPEED, "1/s", LEAST, Bar(0.85, at_least=True, of_ratio=True)),
        samples.figure("saturation", DISK, "B", bar=Bar(0)),
    ]


def once(plan: Plan) -> dict[str, float]:
    """CPU of a reading in µs, of one short backlog."""
    packets = backlog(_ONCE_READINGS, devices=_DEVICES, now_ms=time.time_ns() // 1_000_000)
    return {CPU: through_gateway(plan, packets, ASKED_SELDOM_S).cpu_us}


def _packets(plan: Plan, readings: int) -> list[bytes]:
    return backlog(readings // 4 if plan.quick else readings, devices=_DEVICES, now_ms=time.time_ns() // 1_000_000)


def through_gateway(
    plan: Plan,
    packets: list[bytes],
    asked_every_s: float = 0.05,
    *,
    settings: Callable[[Path], Mapping[str, object]] = lambda _: {},
    field: str = READINGS_FIELD,
    devices: int = _DEVICES,
) -> Run:
    """The gateway's way through a backlog.

    :param settings: of the gateway, whose files they write into the folder that they are given.
    """
    folder = plan.fresh("saturation-gateway")
    with (
        mosquitto(folder) as broker,
        victoria_metrics(folder) as database,
        gateway(folder, broker.url, database.url, settings=settings(folder), tree=plan.tree) as consumer,
    ):

        def wait() -> float:
            wait_written(consumer, len(packets), PATIENCE_S, asked_every_s)
            return time.perf_counter()

        get(consumer, "/api/ledger")  # the pages are loaded for their first client, which is no cost of a reading
        run = run_through(consumer, broker, packets, wait, devices)
        count(database, field, len(packets))
        return run


def _run_subscriber(plan: Plan, packets: list[bytes]) -> Run:
    folder = plan.fresh("saturation-subscriber")
    with mosquitto(folder) as broker, helper(folder, "subscriber", "acknowledge", broker.port, len(packets)) as consumer:
        return run_through(consumer, broker, packets, lambda: done_s(consumer))


def through_plain(
    plan: Plan, packets: list[bytes], kind: str = "native", field: str = READINGS_FIELD, devices: int = _DEVICES
) -> Run:
    """The plain gateway's way through a backlog."""
    folder = plan.fresh("saturation-plain")
    with (
        mosquitto(folder) as broker,
        victoria_metrics(folder) as database,
        helper(folder, "plain", broker.port, database.url, len(packets), kind) as consumer,
    ):
        run = run_through(consumer, broker, packets, lambda: done_s(consumer), devices)
        count(database, field, len(packets))
        return run


def run_through(
    consumer: Service, broker: Service, packets: list[bytes], wait: Callable[[], float], devices: int = _DEVICES
) -> Run:
    """Publish; ``wait`` returns when the consumer was done, in s of the monotonic clock.

    The first message of each device is not measured: what is asked about a device is no cost of a reading.
    """
    settle(consumer)
    publish(broker.port, packets[:devices])
    settle(consumer)
    pid, measured = pid_of(consumer), packets[devices:]
    disk_before_bytes, cpu_before_s, began_s = disk_bytes(pid), cpu_s(consumer), time.perf_counter()
    publish(broker.port, measured)
    ended_s = wait()
    return Run(len(measured), ended_s - began_s, cpu_s(consumer) - cpu_before_s, disk_bytes(pid) - disk_before_bytes)


def settle(consumer: Service) -> None:
    """Return once a process has done what its start or new devices brought, such as asking for their sums."""
    used_s = _STILL
    while used_s >= _STILL * _SETTLE_S:
        before_s = cpu_s(consumer)
        time.sleep(_SETTLE_S)
        used_s = cpu_s(consumer) - before_s


def done_s(consumer: Service) -> float:
    """Return when a consumer that reports it was done, in s of the monotonic clock."""
    return int(wait_printed(consumer, "done", PATIENCE_S)[1]) / 1e9


def count(database: Service, field: str, readings: int) -> None:
    """Ask the database itself. What it answered 204 to can be queried a second or so later."""

    def stored() -> int:
        return sum(len(row["values"]) for row in exported(database.url, field) if isinstance(row["values"], list))

    try:
        until(lambda: stored() == readings, within_s=20.0)
    except AssertionError:
        raise BenchFault(f"of {readings} readings VictoriaMetrics holds {stored()}\n{printed(database)[-1000:]}") from None


CONTEST = Contest(
    {
        GATEWAY: lambda plan: through_gateway(plan, _packets(plan, _READINGS)).values(),
        LEAST: lambda plan: _run_subscriber(plan, _packets(plan, _READINGS)).values(),
        PLAIN: lambda plan: through_plain(plan, _packets(plan, _PLAIN_READINGS)).values(),
    },
    _figures,
)
