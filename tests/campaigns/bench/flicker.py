"""Flicker: readings of power whose voltage wanders over its limits beside readings that stay inside, 1,000 a second.

All rounds are of one gateway, in turns, so that both meet the same machine. Nothing stands for ten minutes: nobody is told.
"""

from contextlib import ExitStack
from random import Random
from typing import Final

from gateway.commands.demo.services import Service, influxdb, mosquitto
from tests.campaigns.bench.children import Plan, cpu_s, disk_bytes, gateway, get, pid_of, wait_written
from tests.campaigns.bench.figures import Bar, Baseline, Figure
from tests.campaigns.bench.messages import device_id
from tests.campaigns.bench.pacer import pace

_RATE = 1000
_DEVICES = 1000
_SECONDS = 6.0
_ROUNDS = 14
_NOMINAL_V = 220.0
_WANDERS: Final = {"inside": 0.045, "flickering": 0.055}
"""How far each voltage goes from the nominal one, at random; the limits are 0.05."""


def measure(plan: Plan) -> list[Figure]:
    """CPU and bytes to disk of a reading, the least of some rounds."""
    folder, random = plan.fresh("flicker"), Random(5)  # noqa: S311 - seeded
    topics = [f"iot/v1/bench/power/{device_id(number)}/readings".encode() for number in range(_DEVICES)]
    cpu_us: dict[str, list[float]] = {name: [] for name in _WANDERS}
    written_bytes: dict[str, int] = dict.fromkeys(_WANDERS, 0)
    with ExitStack() as running:
        broker = running.enter_context(mosquitto(folder))
        database = running.enter_context(influxdb(folder))
        consumer = running.enter_context(gateway(folder, broker.url, database.url, api="v1"))

        def send(wander: float, seconds: float) -> None:
            def body(time_ms: int, seq: int, _device: int, turn: float) -> bytes:
                volts = [_NOMINAL_V * (1 + random.uniform(-wander, wander)) for _ in range(3)]
                fields = b'"voltage_l1_v":%.1f,"voltage_l2_v":%.1f,"voltage_l3_v":%.1f' % tuple(volts)
                return b'{"ts":%d,"seq":%d,%s,"energy_import_kwh":%.3f}' % (time_ms, seq, fields, 1000 + turn * 0.01)

            before = _written(consumer)
            published = pace(broker.port, _RATE, seconds, topics, make=body)
            wait_written(consumer, before + round(published["published"]), within_s=20.0)

        send(
            _WANDERS["inside"], 65.0
        )  # what a device costs when it is met, and a run in its first minute, is no cost of a reading
        for turn in range(1 if plan.quick else _ROUNDS):
            for name in list(_WANDERS)[:: 1 if turn % 2 == 0 else -1]:
                used_s, disk_before_bytes = cpu_s(consumer), disk_bytes(pid_of(consumer))
                send(_WANDERS[name], _SECONDS)
                cpu_us[name].append((cpu_s(consumer) - used_s) / (_RATE * _SECONDS) * 1e6)
                written_bytes[name] += disk_bytes(pid_of(consumer)) - disk_before_bytes
                plan.say(f"{name}: {cpu_us[name][-1]:.1f} µs, {written_bytes[name]:,} bytes so far")
    least = {name: min(found) for name, found in cpu_us.items()}
    readings = _RATE * _SECONDS * len(cpu_us["flickering"])
    return [
        Figure(
            *("flicker", "CPU of a reading that flickers over a limit", "µs", least["flickering"]),
            *(Baseline("one that stays inside", least["inside"]), Bar(1.1, of_ratio=True)),
            *(len(cpu_us["flickering"]), least["flickering"]),
        ),
        Figure("flicker", "written to disk for one", "B", written_bytes["flickering"] / readings, None, Bar(0)),
    ]


def _written(consumer: Service) -> int:
    return int(get(consumer, "/api/ledger")["written"])
