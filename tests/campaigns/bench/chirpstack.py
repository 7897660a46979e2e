"""Uplinks of a network server at saturation: as many fields as a reading, in eight times the bytes, and through a profile."""

import time
from contextlib import ExitStack

from gateway.commands.demo.services import mosquitto, victoria_metrics
from tests.campaigns.bench.children import Plan, gateway, get, helper, wait_written
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.saturation import ASKED_SELDOM_S, PATIENCE_S, Run, count, done_s, run_through
from tests.campaigns.bench.uplinks import FIELD, settings, uplinks

_DEVICES = (100, 10_000, 100_000)
_ONCE_READINGS = 30_000
_PLAIN_READINGS = 15_000
_CODEC = "CPU of an uplink through a codec"
_FLAT = "the most devices by the fewest"
_PLAIN = "plain gateway, decoded by the server"


def _all(plan: Plan) -> dict[str, float]:
    """CPU of an uplink that the server has decoded, for few and many devices; and of one whose bytes a codec decodes."""
    readings = _ONCE_READINGS // 3 if plan.quick else _ONCE_READINGS
    found = {_decoded(devices): _gateway(plan, readings, devices, codec=False).cpu_us for devices in _DEVICES}
    codec = _gateway(plan, readings, _DEVICES[0], codec=True).cpu_us
    return found | {_CODEC: codec, _FLAT: found[_decoded(_DEVICES[-1])] / found[_decoded(_DEVICES[0])]}


def _decoded(devices: int) -> str:
    return f"CPU of a decoded uplink, {devices:,} devices"


def _plain(plan: Plan) -> dict[str, float]:
    """CPU of a decoded uplink in a plain gateway, which does not know devices."""
    cpu_us = _run_plain(plan, _PLAIN_READINGS).cpu_us
    return dict.fromkeys([*map(_decoded, _DEVICES), _CODEC], cpu_us)


def _figures(samples: Samples) -> list[Figure]:
    bars = {_decoded(_DEVICES[0]): Bar(12.0), _CODEC: Bar(35.0)}
    names = [*map(_decoded, _DEVICES), _CODEC]
    found = [samples.figure("chirpstack", name, "µs", _PLAIN, bars.get(name)) for name in names]
    return [*found, samples.figure("chirpstack", _FLAT, "", bar=Bar(1.15))]


def once(plan: Plan) -> dict[str, float]:
    """CPU of an uplink in µs, of one short backlog that the server has decoded."""
    return {"CPU of a decoded uplink": _gateway(plan, _ONCE_READINGS, _DEVICES[0], codec=False).cpu_us}


def _gateway(plan: Plan, readings: int, devices: int, *, codec: bool) -> Run:
    folder = plan.fresh("chirpstack")
    packets = uplinks(devices + readings, devices, time.time_ns() // 1_000_000, decoded=not codec)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(victoria_metrics(folder))
        config = settings(folder, codec=codec, devices=devices, registered=True)
        consumer = running.enter_context(gateway(folder, broker.url, database.url, settings=config, tree=plan.tree))

        def wait() -> float:
            wait_written(consumer, len(packets), PATIENCE_S, ASKED_SELDOM_S)
            return time.perf_counter()

        get(consumer, "/api/ledger")  # the pages are loaded for their first client, which is no cost of a reading
        run = run_through(consumer, broker, packets, wait, devices)
        count(database, FIELD, len(packets))
        return run


def _run_plain(plan: Plan, readings: int) -> Run:
    folder = plan.fresh("chirpstack-plain")
    packets = uplinks(_DEVICES[0] + readings, _DEVICES[0], time.time_ns() // 1_000_000, decoded=True)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(victoria_metrics(folder))
        consumer = running.enter_context(helper(folder, "plain", broker.port, database.url, len(packets), "chirpstack"))
        run = run_through(consumer, broker, packets, lambda: done_s(consumer), _DEVICES[0])
        count(database, FIELD, len(packets))
        return run


CONTEST = Contest({GATEWAY: _all, _PLAIN: _plain}, _figures)
