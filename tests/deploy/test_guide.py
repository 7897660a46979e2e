"""The guide to profiles cannot rot: every file, command and example in it is used, and what it shows is what comes out."""

import json
import re
import shlex
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.cli import main
from gateway.codec_calls import CodecCalls
from gateway.config_file import ConfigurationFault
from gateway.core.by_profile import ByProfile
from gateway.core.clock import ClockTrust, TimeRules
from gateway.core.message import StoredMessage
from gateway.core.process import Processor
from gateway.core.profiles import Profiles
from gateway.core.streams import Streams
from gateway.core.envelopes import Envelopes
from gateway.desk import Desk, Seen
from gateway.documents import result_document
from gateway.profile_files import SHIPPED, ProfileFile, load_profiles
from gateway.services import Service
from schemas.profile import Profile
from schemas.profile_points import PointSpec
from schemas.quantities import QUANTITIES
from schemas.registry import RegisteredDevice
from tests.influx import query
from tests.system.fleet import client_of, publish_all
from tests.system.rig import gateway
from tests.waiting import until

GUIDE = SHIPPED / "README.md"
ROOT = Path(__file__).parents[2]
NOW_MS = 1_788_423_342_000
"""2026-09-03T08:15:42Z: when the guide was written, as far as its commands know."""

MINUTE_MS = 60_000
EUI = "0011223344556677"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file that it is, the heading above it, and its text."""

    language: str
    file: str
    heading: str
    line: int
    text: str


def blocks() -> list[Block]:
    found, heading, opened, at = [], "", None, 0
    lines = GUIDE.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, start=1):
        if opened is None and line.startswith("#"):
            heading = line.lstrip("# ")
        elif opened is None and line.startswith("```"):
            opened, at = line[3:].split(" "), number
        elif opened is not None and line == "```":
            language, file = (*opened, "")[:2]
            found.append(Block(language, file, heading, at, "\n".join(lines[at : number - 1]) + "\n"))
            opened = None
    return found


BLOCKS = blocks()
FILES = [block for block in BLOCKS if block.file]
EXAMPLES = [block for block in BLOCKS if block.language == "yaml" and not block.file]
CONSOLES = [block for block in BLOCKS if block.language == "console"]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The folder of a utility, with the sample configuration and all files that the guide makes."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "gateway.yaml").write_bytes((ROOT / "deploy" / "gateway.yaml").read_bytes())
    for block in FILES:
        (tmp_path / block.file).write_text(block.text, encoding="utf-8")
    return tmp_path


# The ten minutes.


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what it prints."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def is_shown(shown: str, printed: str) -> bool:
    """Whether ``printed`` is what the guide shows; a line of three points stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown.splitlines())
    return re.fullmatch(pattern, printed) is not None


def test_the_commands_print_what_the_guide_shows(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(site)
    monkeypatch.setattr(time, "time_ns", lambda: NOW_MS * 1_000_000)
    assert CONSOLES
    for block in CONSOLES:
        for command, shown in commands(block):
            program, *arguments = shlex.split(command)
            assert program == "gateway", command
            status = main(arguments)
            printed = "".join(capsys.readouterr()).replace(f"{site}/", "")
            assert status in {0, 1}, printed
            assert is_shown(shown, printed), f"line {block.line}: {command} prints\n{printed}"


# The language: examples.


def profile_of(example: str) -> dict[str, Any]:
    """A whole profile from an example, which leaves out what is the same in all of them."""
    written: dict[str, Any] = yaml.safe_load(example)
    if not written.keys() & {"fields", "each", "map", *Profile.model_fields}:
        written = {"fields": written}
    if written.keys() & {"fields", "each", "map"}:
        own = {key: written.pop(key) for key in list(written) if key in PointSpec.model_fields}
        names = [*own.get("fields", ()), *(str(entry) for entry in own.get("map", {}).values())]
        measured = [domain for domain, fields in QUANTITIES.items() for name in names if any(f in name for f in fields)]
        written["points"] = [{"measurement": measured[0], **own}]
    by_topic = {"topic": "x/{device}/up"}
    radio = "codec" in written or "struct" in written
    rest = {"profile": "example", "match": {"envelope": "lorawan"} if radio else by_topic, "tests": [_TEST]}
    return {**rest, "points": [{"measurement": "water", "fields": {"volume_m3": "/v"}}], **written}


_TEST = {"topic": "x/m1/up", "payload": {}, "expect": "ignored"}


def message_of(text: str) -> tuple[StoredMessage, dict[str, Any]]:
    """``[retained] [with PARAM=VALUE:] [TOPIC] PAYLOAD``; the payload as it stands, ``hex BYTES`` or ``frame PORT BYTES``."""
    retained = text.startswith("retained ")
    text = text.removeprefix("retained ")
    params: dict[str, Any] = {}
    if match := re.match(r"with (\w+)=(\S+): ", text):
        params, text = {match[1]: yaml.safe_load(match[2])}, text[match.end() :]
    topic = "x/m1/up"
    if match := re.match(r"([\w.-]+(?:/[^ /]+)+) ", text):
        topic, text = match[1], text[match.end() :]
    payload = bytes.fromhex(text.removeprefix("hex ")) if text.startswith("hex ") else text.encode()
    if match := re.fullmatch(r"frame (\d+) ([0-9a-f]+)( decoded (.*))?", text):
        topic, payload = f"application/1/device/{EUI}/event/up", uplink(int(match[1]), bytes.fromhex(match[2]), match[4])
    return StoredMessage(topic, payload, retained), params


def uplink(port: int, frame: bytes, decoded: str | None) -> bytes:
    """A frame as ChirpStack publishes it; each is another one."""
    uplink.count += 1  # type: ignore[attr-defined]
    return json.dumps({"deviceInfo": {"devEui": EUI}, "fPort": port, "data": frame.hex(), "object": decoded}).encode()
