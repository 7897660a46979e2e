"""SIGHUP loads changed files without a restart; faulty ones are not loaded, and are reported."""

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from paho.mqtt.client import Client

from gateway.commands.demo.services import Service, free_port
from tests.influx import query
from tests.system.fleet import client_of, publish, publish_all, wait_settled
from tests.system.makes import Frame, Sender, assert_each_frame_stands, profile, registry
from tests.system.rig import Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

ACME = """
profile: acme-flow
match: {topic: "acme/{device}/data"}
time: [{path: /at, format: unix_s}, arrival]
retained: drop_unless_timestamped
points:
  - measurement: water
    fields:
      volume_m3: {path: /litres, unit: L}
      flow_m3_h: {path: /flow, unit: L/min}
      temperature_c: {path: /temp, scale: 0.1}
status: [{topic: "acme/{device}/state", text: {up: online, down: offline}}]
tests:
  - topic: acme/m1/data
    payload: {at: 1788422400, litres: 1500, flow: 30, temp: 215}
    expect:
      - measurement: water
        device: m1
        time: "2026-09-03T08:00:00Z"
        fields: {volume_m3: 1.5, flow_m3_h: 1.8, temperature_c: 21.5}
"""
CHECKED = "the old registry and profiles stay active"


def drop_in(gate: Gateway, text: str = ACME) -> None:
    """A profile is put into the folder, its device into the registry, and the gateway is told."""
    (gate.folder / "profiles").mkdir(exist_ok=True)
    (gate.folder / "profiles" / "acme.yaml").write_text(text)
    registry(gate.folder, [{"id": "m1", "profile": "acme-flow", "site": "q1"}])
    reload(gate)


def reload(gate: Gateway) -> None:
    """SIGHUP; returns when it was accepted or refused."""
    before = gate.said("registry is active") + gate.said(CHECKED)
    gate.send_signal(signal.SIGHUP)
    until(lambda: gate.said("registry is active") + gate.said(CHECKED) > before, what="it was read")


def reading(number: int) -> tuple[str, str]:
    values = {"at": int(time.time()) - 600 + number, "litres": 1500 + number, "flow": 30, "temp": 215}
    return "acme/m1/data", json.dumps(values)


def other(client: Client, gate: Gateway, device: str = "native") -> None:
    """A native reading that has arrived when this returns: what was published before it has, too."""
    before = gate.status()["written"].get("water", 0)
    publish(client, f"iot/v1/site/water/{device}/readings", '{"flow_m3_h": 1}')
    until(lambda: gate.status()["written"].get("water", 0) > before, what="the native reading arrived")


