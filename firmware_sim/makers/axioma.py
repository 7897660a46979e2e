"""Axioma Qalcosonic W1: the "extended" frame, little-endian (payload description of the maker, LoRaWAN, port 100).

Time of the meter, status, register in litres, the water's temperature, then the log: its first hour, the register at that hour,
what each hour added. A log that does not exist has a register of ones.
"""

import struct
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import SECOND_MS, MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint

PORT: Final = 100
VOLUME: Final = WholeSteps("volume_m3", 1000)
TEMPERATURE: Final = WholeSteps("temperature_c", 100)
NO_REGISTER: Final = 0xFFFF_FFFF
HOUR_S: Final = 3600
LOGGED_HOURS: Final = 3
BATTERY_LOW: Final = 0x04
STATUS: Final = {
    "alarm_burst": 0xB0,
    "alarm_leak": 0x30,
    "alarm_backflow": 0x70,
    "alarm_freeze": 0x90,
    "alarm_tamper": 0xD0,
    "alarm_empty_pipe": 0x10,
}
"""Codes of the status byte: one alarm at a time, the most urgent first."""


def axioma_w1(reading: MakerReading) -> RadioFrame:
    """A frame without a log; with temperature where the reading has one, without register where it has none."""
    raised = next((alarm for alarm in STATUS if reading.values.get(alarm)), None)
    time_s = reading.second_ms // SECOND_MS + 60 * int(reading.params.get("clock_offset_min", 0))
    carried: SensorValues = {alarm: alarm == raised for alarm in STATUS}
    register = NO_REGISTER
    if "volume_m3" in reading.values:
        register = VOLUME.whole(reading.values["volume_m3"])
        carried["volume_m3"] = VOLUME.carried(register)
    status = (STATUS[raised] if raised else 0) | (BATTERY_LOW if reading.battery_low else 0)
    payload = struct.pack("<IBI", time_s, status, register)
    if "temperature_c" in reading.values:
        hundredths = TEMPERATURE.whole(reading.values["temperature_c"])
        carried["temperature_c"] = TEMPERATURE.carried(hundredths)
        payload += struct.pack("<H", hundredths)
    log_s = time_s - time_s % HOUR_S - LOGGED_HOURS * HOUR_S
    payload += struct.pack(f"<II{LOGGED_HOURS}H", log_s, NO_REGISTER, *[0] * LOGGED_HOURS)
    return RadioFrame(PORT, payload, (CarriedPoint("water", carried, reading.second_ms),), {"battery_low": reading.battery_low})


AXIOMA: Final = (lorawan("axioma-w1", ("water-meter",), axioma_w1, clock_ms=SECOND_MS, registers={"volume_m3": 0.001}),)
