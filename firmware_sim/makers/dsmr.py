"""A P1 port (DSMR 5.0.2, section 6.12): kWh and kW with three decimals, volts with one, amperes with two."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import SECOND_MS, MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint, WireMessage
from firmware_sim.wire.obis import telegram, tst

IDENTIFICATION: Final = r"ISk5\2MT382-1000"
THOUSANDTHS: Final = 1000
REGISTERS: Final = {
    "1-0:1.8.0": "energy_import_kwh",
    "1-0:1.8.1": "energy_import_t1_kwh",
    "1-0:1.8.2": "energy_import_t2_kwh",
    "1-0:2.8.0": "energy_export_kwh",
    "1-0:2.8.1": "energy_export_t1_kwh",
    "1-0:2.8.2": "energy_export_t2_kwh",
}
POWERS: Final = (
    ("active_power_w", "1-0:1.7.0", "1-0:2.7.0"),
    ("active_power_l1_w", "1-0:21.7.0", "1-0:22.7.0"),
    ("active_power_l2_w", "1-0:41.7.0", "1-0:42.7.0"),
    ("active_power_l3_w", "1-0:61.7.0", "1-0:62.7.0"),
)
"""Quantity, import, export; in watts as thousandths of a kW."""
NET: Final = (
    *((f"1-0:{20 * phase + 12}.7.0", WholeSteps(f"voltage_l{phase}_v", 10), "V", 5) for phase in (1, 2, 3)),
    *((f"1-0:{20 * phase + 11}.7.0", WholeSteps(f"current_l{phase}_a", 100), "A", 4) for phase in (1, 2, 3)),
    ("1-0:14.7.0", WholeSteps("frequency_hz", 100), "Hz", 5),
)


def dsmr_p1(reading: MakerReading) -> list[WireMessage]:
    """One telegram."""
    carried: SensorValues = {}
    lines = [f"0-0:1.0.0({tst(reading.second_ms)})", *_lines(reading.values, carried)]
    point = CarriedPoint("power", carried, reading.second_ms)
    return [WireMessage(f"dsmr/{reading.name}/telegram", telegram(IDENTIFICATION, lines), (point,))]


def _lines(values: SensorValues, carried: SensorValues) -> Iterator[str]:
    """The lines of the values; ``carried`` takes what stands in them."""
    for code, name in REGISTERS.items():
        if name in values:
            steps = WholeSteps(name, THOUSANDTHS)
            whole = steps.whole(values[name])
            carried[name] = steps.carried(whole)
            yield f"{code}({_decimal(whole, THOUSANDTHS, 10)}*kWh)"
    for name, drawn, fed in POWERS:
        if name in values:
            watts = round(values[name])
            carried[name] = watts
            yield f"{drawn}({_decimal(max(watts, 0), THOUSANDTHS, 6)}*kW)"
            yield f"{fed}({_decimal(max(-watts, 0), THOUSANDTHS, 6)}*kW)"
    for code, steps, unit, width in NET:
        if steps.field in values:
            whole = steps.whole(values[steps.field])
            carried[steps.field] = steps.carried(whole)
            yield f"{code}({_decimal(whole, steps.per_unit, width)}*{unit})"


def _decimal(whole: int, per_unit: int | Fraction, width: int) -> str:
    """A fixed number of digits, point included, filled with zeros."""
    digits = len(str(per_unit)) - 1
    return f"{whole / per_unit:0{width}.{digits}f}"


DSMR: Final = (
    Maker(
        "dsmr-p1",
        "power",
        ("power-feeder",),
        "DSMR telegram",
        dsmr_p1,
        clock_ms=SECOND_MS,
        registers={"energy_import_kwh": 0.001},
    ),
)
