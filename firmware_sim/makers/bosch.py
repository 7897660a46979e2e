"""Bosch TPS110: port 1 when a vehicle comes or goes, port 2 as a heartbeat with the sensor's own temperature."""

from typing import Final

from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading
from firmware_sim.wire.message import CarriedPoint

STATUS: Final = 1
HEARTBEAT: Final = 2


def bosch_parking(reading: MakerReading) -> RadioFrame:
    """The state of a space; a heartbeat where the reading has the sensor's temperature, which is not kept."""
    taken = bool(reading.values["parking_occupied"])
    point = CarriedPoint("urban", {"parking_occupied": taken})
    if "enclosure_temperature_c" not in reading.health:
        return RadioFrame(STATUS, bytes([taken]), (point,))
    warmth_c = round(reading.health["enclosure_temperature_c"])
    return RadioFrame(HEARTBEAT, bytes([taken]) + warmth_c.to_bytes(1, "big", signed=True), (point,))


BOSCH: Final = (lorawan("bosch-parking", ("urban-parking",), bosch_parking),)
