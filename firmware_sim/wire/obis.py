"""Telegrams of the P1 port (DSMR 5.0.2, section 5; IEC 62056-21 mode D): lines by OBIS code, and a CRC at the end."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

_POLYNOMIAL: Final = 0xA001
"""x16 + x15 + x2 + 1, the least significant bit first."""


def telegram(identification: str, lines: Iterable[str]) -> bytes:
    """A telegram with the checksum over all bytes from ``/`` to ``!``."""
    body = "\r\n".join([f"/{identification}", "", *lines, "!"]).encode("ascii")
    return body + f"{crc16(body):04X}\r\n".encode("ascii")


def crc16(data: bytes) -> int:
    """The checksum of a telegram."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc


def tst(time_ms: int) -> str:
    """A time stamp ``YYMMDDhhmmssX``: Central European time, X is S in summer and W in winter."""
    utc = datetime.fromtimestamp(time_ms // 1000, UTC)
    summer = _last_sunday(utc.year, 3) <= utc < _last_sunday(utc.year, 10)
    return (utc + timedelta(hours=2 if summer else 1)).strftime("%y%m%d%H%M%S") + ("S" if summer else "W")


def _last_sunday(year: int, month: int) -> datetime:
    """01:00 UTC of the last Sunday of a month of 31 days: the clocks of Europe are changed then."""
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
