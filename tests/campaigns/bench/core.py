"""CPU of the core alone for some kinds of messages: far less noisy than a whole gateway."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zlib import crc32

from tests.campaigns.bench import core_worker
from tests.campaigns.bench.children import BenchFault, Plan
from tests.campaigns.bench.messages import payload, topic
from tests.campaigns.bench.uplinks import settings, uplink
from tests.campaigns.bench.uplinks import topic as uplink_topic

_DEVICES = 200
_WARM_UP_TURNS = 40
"""More than a device's window of duplicates holds."""

_TURNS = 60
_EVERY_MS = 10_000
_FIRST_MS = 1_793_491_200_000
_PATIENCE_S = 120.0
_FAR_DEVICES = 50
"""Fewer than would cast doubt on the gateway's clock."""

_FAR_MS = 3_600_000
_MANY_DEVICES = 3000
_MANY_TURNS = 5


def once(plan: Plan) -> dict[str, float]:
    """CPU of a message in µs, the least of some slices: what disturbs a slice makes it dearer, never cheaper."""
    return {
        "CPU of a native reading": _least_us(plan, "native"),
        "CPU of a native reading, its device's clock an hour behind": _least_us(plan, "far"),
        "CPU of a native reading of a lane": _least_us(plan, "lane"),
        "CPU of a decoded uplink": _least_us(plan, "uplink"),
    }


def in_no_order(plan: Plan) -> dict[str, float]:
    """CPU of a message of one of many devices: what the core keeps of them is no longer in the processor's caches."""
    return {f"CPU of a native reading, {_MANY_DEVICES:,} devices in no order": _least_us(plan, "many")}


def shares(plan: Plan) -> dict[str, float]:
    """CPU of a message with and without sums and alarms; a tree whose worker does not know that word gives the first twice."""
    return {
        "CPU of a native reading": _least_us(plan, "native"),
        "CPU of a native reading without sums and alarms": _least_us(plan, "native", "bare"),
    }


def _least_us(plan: Plan, kind: str, *how: str) -> float:
    folder = plan.fresh(f"core-{kind}")
    config: dict[str, object] = {"mqtt": {"url": "mqtt://127.0.0.1"}, "influxdb": {"url": "http://127.0.0.1", "api": "v2"}}
    if kind == "uplink":
        config |= settings(folder, codec=False, devices=_DEVICES, registered=True)
    config["devices"] = {"registry": str(folder / "devices.yaml")}
    files = folder / "config.json", folder / "messages.json"
    files[0].write_text(json.dumps(config), encoding="utf-8")
    files[1].write_text(json.dumps(_messages(kind)), encoding="utf-8")
    own = (plan.tree / "tests" / folder / "core_worker.py" for folder in ("campaigns/bench", "bench"))
    program = next((file for file in own if file.exists()), Path(core_worker.__file__))
    done = subprocess.run(
        [sys.executable, "-P", str(program), *map(str, files), str(_WARM_UP_TURNS * _DEVICES), *how],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(plan.tree)},
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    if done.returncode:
        raise BenchFault(f"the core of {plan.tree} could not be measured: {done.stderr[-1000:]}")
    return float(min(json.loads(done.stdout))) / 1000


def _messages(kind: str) -> list[tuple[int, str, str]]:
    """Readings of so many devices in turns, each with the time of its arrival."""
    if kind == "many":
        return _of_many()
    found = []
    for turn in range(_WARM_UP_TURNS + _TURNS):
        for device in range(_DEVICES):
            time_ms = _FIRST_MS + turn * _EVERY_MS + device
            if kind == "uplink":
                name, body = uplink_topic(device), uplink(time_ms, device, turn, decoded=True)
            elif kind == "lane":
                name, body = topic(device).replace(b"/water/", b"/traffic/"), _of_lane(time_ms, device, turn)
            elif kind == "far" and device < _FAR_DEVICES:
                name, body = topic(device), payload(time_ms - _FAR_MS, turn, device, turn)
            elif kind == "far" and turn >= _WARM_UP_TURNS:
                continue
            else:
                name, body = topic(device), payload(time_ms, turn, device, turn)
            found.append((time_ms + 50, name.decode(), body.decode()))
    return found


def _of_many() -> list[tuple[int, str, str]]:
    found = []
    for turn in range(_MANY_TURNS):
        shuffled = sorted((crc32(b"%d %d" % (turn, device)), device) for device in range(_MANY_DEVICES))
        for at, (_, device) in enumerate(shuffled):
            time_ms = _FIRST_MS + turn * _EVERY_MS + at
            found.append((time_ms + 50, topic(device).decode(), payload(time_ms, turn, device, turn).decode()))
    return found


def _of_lane(time_ms: int, device: int, turn: int) -> bytes:
    """A detector's reading of one of its two lanes."""
    return b'{"ts":%d,"seq":%d,"lane":"%d","vehicle_class":"car","vehicle_count":%d,"interval_s":60,"mean_speed_km_h":%.1f}' % (
        time_ms,
        turn,
        turn % 2,
        device % 20,
        35 + (device + turn) % 200 / 10,
    )
