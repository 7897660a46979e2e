"""Real uplinks of the shipped LoRaWAN devices, with what another project decodes from them, and how that maps onto our fields.

The corpus is test material that is not part of the product; who has none runs no test on it.
"""

import json
from base64 import b64decode
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

CORPUS = Path(__file__).parents[3] / "shared" / "corpora" / "lorawan_uplinks.jsonl"


class Field(NamedTuple):
    """The place of another project's value in our points.

    :ivar factor: their value times this is ours.
    :ivar word: the word that means true.
    """

    measurement: str
    field: str
    factor: float = 1
    channel: str | None = None
    word: str | None = None

    def value(self, theirs: Any) -> float | bool:  # noqa: ANN401 - whatever the other project gives
        """Their value in our unit."""
        if self.word is not None:
            return bool(theirs == self.word)
        return theirs if isinstance(theirs, bool) else float(theirs) * self.factor


@dataclass(frozen=True)
class Device:
    """One make in the corpus.

    :ivar profile: the profile that ships for it.
    :ivar model: how the registry names it.
    :ivar fields: their key → our field.
    :ivar left_out: their keys that are no quantity of ours, and why.
    """

    profile: str
    model: str
    domain: Literal["water", "power", "urban"]
    fields: dict[str, Field]
    left_out: dict[str, str]


_RADIO = {
    "lora_frame_counter": Field("device_health", "frame_counter"),
    "lora_rssi": Field("device_health", "rssi_dbm"),
    "lora_snr": Field("device_health", "snr_db"),
}
_RADIO_LEFT_OUT = dict.fromkeys(("lora_frame_port", "lora_frequency", "lora_spreading_factor"), "how the frame travelled")
_BATTERY = {"battery": Field("device_health", "battery_pct")}
_IDENTITY = dict.fromkeys(("power", "ipso_version", "sn", "hardware_version", "firmware_version"), "who the device is")

DEVICES = {
    "Parking_Lot_Sensor": Device(
        "bosch-parking",
        "TPS110",
        "urban",
        {"occupied": Field("urban", "parking_occupied")},
        dict.fromkeys(("type", "resetCause", "firmwareVersion", "debugInfo"), "who the device is")
        | {"temperature": "of the sensor in the asphalt, not of the air"},
    ),
    "DL-CTD10": Device(
        "decentlab-dl-ctd10",
        "DL-CTD10",
        "water",
        {
            "water_depth": Field("water", "level_m", 0.001),
            "temperature": Field("water", "temperature_c"),
            "electrical_conductivity": Field("water", "conductivity_us_cm"),
            "freezing_flag": Field("water", "alarm_freeze"),
            "battery_voltage": Field("device_health", "battery_v"),
        }
        | _RADIO,
        _RADIO_LEFT_OUT,
    ),
    "DL-PR36": Device(
        "decentlab-dl-pr36",
        "DL-PR36",
        "water",
        {
            "pressure": Field("water", "pressure_kpa", 100),
            "temperature": Field("water", "temperature_c"),
            "battery_voltage": Field("device_health", "battery_v"),
        }
        | _RADIO,
        _RADIO_LEFT_OUT,
    ),
    "CT101-CT103": Device(
        "milesight-ct101",
        "CT101",
        "power",
        {"current": Field("power", "current_l1_a")},
        _IDENTITY
        | {
            "total_current": "ampere hours are no quantity",
            "current_max": "no quantity",
            "current_min": "no quantity",
            "alarm": "thresholds set in the device",
        },
    ),
    "EM300-DI": Device(
        "milesight-em300-di",
        "EM300-DI",
        "water",
        {
            "temperature": Field("urban", "air_temperature_c"),
            "humidity": Field("urban", "relative_humidity_pct"),
            "pulse": Field("water", "pulse_count"),
        }
        | _BATTERY,
        {"gpio_type": "how the input is set"},
    ),
    "EM300-DI_Hall": Device(
        "milesight-em300-di",
        "EM300-DI-Hall",
        "water",
        {
            "water": Field("water", "volume_m3", 0.001),
            "water_alarm": Field("water", "alarm_leak", word="water flow timeout alarm"),
        },
        dict.fromkeys(("water_conv", "pulse_conv"), "how the input is set"),
    ),
    "EM500-PP": Device("milesight-em500-pp", "EM500-PP", "water", {"pressure": Field("water", "pressure_kpa")} | _BATTERY, {}),
    "EM500-SWL": Device(
        "milesight-em500-swl", "EM500-SWL", "water", {"water_level": Field("water", "level_m", 0.01)} | _BATTERY, {}
    ),
    "VS133": Device(
        "milesight-vs133",
        "VS133",
        "urban",
        {
            f"line_{line}.0_total_{way}": Field("urban", f"people_{way}_total", channel=f"line_{line}")
            for line in (1, 2, 3, 4)
            for way in ("in", "out")
        },
        {},
    ),
    "EM4301": Device(
        "yobiiq-em4301",
        "EM4301",
        "power",
        {
            "activeEnergyImportL123T1": Field("power", "energy_import_t1_kwh", 0.001),
            "activeEnergyImportL123T2": Field("power", "energy_import_t2_kwh", 0.001),
            "activeEnergyExportL123T1": Field("power", "energy_export_t1_kwh", 0.001),
            "activeEnergyExportL123T2": Field("power", "energy_export_t2_kwh", 0.001),
            "activePowerL123": Field("power", "active_power_w"),
            "frequency": Field("power", "frequency_hz"),
            "fCnt": Field("device_health", "frame_counter"),
        }
        | {f"voltageL{n}N": Field("power", f"voltage_l{n}_v") for n in (1, 2, 3)}
        | {f"currentL{n}": Field("power", f"current_l{n}_a", 0.001) for n in (1, 2, 3)}
        | {f"activePowerL{n}": Field("power", f"active_power_l{n}_w") for n in (1, 2, 3)},
        dict.fromkeys(("fPort", "confirmed", "dr"), "how the frame travelled")
        | dict.fromkeys(
            ("totalSystemActivePower", "totalSystemReactivePower", "totalSystemApparentPower"),
            "not the sum of the phases, and the maker does not say over which time",
        )
        | {
            "timestamp": "when the frame was made; its values are older",
            "currentL123": "no quantity",
            "maximumL3CurrentDemand": "no quantity",
            "averagePower": "mean of the phases",
            "modbusErrorCode": "no quantity",
            "manufacturedYear": "who the device is",
        },
    ),
}
"""The corpus' name of a make → what we know of it."""

