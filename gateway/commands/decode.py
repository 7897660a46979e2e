"""``gateway decode``: explains a payload step by step, with the core of the gateway."""

import argparse
import json
import sys
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from gateway.catalog import Catalog, load_catalog
from gateway.clock import WallClock
from gateway.codecs.sync_client import SyncCodecs
from gateway.commands.standing import what_is_missing
from gateway.commands.topic_guess import Guess, guess_topic
from gateway.config.files import ConfigurationFault, load
from gateway.core.message import StoredMessage
from gateway.core.readings.sums import SumsMode
from gateway.explain.documents import result_document
from gateway.explain.dry_run import DryRun
from gateway.explain.steps import explain
from gateway.i18n.glossary import closed_lists
from gateway.pipeline.processing import build_processor
from schemas.printable import printable


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message to decode, and when it arrived.

    :ivar guessed: the basis of a guessed topic; empty if it was given.
    """

    message: StoredMessage
    arrival_ms: int
    guessed: str = ""


def decode(options: argparse.Namespace) -> int:
    """Decode one payload or many; return 0, or 1 if something was rejected.

    :raises ConfigurationFault: the configuration, the input or the topic is missing or faulty.
    """
    config = load(options.config)
    if options.registry is not None:
        if not options.registry.exists():
            raise ConfigurationFault([f"{options.registry}: document: does not exist"])
        config = config.model_copy(update={"devices": config.devices.model_copy(update={"registry": options.registry})})
    catalog = load_catalog(config, also=options.profile, all_shipped=options.profile is None)
    rejected, words = False, closed_lists("en")
    everyone = config.model_copy(update={"devices": config.devices.model_copy(update={"unknown": "accept"})})
    with SyncCodecs(catalog.codecs) as codecs:
        sums = SumsMode.FROM_ZERO if options.sums else SumsMode.OFF
        dry_run = DryRun(build_processor(config, catalog, sums=sums), codecs, build_processor(everyone, catalog, sums=sums))
        for row in _rows(options, catalog):
            seen = dry_run.take(row.message, row.arrival_ms)
            rejected |= bool(seen.outcome.refusals)
            document = result_document(seen)
            frame = (seen.if_registered or seen).frame
            if frame is not None and options.profile is not None:
                frame.why = "--profile names it"
            remarks = {"topic": row.guessed, "profile": what_is_missing(config, catalog, frame) if frame is not None else ""}
            if options.json:
                document |= {f"{label}_remark": remark for label, remark in remarks.items() if remark}
                print(printable(json.dumps(document, ensure_ascii=False, default=repr)))
            else:
                print(printable(explain(seen, document, words, remarks), layout=True))
    return int(rejected)


class _JsonLine(BaseModel):
    """One line of ``--jsonl``; other keys are ignored."""

    topic: str
    payload: Any = None
    payload_hex: str | None = Field(None, validation_alias=AliasChoices("payload_hex", "hex"))
    payload_base64: str | None = Field(None, validation_alias=AliasChoices("payload_base64", "base64"))
    retain: bool = False
    arrival_ms: int | None = Field(None, ge=0, le=2**53)

    def body(self) -> bytes:
        """The bytes of the message; a JSON text is the text itself.

        :raises ValueError: they are written wrongly.
        """
        if self.payload_hex is not None:
            return _of_hex(self.payload_hex)
        if self.payload_base64 is not None:
            return _of_base64(self.payload_base64)
        if "payload" not in self.model_fields_set:
            raise ValueError("give payload, payload_hex or payload_base64")
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload, ensure_ascii=False).encode(errors="backslashreplace")  # half a surrogate pair


def _of_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("is not hexadecimal") from None


def _of_base64(text: str | bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise ValueError("is not base64") from None


def recorded_rows(file: str) -> Iterator[RecordedMessage]:
    """The messages of a recording, one JSON object a line.

    :raises ConfigurationFault: the file cannot be read, or a line is faulty.
    """
    for number, text in enumerate(_read(file).splitlines(), start=1):
        if text.strip():
            yield _row(text, f"{_shown(file)}: line {number}")


def _rows(options: argparse.Namespace, catalog: Catalog) -> Iterator[RecordedMessage]:
    if options.jsonl:
        yield from recorded_rows(options.file)
        return
    data = _read(options.file)
    try:
        payload = data
        if options.hex:
            payload = _of_hex(data.decode("utf-8", "replace"))
        elif options.base64:
            payload = _of_base64(b"".join(data.split()))
        guess = _topic(options, payload, catalog)
        message = _message(guess.topic, payload)
    except ValueError as error:
        raise ConfigurationFault([f"{_shown(options.file)}: document: {error}"]) from error
    yield RecordedMessage(message, _now_ms(), guess.why)


def _topic(options: argparse.Namespace, payload: bytes, catalog: Catalog) -> Guess:
    if options.topic is not None:
        return Guess(options.topic, "")
    guess = guess_topic(payload, catalog, named=options.profile is not None)
    if guess is None:
        what = "name the topic: the payload is neither an uplink of a known network server nor a native reading"
        raise ConfigurationFault([f"--topic: {what}"])
    return Guess(guess.topic, f"no --topic: {guess.why}")


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationFault([f"{_shown(file)}: document: cannot be read: {error.strerror}"]) from error


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file


def _row(text: bytes, place: str) -> RecordedMessage:
    try:
        line = _JsonLine.model_validate(json.loads(text))
        message = _message(line.topic, line.body(), retain=line.retain)
    except ValidationError as error:
        faults = [(".".join(map(str, fault["loc"])), fault["msg"]) for fault in error.errors(include_url=False)]
        lines = [f"{place}: {key}: {what}" if key else f"{place}: document: is not a JSON object" for key, what in faults]
        raise ConfigurationFault(lines) from error
    except json.JSONDecodeError as error:
        raise ConfigurationFault([f"{place}: document: is not JSON: {error}"]) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationFault([f"{place}: document: {error}"]) from error
    return RecordedMessage(message, _now_ms() if line.arrival_ms is None else line.arrival_ms)


def _message(topic: str, payload: bytes, *, retain: bool = False) -> StoredMessage:
    """A message.

    :raises ValueError: its topic cannot be written in UTF-8.
    """
    topic.encode()
    return StoredMessage(topic, payload, retain)


def _now_ms() -> int:
    return WallClock().now_ms()
