"""Uplinks of a probe as ChirpStack 4 publishes them, 870 bytes each, and the probe's profile."""

import json
import struct
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.campaigns.bench.messages import PACKET_IDS, publish_packet

FILTER: Final = "application/+/device/+/event/up"
FIELD: Final = "water_pressure_kpa"
"""What VictoriaMetrics calls one of the fields."""

_FIRST_EUI: Final = 0xA81758FFFE000000
_PORT: Final = 10
_FRAME: Final = struct.Struct(">HhHxxxx")

_FIELDS: Final = {"pressure_kpa": "pressure", "temperature_c": "temperature", "level_m": "level"}
_CODEC: Final = """\
function decodeUplink(input) {
  var b = input.bytes, t = b[2] << 8 | b[3];
  return {data: {
    pressure: (b[0] << 8 | b[1]) / 10,
    temperature: (t > 32767 ? t - 65536 : t) / 100,
    level: (b[4] << 8 | b[5]) / 1000
  }};
}
"""


def eui(device: int) -> str:
    """The EUI of the device with this number."""
    return f"{_FIRST_EUI + device:016x}"


def topic(device: int) -> bytes:
    """The topic of its uplinks."""
    return f"application/ca739e26-7b67-4f14-b69e-d568c22a5a75/device/{eui(device)}/event/up".encode()


def uplink(time_ms: int, device: int, turn: int, *, decoded: bool) -> bytes:
    """The device's ``turn``-th uplink; with the object that the server's codec gave, or with the frame's bytes alone."""
    pressure, temperature, level = (
        3000 + (device + turn * 7) % 600,
        1800 + (device * 3 + turn) % 400,
        2000 + (device + turn) % 900,
    )
    frame = _FRAME.pack(pressure, temperature, level)
    received = datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="microseconds")
    document = {
        "deduplicationId": f"{device:08x}-50a6-4dc2-8145-{turn:012x}",
        "time": received,
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "Utility",
            "applicationId": "ca739e26-7b67-4f14-b69e-d568c22a5a75",
            "applicationName": "water",
            "deviceProfileId": "605d08d4-65f5-4d2c-8a5a-3d2457662f79",
            "deviceProfileName": "level probe",
            "deviceName": f"probe {device:05d}",
            "devEui": eui(device),
            "tags": {},
        },
        "devAddr": f"{device:08x}",
        "adr": True,
        "dr": 5,
        "fCnt": turn,
        "fPort": _PORT,
        "confirmed": False,
        "data": b64encode(frame).decode(),
        "object": {"pressure": pressure / 10, "temperature": temperature / 100, "level": level / 1000},
        "rxInfo": [
            {
                "gatewayId": "6a7e111a10000000",
                "uplinkId": 24022,
                "gwTime": received,
                "rssi": -40 - turn % 60,
                "snr": 11.5,
                "channel": 2,
                "crcStatus": "CRC_OK",
            }
        ],
        "txInfo": {
            "frequency": 868500000,
            "modulation": {"lora": {"bandwidth": 125000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
    }
    if not decoded:
        del document["object"]
    return json.dumps(document, separators=(",", ":")).encode()


def uplinks(readings: int, devices: int, now_ms: int, *, decoded: bool) -> list[bytes]:
    """PUBLISH packets of the last ``readings`` of so many devices, a second apart, the oldest first."""
    turns = -(-readings // devices)
    return [
        publish_packet(
            topic(at % devices),
            at % PACKET_IDS + 1,
            uplink(now_ms - (turns - at // devices) * 1000, at % devices, at // devices, decoded=decoded),
        )
        for at in range(readings)
    ]


def settings(folder: Path, *, codec: bool, devices: int, registered: bool) -> Mapping[str, object]:
    """The gateway's configuration for these devices; their profile and registry are written into ``folder``."""
    profiles, registry = folder / "profiles", folder / "devices.yaml"
    profiles.mkdir()
    (profiles / "probe.js").write_text(_CODEC, encoding="utf-8")
    (profiles / "probe.yaml").write_text(json.dumps(_profile(codec=codec)), encoding="utf-8")
    if registered:
        entries = [{"id": eui(device), "site": "bench", "domain": "water", "profile": "probe"} for device in range(devices)]
        registry.write_text("devices:\n" + "".join(f"- {json.dumps(entry)}\n" for entry in entries), encoding="utf-8")
    return {"profiles": {"path": str(profiles)}, "limits": {"devices": 2 * devices}}


def _profile(*, codec: bool) -> dict[str, object]:
    source = "codec" if codec else "decoded"
    fields = {field: f"/{source}/{key}" for field, key in _FIELDS.items()}
    values = {"pressure_kpa": 300.0, "temperature_c": 18.0, "level_m": 2.0}
    return {
        "profile": "probe",
        "match": {"envelope": "lorawan", "when": {"/port": _PORT}},
        **({"codec": "probe.js"} if codec else {}),
        "points": [{"measurement": "water", "fields": fields}],
        "tests": [
            {
                "topic": topic(0).decode(),
                "payload": json.loads(uplink(1_790_000_000_000, 0, 0, decoded=not codec)),
                "expect": [{"measurement": "water", "fields": values}],
            }
        ],
    }
