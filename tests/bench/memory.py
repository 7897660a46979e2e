"""Memory: resident bytes with a province's devices, with many more, and while InfluxDB is away."""

import subprocess
import sys
from contextlib import ExitStack

from gateway.demo.services import mosquitto
from tests.bench.children import Plan, door, gateway, paced, pacer, rss_bytes, wait_written
from tests.bench.figures import Bar, Baseline, Figure
from tests.bench.outage import run_outage

_DEVICES = 3000
_FURTHER = 10_000
_READINGS_EACH = 10
_RATE = 4000
_IMPORTS = "import uvloop, gateway.cli, gateway.run; print(open('/proc/self/status').read())"

RSS_BAR_MB = 90.0
DEVICE_BAR_BYTES = 1000.0
GROWTH_BAR_MB = 3.0


def measure(plan: Plan) -> list[Figure]:
    """Megabytes (of 10^6 bytes) in all, bytes of a further device, and growth in an outage."""
    baseline = Baseline("interpreter with the same imports", _imports_bytes() / 1e6)
    province_bytes, many_bytes = _with_devices(plan)
    outage_s = 600.0 if plan.long else 20.0 if plan.quick else 60.0
    samples = run_outage(plan, outage_s).rss_bytes
    third = max(1, len(samples) // 3)
    growth_bytes = max(samples[-third:]) - max(samples[:third])
    return [
        Figure("memory", f"{_DEVICES:,} devices", "MB", province_bytes / 1e6, baseline, Bar(RSS_BAR_MB)),
        Figure("memory", f"{_DEVICES + _FURTHER:,} devices", "MB", many_bytes / 1e6, baseline),
        Figure("memory", "a further device", "B", (many_bytes - province_bytes) / _FURTHER, None, Bar(DEVICE_BAR_BYTES)),
        Figure("memory", f"outage of {outage_s:g} s, at most", "MB", max(samples) / 1e6, baseline),
        Figure("memory", "growth, first to last third of it", "MB", growth_bytes / 1e6, None, Bar(GROWTH_BAR_MB)),
    ]


def _with_devices(plan: Plan) -> tuple[int, int]:
    """Resident bytes with a province's devices and with the further ones."""
    folder = plan.fresh("memory")
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        stub = running.enter_context(door(folder))
        consumer = running.enter_context(gateway(folder, broker.url, stub.url))
        found: list[int] = []
        written = 0
        for first, devices in ((0, _DEVICES), (_DEVICES, _FURTHER)):
            readings = devices * _READINGS_EACH
            written += int(paced(pacer(broker.port, _RATE, readings / _RATE, devices, first))["published"])
            wait_written(consumer, written, within_s=20.0)
            found.append(rss_bytes(consumer))
            plan.say(f"{found[-1] / 1e6:.1f} MB resident with {first + devices:,} devices")
    return found[0], found[1]


def _imports_bytes() -> int:
    status = subprocess.run([sys.executable, "-c", _IMPORTS], check=True, capture_output=True, text=True).stdout
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
