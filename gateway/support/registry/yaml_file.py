"""Devices and areas as YAML, in the form in which people write ``devices.yaml``."""

import json
import re
from datetime import date, timedelta
from typing import Final

from schemas.durations import format_duration
from schemas.registry import COLUMNS, RegisteredDevice, Registry

_PLAIN = re.compile(r"[^\W\d_]\w*(?:[ ._/-]\w+)*")
_WORDS: Final = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def write_out(registry: Registry) -> str:
    """The registry as text, from its first line to its last."""
    areas = "".join(f"  {scalar(code)}: {scalar(name)}\n" for code, name in registry.areas.items())
    devices = "".join(f"  - {block(device, 4)}\n" for device in registry.devices)
    return (f"areas:\n{areas}\n" if areas else "") + (f"devices:\n{devices}" if devices else "devices: []\n")


def block(device: RegisteredDevice, column: int) -> str:
    """A device as lines, the first of which is at ``column`` already."""
    lines = [f"{key}: {text}" for key, text in entries(device)]
    if device.params:
        lines += ["params:", *[f"  {scalar(name)}: {scalar(value)}" for name, value in device.params.items()]]
    return f"\n{' ' * column}".join(lines)


def flow(device: RegisteredDevice) -> str:
    """A device on one line."""
    shown = [f"{key}: {text}" for key, text in entries(device)]
    if device.params:
        params = ", ".join(f"{scalar(name)}: {scalar(value)}" for name, value in device.params.items())
        shown.append(f"params: {{{params}}}")
    return f"{{{', '.join(shown)}}}"


def entries(device: RegisteredDevice) -> list[tuple[str, str]]:
    """The filled keys of a device, without its parameters, and their values as YAML."""
    values = [(key, getattr(device, key)) for key in COLUMNS if key != "params"]
    return [(key, scalar(value)) for key, value in values if value is not None]


def scalar(value: float | str | bool | date | timedelta) -> str:  # noqa: FBT001 - a value
    """One value as YAML. Text is quoted wherever another reader of YAML might see a number, a date or a boolean."""
    if isinstance(value, timedelta):
        return format_duration(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
            return value
        quoted = json.dumps(value, ensure_ascii=False)
        return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
    text = json.dumps(value)
    return text if "." in text else text.replace("e-", ".0e-").replace("e+", ".0e+")  # YAML's floats have a point
