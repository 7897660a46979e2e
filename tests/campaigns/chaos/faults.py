"""All that happens in a cabinet on a mountain road: a table of faults, how each begins and how it ends."""

from dataclasses import dataclass
from typing import Final

from gateway.core.readings.clock_trust import FEWEST_DEVICES
from tests.campaigns.chaos.surroundings import Resolver, Surroundings
from tests.campaigns.rig.faults import FAULTS as FAULTS_OF_PARTS
from tests.campaigns.rig.faults import GATEWAY, HTTP, MQTT, Fault, by_name, fault
from tests.campaigns.rig.world import World

DISK = "disk"
HOUR_S, YEAR_S = 3600, 365 * 86400
_FULL_BYTES: Final = 8192


@dataclass(kw_only=True)
class Roadside(World):
    """A world in which the gateway's clock and its resolver of names may fail, too."""

    surroundings: Surroundings

    def forget_names(self, resolver: Resolver) -> None:
        """Connections must be made again, or no name would be resolved."""
        self.surroundings.set_resolver(resolver)
        for link in (self.mqtt, self.http):
            link.reset()
            link.heal()

    def set_clock(self, off_s: int) -> None:
        """Not of a gateway that has heard too few devices to hold its clock against: see tests/system/test_system_clock.py."""
        if off_s == 0 or self.heard() >= FEWEST_DEVICES:
            self.surroundings.set_clock(off_s)


def _names(name: str, resolver: Resolver) -> Fault[Roadside]:
    return fault(
        name, {MQTT, HTTP}, lambda w: w.forget_names(resolver), lambda w: w.surroundings.set_resolver(Resolver.ANSWERS)
    )


def _clock(name: str, off_s: int) -> Fault[Roadside]:
    return fault(name, {GATEWAY}, lambda w: w.set_clock(off_s), lambda w: w.set_clock(0))


FAULTS: Final[dict[str, Fault[Roadside]]] = {
    **FAULTS_OF_PARTS,
    **by_name(
        (
            _names("names gone", Resolver.GONE),
            _names("names without answer", Resolver.SILENT),
            fault("disk full", {DISK}, lambda w: w.gate.limit_files(_FULL_BYTES), lambda w: w.gate.limit_files()),
            _clock("clock an hour back", -HOUR_S),
            _clock("clock a year ahead", YEAR_S),
        )
    ),
}
