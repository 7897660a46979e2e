"""Alarms of a running gateway: raised by readings, kept over restarts, written to InfluxDB, shown and acknowledged."""

import itertools
import json
import signal
import time
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.alarming import active, alarm_gateway, history, leaking, points
from tests.system.door import Door, Reply
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.rig import Gateway
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

OWN = "iot/v1/q1/water/own/readings"


def test_an_alarm_is_raised_shown_acknowledged_and_ended(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: active(gate), what="the alarm is shown")
        (alarm,) = active(gate).values()
        about = {key: alarm[key] for key in ("id", "alarm", "severity", "device", "site", "area", "domain", "active", "value")}
        assert about == {
            "id": "leak@own",
            "alarm": "leak",
            "severity": "warning",
            "device": "own",
            "site": "q1",
            "area": "p1",
            "domain": "water",
            "active": True,
            "value": 1.0,
        }
        assert alarm["until_ms"] is None
        assert alarm["acknowledged"] is None
        assert {"vi", "en"} == alarm["text"].keys() == alarm["advice"].keys()
        assert 'gateway_alarms{severity="warning"} 1.0' in gate.ask("/metrics")[1]
        verdict = gate.status()["verdict"]
        assert (verdict["level"], verdict["findings"][0]["key"]) == ("attention", "alarms_active")
        done = gate.command("alarms", "ack", "leak@own", "--by", "Lan", "--note", "đang đến")
        assert (done.returncode, done.stdout) == (0, "leak@own: known to Lan\n")
        known = active(gate)["leak@own"]["acknowledged"]
        assert (known["by"], known["note"]) == ("Lan", "đang đến")
        publish(client, OWN, leaking(leaks=False))
        until(lambda: not active(gate), what="the alarm has ended")
        assert gate.status()["verdict"]["level"] == "good"
        until(lambda: len(points(influxdb)) == 3, what="each change stands in InfluxDB")
        raised, changed, cleared = points(influxdb)
        assert {key: raised[key] for key in ("alarm", "area", "device", "domain", "severity", "site")} == {
            key: alarm[key] for key in ("alarm", "area", "device", "domain", "severity", "site")
        }
        assert [row["active"] for row in (raised, changed, cleared)] == [True, True, False]
        assert [row["acknowledged"] for row in (raised, changed, cleared)] == [False, True, True]
        assert cleared["duration_s"] == pytest.approx((cleared["time"] - raised["since_ms"]) / 1000, abs=2)
        assert history(gate) == ["raised leak@own", "changed leak@own", "cleared leak@own"]
        assert wait_settled(gate, mosquitto)["received"] == 2, "points of alarms are outside the ledger"


