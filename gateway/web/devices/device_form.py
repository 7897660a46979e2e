"""The form of a device: what people type, as keys of ``devices.yaml``, and the registry's entry as people type it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from schemas.registry import COLUMNS, RegisteredDevice
from schemas.topics import parse_topic

PARAM: Final = "params."
_KEYS: Final = tuple(key for key in COLUMNS if key not in {"id", "params"})
_DEGREES: Final = frozenset({"lat", "lon"})
_SPANS: Final = frozenset({"interval", "silent_after"})
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:[.,]\d+)?", re.ASCII)
_PARAMS_MAX: Final = 50

DeviceForm = dict[str, str]
"""Field of the form → its text."""


def typed(form: Mapping[str, Any], areas: Mapping[str, str]) -> DeviceForm:
    """The fields of a form as they were sent: those of a device, and no others. An area may be typed by its name."""
    fields = {key: text.strip() for key, text in form.items() if isinstance(text, str)}
    found = {key: fields[key] for key in _KEYS if key in fields}
    if fields.get("other_profile"):
        found["profile"] = fields["other_profile"]
    if found.get("area") and found["area"] not in areas:
        found["area"] = _area_called(found["area"], areas)
    params = [key for key in fields if key.startswith(PARAM) and key != PARAM][:_PARAMS_MAX]
    return found | {key: fields[key] for key in params}


def document_of(fields: DeviceForm) -> dict[str, Any]:
    """The keys of a device in ``devices.yaml``, by its form; empty ones are None."""
    document: dict[str, Any] = {key: _value(key, text) for key, text in fields.items() if not key.startswith(PARAM)}
    params = {key.removeprefix(PARAM): _parameter(text) for key, text in fields.items() if key.startswith(PARAM)}
    return document | {"params": params}


def fields_of(entry: Mapping[str, Any]) -> DeviceForm:
    """The form of an entry of the registry, by its keys in ``devices.yaml``."""
    found = {key: str(entry[key]) for key in _KEYS if entry.get(key) is not None}
    return found | {f"{PARAM}{name}": str(value) for name, value in entry.get("params", {}).items()}


def proposed(explained: Mapping[str, Any] | None, source: str, name: str) -> DeviceForm:
    """The form of an unregistered device, as far as its messages tell.

    :param explained: its document, as ``/api/devices/{device}`` has it.
    :param source: the name that it sends under.
    """
    found = {"source": source} if source and source != name else {}
    if explained is None or not explained["last_message"]:
        return found
    native = parse_topic(explained["last_message"]["topic"])
    points = explained["result"]["points"] if explained["result"] else []
    measured = [point for point in points if point["measurement"] != "device_health"]
    if native is not None:
        return found | {"site": native.site, "domain": native.domain}
    told = {"site": measured[0]["tags"].get("site", ""), "domain": measured[0]["measurement"]} if measured else {}
    return found | told


def is_registered_as(device: RegisteredDevice, search: str, key: str) -> bool:
    """Tell if a device has this id, source or serial number, or a part of it.

    :param search: in small letters.
    :param key: the same as the key of an id.
    """
    about = (device.id, device.source or "", device.serial or "")
    return any(search in text.lower() or key in text.lower() for text in about)


def _area_called(text: str, areas: Mapping[str, str]) -> str:
    """The code of the only area of that name, its tones left out; the text itself if there is none."""
    from anyascii import anyascii  # noqa: PLC0415 - 10 ms that only this form pays

    plain = anyascii(text).lower()
    found = [code for code, name in areas.items() if anyascii(name).lower() == plain]
    return found[0] if len(found) == 1 else text


def _value(key: str, text: str) -> float | str | None:
    if key in _DEGREES:
        return text.replace(",", ".") or None
    return float(text.replace(",", ".")) if key in _SPANS and _NUMBER.fullmatch(text) else text or None


def _parameter(text: str) -> float | int | str | bool | None:
    """A number or boolean if the text is one and cannot be a name: ``0012`` stays text."""
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    if not _NUMBER.fullmatch(text):
        return text or None
    number = text.replace(",", ".")
    return float(number) if "." in number else int(number)
