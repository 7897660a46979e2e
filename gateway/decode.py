"""``gateway decode``: what becomes of a payload, step by step, with the same core the gateway runs."""

import argparse
import json
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from gateway.config_file import ConfigurationFault, load
from gateway.core.message import Outcome, StoredMessage
from gateway.core.native import Broken, Undecodable
from gateway.core.process import Processor
from gateway.core.streams import Unresolved
from gateway.pipeline import build_processor


@dataclass(frozen=True, slots=True)
class Row:
    """One message to decode, and when it arrived."""

    message: StoredMessage
    arrival_ms: int


def decode(options: argparse.Namespace) -> int:
    """Decode one payload or many; 0, or 1 when something was rejected.

    :raises ConfigurationFault: the configuration, the input or the topic is missing or faulty.
    """
    config = load(options.config)
    if options.registry is not None:
        if not options.registry.exists():
            raise ConfigurationFault([f"{options.registry}: document: does not exist"])
        config = config.model_copy(update={"devices": config.devices.model_copy(update={"registry": options.registry})})
    processor = build_processor(config)
    rejected = False
    for row in _rows(options):
        decoded = _decoded(processor, row)
        outcome = processor.process(row.message, row.arrival_ms)
        rejected |= bool(outcome.refusals)
        document = result_document(processor, row, outcome, decoded)
        print(json.dumps(document, ensure_ascii=False) if options.json else _explain(row, document))
    return int(rejected)


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    data = _read(options.file)
    if options.jsonl:
        for number, text in enumerate(data.splitlines(), start=1):
            if text.strip():
                yield _row(text, f"{options.file}: line {number}")
        return
    if options.topic is None:
        raise ConfigurationFault(["--topic: say on which topic the payload came"])
    try:
        payload = bytes.fromhex(data.decode()) if options.hex else b64decode(data, validate=False) if options.base64 else data
    except ValueError as error:
        raise ConfigurationFault([f"{options.file}: document: {error}"]) from error
    yield Row(StoredMessage(options.topic, payload), time.time_ns() // 1_000_000)


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationFault([f"{file}: document: cannot be read: {error.strerror}"]) from error


def _row(text: bytes, place: str) -> Row:
    try:
        row: dict[str, Any] = json.loads(text)
        if "payload_hex" in row:
            payload = bytes.fromhex(row["payload_hex"])
        elif "payload_base64" in row:
            payload = b64decode(row["payload_base64"])
        else:
            given = row["payload"]
            payload = given.encode() if isinstance(given, str) else json.dumps(given, ensure_ascii=False).encode()
        message = StoredMessage(row["topic"], payload, bool(row.get("retain", False)))
        return Row(message, int(row.get("arrival_ms") or time.time_ns() // 1_000_000))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationFault([f"{place}: not a row of topic and payload: {error!r}"]) from error


def _decoded(processor: Processor, row: Row) -> Any:  # noqa: ANN401 - whatever the payload holds
    """What the mapping sees, or None when the payload does not decode."""
    stream = processor.streams.resolve(row.message.topic)
    if isinstance(stream, Unresolved) or stream.is_status:
        return None
    try:
        objects = stream.decoder.decode(row.message.payload)
    except Undecodable:
        return None
    shown = [from_json(item.payload) if isinstance(item, Broken) else item.values for item in objects]
    return shown[0] if len(shown) == 1 else shown


def result_document(processor: Processor, row: Row, outcome: Outcome, decoded: Any) -> dict[str, Any]:  # noqa: ANN401
    """The fixed form of one result."""
    stream = processor.streams.resolve(row.message.topic)
    native = not isinstance(stream, Unresolved)
    first = outcome.refusals[0] if outcome.refusals else None
    return {
        "device": (stream.device if isinstance(stream, Unresolved) else stream.device.name) or None,
        "profile": "native" if native else None,
        "decoded": decoded,
        "points": [parse_line(line) for reading in outcome.readings for line in reading.lines.split("\n")],
        "duplicates": outcome.duplicates,
        "dropped": [{"path": path, "cause": cause.value} for path, cause in outcome.dropped],
        "ignored": outcome.ignored.value if outcome.ignored else None,
        "reject": {"reason": first.reason.value, "detail": first.detail} if first else None,
    }


def parse_line(line: str) -> dict[str, Any]:
    """A point of our own making, taken apart again; its tags hold nothing that is escaped."""
    series, fields, time_ms = line.split(" ")
    measurement, *tags = series.split(",")
    return {
        "measurement": measurement,
        "tags": dict(tag.split("=", 1) for tag in tags),
        "time_ms": int(time_ms),
        "fields": {key: _value(text) for key, text in (field.split("=", 1) for field in fields.split(","))},
    }


def _value(text: str) -> float | int | bool:
    if text in {"True", "False"}:
        return text == "True"
    return int(text[:-1]) if text.endswith("i") else float(text)


def _explain(row: Row, document: dict[str, Any]) -> str:
    """The same for people."""
    lines = [f"topic     {row.message.topic}", f"device    {document['device'] or 'not known'}"]
    lines.append(f"profile   {document['profile'] or 'none takes this topic'}")
    if document["decoded"] is not None:
        lines.append(f"decoded   {json.dumps(document['decoded'], ensure_ascii=False)}")
    lines += [f"dropped   {drop['path']}: {drop['cause']}" for drop in document["dropped"]]
    for point in document["points"]:
        tags = " ".join(f"{key}={value}" for key, value in point["tags"].items())
        fields = " ".join(f"{key}={value}" for key, value in point["fields"].items())
        instant = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(point["time_ms"] // 1000)) + f".{point['time_ms'] % 1000:03d}Z"
        lines.append(f"point     {point['measurement']} {tags}\n          {fields}\n          at {instant}")
    if document["duplicates"]:
        lines.append(f"duplicate {document['duplicates']} of these readings came before")
    if document["ignored"]:
        lines.append(f"ignored   {document['ignored']}")
    if document["reject"]:
        lines.append(f"reject    {document['reject']['reason']}: {document['reject']['detail']}")
    return "\n".join(lines) + "\n"
