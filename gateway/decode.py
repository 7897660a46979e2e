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

from gateway.codec_calls import CodecCalls
from gateway.config_file import ConfigurationFault, load
from gateway.core.message import StoredMessage
from gateway.desk import Desk
from gateway.documents import result_document
from gateway.explain import explain
from gateway.known import load_known
from gateway.pipeline import build_processor
from gateway.web.glossary import closed_lists


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
    known = load_known(config, also=options.profile, all_shipped=options.profile is None)
    rejected, words = False, closed_lists("en")
    with CodecCalls(known.codecs) as codecs:
        desk = Desk(build_processor(config, known), codecs)
        for row in _rows(options):
            seen = desk.take(row.message, row.arrival_ms)
            rejected |= bool(seen.outcome.refusals)
            document = result_document(seen)
            print(
                json.dumps(document, ensure_ascii=False, default=repr)
                if options.json
                else explain(desk.processor, seen, document, words)
            )
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
