"""SIGHUP under load: a registry of 10,000 devices and a profile, both changed, are read every second as readings come in."""

import os
import signal
from contextlib import ExitStack

from gateway.commands.demo.services import mosquitto
from tests.campaigns.bench.children import Plan, door, gateway, paced, pacer, pid_of, printed
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.latency import Run, arrivals
from tests.campaigns.bench.start import registry

_RATE = 1000
_DEVICES = 1000
_PROFILE = """profile: meter
match: {{topic: "meters/{{device}}"}}
points:
  - measurement: water
    fields: {{volume_m3: {{path: /total, unit: L, counter: {{max_rate: {rate}/h}}}}}}
tests:
  - {{topic: meters/m1, payload: {{total: 5}}, expect: [{{measurement: water, time: arrival, fields: {{volume_m3: 0.005}}}}]}}
"""
P99_MS = 50.0


def measure(plan: Plan) -> list[Figure]:
    """The 99th percentile and the maximum of the delay from publishing to InfluxDB's door."""
    folder, seconds = plan.fresh("reload"), 4.0 if plan.quick else 15.0
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder, tuned=False))
        stub = running.enter_context(door(folder))
        (folder / "devices.yaml").write_text(registry())
        (folder / "profiles").mkdir()
        profile = folder / "profiles" / "meter.yaml"
        profile.write_text(_PROFILE.format(rate=1))
        service = running.enter_context(gateway(folder, broker.url, stub.url))
        arrivals(stub, service, paced(pacer(broker.port, _RATE, 1.0, _DEVICES))["published"])

        def read_anew() -> None:
            turn = len(printed(service)) % 97 + 1
            (folder / "devices.yaml").write_text(registry(site=f"s{turn}"))
            profile.write_text(_PROFILE.format(rate=turn))
            os.kill(pid_of(service), signal.SIGHUP)

        sent = paced(pacer(broker.port, _RATE, seconds, _DEVICES), read_anew)
        found = arrivals(stub, service, sent["published"])
    times = printed(service).count("the registry is active")
    run = Run([(arrived_ns - sent_ns) / 1e6 for sent_ns, arrived_ns in found], 0.0, sent["late_ms"])
    plan.say(f"read again {times} times: p99 {run.percentile_ms(99):.2f}, max {run.percentile_ms(100):.2f} ms")
    return [
        Figure("reload", "p99 while 10,000 devices are read again each second", "ms", run.percentile_ms(99), None, Bar(P99_MS)),
        Figure("reload", "max", "ms", run.percentile_ms(100), None),
    ]
