"""LORIOT: the message of an application output. LORIOT has no topic of its own; the operator chooses one."""

from firmware_sim.wire.message import json_bytes
from firmware_sim.wire.uplink import RadioUplink


def loriot(uplink: RadioUplink) -> tuple[str, bytes]:
    """A frame as ``rx``: at once, with the signal of the best gateway."""
    document = {
        "cmd": "rx",
        "EUI": uplink.dev_eui.upper(),
        "ts": uplink.time_ms,
        "ack": False,
        "bat": 255,
        "fcnt": uplink.counter,
        "port": uplink.port,
        "data": uplink.payload.hex(),
        "freq": 922_000_000,
        "dr": "SF7 BW125 4/5",
        "rssi": uplink.rssi_dbm,
        "snr": uplink.snr_db,
    }
    return f"loriot/{uplink.dev_eui}/up", json_bytes(document)
