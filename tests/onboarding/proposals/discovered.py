"""Discovery messages that four makes send to Home Assistant, and their last readings, as rows of a recording."""

import json
from collections.abc import Iterator
from typing import Any, Final

ARRIVAL_MS: Final = 1_788_422_400_000
"""2026-09-03T08:00:00Z."""

Rows = list[dict[str, Any]]


def _row(topic: str, payload: object, *, retain: bool = True) -> dict[str, Any]:
    return {"topic": topic, "payload": payload, "retain": retain, "arrival_ms": ARRIVAL_MS}


def _tasmota() -> Iterator[dict[str, Any]]:
    device = {"identifiers": ["522851"], "connections": [["mac", "84:0D:8E:52:28:51"]]}
    for key, unit, kind in (
        ("Total", "kWh", "energy"),
        ("Yesterday", "kWh", "energy"),
        ("Today", "kWh", "energy"),
        ("Power", "W", "power"),
        ("Voltage", "V", "voltage"),
        ("Current", "A", "current"),
        ("Factor", "", "power_factor"),
    ):
        config = {"name": f"Kiosk ENERGY {key}", "stat_t": "~SENSOR", "avty_t": "~LWT", "~": "tele/kiosk-4/", "device": device}
        config |= {"unit_of_meas": unit, "dev_cla": kind, "val_tpl": f"{{{{value_json['ENERGY'].{key}}}}}"}
        config |= {"stat_cla": "total_increasing"} if kind == "energy" else {}
        yield _row(f"homeassistant/sensor/522851_ENERGY_{key}/config", config)
    energy = {"Total": 412.375, "Yesterday": 1.2, "Today": 0.5, "Power": 46, "Factor": 0.77, "Voltage": 229, "Current": 0.262}
    yield _row("tele/kiosk-4/SENSOR", {"Time": "2026-09-03T15:00:00", "ENERGY": energy}, retain=False)


def _zigbee() -> Iterator[dict[str, Any]]:
    device = {"identifiers": ["zigbee2mqtt_0x00158d00045"], "manufacturer": "TuYa", "model": "Smart plug", "name": "plug-3"}
    common = {"device": device, "state_topic": "zigbee2mqtt/plug-3", "enabled_by_default": True}
    for key, unit, kind, state in (
        ("energy", "kWh", "energy", "total_increasing"),
        ("power", "W", "power", "measurement"),
        ("voltage", "V", "voltage", "measurement"),
        ("linkquality", "lqi", "", "measurement"),
    ):
        config = {
            "device_class": kind,
            "state_class": state,
            "unit_of_measurement": unit,
            "value_template": f"{{{{ value_json.{key} }}}}",
        }
        yield _row(f"homeassistant/sensor/0x00158d00045/{key}/config", common | config)
    switch = {
        "command_topic": "zigbee2mqtt/plug-3/set",
        "payload_on": "ON",
        "payload_off": "OFF",
        "value_template": "{{ value_json.state }}",
    }
    yield _row("homeassistant/switch/0x00158d00045/switch/config", common | switch)
    update = {"value_template": "{{ value_json['update']['state'] }}"}
    yield _row("homeassistant/update/0x00158d00045/update/config", common | update)
    readings = {
        "energy": 22.75,
        "power": 115,
        "voltage": 231.5,
        "linkquality": 91,
        "state": "ON",
        "last_seen": "2026-09-03T08:00:00Z",
    }
    yield _row("zigbee2mqtt/plug-3", readings)


def _esphome() -> Iterator[dict[str, Any]]:
    device = {"ids": "a4cf12aabbcc", "name": "pump-house", "mf": "espressif", "mdl": "esp32dev"}
    for component, key, more, text in (
        ("sensor", "line_pressure", {"dev_cla": "pressure", "unit_of_meas": "bar", "stat_cla": "measurement"}, "3.12"),
        ("sensor", "flow", {"dev_cla": "volume_flow_rate", "unit_of_meas": "L/min", "stat_cla": "measurement"}, "12.5"),
        ("sensor", "total", {"dev_cla": "water", "unit_of_meas": "L", "stat_cla": "total_increasing"}, "123456"),
        ("sensor", "wifi_signal", {"dev_cla": "signal_strength", "unit_of_meas": "dBm", "ent_cat": "diagnostic"}, "-67"),
        ("binary_sensor", "leak", {"dev_cla": "moisture"}, "OFF"),
    ):
        topic = f"pump-house/{component}/{key}/state"
        config = {"name": key, "stat_t": topic, "avty_t": "pump-house/status", "uniq_id": f"ESP{key}", "dev": device}
        yield _row(f"homeassistant/{component}/pump-house/{key}/config", config | more)
        yield _row(topic, text)


def _shelly() -> Iterator[dict[str, Any]]:
    power = {"p": "sensor", "dev_cla": "power", "unit_of_meas": "W"}
    parts = {
        "p0": power
        | {"stat_t": "~/status/em1:0", "val_tpl": "{{ value_json.act_power | float | round(2) }}", "name": "Power 0"},
        "p1": power | {"stat_t": "~/status/em1:1", "val_tpl": "{{ value_json['act_power'] }}", "name": "Power 1"},
        "e0": {"p": "sensor", "dev_cla": "energy", "unit_of_meas": "Wh", "stat_cla": "total_increasing", "name": "Energy"}
        | {"stat_t": "~/status/em1data:0", "val_tpl": "{{ value_json.total_act_energy | float(0) }}"},
        "odd": power | {"stat_t": "~/status/em1:0", "val_tpl": "{{ (value_json.a + value_json.b) / 2 }}"},
    }
    device = {"ids": ["a1b2c3"], "name": "Feeder 7", "mf": "Shelly", "mdl": "Pro EM"}
    yield _row("homeassistant/device/shellyem-a1/config", {"dev": device, "~": "shellyproem50-a1b2c3", "cmps": parts})
    for component, values in (
        ("em1:0", {"act_power": 500.5}),
        ("em1:1", {"act_power": 20}),
        ("em1data:0", {"total_act_energy": 81250.5}),
    ):
        yield _row(f"shellyproem50-a1b2c3/status/{component}", values, retain=False)


TASMOTA: Final[Rows] = list(_tasmota())
ZIGBEE: Final[Rows] = list(_zigbee())
ESPHOME: Final[Rows] = list(_esphome())
SHELLY: Final[Rows] = list(_shelly())
MAKES: Final[dict[str, Rows]] = {"tasmota": TASMOTA, "zigbee2mqtt": ZIGBEE, "esphome": ESPHOME, "shelly": SHELLY}


def payload_bytes(row: dict[str, Any]) -> bytes:
    """Return the payload to publish: a text as it is, anything else as JSON."""
    payload = row["payload"]
    return payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
