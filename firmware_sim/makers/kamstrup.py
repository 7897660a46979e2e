"""Kamstrup flowIQ 2200 by LoRaWAN: records of M-Bus (EN 13757-3) behind the short header 0x78.

A record is DIF (size, function, storage), VIF (quantity and power of ten), a second VIF where the first has its high bit set,
and the value, little-endian. Times are of type F: minutes.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.maker import RadioFrame, lorawan
from firmware_sim.makers.reading import MakerReading, WholeSteps, states, status_word
from firmware_sim.wire.message import CarriedPoint

MINUTE_MS: Final = 60_000
HEADER: Final = bytes([0x78])
TIME: Final = bytes.fromhex("446d")
INFO: Final = bytes.fromhex("52ff25")
RECORDS: Final = (
    ("4413", WholeSteps("volume_m3", 1000), 4),
    ("44933c", WholeSteps("volume_reverse_m3", 1000), 4),
    ("423b", WholeSteps("flow_m3_h", 1000), 2),
    ("623b", WholeSteps("flow_min_m3_h", 1000), 2),
    ("523b", WholeSteps("flow_max_m3_h", 1000), 2),
    ("415b", WholeSteps("temperature_c"), 1),
    ("4167", WholeSteps("ambient_temperature_c"), 1),
)
"""DIF and VIF, quantity, size: litres, litres an hour, whole degrees."""
INFO_BITS: Final = {"alarm_empty_pipe": 0, "alarm_backflow": 1, "alarm_leak": 2, "alarm_burst": 3, "alarm_tamper": 4}
BATTERY_LOW: Final = 5
CENTURY: Final = 1 << 5
"""Of the years from 2000 on."""
INFO_BEFORE: Final = "623b"
"""The info codes stand behind the registers."""


def kamstrup(reading: MakerReading) -> RadioFrame:
    """Register, flow, temperatures, and the info codes where the reading has any alarm."""
    time_ms = reading.time_ms // MINUTE_MS * MINUTE_MS
    ahead = timedelta(minutes=float(reading.params.get("clock_offset_min", 0)))
    payload = HEADER + TIME + type_f(datetime.fromtimestamp(time_ms / 1000, UTC) + ahead)
    carried: SensorValues = {}
    health: SensorValues = {}
    info = b""
    if any(name in reading.values for name in INFO_BITS):
        alarms = states(reading.values, INFO_BITS)
        bits = status_word(alarms, INFO_BITS) | reading.battery_low << BATTERY_LOW
        info, health = INFO + bits.to_bytes(2, "little"), {"battery_low": reading.battery_low}
        carried |= alarms
    for code, steps, size in RECORDS:
        if code == INFO_BEFORE:
            payload += info
        if steps.field in reading.values:
            whole = steps.whole(reading.values[steps.field])
            payload += bytes.fromhex(code) + whole.to_bytes(size, "little", signed=True)
            carried[steps.field] = steps.carried(whole)
    return RadioFrame(1, payload, (CarriedPoint("water", carried, time_ms),), health)


def type_f(time: datetime) -> bytes:
    """Date and time in four bytes: minute, hour with the century, day with the year's low bits, month with its high bits."""
    year = time.year - 2000
    return bytes([time.minute, time.hour | CENTURY, time.day | (year & 7) << 5, time.month | (year >> 3) << 4])


KAMSTRUP: Final = (
    lorawan(
        "kamstrup-lorawan",
        ("water-meter",),
        kamstrup,
        counts_frames=False,
        clock_ms=MINUTE_MS,
        registers={"volume_m3": 0.001},
    ),
)