def test_a_new_make_is_read_without_a_restart(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    with client_of(mosquitto) as client:
        publish(client, *reading(0))  # nobody hears it
        pid = gate.pid
        drop_in(gate)
        until(lambda: "subscribed to 4 topic filters" in gate.printed())
        sent = [reading(number) for number in range(1, 51)]
        publish_all(client, sent)
        ledger = wait_settled(gate, mosquitto)
        assert (gate.pid, ledger["received"], ledger["written"], gate.troubles()) == (pid, 50, 50, "")
    rows = query(influxdb.url, "iot", "SELECT * FROM water ORDER BY time")
    wanted = [json.loads(payload) for _, payload in sent]
    assert [(row["time"], row["volume_m3"]) for row in rows] == [
        (values["at"] * 1000, pytest.approx(values["litres"] / 1000)) for values in wanted
    ]
    assert {(row["device"], row["site"], row["flow_m3_h"], row["temperature_c"], row["quality"]) for row in rows} == {
        ("m1", "q1", 1.8, 21.5, 0)
    }


def test_a_profile_that_is_changed_reads_in_the_new_way_from_then_on(
    gate: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    drop_in(gate)
    with client_of(mosquitto) as client:
        publish(client, *reading(1))
        until(lambda: gate.ledger()["written"] == 1)
        drop_in(gate, ACME.replace("unit: L}", "unit: m3}").replace("volume_m3: 1.5,", "volume_m3: 1500,"))
        publish(client, *reading(2))
        until(lambda: gate.ledger()["written"] == 2)
    rows = query(influxdb.url, "iot", "SELECT volume_m3 FROM water ORDER BY time")
    assert [row["volume_m3"] for row in rows] == [1.501, 1502]


@pytest.mark.parametrize("away", [pytest.param(False, id="at-once"), pytest.param(True, id="broker-away-meanwhile")])
def test_topics_that_nobody_wants_any_more_are_given_up(gate: Gateway, mosquitto: Service, *, away: bool) -> None:
    drop_in(gate)
    with client_of(mosquitto) as client:
        publish(client, *reading(1))
        until(lambda: gate.ledger()["written"] == 1)
        if away:
            mosquitto.stop()
            until(lambda: "MQTT" in gate.troubles(), what="it sees that")
        (gate.folder / "profiles" / "acme.yaml").unlink()
        registry(gate.folder, [])
        reload(gate)
        reload(gate)  # the second must not forget what the first has to give up
        if away:
            mosquitto.start()
            mosquitto.wait_ready()
            until(lambda: gate.troubles() == "", 20.0, what="connected again")
            until(client.is_connected)
        other(client, gate)
        before = gate.status()["messages"]
        publish(client, *reading(2))
        publish(client, "acme/m1/state", "up")
        other(client, gate)
        assert gate.status()["messages"] == before + 1, "only the native reading"
        assert gate.status()["rejects"] == {}


def test_a_new_subscription_gets_what_is_retained(gate: Gateway, mosquitto: Service) -> None:
    with client_of(mosquitto) as client:
        publish(client, *reading(1), retain=True)
        publish(client, "acme/m1/state", "down", retain=True)
        drop_in(gate)
        until(lambda: gate.ledger()["written"] == 1, what="the retained reading, for it has a time")
        until(lambda: _online(gate) is False, what="the retained state")
        publish(client, "acme/m1/state", "up", retain=True)
        until(lambda: _online(gate) is True, what="the device is there")
        before = gate.status()["messages"]
        reload(gate)
        other(client, gate)
        assert gate.ledger()["written"] == 2, "data that is retained does not come again"
        assert gate.status()["messages"] <= before + 2, "a state may"


def _online(gate: Gateway) -> object:
    return {device["id"]: device["online"] for device in gate.document("/api/devices")["devices"]}.get("m1")


FAULTS = {
    "a profile": ("profiles/acme.yaml", ACME.replace("unit: L}", "unit: furlong}"), "unit"),
    "YAML": ("profiles/acme.yaml", ACME + "\n  broken: [", "acme.yaml"),
    "a profile without tests": ("profiles/acme.yaml", ACME.partition("tests:")[0], "tests"),
    "a codec": ("profiles/pressure.js", "function decodeUplink(input) { return {data: {", "pressure.js"),
    "a codec that loops while it loads": ("profiles/pressure.js", "for (;;);", "pressure.js"),
    "the registry": ("devices.yaml", "devices: [{id: m1, profile: nobody-made-it}]", "nobody-made-it"),
    "a parameter that a profile demands": ("devices.yaml", "devices: [{id: m2, model: EM300-DI}]", "params.pulse_weight"),
    "a registry of numbers": ("devices.yaml", "devices: [{id: 00012}]", "quote"),
}


def test_what_is_faulty_leaves_the_old_in_force_and_is_told(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    (gate.folder / "profiles").mkdir()
    profile(gate.folder, "pressure")
    drop_in(gate)
    with client_of(mosquitto) as client:
        for number, (name, (file, text, named)) in enumerate(FAULTS.items(), start=1):
            before = (gate.folder / file).read_text()
            (gate.folder / file).write_text(text)
            told = len(gate.printed())
            reload(gate)
            assert named in gate.printed()[told:].partition(CHECKED)[2], name
            assert named in gate.troubles(), name
            until(lambda named=named: named in gate.shown(), what=f"{name}: the page shows it")
            frame = Frame("24e124126a148401", number, time.time_ns() // 1_000_000, 312)
            publish_all(client, [reading(number), (frame.topic, frame.payload(frame.two_bytes))])
            until(lambda both=2 * number: gate.ledger()["written"] == both, what=f"{name}: both makes are read as before")
            (gate.folder / file).write_text(before)
            reload(gate)
            assert gate.troubles() == "", name
    found = [row["volume_m3"] for row in query(influxdb.url, "iot", "SELECT volume_m3 FROM water ORDER BY time")]
    assert found == [pytest.approx(1.5 + number / 1000) for number in range(1, len(FAULTS) + 1)]


def test_a_start_with_a_device_that_lacks_a_parameter_says_so_and_reads_the_others(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    """A power cut must not silence a province because one device was registered without its pulse weight."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    registry(folder, [{"id": "m2", "model": "EM300-DI"}])
    with gateway(folder, mosquitto.url, influxdb.url) as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        assert "devices.0.params.pulse_weight: is missing" in gate.troubles()
        assert "devices.0.params.pulse_weight: is missing" in gate.shown()
        assert "a device cannot be read in full" in gate.printed()
        other(client, gate)
        registry(folder, [{"id": "m2", "model": "EM300-DI", "params": {"pulse_weight": 10}}])
        reload(gate)
        assert gate.troubles() == ""


def test_what_comes_while_files_are_taken_in_force_is_read(gate: Gateway, mosquitto: Service, influxdb: Service) -> None:
    euis = [f"24e124126a14840{n}" for n in range(5)]
    profile(gate.folder, "pressure")
    reload(gate)
    with Sender(mosquitto, euis, rate=300) as sender:
        for turn in range(12):
            registry(gate.folder, [{"id": eui} for eui in euis[: turn % 6]])
            profile(gate.folder, "other", port=90 + turn)
            reload(gate)
    ledger = wait_settled(gate, mosquitto)
    assert (ledger["written"], ledger["rejected"], gate.troubles()) == (len(sender.sent), 0, "")
    assert_each_frame_stands(influxdb, sender.sent)


def _writer_of(pipe: Path) -> int:
    """A descriptor of a pipe, once somebody waits to read it."""
    found: list[int] = []

    def is_read() -> bool:
        with suppress(OSError):  # nobody does yet
            found.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return bool(found)

    until(is_read, what="somebody reads it")
    return found[0]


def test_a_reload_that_is_asked_for_during_a_start_ends_nothing_and_is_done_behind_it(tmp_path: Path) -> None:
    """The registry is a pipe, so the start stands still while it is read; meanwhile another file takes its place."""
    gate = gateway(tmp_path, f"mqtt://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}")
    pipe, written = tmp_path / "devices.yaml", tmp_path / "written.yaml"
    os.mkfifo(pipe)
    written.write_text("devices: [{id: m1, site: q1, domain: water}]\n")
    gate.start()
    try:
        writer = _writer_of(pipe)
        written.rename(pipe)
        gate.send_signal(signal.SIGHUP)
        os.write(writer, b"devices: []\n")
        os.close(writer)
        gate.wait_ready()
        until(lambda: gate.said("the registry is active: 1 devices"), what="the file is read again")
    finally:
        gate.kill()