def test_the_steps_of_a_meter_heard_for_the_first_time_reach_people_and_the_database(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """A reading each two seconds, and a kill between two that confirm a step."""
    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        times_ms = itertools.count(time.time_ns() // 1_000_000 - 60_000, 2000)

        def send(*registers: float) -> None:
            for register in registers:
                publish(client, OWN, json.dumps({"ts": next(times_ms), "volume_m3": register}))
            wait_settled(gate, mosquitto)

        send(1000.2, 1000.3, 5000.0, 1000.4, 1000.5, 5000.0, 5000.1)
        assert active(gate) == {}, "one wrong value, and a step that is not confirmed yet"
        gate.kill_at_rest()
        gate.start()
        gate.wait_ready()
        gate.wait_subscribed()
        send(5000.2)
        until(lambda: active(gate), what="the alarm is shown")
        (alarm,) = active(gate).values()
        assert (alarm["id"], alarm["severity"], alarm["site"], alarm["area"]) == ("counter_step@own", "warning", "q1", "p1")
        assert "gateway devices exchange" in alarm["advice"]["en"]
        send(0.1, 0.2, 0.3, 400.0, 400.1, 400.2, 400.3)
        until(lambda: points(influxdb), what="it stands in InfluxDB")
        (point,) = points(influxdb)
        about = {key: point[key] for key in ("alarm", "device", "domain", "active", "since_ms")}
        assert about == {
            "alarm": "counter_step",
            "device": "own",
            "domain": "water",
            "active": True,
            "since_ms": alarm["since_ms"],
        }
        assert history(gate) == ["raised counter_step@own"], "the further steps are a part of it"


@pytest.mark.parametrize("how", ["terminated", "killed"])
def test_a_restart_doubles_no_alarm(mosquitto: Service, influxdb: Service, tmp_path: Path, how: str) -> None:
    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: points(influxdb), what="the alarm is told")
        (before,) = active(gate).values()
        if how == "killed":
            gate.kill_at_rest()
        else:
            assert gate.terminate() == 0
        gate.start()
        gate.wait_ready()
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        wait_settled(gate, mosquitto)
        assert list(active(gate).values()) == [before]
        publish(client, OWN, leaking(leaks=False))
        until(lambda: history(gate)[1:], what="its end is on disk")
        assert history(gate) == ["raised leak@own", "cleared leak@own"]
        until(lambda: len(points(influxdb)) >= 2, what="its end is told")
        assert [row["active"] for row in points(influxdb)] == [True, False]


def test_alarms_hold_while_influxdb_is_away_and_come_in_once(mosquitto: Service, door: Door, tmp_path: Path) -> None:
    with alarm_gateway(tmp_path / "gateway", mosquitto, door.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        until(lambda: gate.status()["influxdb"]["up"], what="InfluxDB is there")
        door.always(Reply(503))
        publish(client, OWN, leaking())
        until(lambda: active(gate), what="the alarm is shown")
        publish(client, OWN, leaking(leaks=False))
        until(lambda: history(gate)[1:], what="its end is on disk")
        until(lambda: gate.pending("journal") == 2, what="the readings wait, and nothing else")
        gate.kill_at_rest()
        gate.start()
        gate.wait_ready()
        assert history(gate) == ["raised leak@own", "cleared leak@own"]
        assert gate.pending("journal") == 2
        door.always(Reply(204))
        del door.writes[:]
        until(lambda: not gate.pending("journal"), what="the readings are written")
        until(lambda: "alarm,alarm=leak" in "".join(door.writes), what="the changes are written")
        told = [line for write in door.writes for line in write.splitlines() if line.startswith("alarm,")]
        assert ["active=True" in line for line in told] == [True, False], "once each, in order"


def test_a_reload_takes_other_rules_and_a_faulty_file_leaves_the_old_ones(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        rules = gate.config.with_name("alarms.yaml")
        publish(client, OWN, leaking())
        until(lambda: active(gate), what="the alarm is shown")
        rules.write_text("switched_off: [leek]")
        gate.send_signal(signal.SIGHUP)
        until(lambda: "there is no shipped rule leek" in gate.troubles(), what="the fault is said")
        assert active(gate)
        rules.write_text("rules: [{name: leak, severity: critical}]")
        gate.send_signal(signal.SIGHUP)
        until(lambda: active(gate)["leak@own"]["severity"] == "critical", what="it goes on under its new severity")
        assert gate.status()["verdict"]["findings"][0]["key"] == "alarms_critical"
        rules.write_text("switched_off: [leak]")
        gate.send_signal(signal.SIGHUP)
        until(lambda: not active(gate), what="without its rule it ends")
        until(lambda: len(points(influxdb)) == 4, what="all is told")
        assert [(row["severity"], row["active"]) for row in points(influxdb)] == [
            ("warning", True),
            ("warning", False),
            ("critical", True),
            ("critical", False),
        ]


def test_who_does_not_run_is_asked_and_commanded_on_its_files(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    gate = alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url)
    assert gate.command("alarms", "list").returncode == 2, "no gateway has run here yet"
    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: history(gate), what="the alarm is on disk")
        running = [gate.command("alarms", action, "--json").stdout for action in ("list", "history", "rules")]
        assert gate.terminate() == 0
        assert [gate.command("alarms", action, "--json").stdout for action in ("list", "history", "rules")] == running
        assert gate.command("alarms", "ack", "leak@own", "--by", "Lan").returncode == 0
        assert "known to Lan" in gate.command("alarms", "list").stdout
        assert (
            gate.command("alarms", "silence", "--site", "q1", "--until", "2h", "--by", "Lan", "--note", "pump").returncode == 0
        )
        gate.start()
        gate.wait_ready()
        (alarm,) = active(gate).values()
        assert (alarm["acknowledged"]["by"], alarm["silenced"]) == ("Lan", True)
        assert gate.status()["verdict"]["level"] == "good", "planned work is no trouble"
        assert 'gateway_alarms{severity="warning"} 0.0' in gate.ask("/metrics")[1]
        assert "pump" in gate.command("alarms", "silences").stdout
        assert gate.command("alarms", "unsilence", "1").returncode == 0
        assert gate.command("alarms", "silences").stdout == "no work is planned\n"
        assert active(gate)["leak@own"]["silenced"] is False
        until(lambda: len(points(influxdb)) == 2, what="the acknowledgement of a gateway that did not run is told too")


def test_faulty_commands_say_what_to_write_to_a_gateway_that_runs_and_to_one_that_does_not(gate: Gateway) -> None:
    by, note = ("--by", "Lan"), ("--note", "pump")
    cases = {
        ("ack", "leak@none", *by): "no alarm 'leak@none' is active",
        ("ack", "leak@none", "--by", " "): "--by: name the person",
        (
            "silence",
            "--everywhere",
            "--yes",
            "--until",
            "soon",
            *by,
            *note,
        ): "--until: 'soon' is not a time; write for example 2h",
        ("silence", "--everywhere", "--yes", "--until", "2020-01-01", *by, *note): "--until: 2020-01-01 is over",
        ("silence", "--everywhere", "--yes", "--until", "4000d", *by, *note): "--until: name a time of the coming year",
        ("silence", "--everywhere", "--yes", "--until", "2h", *by, "--note", " "): "--note: say what is done",
        ("unsilence", "7"): "no planned work 7 goes on",
    }
    for running in (True, False):
        if not running:
            gate.terminate()
        for words, said in cases.items():
            done = gate.command("alarms", *words)
            assert (done.returncode, done.stdout) == (2, ""), (running, done)
            assert said in done.stderr, (running, done)


def test_a_faulty_request_is_refused_with_its_reason(gate: Gateway) -> None:
    later = gate.status()["now"] + 3_600_000
    for query, said in {
        "by=x&note=y&until_ms=9": "until_ms: name a time of the coming year",
        "by=x&note=y&until_ms=soon": "'soon' is not a number",
        f"by=x&until_ms={later}": "note: say what is done",
        f"note=y&until_ms={later}": "by: name the person",
        f"by=x&until_ms={later}&note={'y' * 1001}": "note: at most 1000 letters",
    }.items():
        status, body = gate.ask(f"/api/silences?{query}", "POST", token=gate.token())
        assert (status, said in body) == (400, True), (query, body)


def test_only_who_shows_the_token_acknowledges_and_plans(gate: Gateway) -> None:
    for path in ("/api/alarms/leak@own/acknowledge?by=x", "/api/silences?by=x&note=y&until_ms=9", "/api/silences/1/end"):
        assert gate.ask(path, "POST")[0] == 401
    browser = Browser(gate)
    browser.log_in(gate.token())
    assert browser.ask("POST", "/api/alarms/leak@own/acknowledge?by=x").status == 404, "it may, and there is none"
