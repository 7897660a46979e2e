"""The network servers by the names of ``--server``."""

from collections.abc import Callable, Mapping
from typing import Final

from firmware_sim.wire.chirpstack import chirpstack_v3, chirpstack_v4
from firmware_sim.wire.loriot import loriot
from firmware_sim.wire.thingpark import thingpark
from firmware_sim.wire.things_stack import things_stack_v3
from firmware_sim.wire.uplink import RadioUplink

SERVERS: Final[Mapping[str, Callable[[RadioUplink], tuple[str, bytes]]]] = {
    "chirpstack": chirpstack_v4,
    "chirpstack3": chirpstack_v3,
    "ttn": things_stack_v3,
    "loriot": loriot,
    "thingpark": thingpark,
}
