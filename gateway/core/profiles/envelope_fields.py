"""Readers of the parts of a network server's message: device, bytes, port, time, signal. Compiled once for an envelope."""

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

from gateway.core.decoders import bad_payload
from gateway.core.decoders.plain import from_base64, from_bytes_list, from_hex, from_json_text
from gateway.core.message import Undecodable
from gateway.core.profiles.language.calendars import compile_format
from gateway.core.profiles.language.paths import Get, first_of, nothing, parse_path
from schemas.envelope import EnvelopeSpec, FramePayload, FrameTime, Gateways
from schemas.profile_values import FirstOf

T = TypeVar("T")


def _reader(paths: FirstOf | None, convert: Callable[[Any], T]) -> Callable[[object], T]:
    """Compile the reader of a part: what is at the first path that has a value, converted."""
    get = first_of(paths)
    return lambda raw: convert(get(raw))


def device_of(paths: FirstOf, *, lorawan: bool) -> Callable[[object], str]:
    """Compile the reader of the device's name; for LoRaWAN the EUI in one form. A message without one is a bad payload."""

    def device(name: object) -> str:
        if isinstance(name, str) and name:
            return eui_of(name) if lorawan else name
        if type(name) is int and not lorawan:
            return str(name)
        raise bad_payload(f"the device should stand at {' or '.join(paths.first_of)}, there is {name!r:.60}")

    return _reader(paths, device)


_EUI_BYTES: Final = 8
_EUI_IN_BASE64: Final = 12


def eui_of(text: str) -> str:
    """An EUI as 16 hexadecimal digits in lower case. Text that is neither hexadecimal nor base64 of 8 bytes is a name."""
    try:
        eui = bytes.fromhex(text)
        if len(eui) == _EUI_BYTES:
            return eui.hex()
    except ValueError:
        pass
    try:
        eui = from_base64(text) if len(text) == _EUI_IN_BASE64 and text.endswith("=") else from_hex(text)
    except Undecodable:
        return text.lower()
    return eui.hex() if len(eui) == _EUI_BYTES else text.lower()


def payload_of(spec: FramePayload | None) -> Callable[[object], bytes | None]:
    """Compile the reader of the frame's bytes; an absent value is a frame without bytes."""
    if spec is None:
        return nothing
    decode = _ENCODINGS[spec.encoding]
    return _reader(spec.path, lambda value: b"" if value is None else decode(value))


_ENCODINGS: Final[dict[str, Callable[[object], bytes]]] = {"base64": from_base64, "hex": from_hex, "list": from_bytes_list}


def decoded_of(paths: FirstOf | None) -> Callable[[object], dict[str, Any] | list[Any] | None]:
    """Compile the reader of the object that the server decoded, also from JSON in a text; it gives None for an empty one."""
    return _reader(paths, _decoded)


def _decoded(value: object) -> dict[str, Any] | list[Any] | None:
    if isinstance(value, str):
        try:
            value = from_json_text(value)
        except Undecodable:  # the frame's bytes are still usable
            return None
    return value if isinstance(value, dict | list) and value else None


def whole_number_of(paths: FirstOf | None, what: str) -> Callable[[object], int | None]:
    """Compile the reader of a whole number, 0 if absent; ``what`` names it in a fault."""
    if paths is None:
        return nothing

    def number(value: object) -> int:
        if type(value) is int:
            return value
        if value is None:
            return 0
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, str) and value.isdecimal() and len(value) <= _DIGITS_MAX:
            return int(value)
        raise bad_payload(f"the {what} is {value!r:.60}, which is not a whole number")

    return _reader(paths, number)


_DIGITS_MAX: Final = 20


def time_of(spec: FrameTime | None) -> Get:
    """Compile the reader of a time: as it was sent, text or number, or in ms if the envelope tells its format."""
    if spec is None:
        return nothing
    if spec.is_plain():
        return _reader(spec.path, lambda value: value if type(value) in _TIMES else None)
    try:
        parse = compile_format(spec.format, spec.zone, spec.epoch)
    except ValueError as error:
        raise ValueError(f"time: {error}") from None
    return _reader(spec.path, parse)


_TIMES: Final = frozenset((str, int, float))


def text_of(paths: FirstOf | None) -> Callable[[object], str | None]:
    """Compile the reader of a text that is not empty."""
    return _reader(paths, lambda value: value if isinstance(value, str) and value else None)


Radio = tuple[float | None, float | None]
"""Signal strength in dBm and signal-to-noise ratio in dB."""


def radio_of(spec: EnvelopeSpec) -> Callable[[object], Radio]:
    """Compile the reader of the signal at the gateway that received the frame best."""
    get_rssi, get_snr = first_of(spec.rssi), first_of(spec.snr)

    def own(raw: object) -> Radio:
        return _number(get_rssi(raw)), _number(get_snr(raw))

    if spec.gateways is None:
        return own
    strongest = _strongest(spec.gateways)
    if spec.rssi is None:
        return strongest
    return lambda raw: radio if (radio := strongest(raw))[0] is not None else own(raw)


def _strongest(spec: Gateways) -> Callable[[object], Radio]:
    get, rssi_key, snr_key = parse_path(spec.of).get, spec.rssi, spec.snr

    def strongest(raw: object) -> Radio:
        gateways = get(raw)
        best: Any = None
        best_rssi = -math.inf
        for gateway in gateways if type(gateways) is list else ():
            rssi = gateway.get(rssi_key) if type(gateway) is dict else None
            if type(rssi) is not int:
                rssi = _number(rssi)
            if rssi is not None and rssi > best_rssi:
                best, best_rssi = gateway, rssi
        return (best_rssi, _number(best.get(snr_key, 0))) if best is not None else (None, None)

    return strongest


def _number(value: object) -> float | None:
    """The number, also if it comes as text; None for other values."""
    if type(value) not in _TIMES:
        return None
    try:
        number = float(value)  # type: ignore[arg-type] # it is one of the three
    except ValueError:
        return None
    return number if math.isfinite(number) else None
