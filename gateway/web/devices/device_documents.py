"""A device as programs get it, part by part, and its form: what people type, as keys of ``devices.yaml``, and back."""

import re
from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any, Final, NamedTuple

from gateway.core.message import Message
from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import Doubt
from gateway.core.status.ladder import Ladder
from gateway.support.registry.csv_file import number_of
from gateway.support.registry.yaml_file import scalar
from gateway.web.http.handlers import Document
from schemas.quantities import DOMAINS, Quality
from schemas.registry import COLUMNS, CONTRACT, RegisteredDevice
from schemas.topics import is_name, parse_topic

_PAYLOAD_BYTES: Final = 8192
"""Bytes of a payload that are shown."""
_OF_ENTRY: Final = ("profile", "model", "serial", "installed", "lat", "lon", "address", "params")
SHARED: Final = frozenset(
    {
        *("id", "registered", "state", "presence", "online", "last_seen", "silent_after_s", "said_goodbye", "now", "level"),
        *("site", "domain", "area", "area_name", "address", "lat", "lon"),
        *("profile", "model", "serial", "installed", "interval_s", "params"),
        *("seq_missing", "clock_offset_s", "counters"),
    }
)
"""Parts of a document for accounts with a limit, those of agencies; nothing of messages, which may hold readings of others."""


class FoundDevice(NamedTuple):
    """A device as programs get it, and its ladder."""

    document: Document
    ladder: Ladder


def shared_part(document: Document) -> Document:
    """The facts of a document that accounts with a limit may see; a customer's contract is none."""
    shared = {key: value for key, value in document.items() if key in SHARED}
    if params := shared.get("params"):
        shared["params"] = {name: value for name, value in params.items() if name != CONTRACT}
    return shared


def shared_document(found: FoundDevice) -> Document:
    """A device as those get it who may see it and not all others: with its own points, and nothing else of its messages."""
    document, device = found.document, found.document["id"]
    points = [point for point in (document["result"] or {"points": []})["points"] if point["tags"].get("device") == device]
    told = {"level": found.ladder.level.value, "fate": None, "result": {"points": points, "points_left_out": 0}}
    return shared_part(document) | told


def entry_document(device: RegisteredDevice, areas: Mapping[str, str]) -> Document:
    """The registry's entry of a device, without its place and interval; ``areas``: code → name."""
    told = {key: getattr(device, key) for key in _OF_ENTRY}
    installed = device.installed.isoformat() if device.installed else None
    return {"area_name": areas.get(device.area or ""), **told, "installed": installed}


def message_document(message: Message, arrival_ms: int) -> Document:
    """A message: its payload as text, or in hexadecimal if it is not text; the beginning of a long one."""
    payload = message.payload[:_PAYLOAD_BYTES]
    return {
        "topic": message.topic,
        "arrival_ms": arrival_ms,
        "retain": message.retain,
        "size_bytes": len(message.payload),
        "cut": len(message.payload) > _PAYLOAD_BYTES,
        **_payload(payload, whole=len(payload) == len(message.payload)),
    }


def _payload(payload: bytes, *, whole: bool) -> Document:
    try:
        text = payload.decode(errors="strict" if whole else "ignore")
    except UnicodeDecodeError:
        return {"payload_hex": payload.hex()}
    readable = all(letter.isprintable() or letter in "\t\r\n" for letter in text)
    return {"payload": text} if readable else {"payload_hex": payload.hex()}


def counter_documents(counters: CounterState | None) -> list[Document]:
    """The last believed values of a device's counters, their sums, and what is in doubt.

    A value of null: the meter was just exchanged; a sum of null: it must first be read from InfluxDB.
    """
    return [
        {
            "name": register.name,
            "value": None if isnan(register.value) else register.value,
            "sum": None if counters is None or counters.awaits else register.total,
            "time_ms": int(register.time_ms),
            "doubt": _doubt_document(register.doubt),
        }
        for register in (counters.registers() if counters is not None else ())
    ]


def _doubt_document(doubt: Doubt | None) -> Document | None:
    if doubt is None:
        return None
    return {"value": doubt.value, "time_ms": int(doubt.time_ms), "confirmations": doubt.confirmations}


def fate_of(result: Mapping[str, Any] | None, *, quarantined: bool, refused: bool) -> str | None:
    """The fate of the last message of a device, in a word; None if no message is kept.

    :param result: of the message, as ``gateway decode --json`` shows it.
    :param quarantined: the message waits for the device's registration.
    :param refused: there is none, since all were refused.
    """
    if result is None:
        return "rejected" if refused else None
    if quarantined or "waits" in result:
        return "waiting"
    if result["reject"]:
        return "rejected"
    return "taken" if result["points"] else "duplicate" if result["duplicates"] else "ignored"


def registry_entry(name: str, source: str, topic: str | None, result: Mapping[str, Any] | None) -> str:
    """A device for ``devices.yaml``, as far as its messages tell; the keys to add are comments."""
    native = parse_topic(topic or "")
    measured = [point["measurement"] for point in result["points"]] if result else []
    domain = native.domain if native else next((domain for domain in measured if domain in DOMAINS), None)
    site = native.site if native else next((point["tags"].get("site") for point in result["points"]), None) if result else None
    lines = [
        f"  - id: {scalar(name)}",
        *([f"    source: {scalar(source)}"] if source and source != name else []),
        f"    site: {scalar(site)}" if site and is_name(site) else "    # site: SITE",
        f"    domain: {domain}" if domain else f"    # domain: {' | '.join(DOMAINS)}",
        "    # area: CODE",
        *([] if native else ['    # model: "..."']),
        '    # serial: "..."',
        "    # interval: 15min",
    ]
    return "\n".join(lines) + "\n"


def mark_doubted(points: Iterable[Document], counters: Iterable[Document]) -> None:
    """Give points that were worked out again the quality of a counter's step that is in doubt: only the gateway knows of it."""
    doubts = {(one["name"].partition(",")[0], one["doubt"]["time_ms"]) for one in counters if one["doubt"] is not None}
    for point in points:
        if any((field, point["time_ms"]) in doubts for field in point["fields"]):
            point["fields"]["quality"] |= Quality.COUNTER_SUSPECT


def topic_to_send_to(document: Document) -> str | None:
    """The topic on which a device without a profile is expected; None: its profile tells."""
    if document.get("profile") or document.get("model"):
        return None
    return f"iot/v1/{document['site'] or 'SITE'}/{document['domain'] or DOMAINS[0]}/{document['id']}/readings"


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
    """The form of an unregistered device that sends under ``source``, as far as its messages in a document tell."""
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
    """Tell if the id, source or serial number of a device has ``search``, in small letters, or its key as an id in it."""
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
    return number_of(text.replace(",", "."))
