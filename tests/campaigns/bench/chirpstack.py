"""Uplinks of a network server at saturation: as many fields as a reading, in eight times the bytes, and through a profile."""

import time
from functools import partial

from tests.campaigns.bench.children import Plan
from tests.campaigns.bench.contest import GATEWAY, Contest, Samples
from tests.campaigns.bench.figures import Bar, Figure
from tests.campaigns.bench.saturation import ASKED_SELDOM_S, Run, through_gateway, through_plain
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
    packets = uplinks(devices + readings, devices, time.time_ns() // 1_000_000, decoded=not codec)
    of_probes = partial(settings, codec=codec, devices=devices, registered=True)
    return through_gateway(plan, packets, ASKED_SELDOM_S, settings=of_probes, field=FIELD, devices=devices)


def _run_plain(plan: Plan, readings: int) -> Run:
    packets = uplinks(_DEVICES[0] + readings, _DEVICES[0], time.time_ns() // 1_000_000, decoded=True)
    return through_plain(plan, packets, "chirpstack", FIELD, _DEVICES[0])


CONTEST = Contest({GATEWAY: _all, _PLAIN: _plain}, _figures)
