"""The parts of the HTTP document of one device."""

from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any, Final, NamedTuple

from gateway.core.message import Message
from gateway.core.readings.counters import CounterState
from gateway.core.readings.steps import Doubt
from gateway.core.status.ladder import Ladder
from gateway.support.registry.yaml_file import scalar
from gateway.web.http.handlers import Document
from schemas.quantities import DOMAINS, Quality
from schemas.registry import RegisteredDevice
from schemas.topics import is_name, parse_topic

_PAYLOAD_BYTES: Final = 8192
"""Bytes of a payload that are shown."""
_OF_ENTRY: Final = ("profile", "model", "serial", "installed", "lat", "lon", "address", "params")
SHARED: Final = frozenset(
    {
        *("id", "registered", "state", "presence", "online", "last_seen", "silent_after_s", "said_goodbye", "now"),
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


def shared_document(found: FoundDevice) -> Document:
    """A device as those get it who may see it and not all others: with its own points, and nothing else of its messages."""
    document, device = found.document, found.document["id"]
    points = [point for point in (document["result"] or {"points": []})["points"] if point["tags"].get("device") == device]
    kept = {key: value for key, value in document.items() if key in SHARED}
    return kept | {"level": found.ladder.level.value, "fate": None, "result": {"points": points, "points_left_out": 0}}


def entry_document(device: RegisteredDevice, areas: Mapping[str, str]) -> Document:
    """The registry's entry of a device, without its place and interval.

    :param areas: code → name.
    """
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
