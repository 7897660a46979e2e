"""The page that a technician at a meter opens on a phone: is the device heard, what did it send, what became of it."""

import json
import signal
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish, wait_settled
from tests.system.makes import PORT, Frame, profile
from tests.system.rig import Document, Gateway, gateway
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/site/water/{}/readings"
EUI = "24e124126a148401"
ENDLESS = "function decodeUplink(input) { if (input.bytes[0] === 1) for (;;) {} return {data: {pressure: 312}}; }"
HOSTILE = "</script><img src=x onerror=alert(1)>"
DEVICES = [
    {"id": "m1", "site": "s1", "domain": "water", "serial": "00012074", "interval": "15min", "area": "x1", "params": {"a": 1}},
    {"id": EUI, "site": "s2", "profile": "pressure"},
    {"id": "never", "site": "s3", "model": "EM500-PP"},
]


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that knows three devices and lets no other in."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    profile(folder, "pressure", ENDLESS)
    known = {"areas": {"x1": "Phường Mường Thanh"}, "devices": DEVICES}
    (folder / "devices.yaml").write_text(json.dumps(known))
    devices = {"unknown": "quarantine", "registry": "devices.yaml"}
    with gateway(folder, mosquitto.url, influxdb.url, devices=devices, profiles={"path": "profiles"}) as found:
        found.wait_subscribed()
        yield found


def device(gate: Gateway, name: str) -> Document:
    return gate.document(f"/api/devices/{quote(name)}")


def send(gate: Gateway, broker: Service, name: str, topic: str, payload: str | bytes) -> Document:
    """A device's page once its message has come, and is judged for good."""
    with client_of(broker) as client:
        publish(client, topic, payload)
    text = payload if isinstance(payload, str) else payload.decode()
    until(lambda: (device(gate, name)["last_message"] or {}).get("payload") == text, what=f"{name} is heard")
    until(lambda: not any(gate.ledger()["pending"].values()), what="settled")
    return device(gate, name)


