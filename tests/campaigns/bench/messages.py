"""The readings that the bench publishes, and the few MQTT packets it needs to publish them itself, at the least cost."""

import struct

CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
"""MQTT 3.1.1, as most devices speak it: clean session, no keep-alive, no client id."""

ACK_BYTES = 4
"""The size of a CONNACK and of a PUBACK."""

PACKET_IDS = 65535


def device_id(device: int) -> str:
    """The id of the device with this number."""
    return f"bench-{device:05d}"


def site(device: int, sites: int = 1) -> str:
    """Its site, if devices are spread over so many."""
    return f"bench-{device % sites}" if sites > 1 else "bench"


def topic(device: int, sites: int = 1) -> bytes:
    """Its topic."""
    return f"iot/v1/{site(device, sites)}/water/{device_id(device)}/readings".encode()


def payload(time_ms: int, seq: int, device: int, turn: float) -> bytes:
    """One reading of a water meter, about 110 bytes; its ``turn``-th, so that its volume grows."""
    volume = 1000 + device * 3.217 + turn * 0.031
    flow = 0.5 + (device * 37 + turn * 11) % 400 / 100
    pressure = 280 + (device * 13 + turn * 7) % 600 / 10
    return b'{"ts":%d,"seq":%d,"volume_m3":%.3f,"flow_m3_h":%.2f,"pressure_kpa":%.1f,"battery_pct":%d}' % (
        time_ms,
        seq,
        volume,
        flow,
        pressure,
        60 + device % 40,
    )


def publish_packet(name: bytes, packet_id: int, body: bytes) -> bytes:
    """A PUBLISH at QoS 1, of less than 16 KiB."""
    rest = struct.pack(">H", len(name)) + name + struct.pack(">H", packet_id) + body
    size = len(rest)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return b"\x32" + length + rest


def backlog(readings: int, devices: int, now_ms: int) -> list[bytes]:
    """PUBLISH packets of the last ``readings`` of so many devices, a second apart, the oldest first."""
    turns = -(-readings // devices)
    return [
        publish_packet(
            topic(at % devices),
            at % PACKET_IDS + 1,
            payload(now_ms - (turns - at // devices) * 1000, at // devices, at % devices, at // devices),
        )
        for at in range(readings)
    ]
