"""Milesight: a frame is a list of channel and type (two bytes) and a value, little-endian; port 85.

From the makers' user guides, "Device Payload": EM300-DI, EM500-PP, EM500-SWL, CT101, WS523, VS133.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint

PORT: Final = 85
_REGIONS: Final = 4
_LITRES: Final = 1000


@dataclass(frozen=True, slots=True)
class ChannelValue:
    """One channel of a frame.

    :ivar code: channel and type.
    """

    code: bytes
    steps: WholeSteps
    size: int

    def encode(self, value: float) -> tuple[bytes, float]:
        """The channel's bytes for a value, and the value that they carry."""
        whole = self.steps.whole(value)
        return self.code + whole.to_bytes(self.size, "little", signed=whole < 0), self.steps.carried(whole)


def channel(code: str, field: str, size: int, per_unit: int | Fraction = 1) -> ChannelValue:
    """A channel by its code in hexadecimal."""
    return ChannelValue(bytes.fromhex(code), WholeSteps(field, per_unit), size)


BATTERY: Final = channel("0175", "battery_pct", 1)
PRESSURE: Final = channel("037b", "pressure_kpa", 2)
LEVEL: Final = channel("0377", "level_m", 2, 100)
CURRENT: Final = channel("0498", "current_l1_a", 2, 100)
AIR: Final = (channel("0367", "air_temperature_c", 2, 10), channel("0468", "relative_humidity_pct", 1, 2))
PULSES: Final = channel("05c8", "pulse_count", 4)
SOCKET: Final = (
    channel("0870", "relay_on", 1),
    channel("0581", "power_factor", 1, 100),
    channel("07c9", "current_l1_a", 2, 1000),
    channel("0374", "voltage_l1_v", 2, 10),
    channel("0683", "energy_import_kwh", 4, 1000),
    channel("0480", "active_power_w", 4),
)
PEOPLE: Final = (channel("03d2", "people_in_total", 4), channel("04d2", "people_out_total", 4))


def _encoded(channels: tuple[ChannelValue, ...], values: SensorValues) -> tuple[bytes, SensorValues]:
    """The channels that the reading has a value for."""
    payload, carried = b"", SensorValues()
    for one in channels:
        if (name := one.steps.field) in values:
            encoded, value = one.encode(values[name])
            payload += encoded
            carried[name] = bool(value) if isinstance(values[name], bool) else value
    return payload, carried


def _frame(reading: MakerReading, measurement: str, *channels: ChannelValue) -> RadioFrame:
    battery, health = _encoded((BATTERY,), reading.health)
    payload, carried = _encoded(channels, reading.values)
    return RadioFrame(PORT, battery + payload, (CarriedPoint(measurement, carried),), health)


def em500_pp(reading: MakerReading) -> RadioFrame:
    """Pressure in whole kPa."""
    return _frame(reading, "water", PRESSURE)


def em500_swl(reading: MakerReading) -> RadioFrame:
    """Level in cm."""
    return _frame(reading, "water", LEVEL)


def ct101(reading: MakerReading) -> RadioFrame:
    """Current in hundredths of an ampere."""
    return _frame(reading, "power", CURRENT)


def ws523(reading: MakerReading) -> RadioFrame:
    """A socket: switch, power factor in %, mA, tenths of a volt, Wh, W."""
    return _frame(reading, "power", *SOCKET)


def em300_di(reading: MakerReading) -> RadioFrame:
    """Air, and the pulses of a water meter; ``pulse_weight`` says how many litres one amounts to."""
    battery, health = _encoded((BATTERY,), reading.health)
    air, climate = _encoded(AIR, reading.values)
    weight = Fraction(str(reading.params["pulse_weight"]))
    count = math.floor(round(reading.values["volume_m3"] * _LITRES, 3) / weight)
    pulses, _ = PULSES.encode(count)
    water: SensorValues = {"pulse_count": count, "volume_m3": float(count * weight / _LITRES)}
    points = (CarriedPoint("water", water), *((CarriedPoint("urban", climate),) if climate else ()))
    return RadioFrame(PORT, battery + air + pulses, points, health)


def vs133(reading: MakerReading) -> RadioFrame:
    """The totals of the first line, and the people in the first of four regions, at most 255."""
    payload, totals = _encoded(PEOPLE, reading.values)
    points = [CarriedPoint("urban", totals, None, {"channel": "line_1"})] if totals else []
    if "people_count" in reading.values:
        counts = [min(int(reading.values["people_count"]), 0xFF), *[0] * (_REGIONS - 1)]
        payload += bytes.fromhex("0fe3") + bytes(counts)
        points += [
            CarriedPoint("urban", {"people_count": count}, None, {"channel": f"region_{number}"})
            for number, count in enumerate(counts, 1)
        ]
    return RadioFrame(PORT, payload, tuple(points))


MILESIGHT: Final = (
    lorawan("milesight-ct101", ("power-house",), ct101),
    lorawan(
        "milesight-em300-di", ("water-meter", "urban-air"), em300_di, params={"pulse_weight": 10}, registers={"volume_m3": 0.01}
    ),
    lorawan("milesight-em500-pp", ("water-district",), em500_pp),
    lorawan("milesight-em500-swl", ("water-reservoir",), em500_swl),
    lorawan("milesight-vs133", ("urban-people",), vs133, registers={"people_in_total": 1, "people_out_total": 1}),
    lorawan("milesight-ws523", ("power-house",), ws523, registers={"energy_import_kwh": 0.001}),
)
