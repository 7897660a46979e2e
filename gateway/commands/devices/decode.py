"""``gateway decode``: explains a payload step by step, with the core of the gateway."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from gateway.commands.terminal import add_config
from gateway.core.readings.sums import SumsMode
from gateway.ingest.catalog import Catalog, load_catalog
from gateway.onboarding.explain.steps import explain
from gateway.onboarding.trials.recordings import (
    Guess,
    RecordedMessage,
    bytes_of_base64,
    bytes_of_hex,
    guess_topic,
    message_of,
    recorded_rows,
)
from gateway.onboarding.trials.trial import Trials
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault, load
from gateway.support.config.model import Config
from gateway.support.i18n.glossary import closed_lists
from gateway.support.private_files import read_bytes
from schemas.printable import printable


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of ``gateway decode``."""
    add_config(command)
    command.set_defaults(call=lambda options: decode(load(options.config), options))
    command.add_argument("--topic", help="topic of the message")
    command.add_argument("--profile", metavar="P", help="profile to use: a name, a model or a file")
    command.add_argument("--registry", type=Path, metavar="FILE", help="registry to use instead of the configured one")
    kind = command.add_mutually_exclusive_group()
    kind.add_argument("--hex", action="store_true", help="the input is hexadecimal")
    kind.add_argument("--base64", action="store_true", help="the input is base64")
    kind.add_argument("--jsonl", action="store_true", help="the input has one message per line, as a JSON object")
    command.add_argument("--json", action="store_true", help="print JSON")
    command.add_argument("--sums", action="store_true", help="show the sums of counters too, as if each were first met here")
    command.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="file with the payload; -: standard input (default)"
    )


def decode(config: Config, options: argparse.Namespace) -> int:
    """Decode payloads; 1 if one was rejected, ConfigurationFault if the input or its topic is missing or faulty."""
    if options.registry is not None:
        if not options.registry.exists():
            raise ConfigurationFault([f"{options.registry}: document: does not exist"])
        config = config.model_copy(update={"devices": config.devices.model_copy(update={"registry": options.registry})})
    catalog = load_catalog(config, also=options.profile, all_shipped=options.profile is None)
    rejected, words = False, closed_lists("en")
    sums = SumsMode.FROM_ZERO if options.sums else SumsMode.OFF
    with Trials(config, catalog, named="--profile" if options.profile is not None else "", sums=sums) as trials:
        for row in _rows(options, catalog):
            tried = trials.take(row)
            rejected |= tried.is_rejected
            if options.json:
                remarks = {f"{label}_remark": remark for label, remark in tried.remarks.items()}
                print(printable(json.dumps(tried.document | remarks, ensure_ascii=False, default=repr)))
            else:
                print(printable(explain(tried.trace, tried.document, words, tried.remarks), layout=True))
    return int(rejected)


def recording(file: str) -> Iterator[RecordedMessage]:
    """The messages of a recorded file, ``-`` is standard input; ConfigurationFault if a line is faulty."""
    return recorded_rows(_read(file), _shown(file))


def _rows(options: argparse.Namespace, catalog: Catalog) -> Iterator[RecordedMessage]:
    if options.jsonl:
        yield from recording(options.file)
        return
    data = _read(options.file)
    try:
        payload = data
        if options.hex:
            payload = bytes_of_hex(data.decode("utf-8", "replace"))
        elif options.base64:
            payload = bytes_of_base64(b"".join(data.split()))
        guess = None if options.topic is not None else _guess(options, payload, catalog)
        message = message_of(options.topic if guess is None else guess.topic, payload)
    except ValueError as error:
        raise ConfigurationFault([f"{_shown(options.file)}: document: {error}"]) from error
    yield RecordedMessage(message, WallClock().now_ms(), guess)


def _guess(options: argparse.Namespace, payload: bytes, catalog: Catalog) -> Guess:
    guess = guess_topic(payload, catalog, named=options.profile is not None)
    if guess is None:
        what = "name the topic: the payload is neither an uplink of a known network server nor a native reading"
        raise ConfigurationFault([f"--topic: {what}"])
    return guess


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else read_bytes(Path(file))
    except OSError as error:
        raise ConfigurationFault([f"{_shown(file)}: document: cannot be read: {error.strerror}"]) from error


def _shown(file: str) -> str:
    return "standard input" if file == "-" else file
