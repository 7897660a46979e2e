"""The table of encoders: profile → how its devices write."""

from collections.abc import Mapping
from typing import Final

from firmware_sim.makers.ams_han import AMS_HAN
from firmware_sim.makers.arad import ARAD
from firmware_sim.makers.axioma import AXIOMA
from firmware_sim.makers.bmeters import BMETERS
from firmware_sim.makers.bosch import BOSCH
from firmware_sim.makers.decentlab import DECENTLAB
from firmware_sim.makers.dsmr import DSMR
from firmware_sim.makers.kamstrup import KAMSTRUP
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.milesight import MILESIGHT
from firmware_sim.makers.neuron import NEURON
from firmware_sim.makers.senml import SENML
from firmware_sim.makers.shelly_gen1 import SHELLY_GEN1
from firmware_sim.makers.shelly_gen2 import SHELLY_GEN2
from firmware_sim.makers.sparkplug import SPARKPLUG
from firmware_sim.makers.tasmota import TASMOTA
from firmware_sim.makers.telraam import TELRAAM
from firmware_sim.makers.wmbusmeters import WMBUSMETERS
from firmware_sim.makers.yobiiq import YOBIIQ
from firmware_sim.makers.zigbee2mqtt import ZIGBEE2MQTT

_FAMILIES: Final = (
    *(AMS_HAN, ARAD, AXIOMA, BMETERS, BOSCH, DECENTLAB, DSMR, KAMSTRUP, MILESIGHT, NEURON, SENML, SHELLY_GEN1, SHELLY_GEN2),
    *(SPARKPLUG, TASMOTA, TELRAAM, WMBUSMETERS, YOBIIQ, ZIGBEE2MQTT),
)
MAKERS: Final[Mapping[str, Maker]] = {
    maker.profile: maker for maker in sorted((row for family in _FAMILIES for row in family), key=lambda row: row.profile)
}


def encoder(profile: str) -> Maker | None:
    """The row of a profile; None: there is no encoder for it."""
    return MAKERS.get(profile)
