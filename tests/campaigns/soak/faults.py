"""The faults of a soak, one a minute: those of the rig for longer, and what is of a soak alone. All else goes on meanwhile."""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from tests.campaigns.rig.faults import FAULTS as FAULTS_OF_PARTS
from tests.campaigns.rig.faults import GATEWAY, Fault, by_name, fault, nothing
from tests.campaigns.rig.fleet import fleet
from tests.campaigns.rig.schedule import Deed
from tests.campaigns.rig.world import World
from tests.campaigns.soak.watch import size_of
from tests.system.fleet import client_of, post
from tests.system.rig import Gateway

Act = Callable[[World], object]
FIRST_S: Final = 10.0
"""A minute begins with so many seconds without a fault."""
_NEWCOMERS: Final = {"water": 20, "power": 20, "traffic": 10, "urban": 0}
_FULL_BYTES: Final = 16 * 1024
"""A disk that is full lets the journal's files grow by so much."""
_FLOOD: Final = 2000
_CONFLICT: Final = "dissolved_oxygen_mg_l"
"""A field that no device of the fleet sends."""


def schedule(seed: int, slots: int, every_s: float, *, kills: bool) -> list[Deed]:
    """Faults for so many minutes: all of the table in an order that ``seed`` decides, and all again in another order."""
    chance, names = Random(seed), list[str]()  # noqa: S311 - the same every time
    deck = [name for name in FAULTS if kills or not stops_gateway(name)]
    while len(names) < slots:
        names += chance.sample(deck, len(deck))
    return [Deed(at * every_s + FIRST_S, name, FAULTS[name].kind.longest_s) for at, name in enumerate(names[:slots])]


def stops_gateway(name: str) -> bool:
    """The gateway itself ends by it; then its memory cannot be followed."""
    return GATEWAY in FAULTS[name].kind.parts


def write_registry(gate: Gateway, turn: int = 0) -> None:
    """A registry of its own for each turn: some devices stay with other data, others go, others come."""
    stay = [{"id": f"stay-{at}", "site": "s1", "domain": "water", "area": f"a{turn % 3}"} for at in range(200)]
    come = [{"id": f"turn-{turn}-{at}", "site": "s1", "domain": "power", "interval": "15min"} for at in range(200)]
    document = {"areas": {f"a{at}": f"Area {at}" for at in range(3)}, "devices": stay + come}
    (gate.folder / "devices.yaml").write_text(json.dumps(document))


def _fill_disk(world: World) -> None:
    world.influxdb.stop()
    world.gate.limit_files(size_of(world.gate.gate.journal) + _FULL_BYTES)


def _free_disk(world: World) -> None:
    world.gate.limit_files()
    world.influxdb.start()


def _read_anew(world: World) -> None:
    write_registry(world.gate.gate, time.monotonic_ns())
    world.gate.gate.send_signal(signal.SIGHUP)


def _garbage(world: World) -> None:
    """Messages of no use, as fast as they go out, from one device and from many that do not exist."""
    number = time.monotonic_ns()
    with client_of(world.broker) as client:
        for at in range(_FLOOD):
            device = "garbage" if at % 2 else f"garbage-{at % 20}"
            client.publish(f"iot/v1/site/water/{device}/readings", b"\x00\xff{%d %d" % (number, at), qos=1).wait_for_publish(5)


def _conflict(world: World) -> None:
    """A field of the fleet's measurement has another type in InfluxDB, and a device sends it: all its points are refused."""
    now_ms = time.time_ns() // 1_000_000
    post(world.influxdb, "/write?db=iot&precision=ms", f'water,device=conflict {_CONFLICT}="text" {now_ms}')
    with client_of(world.broker) as client:
        for at in range(_FLOOD // 20):
            reading = {"ts": now_ms + at, "seq": now_ms + at, _CONFLICT: 1.5}
            client.publish("iot/v1/site/water/conflict/readings", json.dumps(reading), qos=1).wait_for_publish(5)


def _newcome(world: World) -> None:
    """A few devices that nobody has seen yet report for a while, and never again."""
    seed = len(world.fleets) + 1
    options = {"seed": seed, "duration": 25.0}
    world.fleets.append(fleet(world.broker.folder, world.broker.url, _NEWCOMERS, 1.0, options, f"fleet-{seed}"))
    world.fleets[-1].start()


def _reset_once(world: World) -> None:
    world.mqtt.reset()
    world.mqtt.heal()


def _lose(world: World) -> None:
    world.mqtt.lose(0.05, 1)
    world.http.lose(0.05, 2)


def _heal(world: World) -> None:
    world.mqtt.heal()
    world.http.heal()


def _kill_once(world: World) -> None:
    world.gate.kill()
    world.gate.start()


def _for(seconds: float, *names: str) -> list[Fault[World]]:
    """Faults of the rig, which last so long here."""
    chosen = [FAULTS_OF_PARTS[name] for name in names]
    return [replace(each, kind=replace(each.kind, longest_s=seconds)) for each in chosen]


def _own(
    name: str,
    seconds: float,
    begin: Act = nothing,
    end: Act = nothing,
    again: Act = nothing,
    part: str = "",
) -> Fault[World]:
    return fault(name, {part}, begin, end, seconds, again=again)


FAULTS: Final = by_name(
    [
        *_for(20, "InfluxDB killed", *(f"InfluxDB answers {status}" for status in (429, 500, 503, 401))),
        *_for(20, "204 lost on the way back", "HTTP half open", "HTTP 600 ms late", "MQTT half open"),
        *_for(30, "InfluxDB paused", "broker paused"),
        *_for(5, "broker restarted in order", "gateway killed", "gateway stopped in order"),
        _own("InfluxDB stopped", 30, lambda w: w.influxdb.stop(), lambda w: w.influxdb.start()),
        _own("MQTT reset each second", 10, again=_reset_once),
        _own("both links lose 5 %", 30, _lose, _heal),
        _own("disk full, InfluxDB away", 20, _fill_disk, _free_disk),
        _own("registry read again each second", 20, again=_read_anew),
        _own("flood of garbage", 10, again=_garbage),
        _own("flood of type conflicts", 10, again=_conflict),
        _own("new devices come and go", 30, _newcome),
        _own("gateway killed each second", 10, again=_kill_once, part=GATEWAY),
    ]
)
