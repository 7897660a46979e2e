"""Everything fails, again and again, in an order that a number decides."""

import random
import time
from collections.abc import Callable

import pytest

from gateway.services import Service
from tests.system.fleet import Fleet, assert_each_stands_once, wait_settled
from tests.system.rig import Gateway

pytestmark = [pytest.mark.real, pytest.mark.slow]

SECONDS = 40.0


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_lost_whatever_fails_next(seed: int, gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same every time
    deeds: list[Callable[[], None]] = [
        influxdb.kill,
        influxdb.pause,
        influxdb.resume,
        influxdb.start,
        influxdb.start,
        lambda: _restart(mosquitto),
        mosquitto.pause,
        gate.kill,
        lambda: _stop(gate),
    ]
    with Fleet(mosquitto, rate=800) as fleet:
        until_s = time.monotonic() + SECONDS
        while time.monotonic() < until_s:
            chance.choice(deeds)()
            time.sleep(chance.uniform(0.05, 1.5))
            mosquitto.resume()
            gate.start()
        influxdb.resume()
        influxdb.start()
        gate.wait_subscribed()
    wait_settled(gate, mosquitto, within_s=30.0)
    assert_each_stands_once(influxdb, fleet)


def _restart(broker: Service) -> None:
    """Stop in order, so that it saves what waits, and start."""
    broker.resume()
    broker.stop()
    broker.start()


def _stop(gate: Gateway) -> None:
    gate.wait_ready()
    assert gate.terminate(within_s=5.0) == 0
