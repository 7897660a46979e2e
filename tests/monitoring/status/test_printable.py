"""Text from devices controls no terminal: topics, keys and properties are escaped in logs, lists, explanations and labels."""

import json
import logging
import sys
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.core.message import Refusal
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database
from gateway.monitoring.status.metrics import _counts
from gateway.support.logs import JsonFormatter, TextFormatter
from schemas.printable import printable
from schemas.rejects import RejectReason

STEERING = "\x1b]0;owned\x07\x9b2J\x7f\u202e\u2028"
TOPIC = f"plant/{STEERING}\n2026-11-25 19:00:00 INFO forged"


def is_clean(text: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in text)


def test_every_character_that_steers_is_escaped() -> None:
    assert printable("a\x1b\n\x7f\x9b\u202e\u2028\ud800") == "a\\u001b\\u000a\\u007f\\u009b\\u202e\\u2028\\ud800"
    assert printable("a\u00ad\u200b\u2060\U000e0041") == "a\\u00ad\\u200b\\u2060\\udb40\\udc41", "two names that look the same"
    assert printable("Huế, 5 °C\u00a0!") == "Huế, 5 °C\u00a0!"
    assert printable("a\n\tb\x1b", layout=True) == "a\n\tb\\u001b"


@pytest.mark.parametrize("formatter", [TextFormatter("%(asctime)s %(levelname)-7s %(message)s"), JsonFormatter()])
def test_a_log_record_is_one_line_in_which_nothing_steers(formatter: logging.Formatter) -> None:
    line = formatter.format(logging.LogRecord("gateway", logging.INFO, "", 0, "reject from %s", (TOPIC,), None))
    assert line.isprintable()
    if isinstance(formatter, JsonFormatter):
        assert json.loads(line)["text"] == f"reject from {TOPIC}"


def test_no_line_of_a_trace_looks_like_a_record() -> None:
    try:
        int(TOPIC)
    except ValueError:
        record = logging.LogRecord("gateway", logging.ERROR, "", 0, "a fault", (), sys.exc_info())
    first, *trace = TextFormatter("%(message)s").format(record).split("\n")
    assert first == "a fault"
    assert all(line.startswith("  ") and line.isprintable() for line in trace)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_decode_escapes_topic_keys_and_values(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]) -> None:
    payload = tmp_path / "payload.json"
    payload.write_text(r'{"\u001b[2J": 1, "volume_m3": 5, "lane": "\u009b\u202e"}')
    for topic in (TOPIC, "iot/v1/hue/water/m1/readings"):
        main(["decode", "-c", config(tmp_path), "--topic", topic, *form, str(payload)])
        said = capsys.readouterr()
        assert is_clean(said.out + said.err)
        assert not any(line.startswith("2026-11-25") for line in said.out.splitlines())


@pytest.mark.parametrize("form", [["list"], ["list", "--json"], ["show", "1"], ["export"]])
def test_lists_of_rejects_escape_topics_and_details(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    file = Database(tmp_path / "data" / "journal.db")
    file.open()
    refusal = Refusal(RejectReason.BAD_JSON, f"key {STEERING}", TOPIC, STEERING.encode(), "decode", 1000, "", "")
    file.run_here(rejects.add, [refusal], 2**20)
    file.close()
    assert main(["rejects", *form, "-c", config(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "owned" in out
    assert is_clean(out)
    assert not any(line.startswith("2026-11-25") for line in out.splitlines())


@pytest.mark.parametrize(
    "form",
    [["list"], ["list", "--json"], ["coverage"], ["coverage", "--json"], ["coverage", "--csv"]],
    ids=" ".join,
)
def test_lists_of_devices_escape_what_the_registry_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: list[str]
) -> None:
    escaped = json.dumps(f"owned{STEERING}\nm9 forged")
    device = f"{{id: m1, site: s1, domain: water, area: a1, model: {escaped}, serial: {escaped}}}"
    (tmp_path / "devices.yaml").write_text(f"areas: {{a1: {escaped}}}\ndevices: [{device}]\n")
    assert main(["devices", *form, "-c", config(tmp_path)]) == 0
    said = capsys.readouterr()
    assert "owned" in said.out
    assert is_clean(said.out + said.err)
    if "--csv" not in form:  # a cell may hold a line feed, between quotes
        assert not any(line.startswith("m9") for line in said.out.splitlines())


def test_an_import_escapes_what_a_spreadsheet_holds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tmp_path / "rows.csv"
    for row in (f"m1,owned{STEERING}", f"owned{STEERING},x"):
        rows.write_text(f"id,model\n{row}\n", encoding="utf-8", errors="surrogatepass")
        main(["devices", "import", str(rows), "-c", config(tmp_path)])
        said = capsys.readouterr()
        assert "owned" in said.out + said.err
        assert is_clean(said.out + said.err)


def test_a_fault_of_the_configuration_is_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gateway.yaml"
    path.write_text(r'{"mqtt": {"\u001b]0;owned\u0007": 1}}')
    assert main(["check", "-c", str(path)]) == 2
    assert is_clean(capsys.readouterr().err)


def test_a_label_of_a_metric_is_escaped() -> None:
    (sample,) = _counts("name", "text", "codec", {STEERING: 1}).samples
    assert sample.labels["codec"].isprintable()


def config(folder: Path) -> str:
    path = folder / "gateway.yaml"
    path.write_text("{}")
    return str(path)
