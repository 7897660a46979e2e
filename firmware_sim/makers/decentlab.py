"""Decentlab, protocol version 2, big-endian: version, device number, flags that say which sensors follow, their words; port 1.

Words of signed quantities are shifted by 32768. DL-CTD10: level in mm, temperature in tenths, conductivity, freezing. DL-PR36:
pressure in shares of its range (``kp`` of the data sheet, 8192 for 0 to 3 bar), temperature in 1/256.
The battery is last, in mV.
"""

import struct
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint

VERSION: Final = 2
SENSORS, BATTERY = 0x01, 0x02
SHIFT: Final = 0x8000
LEVEL: Final = WholeSteps("level_m", 1000)
CTD_TEMPERATURE: Final = WholeSteps("temperature_c", 10)
CONDUCTIVITY: Final = WholeSteps("conductivity_us_cm")
PR_TEMPERATURE: Final = WholeSteps("temperature_c", 256)
VOLTAGE: Final = WholeSteps("battery_v", 1000)
USUAL_KP: Final = 8192
TOWN_KP: Final = 2048
"""A range that holds the pressure of a town's mains."""
KPA_IN_BAR: Final = 100


def dl_ctd10(reading: MakerReading) -> RadioFrame:
    """Level, temperature, conductivity, and whether the water freezes."""
    wholes = {steps: steps.whole(reading.values[steps.field]) for steps in (LEVEL, CTD_TEMPERATURE, CONDUCTIVITY)}
    carried: SensorValues = {steps.field: steps.carried(whole) for steps, whole in wholes.items()}
    carried["alarm_freeze"] = bool(reading.values.get("alarm_freeze", wholes[CTD_TEMPERATURE] < 0))
    words = [wholes[LEVEL] + SHIFT, wholes[CTD_TEMPERATURE] + SHIFT, wholes[CONDUCTIVITY], int(carried["alarm_freeze"])]
    return _frame(reading, words, carried)


def dl_pr36(reading: MakerReading) -> RadioFrame:
    """Pressure and temperature."""
    pressure = WholeSteps("pressure_kpa", Fraction(int(reading.params.get("kp", USUAL_KP)), KPA_IN_BAR))
    wholes = {steps: steps.whole(reading.values[steps.field]) for steps in (pressure, PR_TEMPERATURE)}
    return _frame(
        reading,
        [whole + SHIFT for whole in wholes.values()],
        {steps.field: steps.carried(whole) for steps, whole in wholes.items()},
    )


def _frame(reading: MakerReading, words: list[int], carried: SensorValues) -> RadioFrame:
    health: SensorValues = {}
    flags = SENSORS
    if "battery_v" in reading.health:
        millivolts = VOLTAGE.whole(reading.health["battery_v"])
        words, flags, health = [*words, millivolts], flags | BATTERY, {"battery_v": VOLTAGE.carried(millivolts)}
    number = int(reading.name[-4:], 16)
    payload = struct.pack(f">BHH{len(words)}H", VERSION, number, flags, *words)
    return RadioFrame(1, payload, (CarriedPoint("water", carried),), health)


DECENTLAB: Final = (
    lorawan("decentlab-dl-ctd10", ("water-reservoir", "water-quality"), dl_ctd10),
    lorawan("decentlab-dl-pr36", ("water-district", "water-quality"), dl_pr36, params={"kp": TOWN_KP}),
)
