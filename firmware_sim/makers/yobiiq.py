"""Yobiiq EM4301: a frame is a list of channel, type and value, big-endian; its port says which values come.

Port 1 has the registers, port 2 voltages, currents and frequency, port 3 powers; the meter sends them in turn.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import SECOND_MS, MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint

SENT_AT, MEASURED_AT = 0x01, 0x03
REST: Final = 0xFE
"""Channel of the values that are not counted."""


@dataclass(frozen=True, slots=True)
class TypedValue:
    """One value of a frame.

    :ivar code: its type.
    """

    code: int
    steps: WholeSteps
    size: int = 4


REGISTERS: Final = (
    TypedValue(0x04, WholeSteps("energy_import_t1_kwh", 1000)),
    TypedValue(0x05, WholeSteps("energy_import_t2_kwh", 1000)),
    TypedValue(0x06, WholeSteps("energy_export_t1_kwh", 1000)),
    TypedValue(0x07, WholeSteps("energy_export_t2_kwh", 1000)),
)
NET: Final = (
    *(TypedValue(0x0B + phase, WholeSteps(f"voltage_l{phase}_v", 10)) for phase in (1, 2, 3)),
    *(TypedValue(0x0F + phase, WholeSteps(f"current_l{phase}_a", 1000)) for phase in (1, 2, 3)),
    TypedValue(0x23, WholeSteps("frequency_hz", 100), 2),
)
POWERS: Final = (
    TypedValue(0x13, WholeSteps("active_power_w")),
    *(TypedValue(0x13 + phase, WholeSteps(f"active_power_l{phase}_w")) for phase in (1, 2, 3)),
    *(TypedValue(0x16 + phase, WholeSteps(f"reactive_power_l{phase}_var")) for phase in (1, 2, 3)),
    *(TypedValue(0x19 + phase, WholeSteps(f"apparent_power_l{phase}_va")) for phase in (1, 2, 3)),
    *(TypedValue(0x1C + phase, WholeSteps(f"power_factor_l{phase}", 100), 1) for phase in (1, 2, 3)),
)
FRAMES: Final = ((1, REGISTERS), (2, NET), (3, POWERS))
TOTALS: Final = {"energy_import_kwh": "energy_import", "energy_export_kwh": "energy_export"}


def yobiiq_em4301(reading: MakerReading) -> RadioFrame:
    """The frame whose turn it is. A register that the reading has in one sum stands in the first tariff."""
    port, table = FRAMES[reading.counter % len(FRAMES)]
    return frame_of(reading, port, table)


def frame_of(reading: MakerReading, port: int, table: tuple[TypedValue, ...]) -> RadioFrame:
    """A frame with those of its values that the reading has."""
    values = dict(_with_tariffs(reading.values)) if port == 1 else reading.values
    measured = (reading.second_ms // SECOND_MS).to_bytes(4, "big")
    payload = bytes([REST, MEASURED_AT]) + measured
    if port == 1:
        payload = bytes([1, SENT_AT]) + (reading.heard_ms // SECOND_MS).to_bytes(4, "big") + bytes([2, MEASURED_AT]) + measured
    carried: SensorValues = {}
    for number, one in enumerate(table, 3):
        if one.steps.field in values:
            whole = one.steps.whole(values[one.steps.field])
            carried[one.steps.field] = one.steps.carried(whole)
            payload += bytes([number if port == 1 else REST, one.code]) + whole.to_bytes(one.size, "big", signed=whole < 0)
    for total, name in TOTALS.items() if port == 1 else ():
        tariffs = [carried[f"{name}_t{tariff}_kwh"] for tariff in (1, 2) if f"{name}_t{tariff}_kwh" in carried]
        if tariffs:
            carried[total] = float(sum(Fraction(str(tariff)) for tariff in tariffs))
    if port == 1:
        payload += bytes.fromhex("0b0a00")  # the meter's inner bus had no fault
    return RadioFrame(port, payload, (CarriedPoint("power", carried, reading.second_ms),))


def _with_tariffs(values: SensorValues) -> Iterator[tuple[str, float]]:
    for total, name in TOTALS.items():
        if total in values:
            yield f"{name}_t1_kwh", values.get(f"{name}_t1_kwh", values[total])
            yield f"{name}_t2_kwh", values.get(f"{name}_t2_kwh", 0)


YOBIIQ: Final = (
    lorawan("yobiiq-em4301", ("power-feeder",), yobiiq_em4301, clock_ms=SECOND_MS, registers={"energy_import_kwh": 0.001}),
)
