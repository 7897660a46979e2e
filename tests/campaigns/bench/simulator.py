"""The simulator at full speed: devices that measure afresh, QoS 1, a ledger, a few shared connections.

The baseline writes ready-made packets to a socket and reads the acknowledgements, at the same broker, right before. Since other
programs use the machine too, what the simulator could do on a core of its own is told by its CPU.
"""

import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

from gateway.commands.demo.services import mosquitto
from tests.campaigns.bench.burst import publish
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.messages import backlog

DEVICES: Final = {"water": 500, "power": 250, "traffic": 150, "urban": 100}
ASKED_PER_S: Final = 100_000
"""More than it can: it goes as fast as it may."""
BARE_READINGS: Final = 100_000
DRAIN_S: Final = 60


@dataclass(frozen=True)
class FleetCase:
    """One way to send.

    :ivar at_least: readings that a core must send in a second.
    """

    name: str
    scenario: str
    at_least: float
    of_bare: float | None = None


CASES: Final = (
    FleetCase("one reading a message", "normal", 30_000, 0.4),
    FleetCase("arrays of 2 to 20", "backlog", 50_000),
)


def measure(plan: Plan) -> list[Figure]:
    """Readings a second of each case, of the wall and of its CPU."""
    figures = []
    _, start_s = _fleet(plan, CASES[0], 10, 1)
    run_s = 4 if plan.quick else 15
    for case in CASES:
        bare_per_s = _bare(plan)
        sent, with_start_s = _fleet(plan, case, ASKED_PER_S, run_s)
        cpu_s = with_start_s - start_s
        plan.say(
            f"{case.name}: {sent:,} readings, {sent / run_s:,.0f}/s, {1e6 * cpu_s / sent:.1f} µs of CPU each; "
            f"a bare writer {bare_per_s:,.0f}/s"
        )
        least = None if case.of_bare is None else Bar(case.of_bare, at_least=True, of_ratio=True)
        figures += [
            Figure("simulator", case.name, "1/s", sent / run_s, Baseline("bare socket writer", bare_per_s), least),
            Figure(
                "simulator", f"{case.name}, on a core of its own", "1/s", sent / cpu_s, bar=Bar(case.at_least, at_least=True)
            ),
        ]
    return figures


def _bare(plan: Plan) -> float:
    packets = backlog(BARE_READINGS // (4 if plan.quick else 1), devices=1000, now_ms=time.time_ns() // 1_000_000)
    with mosquitto(plan.fresh("bare")) as broker:
        began_s = time.monotonic()
        publish(broker.port, packets)
        return len(packets) / (time.monotonic() - began_s)


def _fleet(plan: Plan, case: FleetCase, asked_per_s: float, run_s: int) -> tuple[int, float]:
    """Readings that a fleet sent, and its CPU with that of its start, in seconds."""
    folder = plan.fresh("fleet")
    ledger = folder / "ledger.jsonl"
    counts = [text for domain, number in DEVICES.items() for text in (f"--{domain}", str(number))]
    interval_s = sum(DEVICES.values()) / asked_per_s
    options = ["--interval", str(interval_s), "--duration", str(run_s), "--scenario", case.scenario]
    with mosquitto(folder) as broker:
        options += ["--broker", broker.url, "--connections", "shared", "--ledger", str(ledger)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ended = subprocess.run(
            [sys.executable, "-m", "firmware_sim.cli", "run", *counts, *options],
            capture_output=True,
            text=True,
            check=False,
            timeout=run_s + DRAIN_S,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode or "not acknowledged" in ended.stdout or "lost" in ended.stdout:
        raise BenchFault(f"the fleet ended with {ended.returncode}: {ended.stdout}{ended.stderr[-500:]}")
    with ledger.open("rb") as file:
        sent = sum(1 for _ in file)
    return sent, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
