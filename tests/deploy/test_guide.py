"""The guide to profiles cannot rot: every file, command and example in it is used, and what it shows is what comes out."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.commands.cli import main
from gateway.commands.demo.services import Service, free_port
from gateway.support.config.bundled_profiles import SHIPPED
from schemas.profile import Profile
from schemas.profile_points import PointSpec
from schemas.quantities import QUANTITIES, VEHICLE_CLASSES, Quality
from schemas.rejects import RejectReason
from tests.influx import query
from tests.profile_loading import load_profiles
from tests.system.fleet import client_of, publish_all
from tests.system.rig import gateway, run_gateway
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
GUIDE, REFERENCE = SHIPPED / "README.md", SHIPPED / "REFERENCE.md"
NOW_MS = 1_788_423_342_000
"""2026-09-03T08:15:42Z, when the guide's commands believe to run, and when the first message of an example arrives."""

MINUTE_MS = 60_000
UPLINK = "application/1/device/0011223344556677/event/up"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, the file it is to be written to, the heading above it, its line and its text."""

    language: str
    file: str
    heading: str
    line: int
    text: str


def blocks(page: Path) -> Iterator[Block]:
    heading, fence, start = "", "", 0
    lines = page.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines):
        if not fence and line.startswith("```"):
            fence, start = line, number + 1
        elif fence and line == "```":
            language, _, file = fence.removeprefix("```").partition(" ")
            yield Block(language, file, heading, start, "\n".join(lines[start:number]) + "\n")
            fence = ""
        elif not fence and line.startswith("#"):
            heading = line.lstrip("# ")


BLOCKS = [block for page in (GUIDE, REFERENCE) for block in blocks(page)]
EXAMPLES = [block for block in BLOCKS if block.language == "yaml" and not block.file]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a utility, as an installation leaves it; we stand in it."""
    (tmp_path / "profiles" / "envelopes").mkdir(parents=True)
    for name in ("gateway.yaml", "devices.yaml"):
        (tmp_path / name).write_bytes((ROOT / "deploy" / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(block: Block, site: Path) -> None:
    """Write a file of the guide."""
    (site / block.file).write_text(block.text, encoding="utf-8")


def make_all(site: Path) -> None:
    for block in BLOCKS:
        if block.file:
            make(block, site)


# The ten minutes.


def commands(block: Block) -> Iterator[tuple[str, str]]:
    """Each command of a console block, and what the guide shows of its output."""
    if block.language != "console":
        return
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def is_shown(shown: str, printed: str) -> bool:
    """Tell if the guide shows what was printed; a line of three points stands for any lines."""
    pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + "\n" for line in shown.splitlines())
    return re.fullmatch(pattern, printed) is not None


def test_who_goes_through_the_guide_sees_what_it_shows(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: NOW_MS * 1_000_000)
    ran = []
    for block in BLOCKS:
        if block.file:
            make(block, site)
        for command, shown in commands(block):
            program, *arguments = shlex.split(command)
            assert program == "gateway", f"line {block.line}: {command}"
            status = main(arguments)
            printed = capsys.readouterr().out.replace(f"{site}/", "").rstrip("\n") + "\n"
            assert is_shown(shown, printed), f"line {block.line}: {command} prints\n{printed}"
            assert status == int("\nreject " in printed), f"line {block.line}: {command}"
            ran.append(arguments[0])
    assert set(ran) == {"decode", "check", "devices", "profiles"}


def test_the_first_profile_is_short_and_an_editor_accepts_it() -> None:
    (text,) = [block.text for block in BLOCKS if block.file == "profiles/acme-aq4.yaml"]
    before_tests, _, _ = text.partition("tests:\n")
    assert len(before_tests.splitlines()) <= 15
    schema = json.loads((ROOT / "schemas" / "json" / "profile.json").read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.real
def test_after_a_reload_the_readings_stand_in_influxdb(site: Path, mosquitto: Service, influxdb: Service) -> None:
    """The profile, its codec and the registry come into the folder of a running gateway; then the guide's message is sent."""
    make_all(site)
    folder = site / "running"
    message = json.loads((site / "up.json").read_text(encoding="utf-8"))
    message["time"] = (datetime.now(UTC) - timedelta(seconds=1)).isoformat(timespec="seconds")
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        (site / "profiles").rename(folder / "profiles")
        (site / "devices.yaml").rename(folder / "devices.yaml")
        gate.send_signal(signal.SIGHUP)
        until(lambda: gate.said("is active: 1 devices"))
        publish_all(client, [(UPLINK, json.dumps(message).encode())])
        until(lambda: gate.ledger()["written"] == 2)
    (asked,) = re.findall(r'"q=(SELECT .*)"', GUIDE.read_text(encoding="utf-8"))
    (row,) = query(influxdb.url, "iot", asked)
    assert row["volume_m3"] == 123.456
    assert row["quality"] == 0


# The language: examples. What a message becomes stands behind it, in a comment: # MESSAGE → RESULT


def profile_of(example: str) -> dict[str, Any]:
    """The whole profile of an example, which leaves out what is the same in all of them."""
    written: dict[str, Any] = yaml.safe_load(example)
    if not written.keys() & {"fields", "each", "map", *Profile.model_fields}:
        written = {"fields": written}
    if written.keys() & {"fields", "each", "map"}:
        own = {key: written.pop(key) for key in list(written) if key in PointSpec.model_fields}
        written["points"] = [{"measurement": measurement_of(json.dumps(own)), **own}]
    radio = written.keys() & {"codec", "models"}
    return {
        "profile": "example",
        "match": {"envelope": "lorawan"} if radio else {"topic": "x/{device}/up"},
        "points": [{"measurement": "water", "fields": {"volume_m3": "/v"}}],
        "tests": [{"topic": "x/m1/up", "payload": {}, "expect": "ignored"}],
        **written,
    }


def written_in(block: Block) -> dict[str, Any]:
    """Return the document written in an example."""
    written: dict[str, Any] = yaml.safe_load(block.text)
    return written


def measurement_of(text: str) -> str:
    found = {word for domain, fields in QUANTITIES.items() for word in fields if f'"{word}"' in text}
    return next(domain for domain, fields in QUANTITIES.items() if found & fields.keys())


def row_of(text: str, number: int) -> dict[str, Any]:
    """``[retained] [TOPIC] PAYLOAD``; the payload as it stands, or ``hex BYTES``, or ``frame PORT BYTES`` by ChirpStack."""
    row: dict[str, Any] = {
        "topic": "x/m1/up",
        "arrival_ms": NOW_MS + number * MINUTE_MS,
        "retain": text.startswith("retained "),
    }
    text = text.removeprefix("retained ")
    if match := re.match(r"([\w.-]+(?:/[^ /]+)+) ", text):
        row["topic"], text = match[1], text[match.end() :]
    if match := re.fullmatch(r"frame (\d+) ([0-9a-f]+)", text):
        frame = {"fPort": int(match[1]), "data": b64encode(bytes.fromhex(match[2])).decode(), "fCnt": number}
        return row | {"topic": UPLINK, "payload": {"deviceInfo": {"devEui": "0011223344556677"}, **frame}}
    if text.startswith("hex "):
        return row | {"payload_hex": text.removeprefix("hex ")}
    return row | {"payload": text}


def told(result: Mapping[str, Any]) -> str:
    """A result of ``gateway decode --json`` in a few words."""
    parts = [told_point(point) for point in result["points"]]
    parts += [f"dropped {drop['cause']}" for drop in result["dropped"]]
    parts += [f"ignored {result['ignored']}"] if result["ignored"] else []
    parts += [f"reject {result['reject']['reason']}"] if result["reject"] else []
    parts += ["duplicate"] * bool(result["duplicates"])
    parts += [f"waits for {result['waits']['for']}"] if "waits" in result else []
    return ", ".join(parts)


def told_point(point: Mapping[str, Any]) -> str:
    """The fields; tags, device, quality and time where they are not the usual ones."""
    quality = point["fields"].pop("quality")
    tags = {key: text for key, text in point["tags"].items() if text not in {"m1", "0011223344556677"}}
    stamped = quality & Quality.GATEWAY_TIME
    time_s = datetime.fromtimestamp(point["time_ms"] / 1000, UTC)
    parts = [
        f"{name} {json.dumps(int(v) if isinstance(v, float) and v.is_integer() else v)}" for name, v in point["fields"].items()
    ]
    parts += [f"{name}={text}" for name, text in tags.items()]
    parts += [] if stamped else [f"at {time_s:%Y-%m-%dT%H:%M:%SZ}"]
    parts += [f"quality {quality & ~Quality.GATEWAY_TIME}"] if quality & ~Quality.GATEWAY_TIME else []
    return " ".join(parts)


@pytest.mark.parametrize("block", [pytest.param(block, id=f"line {block.line}, {block.heading}") for block in EXAMPLES])
def test_an_example_does_what_it_says(block: Block, site: Path) -> None:
    make_all(site)
    comments = [line.removeprefix("# ") for line in block.text.splitlines() if line.startswith("# ")]
    params = [yaml.safe_load(line)["params"] for line in comments if line.startswith("params: ")]
    (site / "devices.yaml").write_text(json.dumps({"devices": [{"id": "m1", "params": params[0]}] if params else []}))
    (site / "profiles" / "example.yaml").write_text(json.dumps(profile_of(block.text)))
    pairs = [line.split(" → ") for line in comments if " → " in line]
    rows = "".join(json.dumps(row_of(sent, number)) + "\n" for number, (sent, _) in enumerate(pairs))
    (site / "rows.jsonl").write_text(rows, encoding="utf-8")
    done = run_gateway("decode", "--profile", "profiles/example.yaml", "--jsonl", "--json", "rows.jsonl")
    found = [told(json.loads(line)) for line in done.stdout.splitlines()] or [done.stderr]
    if "tests" in written_in(block):
        checked = run_gateway("check")
        assert "tests:" not in checked.stderr or "# refused" in block.text, checked.stderr
    refused = [line.removeprefix("refused: ") for line in comments if line.startswith("refused: ")]
    if refused:
        assert refused[0] in done.stderr
    else:
        assert pairs
        assert found == [becomes for _, becomes in pairs]


# What the guide says of the rest.


def test_the_reference_names_every_key_of_the_language() -> None:
    text = REFERENCE.read_text(encoding="utf-8")
    models = json.loads((ROOT / "schemas" / "json" / "profile.json").read_text(encoding="utf-8"))
    keys = {key for model in [models, *models["$defs"].values()] for key in model.get("properties", {})}
    unnamed = {key for key in keys if not re.search(rf"`[^`\n]*\b{key}\b[^`\n]*`", text)}
    assert unnamed == set(), "gateway/profiles/REFERENCE.md explains each key of the language, with an example"


def test_the_guide_tells_every_bit_of_the_quality() -> None:
    rows = re.findall(r"^\| (\d+) \| \w", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(map(int, rows)) == sorted(bit for name, bit in vars(Quality).items() if name.isupper())


def test_the_reference_and_the_table_of_quantities_tell_every_class_of_vehicles() -> None:
    for file in (REFERENCE, ROOT / "schemas" / "quantities.md"):
        text = file.read_text(encoding="utf-8")
        assert [name for name in VEHICLE_CLASSES if f"`{name}`" not in text] == [], file


def test_the_guide_tells_every_reason_that_a_profile_can_fix() -> None:
    table = GUIDE.read_text(encoding="utf-8").partition("# When it does not fit")[2].partition("\n# ")[0]
    others = {"too_large", "no_birth", "influxdb_rejected", "internal_error"}
    untold = [reason.value for reason in RejectReason if f"`{reason.value}`" not in table and reason.value not in others]
    assert untold == [], "gateway/profiles/README.md says under 'When it does not fit' what to do"


# Bridges, with a stand-in for mosquitto_pub that writes down what it is given.


@pytest.fixture
def published(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Record the arguments and the standard input of each ``mosquitto_pub``; refuse a topic with ``broken`` in it."""
    programs, record = site / "programs", site / "published.jsonl"
    programs.mkdir()
    (programs / "mosquitto_pub").write_text(
        f"""#!{sys.executable}
import json, sys
with open({str(record)!r}, "a") as out:
    out.write(json.dumps([sys.argv[1:], sys.stdin.read()]) + "\\n")
sys.exit(any("broken" in word for word in sys.argv))
"""
    )
    (programs / "mosquitto_pub").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return record


def rows_of(record: Path) -> list[Any]:
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def bridge(name: str) -> str:
    (block,) = [block for block in BLOCKS if block.file == name]
    return block.text


class Meter(BaseHTTPRequestHandler):
    """A device that is asked over HTTP."""

    def do_GET(self) -> None:
        """Tell how much flowed; other paths are an error page."""
        self.send_response(200 if self.path == "/status" else 500)
        self.end_headers()
        self.wfile.write(b'{"total": 5}' if self.path == "/status" else b"<html>no</html>")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@pytest.mark.parametrize(("path", "sent"), [("/status", ['{"total": 5}']), ("/broken", [])])
def test_a_device_that_is_asked_over_http_comes_in_by_one_line_of_cron(published: Path, path: str, sent: list[str]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Meter) as meter:
        Thread(target=meter.serve_forever, daemon=True).start()
        line = bridge("bridge.sh").replace("192.0.2.7/status", f"127.0.0.1:{meter.server_port}{path}")
        subprocess.run(["sh", "-c", line], stdin=subprocess.DEVNULL, check=False)
        meter.shutdown()
    begin = ["-h", "127.0.0.1", "-q", "1", "-t", "bridge/meter-7/status", "-m"]
    assert [arguments for arguments, _ in rows_of(published)] == [[*begin, answer] for answer in sent]


def test_a_device_that_posts_comes_in_by_the_bridge_and_hears_when_the_broker_is_away(published: Path, site: Path) -> None:
    port = free_port()
    script = site / "own_bridge.py"
    script.write_text(bridge("bridge.py").replace('"0.0.0.0", 8088', f'"127.0.0.1", {port}'))
    with subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL) as process:
        until(lambda: post(port, "/meter-8/status", "{}") is not None, what="the bridge listens")
        answers = [post(port, path, '{"v": 7}') for path in ("/meter-8/status", "/broken")]
        process.terminate()
    assert answers == [204, 503]
    arguments, body = rows_of(published)[-2]
    assert (arguments[-2:], body) == (["-t", "bridge/meter-8/status"], '{"v": 7}')


def post(port: int, path: str, body: str) -> int | None:
    try:
        with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
            connection.request("POST", path, body)
            return connection.getresponse().status
    except OSError:
        return None


# The table of what is shipped.


def test_the_table_tells_of_every_shipped_profile_how_its_messages_are_found_and_what_the_registry_must_say() -> None:
    page = (SHIPPED / "SHIPPED.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z0-9-]+)` \| .* \| (.*) \| (.*) ?\|$", page, re.MULTILINE)
    shipped = load_profiles(None).profiles
    assert [name for name, *_ in rows] == sorted(shipped), "SHIPPED.md has a row for each shipped profile, in their order"
    for told in (ROOT / "README.md", ROOT / "docs" / "pictures" / "system.svg"):
        said = re.search(rf"[ >]{len(shipped)} are shipped", told.read_text(encoding="utf-8"))
        assert said, f"{told.name} says how many profiles are shipped: {len(shipped)}"
    for name, found_by, params in rows:
        file = shipped[name]
        topics, models = file.model.match.topic, file.model.models
        named = set(re.findall(r"`([^`]+)`", found_by))
        assert named == set(topics) if topics else named and named <= set(models), name
        assert set(re.findall(r"\*\*`(\w+)`\*\*", params)) == file.compiled.required_params, name
        source = file.path.read_text() + (file.codec.read_text() if file.codec else "")
        assert all(param in source for param in re.findall(r"`(\w+)`", params)), name
