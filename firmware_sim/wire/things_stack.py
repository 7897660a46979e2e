"""The Things Stack 3: the message of an uplink, by its MQTT server."""

from base64 import b64encode

from firmware_sim.wire.message import json_bytes, utc_text
from firmware_sim.wire.uplink import RadioUplink


def things_stack_v3(uplink: RadioUplink) -> tuple[str, bytes]:
    """An uplink message; a counter or port of zero is left out, and times have nanoseconds."""
    device_id = f"eui-{uplink.dev_eui}"
    heard = {"gateway_ids": {"gateway_id": "sim-gateway"}, "rssi": uplink.rssi_dbm, "channel_rssi": uplink.rssi_dbm}
    frame = {
        **({"f_port": uplink.port} if uplink.port else {}),
        **({"f_cnt": uplink.counter} if uplink.counter else {}),
        "frm_payload": b64encode(uplink.payload).decode(),
        "rx_metadata": [heard | ({"snr": uplink.snr_db} if uplink.snr_db else {})],
        "settings": {"data_rate": {"lora": {"bandwidth": 125_000, "spreading_factor": 7}}, "frequency": "922000000"},
        "received_at": utc_text(uplink.time_ms, "000000Z"),
    }
    document = {
        "end_device_ids": {
            "device_id": device_id,
            "application_ids": {"application_id": "firmware-sim"},
            "dev_eui": uplink.dev_eui.upper(),
            "dev_addr": uplink.dev_addr.upper(),
        },
        "received_at": utc_text(uplink.time_ms, "000000Z"),
        "uplink_message": frame,
    }
    return f"v3/firmware-sim@ttn/devices/{device_id}/up", json_bytes(document)
