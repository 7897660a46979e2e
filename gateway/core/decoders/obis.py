r"""Meter telegrams in text: DSMR P1 and the data lines of IEC 62056-21 → a document by OBIS code.

    /ISk5\2MT382-1000                          header: maker, model
    1-0:1.8.1(000004.426*kWh)                  code, value, unit
    0-1:24.2.1(170102161005W)(00000.107*m3)    code, time, value, unit
    !6EEE                                      end, checksum of all from / to !

gives ``{"header": {"maker": "ISk", "model": "MT382-1000"}, "1-0:1.8.1": {"value": 4.426, "unit": "kWh", "time": None, "text":
"000004.426", "values": [...]}, "0-1:24.2.1": {"value": 0.107, "unit": "m3", "time": "2017-01-02T16:10:05+01:00", ...}}``.

- ``value``: a number, or the text if it is not one; None for ``()``. Identifiers and messages are always text.
- ``text``: the value as it was sent.
- ``time``: of the value, RFC 3339; ``W`` is +01:00, ``S`` +02:00; without either (DSMR 2 and 3) it is local, without zone.
  None if it is absent or the date does not exist. A factory date stays as it is: the time's window refuses it.
- ``values``: every ``(…)`` of the line in the same form, for lists such as power failures; each has the time that stood before.
- A code that ends in ``*255``, which means the present value, is found with and without the ending.
"""

import re
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any, Final

from gateway.core.decoders import bad_payload

VALUES_MAX: Final = 5_000
"""Most values in a telegram. A real one has about 100."""

_START = re.compile(r"^/(?P<maker>[A-Za-z]{3})(?P<baud>.)(?:\\.|[\x00-\x1f])?(?P<model>.*)", re.MULTILINE)
_END = re.compile(r"^!(?P<crc>[^\r\n\0\x03 ]*)", re.MULTILINE)
_CRC = re.compile(r"[0-9A-Fa-f]{1,4}")
_CODE = re.compile(r"(?:\d{1,3}-\d{1,3}:)?[0-9A-Z]{1,3}(?:\.[0-9A-Z]{1,3}){1,2}(?:[*&]\d{1,3})?", re.ASCII)
_TEXT_CODE = re.compile(r"(?:.*:)?(?:0\.0\.\d+|42\.0\.0|96\.1\.\d+|96\.13\.\d+|C\.1\.\d+)(?:[*&]\d+)?", re.ASCII)
"""Addresses, serial numbers, logical names, messages: digits there are not a number."""

_NUMBER = re.compile(r"([+-]?\d{1,15})(?:[.,](\d{0,15}))?", re.ASCII)
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)([WS]?)", re.ASCII)
_ZONES: Final = {"W": timezone(timedelta(hours=1)), "S": timezone(timedelta(hours=2)), "": None}
_CENTURY_TURN: Final = 70
_M_BUS_GROUPS: Final = 7
_PRESENT: Final = "*255"

ObisValue = dict[str, Any]
"""``value``, ``unit``, ``time``, ``text``."""


def obis(payload: bytes) -> dict[str, Any]:
    """The telegram as a document, see above. One that is cut off or whose checksum is wrong is refused."""
    text = payload.decode("latin-1")
    start = _START.search(text)
    end = _END.search(text, start.end() if start else 0)
    if start:
        if end is None:
            raise bad_payload("the telegram is cut off: it has a header, but no line that begins with !")
        _check_crc(text[start.start() : end.start() + 1], end["crc"])
    body = text[start.end() if start else 0 : end.start() if end else None]
    document: dict[str, Any] = {"header": {"maker": start["maker"], "model": start["model"].strip()} if start else None}
    for code, groups in _lines(body):
        entry = _entry(code, groups)
        document.setdefault(code, entry)
        document.setdefault(code.removesuffix(_PRESENT), entry)
        if _is_m_bus(groups):
            document.setdefault(groups[4], entry)
    if len(document) == 1:
        raise bad_payload("no line has an OBIS code such as 1-0:1.8.0(…)")
    return document


def _lines(body: str) -> list[tuple[str, list[str]]]:
    """Codes and what is in their parentheses; a line that begins with one continues the line before."""
    found: list[tuple[str, list[str]]] = []
    current: list[str] = []  # goes nowhere until a code was found
    chunks = [chunk for line in body.split("\n") for chunk in line.split(")")[:-1]]
    if len(chunks) > VALUES_MAX:
        raise bad_payload(f"more than {VALUES_MAX} values in one telegram")
    for chunk in chunks:
        code, _, group = chunk.rpartition("(")
        code = code.strip(" \r\t\x02")
        if code:
            current = []
            if _CODE.fullmatch(code):
                found.append((code, current))
        current.append(group)
    return found


def _entry(code: str, groups: list[str]) -> dict[str, Any]:
    """A line's own value, which is the first that is not a time, and all its values."""
    is_text = bool(_TEXT_CODE.fullmatch(code))
    values: list[ObisValue] = []
    time: str | None = None
    main: ObisValue | None = None
    for group in groups:
        match = None if is_text else _TIME.fullmatch(group)
        if match and (match[7] or len(groups) > 1):
            time = _rfc3339(match)
            values.append({"value": group, "unit": None, "time": time, "text": group})
        else:
            values.append(_value(group, time, is_text=is_text))
            main = main or values[-1]
    if _is_m_bus(groups):
        main = _value(f"{groups[6]}*{groups[5]}", values[0]["time"], is_text=False)
    return {**(main or values[0]), "values": values}


def _is_m_bus(groups: list[str]) -> bool:
    """Tell if a line is ``(time)(status)(period)(count)(code)(unit)(value)``: a meter behind this one in DSMR 2 and 3."""
    return len(groups) == _M_BUS_GROUPS and bool(_CODE.fullmatch(groups[4]))


def _value(group: str, time: str | None, *, is_text: bool) -> ObisValue:
    """Parse one pair of parentheses: ``value*unit``, or the value alone."""
    text, unit = (group, "") if is_text or "*" not in group else group.rsplit("*", 1)
    match = None if is_text else _NUMBER.fullmatch(text)
    number = (float(f"{match[1]}.{match[2]}") if match[2] else int(match[1])) if match else None
    return {"value": text or None if number is None else number, "unit": unit or None, "time": time, "text": text}


def _rfc3339(match: re.Match[str]) -> str | None:
    """YYMMDDhhmmss with W for winter or S for summer time of Central Europe; None if there is no such date."""
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    year += 1900 if year >= _CENTURY_TURN else 2000
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=_ZONES[match[7]]).isoformat()
    except ValueError:
        return None


def _check_crc(telegram: str, given: str) -> None:
    """Compare the checksum, if there is one. Readers often turn the meter's CR LF into LF: with CR LF the checksum may fit."""
    if not given:
        return
    if not _CRC.fullmatch(given):
        raise bad_payload(f"after the ! comes {given[:20]!r}, which is not a checksum")
    expected = int(given, 16)
    computed = crc16(telegram.encode("latin-1"))
    if computed != expected and crc16(telegram.replace("\r\n", "\n").replace("\n", "\r\n").encode("latin-1")) != expected:
        raise bad_payload(f"the checksum of the telegram is {computed:04X}, it says {expected:04X}: bytes were lost or changed")


def crc16(data: bytes) -> int:
    """CRC-16 with the polynomial x16 + x15 + x2 + 1, reflected, from 0 (DSMR P1, section 5.2)."""
    crc = 0
    for byte in data:
        crc = crc >> 8 ^ _crc_of_byte((crc ^ byte) & 0xFF)
    return crc


@cache
def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0xA001 if byte & 1 else 0)
    return byte
