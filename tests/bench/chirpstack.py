"""Uplinks of a network server at saturation: as many fields as a reading, in eight times the bytes, and through a profile."""

import time
from contextlib import ExitStack

from gateway.demo.services import mosquitto, victoria_metrics
from tests.bench.burst import publish
from tests.bench.children import Plan, gateway, helper, wait_written
from tests.bench.figures import Bar, Baseline, Figure
from tests.bench.saturation import ASKED_SELDOM_S, PATIENCE_S, Run, count, done_s, run_through
from tests.bench.uplinks import FIELD, settings, uplinks

_DEVICES = (100, 10_000, 100_000)
_ONCE_READINGS = 30_000
DECODED_BAR_US = 15.0
CODEC_BAR_US = 50.0


def measure(plan: Plan) -> list[Figure]:
    """CPU of an uplink that the server has decoded, for few and many devices; and of one whose bytes a codec decodes."""
    readings = 30_000 if plan.quick else 100_000
    plain = _plain(plan, readings)
    plan.say(f"plain gateway: {plain.cpu_us:.1f} µs of CPU an uplink")
    baseline = Baseline("plain gateway, decoded by the server", plain.cpu_us)
    figures = []
    for devices in _DEVICES[:2] if plan.quick else _DEVICES:
        run = _gateway(plan, readings, devices, codec=False)
        plan.say(f"{devices:,} devices: {run.cpu_us:.1f} µs of CPU an uplink, {run.per_s:,.0f} uplinks/s")
        name = f"CPU of a decoded uplink, {devices:,} devices"
        figures.append(Figure("chirpstack", name, "µs", run.cpu_us, baseline, Bar(DECODED_BAR_US)))
    run = _gateway(plan, readings, _DEVICES[0], codec=True)
    plan.say(f"codec: {run.cpu_us:.1f} µs of CPU an uplink, the codec's process included, {run.per_s:,.0f} uplinks/s")
    figures.append(Figure("chirpstack", "CPU of an uplink through a codec", "µs", run.cpu_us, baseline, Bar(CODEC_BAR_US)))
    return figures


def once(plan: Plan) -> dict[str, float]:
    """CPU of an uplink in µs, of one short backlog that the server has decoded."""
    return {
        "CPU of a decoded uplink": _gateway(plan, _ONCE_READINGS, _DEVICES[0], codec=False, asked_every_s=ASKED_SELDOM_S).cpu_us
    }


def _gateway(plan: Plan, readings: int, devices: int, *, codec: bool, asked_every_s: float = 0.02) -> Run:
    folder = plan.fresh("chirpstack")
    packets = uplinks(devices + readings, devices, time.time_ns() // 1_000_000, decoded=not codec)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(victoria_metrics(folder))
        config = settings(folder, codec=codec, devices=devices, registered=True)
        consumer = running.enter_context(gateway(folder, broker.url, database.url, settings=config, tree=plan.tree))
        publish(broker.port, packets[:devices])  # every device is met before: what is asked is a message's cost, not a device's
        wait_written(consumer, devices, PATIENCE_S)

        def wait() -> float:
            wait_written(consumer, len(packets), PATIENCE_S, asked_every_s)
            return time.perf_counter()

        run = run_through(consumer, broker, packets[devices:], wait)
        count(database, FIELD, len(packets))
        return run


def _plain(plan: Plan, readings: int) -> Run:
    folder = plan.fresh("chirpstack-plain")
    packets = uplinks(readings, _DEVICES[0], time.time_ns() // 1_000_000, decoded=True)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(victoria_metrics(folder))
        consumer = running.enter_context(helper(folder, "plain", broker.port, database.url, len(packets), "chirpstack"))
        run = run_through(consumer, broker, packets, lambda: done_s(consumer))
        count(database, FIELD, len(packets))
        return run
