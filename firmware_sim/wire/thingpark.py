"""Actility ThingPark: an uplink report in JSON. The signal is written with six digits behind the point."""

from firmware_sim.wire.message import json_bytes, utc_text
from firmware_sim.wire.uplink import RadioUplink


def thingpark(uplink: RadioUplink) -> tuple[str, bytes]:
    """A ``DevEUI_uplink`` document."""
    report = {
        "Time": utc_text(uplink.time_ms, "+00:00"),
        "DevEUI": uplink.dev_eui.upper(),
        "DevAddr": uplink.dev_addr.upper(),
        "FPort": str(uplink.port),
        "FCntUp": str(uplink.counter),
        "ADRbit": "1",
        "MType": "2",
        "payload_hex": uplink.payload.hex(),
        "Lrcid": "00000231",
        "LrrRSSI": f"{uplink.rssi_dbm:.6f}",
        "LrrSNR": f"{uplink.snr_db:.6f}",
        "SpFact": "7",
        "Lrrid": "65000001",
        "CustomerID": "100000000",
    }
    return f"mqtt/things/{uplink.dev_eui.upper()}/uplink", json_bytes({"DevEUI_uplink": report})
