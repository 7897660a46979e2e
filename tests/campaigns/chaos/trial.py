"""The campaign of one gateway beside a mountain road: its world, and what comes of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.campaigns.chaos.faults import FAULTS, Roadside
from tests.campaigns.chaos.settings import setting_of
from tests.campaigns.chaos.surroundings import Surroundings
from tests.campaigns.rig.fleet import FEW, fleet
from tests.campaigns.rig.schedule import Setting
from tests.campaigns.rig.trial import Trial
from tests.campaigns.rig.world import world
from tests.system.rig import Gateway

_EVERY_S: Final = 0.1


@contextmanager
def roadside(folder: Path, setting: Setting, seed: int, seconds: float) -> Iterator[Roadside]:
    """Build it; the fleet is to run for ``seconds`` from the beginning of the schedule."""
    file = folder / "surroundings"

    def disturb(gate: Gateway) -> None:
        gate.arguments[:2] = ["-m", "tests.campaigns.chaos.surroundings", str(file)]

    surroundings = Surroundings(file)
    with world(folder, disturb, ("broker.test", "influxdb.test"), setting.gateway) as found:
        options = {"seed": seed, "duration": seconds, "scenario": setting.scenario, "connections": setting.connections}
        with fleet(folder, found.broker.url, FEW, _EVERY_S, options) as publishing:
            yield Roadside(found.broker, found.influxdb, found.gate, [publishing], surroundings=surroundings)


TRIAL: Final = Trial(
    "tests.campaigns.chaos",
    ("mosquitto", "influxd"),
    FAULTS,
    setting_of,
    roadside,
    goes_on_s=1.0,
    breaks="Mosquitto, killed before it had saved",
    kills_broker=frozenset({"broker killed", "power cut"}),
)
