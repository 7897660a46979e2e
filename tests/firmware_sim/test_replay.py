"""``firmware-sim replay``: a recorded day is published again, as it was and at its pace."""

import json
import time
from pathlib import Path

import pytest

from firmware_sim.cli import main
from firmware_sim.replay import BadRecording, recorded
from gateway.commands.demo.services import Service
from tests.firmware_sim.listener import listening
from tests.waiting import until

ROWS = [
    {
        "topic": "iot/v1/s/water/a/readings",
        "payload": {"seq": 7, "volume_m3": 1.5},
        "arrival_ms": 1_793_491_200_250,
    },
    {"topic": "tele/plug/SENSOR", "payload": "{not json", "arrival_ms": 1_793_491_200_750, "retain": True},
    {"topic": "any/hex", "payload_hex": "00ff10", "arrival_ms": 1_793_491_204_250},
    {"topic": "any/base64", "payload_base64": "/wA="},
]
SENT = [
    ("iot/v1/s/water/a/readings", b'{"seq":7,"volume_m3":1.5}'),
    ("tele/plug/SENSOR", b"{not json"),
    ("any/hex", b"\x00\xff\x10"),
    ("any/base64", b"\xff\x00"),
]


def _recording(folder: Path) -> Path:
    path = folder / "day.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.mark.real
def test_a_recorded_day_is_published_again_in_its_order_and_at_its_pace(mosquitto: Service, tmp_path: Path) -> None:
    began_s = time.monotonic()
    with listening(mosquitto.host, mosquitto.port, "#") as listener:
        assert main(["replay", str(_recording(tmp_path)), "--broker", mosquitto.url, "--speed", "4"]) == 0
        until(lambda: len(listener.messages) == len(ROWS), what="all are published")
    assert time.monotonic() - began_s >= 1.0
    assert listener.messages == SENT
    with listening(mosquitto.host, mosquitto.port, "tele/#") as later:
        until(lambda: later.messages == [SENT[1]], what="what was retained is retained")


@pytest.mark.real
def test_as_fast_as_the_broker_takes_it(mosquitto: Service, tmp_path: Path) -> None:
    with listening(mosquitto.host, mosquitto.port, "any/#") as listener:
        assert main(["replay", str(_recording(tmp_path)), "--broker", mosquitto.url, "--speed", "0"]) == 0
        until(lambda: len(listener.messages) == 2, what="all are published")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1]", "no row of a recording"),
        ('{"payload": 1}', "topic is missing"),
        ('{"topic": "a/b"}', "payload is missing"),
        ('{"topic": "a/#", "payload": 1}', "'a/#' is not a topic"),
        ('{"topic": "a", "payload_hex": "0g"}', "non-hexadecimal"),
        ('{"topic": "a", "payload_base64": "?"}', "no row of a recording"),
        ('{"topic": "a", "payload": 1, "arrival_ms": 1.5}', "arrival_ms is a whole number"),
        ("{", "no row of a recording"),
    ],
)
def test_a_line_that_is_no_row_is_told_with_its_number(line: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "day.jsonl"
    path.write_text(f"{json.dumps(ROWS[0])}\n\n{line}\n")
    with pytest.raises(BadRecording, match=f"day.jsonl:3: .*{told}"):
        list(recorded(path))


def test_a_file_that_is_missing_is_told_whether_the_broker_is_there_or_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(tmp_path / "none"), "--broker", "mqtt://127.0.0.1:1"]) == 2
    assert f"{tmp_path / 'none'}: No such file" in capsys.readouterr().err
