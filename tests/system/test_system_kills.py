"""SIGKILL again and again, InfluxDB out of reach half of the time: nothing is lost or altered, and writing goes on soon."""

from pathlib import Path

import pytest

from tests.campaigns.bench.killing import imports_s, killing

pytestmark = pytest.mark.real

QUEUE = 1000
"""Messages that Mosquitto as Debian ships it keeps for a gateway that is away."""


def test_kills_lose_nothing_and_the_new_process_writes_soon(tmp_path: Path) -> None:
    with killing(tmp_path, 500) as world:
        world.lives_s = (0.05, 0.25)
        found = world.run(4, imports_every=2)
    assert found["ok"], found["first"]
    assert found["total"]["sent"] > 500
    slowest_s = max(restart.seconds for restart in world.restarts)
    assert slowest_s < 5 * max(world.imports_s), (world.restarts, world.imports_s)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_kills_lose_nothing_with_the_queue_of_mosquitto_as_it_is_shipped(tmp_path: Path) -> None:
    """A machine so slow that a start takes seconds is given fewer readings: what Mosquitto's queue cannot hold it drops."""
    rate = min(500, round(QUEUE / 3 / max(imports_s(), imports_s())))
    with killing(tmp_path, rate, tuned=False) as world:
        found = world.run(20, imports_every=10)
        assert found["ok"], (rate, world.dropped(), found["first"])
