"""Arad Sonata: the standard frame, big-endian; port 1.

Kind, device type, alarms, further alarms, register, and the power of ten of its litres, plus 7.
"""

import struct
from typing import Final

from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading, WholeSteps, states, status_word
from firmware_sim.wire.message import CarriedPoint

STANDARD: Final = 0x9D
DEVICE_TYPE: Final = 0x59
LITRES: Final = 7
VOLUME: Final = WholeSteps("volume_m3", 1000)
BITS: Final = {
    "alarm_tamper": 0,
    "alarm_backflow": 2,
    "alarm_leak": 3,
    "alarm_freeze": 8,
    "alarm_burst": 11,
    "alarm_empty_pipe": 12,
}
BATTERY_LOW: Final = 5


def arad_sonata(reading: MakerReading) -> RadioFrame:
    """A standard frame; the time is the network server's."""
    alarms = states(reading.values, BITS)
    bits = status_word(alarms, BITS) | reading.battery_low << BATTERY_LOW
    litres = VOLUME.whole(reading.values["volume_m3"])
    payload = struct.pack(">BBHHIB", STANDARD, DEVICE_TYPE, bits, 0, litres, LITRES)
    point = CarriedPoint("water", {"volume_m3": VOLUME.carried(litres), **alarms})
    return RadioFrame(1, payload, (point,), {"battery_low": reading.battery_low})


ARAD: Final = (lorawan("arad-sonata", ("water-meter",), arad_sonata, counts_frames=False, registers={"volume_m3": 0.001}),)