def frame(data: bytes) -> tuple[str, bytes]:
    """Return a frame of the pressure meter as the network server publishes it."""
    sent = Frame(EUI, 7, time.time_ns() // 1_000_000, 312, PORT)
    return sent.topic, sent.payload(data)


def test_a_native_device_shows_its_entry_its_message_and_what_became_of_it(site: Gateway, mosquitto: Service) -> None:
    now_ms = time.time_ns() // 1_000_000
    sent = {"ts": now_ms, "seq": 3, "volume_m3": 12.5, "flow_m3_h": 1.5, "ph": 99, HOSTILE: 1}
    send(site, mosquitto, "m1", TOPIC.format("m1"), json.dumps(sent | {"ts": now_ms - 1000, "seq": 1}))
    found = send(site, mosquitto, "m1", TOPIC.format("m1"), json.dumps(sent))
    entry = {key: found[key] for key in ("registered", "site", "domain", "area", "area_name", "serial", "interval_s", "params")}
    assert entry == {
        "registered": True,
        "site": "s1",
        "domain": "water",
        "area": "x1",
        "area_name": "Phường Mường Thanh",
        "serial": "00012074",
        "interval_s": 900,
        "params": {"a": 1},
    }
    assert (found["online"], found["state"], found["seq_missing"]) == (True, "online", 1)
    assert 0 <= found["now"] - found["last_seen"] < 10_000
    assert json.loads(found["last_message"]["payload"]) == sent
    assert found["last_message"]["topic"] == TOPIC.format("m1")
    (point,) = found["result"]["points"]
    assert point["fields"] == {"volume_m3": 12.5, "flow_m3_h": 1.5, "quality": 2, "seq": 3}
    causes = {"ph": "out_of_bounds", HOSTILE: "unknown_key"}
    assert {drop["path"]: drop["cause"] for drop in found["result"]["dropped"]} == causes
    assert {"what": "profile", "value": "native"} in found["steps"]
    (counter,) = found["counters"]
    assert counter.pop("sum") in {None, 12.5}, "InfluxDB is asked meanwhile if it knows one"
    assert counter == {"name": "volume_m3", "value": 12.5, "time_ms": now_ms, "doubt": None}


def test_what_a_codec_gave_is_shown_step_by_step(site: Gateway, mosquitto: Service) -> None:
    send(site, mosquitto, EUI, *frame(b"\0"))
    for writing in (EUI, EUI.upper(), "-".join(EUI[at : at + 2] for at in range(0, 16, 2))):
        found = device(site, writing)
        assert found["id"] == EUI
        assert found["result"]["profile"] == "pressure"
        assert found["result"]["points"][0]["fields"]["pressure_kpa"] == 312
        told = {step["what"] for step in found["steps"]}
        assert {"envelope", "profile", "codec", "step", "point"} <= told


def test_to_look_at_a_frame_that_hangs_its_codec_suspends_it_for_nobody(site: Gateway, mosquitto: Service) -> None:
    send(site, mosquitto, EUI, *frame(b"\1"))
    until(lambda: device(site, EUI)["rejects"], what="the reject is stored")
    for _ in range(5):
        found = device(site, EUI)
        assert found["result"]["reject"]["reason"] == found["rejects"][0]["reason"] == "profile_error"
        assert found["result"]["reject"]["detail"] == found["rejects"][0]["detail"]
    assert site.status()["codecs"]["suspended"] == {}
    assert send(site, mosquitto, EUI, *frame(b"\0"))["result"]["reject"] is None


def test_a_device_that_waits_is_offered_for_registration_and_then_comes_in(site: Gateway, mosquitto: Service) -> None:
    with client_of(mosquitto) as client:
        for flow in (1, 2):
            publish(client, TOPIC.format("m9"), json.dumps({"flow_m3_h": flow}))
    until(lambda: site.pending("quarantine") == 2)
    offered = site.document("/api/devices?search=M9")["offered"]
    assert [(one["id"], one["messages"]) for one in offered] == [("m9", 2)]
    found = device(site, "m9")
    assert (found["registered"], found["waiting"], found["online"]) == (False, 2, True)
    assert found["fate"] == "waiting", "its values are no good readings yet"
    assert found["result"]["points"][0]["fields"]["flow_m3_h"] == 2
    entry = found["registry_entry"]
    assert entry.startswith("  - id: m9\n    site: site\n    domain: water\n")
    (site.folder / "devices.yaml").write_text(f"devices:\n{entry}  - {{id: {EUI}, profile: pressure}}\n")
    site.send_signal(signal.SIGHUP)
    until(lambda: not site.pending("quarantine"))
    found = device(site, "m9")
    assert (found["registered"], found["waiting"], found["site"], found["domain"]) == (True, 0, "site", "water")
    assert found["fate"] == "taken"
    assert "registry_entry" not in found


def test_who_was_never_heard_and_who_nobody_knows(site: Gateway, mosquitto: Service) -> None:
    found = device(site, "never")
    assert (found["registered"], found["online"], found["last_seen"], found["last_message"]) == (True, False, None, None)
    status, body = site.ask("/api/devices/nobody")
    assert status == 404
    assert "never heard and is not registered" in json.loads(body)["error"]
    with client_of(mosquitto) as client:
        publish(client, "iot/v1/s1/water/m1/status", '{"state": "online"}')
        publish(client, TOPIC.format("m1"), '{"flow_m3_h": 1')
        publish(client, "iot/v1/s1/water/m1/status", '{"state": "offline"}')
    until(lambda: device(site, "m1")["rejects"] and device(site, "m1")["said_goodbye"], what="it has left")
    found = device(site, "m1")
    assert (found["online"], found["said_goodbye"]) == (False, True)
    assert found["result"]["reject"]["reason"] == found["rejects"][0]["reason"] == "bad_json"
    assert "payload_base64" not in found["rejects"][0]


def test_a_reset_register_is_shown_with_the_quality_that_it_has_in_influxdb(
    site: Gateway, mosquitto: Service, influxdb: Service
) -> None:
    for volume in (1000, 3):
        sent = {"ts": time.time_ns() // 1_000_000, "volume_m3": volume}
        found = send(site, mosquitto, "m1", TOPIC.format("m1"), json.dumps(sent))
    rows = query(influxdb.url, "iot", "SELECT quality FROM water ORDER BY time DESC")
    assert [row["quality"] for row in rows] == [4, 0]
    assert found["result"]["points"][0]["fields"]["quality"] == 4
    assert found["fate"] == "taken"


def test_a_device_whose_last_message_was_rejected_is_not_simply_heard(site: Gateway, mosquitto: Service) -> None:
    now_ms = time.time_ns() // 1_000_000
    send(site, mosquitto, "m1", TOPIC.format("m1"), json.dumps({"ts": now_ms, "flow_m3_h": 1}))
    found = send(site, mosquitto, "m1", TOPIC.format("m1"), json.dumps({"ts": now_ms, "flow_m3_h": 2}))
    assert (found["online"], found["fate"], found["result"]["reject"]["reason"]) == (True, "rejected", "time_conflict")


def test_devices_are_found_by_what_is_written_on_them(site: Gateway, mosquitto: Service) -> None:
    send(site, mosquitto, "m1", TOPIC.format("m1"), '{"flow_m3_h": 1}')

    def found(query: str) -> list[str]:
        return [one["id"] for one in site.document(f"/api/devices?{query}")["devices"]]

    assert sorted(found("search=")) == [EUI, "m1", "never"]
    assert found("search=2074") == found(f"search={quote('mường thanh')}") == found("search=M1") == ["m1"]
    assert found("search=em500+s3") == ["never"]
    assert found("state=online") == ["m1"]
    assert found("state=new") == [EUI, "never"]
    assert found("state=silent") == []
    assert found("search=nothing") == []
    assert len(site.document("/api/devices")["devices"]) >= 3, "without a search all of them, for programs"


def test_a_large_message_is_kept_from_the_first_look_on(gate: Gateway, mosquitto: Service) -> None:
    large = json.dumps([{"flow_m3_h": number} for number in range(300)])
    with client_of(mosquitto) as client:
        publish(client, TOPIC.format("m1"), large)
        wait_settled(gate, mosquitto)
        assert device(gate, "m1")["last_message"] is None
        publish(client, TOPIC.format("m1"), large)
        wait_settled(gate, mosquitto)
    assert device(gate, "m1")["result"]["points"][0]["fields"]["flow_m3_h"] == 0


def test_the_pages_speak_the_language_that_is_asked_for(gate: Gateway) -> None:
    for path in ("/devices", "/devices/m1"):
        assert '<html lang="vi">' in gate.ask(path)[1]
        assert '<html lang="en">' in gate.ask(f"{path}?language=en")[1]
        assert '<html lang="vi">' in gate.ask(f"{path}?language=xx")[1]
    assert 'href="/devices"' in gate.ask("/")[1]


def test_a_browser_without_the_token_is_asked_for_it_and_sent_on(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a very long secret\n")
    http = {"host": "0.0.0.0", "token_file": "../token"}  # noqa: S104 - this is what is tested
    with gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http=http) as gate:
        assert gate.ask("/api/devices/m1")[0] == gate.ask("/devices/m1")[0] == 401
        status, body, _ = browse(gate, "GET", "/devices/m1")
        assert status == 401
        assert 'action="/login"' in body
        assert browse(gate, "POST", "/login", "token=wrong&to=/devices/m1")[0] == 401
        status, _, location = browse(gate, "POST", "/login", "token=a+very+long+secret&to=%2Fdevices%2Fm1%3Flanguage%3Den")
        assert (status, location) == (303, "/devices/m1?language=en")
        for elsewhere in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
            assert browse(gate, "POST", "/login", f"token=a+very+long+secret&to={quote(elsewhere)}")[2] == "/"


def browse(gate: Gateway, method: str, path: str, form: str | None = None) -> tuple[int, str, str]:
    """Status, body and where to go on, as a browser sees them."""
    connection = HTTPConnection(gate.host, gate.port, timeout=10)
    headers = {"Accept": "text/html,*/*", "Content-Type": "application/x-www-form-urlencoded"}
    connection.request(method, path, form, headers)
    response = connection.getresponse()
    found = response.status, response.read().decode(), response.getheader("Location", "")
    connection.close()
    return found