KNOWN_ERRORS = {
    ("EM300-DI", "humidity", 50.0): 50.5,  # the byte is 0x65: 101 half per cent; the other project cut it
}
"""Make, key and their wrong value → the right one."""


class Uplink(NamedTuple):
    """A row of the corpus."""

    id: str
    make: str
    payload: dict[str, Any]
    telemetry: list[dict[str, Any]]

    @property
    def device(self) -> str:
        """The device's EUI in lower case."""
        payload = self.payload
        uplink = payload.get("DevEUI_uplink", {})
        eui = (
            payload.get("deviceInfo", {}).get("devEui")
            or payload.get("end_device_ids", {}).get("dev_eui")
            or uplink.get("DevEUI")
            or payload.get("EUI")
            or payload["devEUI"]
        )
        return (b64decode(eui).hex() if eui.endswith("=") else eui).lower()

    @property
    def message(self) -> bytes:
        """Return the message that the network server publishes."""
        return json.dumps(self.payload).encode()

    @property
    def frame(self) -> tuple[int, str]:
        """Port and bytes, as hex."""
        payload = self.payload
        thing, park = payload.get("uplink_message", {}), payload.get("DevEUI_uplink", {})
        port = payload.get("fPort") or payload.get("port") or thing.get("f_port") or park["FPort"]
        data = payload.get("data") or thing.get("frm_payload") or park["payload_hex"]
        in_hex = "cmd" in payload or bool(park)
        return port, data.lower() if in_hex else b64decode(data).hex()


@cache
def uplinks() -> list[Uplink]:
    """All rows of shipped makes; none where there is no corpus."""
    if not CORPUS.exists():
        return []
    rows = [json.loads(line) for line in CORPUS.read_text(encoding="utf-8").splitlines()]
    return [Uplink(row["id"], row["device"], row["payload"], _telemetry(row)) for row in rows if row["device"] in DEVICES]


def _telemetry(row: dict[str, Any]) -> list[dict[str, Any]]:
    expected = row["expected"][0] if isinstance(row["expected"], list) else row["expected"]
    telemetry: list[dict[str, Any]] = expected["telemetry"]
    return telemetry
