"""Table of faults, one a minute. Each begins, lasts, and is repaired, while all else goes on."""

import json
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.campaigns.soak.watch import size_of
from tests.campaigns.soak.world import World
from tests.system.fleet import client_of, post

Deed = Callable[[World], None]
_FULL_BYTES: Final = 16 * 1024
"""A disk that is full lets the journal's files grow by so much."""
_FLOOD: Final = 2000
_CONFLICT: Final = "dissolved_oxygen_mg_l"
"""A field that no device of the fleet sends."""


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    :ivar again: done each second while it lasts.
    :ivar stops_gateway: the gateway itself ends by it; then its memory cannot be followed.
    """

    name: str
    seconds: float
    begin: Deed
    end: Deed
    again: Deed = lambda _: None
    stops_gateway: bool = False


def schedule(seed: int, slots: int, *, kills: bool) -> list[Fault]:
    """Faults for so many minutes: all of the table in an order that ``seed`` decides, and all again in another order."""
    chance, found = Random(seed), list[Fault]()  # noqa: S311 - the same every time
    deck = [fault for fault in FAULTS if kills or not fault.stops_gateway]
    while len(found) < slots:
        found += chance.sample(deck, len(deck))
    return found[:slots]


def _heal(world: World) -> None:
    world.to_broker.heal()
    world.to_database.heal()


def _fill_disk(world: World) -> None:
    world.database.stop()
    world.limit_files(size_of(world.gate.journal) + _FULL_BYTES)


def _free_disk(world: World) -> None:
    world.limit_files(-1)
    world.database.start()


def _read_anew(world: World) -> None:
    world.write_registry(next(world.numbers))
    world.gate.send_signal(signal.SIGHUP)


def _restart_broker(world: World) -> None:
    world.broker.stop()
    world.broker.start()


def _garbage(world: World) -> None:
    """Messages of no use, as fast as they go out, from one device and from many that do not exist."""
    number = next(world.numbers)
    with client_of(world.broker) as client:
        for at in range(_FLOOD):
            device = "garbage" if at % 2 else f"garbage-{at % 20}"
            client.publish(f"iot/v1/site/water/{device}/readings", b"\x00\xff{%d %d" % (number, at), qos=1).wait_for_publish(5)


def _conflict(world: World) -> None:
    """A field of the fleet's measurement has another type in InfluxDB, and a device sends it: all its points are refused."""
    now_ms = time.time_ns() // 1_000_000
    post(world.database, "/write?db=iot&precision=ms", f'water,device=conflict {_CONFLICT}="text" {now_ms}')
    with client_of(world.broker) as client:
        for at in range(_FLOOD // 20):
            reading = {"ts": now_ms + at, "seq": next(world.numbers), _CONFLICT: 1.5}
            client.publish("iot/v1/site/water/conflict/readings", json.dumps(reading), qos=1).wait_for_publish(5)


def _reset_once(world: World) -> None:
    world.to_broker.reset()
    world.to_broker.heal()


def _lose(world: World) -> None:
    world.to_broker.lose(0.05, 1)
    world.to_database.lose(0.05, 2)


def _kill(world: World) -> None:
    world.gate.kill()
    world.gate.start()


def _stop(world: World) -> None:
    status = world.gate.terminate()
    assert status == 0, f"the gateway ended with status {status}"


def _answering(status: int) -> Deed:
    return lambda world: world.to_database.answer(status, body=f"the soak answers {status}")


def _nothing(_: World) -> None:
    pass


FAULTS: Final = (
    Fault("InfluxDB killed, away", 20, lambda w: w.database.kill(), lambda w: w.database.start()),
    Fault("InfluxDB stopped, away", 30, lambda w: w.database.stop(), lambda w: w.database.start()),
    Fault("InfluxDB hangs", 30, lambda w: w.database.pause(), lambda w: w.database.resume()),
    Fault("InfluxDB answers 429", 20, lambda w: w.to_database.answer(429, {"Retry-After": "3"}), _heal),
    Fault("InfluxDB answers 500", 20, _answering(500), _heal),
    Fault("InfluxDB answers 503", 20, _answering(503), _heal),
    Fault("InfluxDB answers 401", 20, _answering(401), _heal),
    Fault("answers of InfluxDB lost", 20, lambda w: w.to_database.lose_answer(), _heal),
    Fault("link to InfluxDB half open", 20, lambda w: w.to_database.half_open(), _heal),
    Fault("link to InfluxDB 600 ms late", 20, lambda w: w.to_database.delay(0.6), _heal),
    Fault("broker restarted", 5, _restart_broker, _nothing),
    Fault("broker hangs", 30, lambda w: w.broker.pause(), lambda w: w.broker.resume()),
    Fault("link to broker reset each second", 10, _nothing, _heal, _reset_once),
    Fault("link to broker half open", 20, lambda w: w.to_broker.half_open(), _heal),
    Fault("5 % of segments lost", 30, _lose, _heal),
    Fault("disk full, InfluxDB away", 20, _fill_disk, _free_disk),
    Fault("registry read again each second", 20, _nothing, _nothing, _read_anew),
    Fault("flood of garbage", 10, _nothing, _nothing, _garbage),
    Fault("flood of type conflicts", 10, _nothing, _nothing, _conflict),
    Fault("new devices come and go", 30, lambda w: w.newcome(25.0), _nothing),
    Fault("gateway killed", 5, _kill, _nothing, stops_gateway=True),
    Fault("gateway killed each second", 10, _nothing, _nothing, _kill, stops_gateway=True),
    Fault("gateway stopped", 5, _stop, lambda w: w.gate.start(), stops_gateway=True),
)
