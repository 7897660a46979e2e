"""EMQX Neuron: the tags of a PLC in values-format on ``neuron/mqtt/NODE/GROUP`` (its MQTT plugin's documentation)."""

from typing import Final

from firmware_sim.makers.json_makers import single
from firmware_sim.makers.maker import Maker
from firmware_sim.makers.reading import MakerReading, rounded
from firmware_sim.wire.message import CarriedPoint, WireMessage, json_bytes

GROUP: Final = "slow"
WATER_DIGITS: Final = {
    "volume_m3": 3,
    "flow_m3_h": 3,
    "pressure_kpa": 1,
    "level_m": 3,
    "fill_pct": 1,
    "temperature_c": 1,
    "ph": 2,
    "chlorine_mg_l": 2,
    "turbidity_ntu": 3,
    "conductivity_us_cm": 1,
    "valve_open": 0,
    "pump_on": 0,
}
POWER_DIGITS: Final = {
    "active_power_w": 1,
    "power_factor": 3,
    "frequency_hz": 2,
    "energy_import_kwh": 2,
    **{f"voltage_l{phase}_v": 1 for phase in (1, 2, 3)},
    **{f"current_l{phase}_a": 3 for phase in (1, 2, 3)},
}


def neuron_plc(reading: MakerReading) -> WireMessage:
    """The station's water and the feeder of its pumps; states are 0 and 1."""
    water, power = rounded(reading.values, WATER_DIGITS), rounded(reading.values, POWER_DIGITS)
    tags = {name: int(value) if isinstance(value, bool) else value for name, value in (water | power).items()}
    document = {"node": reading.name, "group": GROUP, "timestamp": reading.time_ms, "values": tags, "errors": {}, "metas": {}}
    points = (
        CarriedPoint(measurement, carried, reading.time_ms)
        for measurement, carried in (("water", water), ("power", power))
        if carried
    )
    return WireMessage(f"neuron/mqtt/{reading.name}/{GROUP}", json_bytes(document), tuple(points))


NEURON: Final = (
    Maker("neuron-plc", "water", ("water-district", "water-reservoir", "power-feeder"), "Neuron JSON", single(neuron_plc)),
)
