"""A power analyser behind an edge node of Sparkplug B: births with names and aliases, data by alias, a death as the last will.

The reading 0 of a device is its birth: of the node, then of the device with its values. A name is ``GROUP.NODE.DEVICE``.
"""

import random
from collections.abc import Iterator
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, WholeSteps, rounded
from firmware_sim.wire.message import CarriedPoint, WireMessage
from firmware_sim.wire.presence import BrokerPresence
from firmware_sim.wire.sparkplug_b import BOOLEAN, DOUBLE, FLOAT, INT32, INT64, UINT64, SparkplugMetric, sparkplug_payload

NAMESPACE: Final = "spBv1.0"
SESSION: Final = 3
"""``bdSeq``: it ties the death of a node to its birth."""
SEQUENCE: Final = 256
NO: Final = False
METRICS: Final = (
    *((f"Voltage/L{phase}", f"voltage_l{phase}_v", FLOAT, 1) for phase in (1, 2, 3)),
    *((f"Current/L{phase}", f"current_l{phase}_a", DOUBLE, 3) for phase in (1, 2, 3)),
    ("Power/Active", "active_power_w", INT32, 0),
    ("Power/Reactive", "reactive_power_var", INT32, 0),
    ("Power/Apparent", "apparent_power_va", INT32, 0),
    ("Power/Factor", "power_factor", DOUBLE, 3),
    ("Frequency", "frequency_hz", DOUBLE, 2),
)
"""Name, quantity, type, decimals."""
WATT_HOURS: Final = {
    "Energy/Import": WholeSteps("energy_import_kwh", 1000),
    "Energy/Export": WholeSteps("energy_export_kwh", 1000),
}

NAMES: Final = (
    *((name, field, kind) for name, field, kind, _ in METRICS),
    *((name, steps.field, UINT64) for name, steps in WATT_HOURS.items()),
)
"""Name, quantity, type; the place is the alias, from 1."""


def sparkplug_power(reading: MakerReading) -> list[WireMessage]:
    """Births as reading 0, data as any other."""
    group, node, device = reading.name.split(".", 2)
    metrics, carried = _metrics(reading)
    points = (CarriedPoint("power", carried, reading.time_ms),)
    if reading.counter:
        data = sparkplug_payload(reading.time_ms, metrics, (reading.counter + 1) % SEQUENCE)
        return [WireMessage(f"{NAMESPACE}/{group}/DDATA/{node}/{device}", data, points)]
    return [
        WireMessage(f"{NAMESPACE}/{group}/NBIRTH/{node}", node_birth(reading.time_ms)),
        WireMessage(f"{NAMESPACE}/{group}/DBIRTH/{node}/{device}", sparkplug_payload(reading.time_ms, metrics, 1), points),
    ]


def node_birth(time_ms: int) -> bytes:
    """The birth of a node: its session, and the switch by which a host asks for births."""
    session = SparkplugMetric(INT64, SESSION, time_ms, "bdSeq")
    return sparkplug_payload(time_ms, [session, SparkplugMetric(BOOLEAN, NO, time_ms, "Node Control/Rebirth")], 0)


def _metrics(reading: MakerReading) -> tuple[list[SparkplugMetric], SensorValues]:
    """The metrics of a reading, with their names in a birth, and what they carry."""
    values = dict(_values(reading.with_totals))
    metrics = [
        SparkplugMetric(kind, values[field][0], reading.time_ms, "" if reading.counter else name, alias)
        for alias, (name, field, kind) in enumerate(NAMES, 1)
        if field in values
    ]
    return metrics, {field: carried for field, (_, carried) in values.items()}


def _values(values: SensorValues) -> Iterator[tuple[str, tuple[float, float]]]:
    """Quantity → the number in the payload, and the canonical value that it carries."""
    carried = rounded(values, {field: digits for _, field, _, digits in METRICS})
    for field, value in carried.items():
        yield field, (value, value)
    for steps in WATT_HOURS.values():
        if steps.field in values:
            whole = steps.whole(values[steps.field])
            yield steps.field, (whole, steps.carried(whole))


def presence(name: str) -> BrokerPresence:
    """The death of the node, which its broker publishes; births are its first readings."""
    group, node, _ = name.split(".", 2)
    death = sparkplug_payload(0, [SparkplugMetric(INT64, SESSION, 0, "bdSeq")], None)
    commands = f"{NAMESPACE}/{group}/NCMD/{node}"
    return BrokerPresence(f"{NAMESPACE}/{group}/NDEATH/{node}", b"", death, retain=False, commands=commands)


def three_levels(device_id: str, _chance: random.Random) -> str:
    """A device of a node of its own, so that each has its births and its death."""
    return f"sim.{device_id}.pm-1"


SPARKPLUG: Final = (
    Maker(
        "sparkplug-power",
        "power",
        ("power-feeder",),
        "Sparkplug B",
        sparkplug_power,
        registers={"energy_import_kwh": 0.001},
        presence=presence,
        name=three_levels,
    ),
)
