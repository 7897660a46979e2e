"""B METERS IWM-LR3 and IWM-LR4: registers in decimal digits (BCD), the lowest two first.

Forward less reverse, reverse, weight of a turn, medium, unit (a VIF of M-Bus), alarms, and the temperature where it is enabled:
tenths of a degree, sign and 15 bits, high byte first.
"""

import struct
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading, WholeSteps, states, status_word
from firmware_sim.wire.message import CarriedPoint

VOLUME: Final = WholeSteps("volume_m3", 1000)
TEMPERATURE: Final = WholeSteps("temperature_c", 10)
APPLICATION: Final = 0x44
LITRES: Final = 0x13
BITS: Final = {"alarm_tamper": 1, "alarm_leak": 3, "alarm_backflow": 4}
"""Tamper is the bit of a module that was taken off."""
BATTERY_LOW: Final = 5
NEGATIVE: Final = 0x8000


def bmeters_iwm(reading: MakerReading) -> RadioFrame:
    """A reading of a meter that turns once a litre; the time is the network server's."""
    alarms = states(reading.values, BITS)
    forward_l = VOLUME.whole(reading.values["volume_m3"])
    reverse_l = VOLUME.whole(reading.values.get("volume_reverse_m3", 0))
    bits = status_word(alarms, BITS) | reading.battery_low << BATTERY_LOW
    payload = bytes([APPLICATION]) + _bcd(forward_l - reverse_l) + _bcd(reverse_l) + bytes([0, 0, LITRES, bits])
    carried: SensorValues = {
        "volume_m3": VOLUME.carried(forward_l),
        "volume_net_m3": VOLUME.carried(forward_l - reverse_l),
        "volume_reverse_m3": VOLUME.carried(reverse_l),
        **alarms,
    }
    if "temperature_c" in reading.values:
        tenths = TEMPERATURE.whole(reading.values["temperature_c"])
        payload += struct.pack(">H", abs(tenths) | (NEGATIVE if tenths < 0 else 0))
        carried["temperature_c"] = TEMPERATURE.carried(tenths)
    return RadioFrame(1, payload, (CarriedPoint("water", carried),), {"battery_low": reading.battery_low})


def _bcd(value: int) -> bytes:
    return bytes.fromhex(f"{value:08d}")[::-1]


BMETERS: Final = (lorawan("bmeters-iwm", ("water-meter",), bmeters_iwm, counts_frames=False, registers={"volume_m3": 0.001}),)
