"""ChirpStack, MQTT integration with JSON: version 4, and version 3.

Both are the JSON form of protobuf, which leaves out what is zero, false or empty. Version 3 writes the EUI in base64 and has no
time of its own: the time is the gateway's.
"""

from base64 import b64encode
from typing import Any, Final

from firmware_sim.wire.message import json_bytes, utc_text
from firmware_sim.wire.uplink import RadioUplink

_FREQUENCY_HZ: Final = 922_000_000
_GATEWAY: Final = "0016c001f1500001"
_TENANT: Final = "52f14cd4-c6f1-4fbd-8f87-4025e1d49242"


def chirpstack_v4(uplink: RadioUplink) -> tuple[str, bytes]:
    """An event ``up`` of ChirpStack 4."""
    device = {
        "tenantId": _TENANT,
        "tenantName": "Simulation",
        "applicationId": "ca739e26-7b67-4f14-b69e-d568c22a5a75",
        "applicationName": "firmware-sim",
        "deviceName": uplink.dev_eui,
        "devEui": uplink.dev_eui,
    }
    heard = {"gatewayId": _GATEWAY, "uplinkId": uplink.counter, "rssi": uplink.rssi_dbm, "snr": uplink.snr_db}
    document = {
        "time": utc_text(uplink.time_ms, "+00:00"),
        "deviceInfo": device,
        "devAddr": uplink.dev_addr,
        "adr": True,
        "dr": 5,
        "fCnt": uplink.counter,
        "fPort": uplink.port,
        "data": b64encode(uplink.payload).decode(),
        "rxInfo": [_without_defaults(heard | {"crcStatus": "CRC_OK"})],
        "txInfo": {
            "frequency": _FREQUENCY_HZ,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
    }
    return f"application/{device['applicationId']}/device/{uplink.dev_eui}/event/up", json_bytes(_without_defaults(document))


def chirpstack_v3(uplink: RadioUplink) -> tuple[str, bytes]:
    """An event ``up`` of ChirpStack 3."""
    heard = {
        "gatewayID": b64encode(bytes.fromhex(_GATEWAY)).decode(),
        "time": utc_text(uplink.time_ms),
        "rssi": uplink.rssi_dbm,
        "loRaSNR": uplink.snr_db,
    }
    document = {
        "applicationID": "1",
        "applicationName": "firmware-sim",
        "deviceName": uplink.dev_eui,
        "devEUI": b64encode(bytes.fromhex(uplink.dev_eui)).decode(),
        "rxInfo": [_without_defaults(heard)],
        "txInfo": {"frequency": _FREQUENCY_HZ, "modulation": "LORA"},
        "adr": True,
        "dr": 5,
        "fCnt": uplink.counter,
        "fPort": uplink.port,
        "data": b64encode(uplink.payload).decode(),
    }
    return f"application/1/device/{uplink.dev_eui}/event/up", json_bytes(_without_defaults(document))


def _without_defaults(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value not in (0, "", False)}
