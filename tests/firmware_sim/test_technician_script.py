"""Playing without a screen: the lines of a script, plain options, exit statuses."""

import json
from pathlib import Path

import pytest

from firmware_sim.cli import main
from firmware_sim.technician.script import BadScript, ScriptStep, parse_script, script_of_options
from gateway.commands.demo.services import Service, free_port
from tests.firmware_sim.listener import listening
from tests.waiting import until

TOPIC = "iot/v1/test/water/sim-W-1/readings"


def test_a_script_is_a_time_and_what_happens_then() -> None:
    script = parse_script("# a leak\n0s set flow 1.2\n\n5s leak on\n+10s garbage  # later\n20s leak off\n1min end\n")
    assert script.steps == [
        ScriptStep(0, "flow", 1.2),
        ScriptStep(5_000, "leak", value=True),
        ScriptStep(15_000, "garbage"),
        ScriptStep(20_000, "leak", value=False),
    ]
    assert script.end_ms == 60_000


def test_a_script_without_an_end_ends_with_its_last_line() -> None:
    assert parse_script("1s send\n3s send").end_ms == 3_000


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("5 send", "line 2: 5 send: '5' is not a span of time"),
        ("0s send", "line 2: 0s send: 0s is before the line above"),
        ("5s set flow", "line 2: 5s set flow: write TIME set KNOB VALUE"),
        ("5s set flow much", "much is not a value to set"),
        ("5s set flow nan", "nan is not a value to set"),
        ("5s", "line 2: 5s: write TIME"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, fault: str) -> None:
    with pytest.raises(BadScript, match=fault):
        parse_script(f"1s send\n{line}")


def test_plain_options_are_a_script_at_the_begin() -> None:
    script = script_of_options(["flow=2"], ["leak"], ["garbage"], None, "60s")
    assert script.steps == [ScriptStep(0, "flow", 2.0), ScriptStep(0, "leak", value=True), ScriptStep(0, "garbage")]
    assert script.end_ms == 60_000
    with pytest.raises(BadScript, match="--send 0: 1 or more"):
        script_of_options([], [], [], 0, None)
    with pytest.raises(BadScript, match="both say when it ends"):
        script_of_options([], [], [], 1, "1s")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["watr", "--send", "1"], "there is no kind 'watr': water, water-meter"),
        (["water", "--send", "1", "--set", "load=1"], "sim-W-1 has no 'load'; it has flow, pressure"),
        (["water", "--send", "1", "--script", "x"], "leave out --set"),
        (["water", "--script", "/nowhere/x"], "--script /nowhere/x: No such file"),
        (["water", "--send", "1", "--broker", "http://h"], "--broker http://h: write mqtt://"),
        (["water", "--send", "1", "--gateway", "h:8080"], "--gateway h:8080: write http://HOST:8080"),
        (["water", "--send", "1", "--interval", "-1"], "--interval -1 is not between"),
        (["water", "--send", "1", "--from-qr", "mqtts://u:s3cret@h"], "--from-qr: mqtts:***@h: topic=''"),
        (["water"], "this is no terminal: give --script"),
    ],
)
def test_a_wrong_word_is_exit_status_2_and_a_sentence(words: list[str], fault: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", *words]) == 2
    err = capsys.readouterr().err
    assert fault in err
    assert err.count("\n") == 1


@pytest.mark.slow  # it gives a broker ten seconds
def test_a_broker_that_is_not_there_is_exit_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["device", "water", "--broker", f"mqtt://127.0.0.1:{free_port()}", "--send", "1"]) == 3
    assert "not reachable" in capsys.readouterr().out


@pytest.mark.real
def test_every_message_has_its_line_and_the_broker_every_message(
    mosquitto: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script"
    script.write_text(
        "0s set flow 1.2\n0s send\n300ms network on\n+0ms send\n+0ms send\n600ms network off\n800ms garbage\n1s end\n"
    )
    words = ["device", "water", "--interval", "0", "--language", "en", "--script", str(script), "--broker", mosquitto.url]
    with listening(mosquitto.host, mosquitto.port, "iot/v1/#") as listener:
        assert main(words) == 0
        until(lambda: len(listener.messages) >= 6)
    out = capsys.readouterr().out.splitlines()
    assert ["acknowledged after" in line for line in out] == [True, True, True, False]
    assert ["2 stored readings" in out[1], "garbage: cut short" in out[2]] == [True, True]
    assert out[-1] == "3 messages sent, 3 acknowledged by the broker, 0 still stored in the device"
    states = [payload for topic, payload in listener.messages if topic.endswith("/status")]
    assert [json.loads(state)["state"] for state in states] == ["online", "offline", "online", "offline"]  # the will, between
    first = json.loads(next(payload for topic, payload in listener.messages if topic == TOPIC))
    assert (first["seq"], first["flow_m3_h"]) == (0, 1.2)


@pytest.mark.real
def test_what_stays_in_the_device_is_exit_status_1(
    mosquitto: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "script"
    script.write_text("100ms send\n300ms network on\n+0ms send\n500ms end\n")
    words = ["device", "water", "--interval", "0", "--language", "vi", "--script", str(script), "--broker", mosquitto.url]
    assert main(words) == 1
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "1 bản tin đã gửi, 1 được máy chủ MQTT xác nhận, 1 còn lưu trong thiết bị"
