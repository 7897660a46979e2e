"""Shelly of the first generation: one value a topic, in plain text (Shelly API reference, MQTT). The messages have no time.

Relays count watt-minutes, meters (EM, 3EM) watt-hours.
"""

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from firmware_sim.devices.source import SensorValue
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, WholeSteps
from firmware_sim.wire.message import CarriedPoint, WireMessage
from firmware_sim.wire.presence import BrokerPresence

WATT_MINUTES: Final = WholeSteps("energy_import_kwh", 60_000)
WATT_HOUR_TENTHS: Final = WholeSteps("energy_import_kwh", 10_000)
PHASES: Final = (1, 2, 3)


def _message(topic: str, text: str, measurement: str, field: str, value: SensorValue, **tags: str) -> WireMessage:
    return WireMessage(topic, text.encode(), (CarriedPoint(measurement, {field: value}, None, tags),))


def relay(reading: MakerReading) -> list[WireMessage]:
    """The first relay: power, energy, state."""
    base, values = f"shellies/{reading.name}/relay/0", reading.values
    watts = round(values["active_power_w"], 2)
    minutes = WATT_MINUTES.whole(values["energy_import_kwh"])
    is_on = bool(values.get("relay_on", True))
    return [
        _message(f"{base}/power", f"{watts:.2f}", "power", "active_power_w", watts, channel="0"),
        _message(f"{base}/energy", f"{minutes}", "power", "energy_import_kwh", WATT_MINUTES.carried(minutes), channel="0"),
        _message(base, "on" if is_on else "off", "power", "relay_on", is_on, channel="0"),
    ]


def three_phases(reading: MakerReading) -> list[WireMessage]:
    """Power, voltage, current and power factor of each phase, and its register."""
    return [message for phase in PHASES for message in _phase(reading, phase)]


def _phase(reading: MakerReading, phase: int) -> Iterator[WireMessage]:
    base, values = f"shellies/{reading.name}/emeter/{phase - 1}", reading.values
    for name, field, digits in (
        ("power", f"active_power_l{phase}_w", 2),
        ("voltage", f"voltage_l{phase}_v", 2),
        ("current", f"current_l{phase}_a", 2),
        ("pf", f"power_factor_l{phase}", 2),
    ):
        if field in values:
            value = round(values[field], digits)
            yield _message(f"{base}/{name}", f"{value:.{digits}f}", "power", field, value)
    if "energy_import_kwh" in values:
        share = WATT_HOUR_TENTHS.whole(Fraction(str(values["energy_import_kwh"])) / len(PHASES))
        text = f"{share // 10}.{share % 10}"
        yield _message(
            f"{base}/total", text, "power", "energy_import_kwh", WATT_HOUR_TENTHS.carried(share), channel=str(phase - 1)
        )


def sensor(reading: MakerReading) -> list[WireMessage]:
    """H&T: air temperature and humidity, and its battery when the reading has it."""
    base = f"shellies/{reading.name}/sensor"
    found = []
    for name, field, digits in (("temperature", "air_temperature_c", 2), ("humidity", "relative_humidity_pct", 1)):
        if field in reading.values:
            value = round(reading.values[field], digits)
            found.append(_message(f"{base}/{name}", f"{value:.{digits}f}", "urban", field, value))
    if "battery_pct" in reading.health:
        percent = round(reading.health["battery_pct"])
        found.append(_message(f"{base}/battery", f"{percent}", "device_health", "battery_pct", percent))
    return found


def presence(name: str) -> BrokerPresence:
    """The word of a Shelly of the first generation, and its last will."""
    return BrokerPresence(f"shellies/{name}/online", b"true", b"false")


def name_of_three_phases(_device_id: str, chance: random.Random) -> str:
    """The maker's name of a 3EM, with the six last digits of its MAC; by the first word it is told apart from an EM."""
    return f"shellyem3-{chance.getrandbits(24):06X}"


TEXT: Final = "Shelly topics"

SHELLY_GEN1: Final = (
    Maker("shelly-gen1", "power", ("power-house",), TEXT, relay, clock_ms=0, presence=presence),
    Maker(
        "shelly-gen1-3em",
        "power",
        ("power-feeder",),
        TEXT,
        three_phases,
        clock_ms=0,
        presence=presence,
        name=name_of_three_phases,
    ),
    Maker("shelly-gen1-sensor", "urban", ("urban-air",), TEXT, sensor, clock_ms=0, presence=presence),
)
