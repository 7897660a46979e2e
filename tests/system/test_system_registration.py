"""Devices are registered while the gateway runs: what waited comes in, and the file stays that of the people who keep it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.registering import REGISTRY, Village, village
from tests.system.rig import Document
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/xa-01/water/wm-7/readings"
NEW = {"id": "wm-7", "site": "xa-01", "domain": "water", "area": "A1", "parent": "main", "interval": "15min"}


@pytest.fixture
def here(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Iterator[Village]:
    with village(tmp_path / "gateway", mosquitto, influxdb) as found:
        yield found


def test_what_waited_for_a_device_comes_in_when_a_technician_registers_it(
    here: Village, mosquitto: Service, influxdb: Service
) -> None:
    with client_of(mosquitto) as meter:
        for seq in range(12):
            publish(meter, TOPIC, f'{{"seq": {seq}, "volume_m3": {100 + seq}}}')
    until(lambda: here.gate.pending("quarantine") == 12, what="it is unknown, so its readings wait")
    status, answer = here.lan.ask("POST", "/api/devices", NEW)
    assert (status, answer["device"], answer["waiting"]) == (200, "wm-7", 12)
    until(lambda: here.gate.ledger()["written"] == 12, what="all came in")
    rows = query(influxdb.url, "iot", "SELECT volume_m3, area, device FROM water")
    assert [(row["volume_m3"], row["area"], row["device"]) for row in rows] == [(100.0 + n, "A1", "wm-7") for n in range(12)]
    added = "  - id: wm-7\n    site: xa-01\n    domain: water\n    area: A1\n    parent: main\n    interval: 15min\n"
    assert here.registry == REGISTRY + added, "comments and order stay"
    entry = here.lan.audit()[0]
    assert (entry["name"], entry["action"], entry["subject"], entry["after"]) == (
        "lan",
        "device registered",
        {"device": "wm-7"},
        NEW,
    )


def test_a_device_is_edited_moved_and_retired_with_before_and_after_in_the_audit_log(here: Village) -> None:
    assert here.lan.ask("POST", "/api/devices", NEW)[0] == 200
    assert here.lan.ask("POST", "/api/devices/wm-7/edit", {"serial": "007"})[0] == 200
    assert here.lan.ask("POST", "/api/devices/wm-7/move", {"site": "xa-02", "parent": ""})[0] == 200
    assert here.lan.ask("POST", "/api/devices/wm-7/move", {"serial": "8"})[0] == 400, "that is no place"
    assert here.gate.document("/api/devices/wm-7")["site"] == "xa-02"
    assert here.lan.ask("POST", "/api/devices/wm-7/retire")[0] == 403
    assert here.binh.ask("POST", "/api/devices/wm-7/retire")[0] == 200
    assert here.registry == REGISTRY
    before = {**NEW, "serial": "007"}
    after = {key: value for key, value in before.items() if key != "parent"} | {"site": "xa-02"}
    retired, moved = here.lan.audit()[:2]
    assert (moved["action"], moved["before"], moved["after"]) == ("device moved", before, after)
    assert (retired["name"], retired["action"], retired["before"]) == ("binh", "device retired", after)
    assert "after" not in retired


def test_a_file_changed_meanwhile_is_refused_and_told_and_never_overwritten(here: Village) -> None:
    seen = here.lan.ask("GET", "/api/registry")[1]["version"]
    by_hand = REGISTRY.replace("Ask her first.", "Ask her.").replace("site: xa-01", "site: xa-09")
    here.file.write_text(by_hand, encoding="utf-8")
    status, answer = here.lan.ask("POST", f"/api/devices?seen={seen}", NEW)
    assert (status, here.registry) == (409, by_hand)
    assert answer["changed_outside"]["main"]["before"]["site"] == "xa-01"
    assert answer["changed_outside"]["main"]["after"]["site"] == "xa-09"
    assert here.lan.ask("POST", f"/api/devices?seen={answer['version']}", NEW)[0] == 200, "now it was seen"
    assert here.registry.startswith(by_hand)
    assert here.gate.document("/api/devices/main")["site"] == "xa-09", "what was changed by hand is active too"


@pytest.mark.slow
def test_technicians_do_not_stop_each_other_unless_they_change_one_device(here: Village) -> None:
    seen = here.lan.ask("GET", "/api/registry")[1]["version"]
    assert here.binh.ask("POST", f"/api/devices?seen={seen}", {"id": "other"})[0] == 200
    assert here.lan.ask("POST", f"/api/devices?seen={seen}", NEW)[0] == 200
    assert here.binh.ask("POST", f"/api/devices/wm-7/edit?seen={seen}", {"site": "xa-03"})[0] == 409
    assert here.binh.ask("POST", f"/api/devices/main/edit?seen={seen}", {"serial": "5"})[0] == 200


@pytest.mark.slow
def test_what_the_gateway_would_refuse_leaves_file_registry_and_audit_log_alone(here: Village) -> None:
    for document, key, says in (
        ({**NEW, "area": "A9"}, "area", "not among the areas"),
        ({**NEW, "profile": "none-such"}, "profile", "there is no profile none-such"),
        ({"id": "gateway-1"}, "id", "mqtt.client_id"),
        ({"id": "pulses", "model": "EM300-DI"}, "params.pulse_weight", "is missing"),
    ):
        status, answer = here.lan.ask("POST", "/api/devices", document)
        assert (status, says in answer["faults"][key]) == (409, True), answer
    unreadable: list[Document] = [{"colour": "red"}, {"params": 7}]
    assert [here.lan.ask("POST", "/api/devices", body)[0] for body in unreadable] == [400, 400]
    assert here.registry == REGISTRY
    assert [entry["action"] for entry in here.lan.audit()] == ["token given"] * 2


@pytest.mark.slow
def test_a_change_that_cannot_be_activated_is_taken_back(here: Village) -> None:
    tokens = here.gate.folder / "tokens"
    sound = tokens.read_text()
    tokens.write_text(sound + "chi boss\n")
    status, answer = here.lan.ask("POST", "/api/devices", NEW)
    assert (status, "an account is NAME ROLE SHA256" in answer["error"], here.registry) == (409, True, REGISTRY)
    tokens.write_text(sound)
    assert here.lan.ask("POST", "/api/devices", NEW)[0] == 200


@pytest.mark.slow
def test_commands_change_the_registry_of_a_running_gateway_at_once(here: Village, mosquitto: Service) -> None:
    with client_of(mosquitto) as meter:
        publish(meter, TOPIC, '{"volume_m3": 1}')
    until(lambda: here.gate.pending("quarantine") == 1, what="it waits")
    done = here.gate.command(
        "devices", "add", "wm-7", "--site", "xa-01", "--area", "A1", "--interval", "900", "--param", "k=1.5"
    )
    assert (done.returncode, done.stdout) == (
        0,
        "wm-7: registered, and active; 1 message that waited for it comes in\n",
    )
    assert here.registry.endswith("- id: wm-7\n    site: xa-01\n    area: A1\n    interval: 15min\n    params:\n      k: 1.5\n")
    until(lambda: here.gate.ledger()["written"] == 1, what="it came in")
    assert "wm-7: id: wm-7 is registered already" in here.gate.command("devices", "add", "wm-7").stderr
    assert here.gate.command("devices", "edit", "wm-7", "--area", "", "--param", "k=").returncode == 0
    assert here.registry.endswith("- id: wm-7\n    site: xa-01\n    interval: 15min\n")
    assert here.gate.command("devices", "retire", "wm-7").returncode == 0
    assert here.registry == REGISTRY
    names = [entry["name"].partition(" (")[0] for entry in here.lan.audit()[:3]]
    assert names == ["token"] * 3
