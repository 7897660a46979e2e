"""The pages for new devices, filled and sent without script."""

import json
import re
from base64 import b64encode
from html import unescape
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.influx import query
from tests.system.fleet import client_of, publish
from tests.system.registering import REGISTRY, Village, village
from tests.system.rig import Document
from tests.system.visitor import Answer, Browser
from tests.waiting import until

pytestmark = pytest.mark.real

RADIO: Document = {"enable": ["milesight-em300-di"]}
EUI = "24e124136d000001"
FRAME = bytes.fromhex("01755C0367340104686505C810000000")
"""Battery, temperature, humidity, pulses; as the maker's guide has it."""


def meters_speak(mosquitto: Service, here: Village) -> None:
    """Two unknown devices, one native and one by radio, whose messages wait."""
    uplink = {"deviceInfo": {"devEui": EUI}, "fPort": 85, "fCnt": 3, "data": b64encode(FRAME).decode()}
    with client_of(mosquitto) as client:
        for seq in range(3):
            publish(client, "iot/v1/xa-01/water/wm-7/readings", json.dumps({"seq": seq, "volume_m3": 1234.5 + seq}))
        publish(client, f"application/1/device/{EUI}/event/up", json.dumps(uplink))
    until(lambda: here.gate.ledger()["received"] == 4 and not here.gate.pending("memory"), what="they are heard")


def volumes(influxdb: Service) -> list[float]:
    return [row["volume_m3"] for row in query(influxdb.url, "iot", "SELECT volume_m3 FROM water")]


def signed_in(here: Village) -> Browser:
    browser = Browser(here.gate)
    assert browser.log_in(here.lan.token).status == 303
    return browser


def filled_form(page: Answer) -> dict[str, str]:
    """The fields of the form with the values that the page proposes."""
    body = page.body.partition('class="form"')[2].partition("</form>")[0]
    inputs = re.findall(r'<input name="([^"]+)"[^>]*? value="([^"]*)"', body)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body)
    chosen = re.findall(r'<input type="radio" name="([^"]+)" value="([^"]*)" checked', body)
    domain = re.findall(r'<option value="(\w+)" selected', body)
    return {name: unescape(text) for name, text in [*hidden, *inputs, *chosen, *(("domain", one) for one in domain)]}


def test_a_technician_registers_devices_without_script(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    with village(tmp_path / "gateway", mosquitto, influxdb, profiles=RADIO) as here:
        meters_speak(mosquitto, here)
        guest = Browser(here.gate).ask("GET", "/register/wm-7?language=en").body
        assert "you need a technician" in guest
        assert 'class="form"' not in guest
        browser = signed_in(here)
        listed = browser.ask("GET", "/register?language=en").body
        assert [name in listed for name in ("wm-7", EUI, "1,236.5", "waiting messages: 3")] == [True] * 4

        form = filled_form(browser.ask("GET", "/register/wm-7"))
        assert (form["site"], form["domain"]) == ("xa-01", "water"), "as its topic says"
        for fault, says in (({"lat": "122"}, "is more than 90"), ({"area": "A9"}, "A9 is not among the areas")):
            refused = browser.ask("POST", "/register/wm-7", form | fault)
            assert (refused.status, says in refused.body) == (422, True)
        assert 'value="A9"' in refused.body, "what was typed stays"
        saved = browser.ask("POST", "/register/wm-7", form | {"area": "ban me", "parent": "main"})
        assert (saved.status, saved.headers["Location"]) == (303, "/register/wm-7?done=registered&waited=3")
        until(lambda: here.gate.ledger()["written"] == 3, what="all came in")
        outcome = browser.ask("GET", saved.headers["Location"]).body
        assert [text in outcome for text in ("Messages that waited: 3; came in: 3", "1,236.5")] == [True, True]
        assert query(influxdb.url, "iot", "SELECT volume_m3, area FROM water")[0]["area"] == "A1"
        assert here.registry.startswith(REGISTRY)

        radio = browser.ask("GET", f"/register/{EUI.upper()}")
        form = filled_form(radio)
        assert form["profile"] == "milesight-em300-di", "the only one that can read it"
        lacking = browser.ask("POST", f"/register/{EUI}", form)
        assert (lacking.status, "profile milesight-em300-di needs it" in lacking.body) == (422, True)
        assert browser.ask("POST", f"/register/{EUI}", form | {"params.pulse_weight": "10"}).status == 303
        until(lambda: 0.16 in volumes(influxdb), what="16 pulses of 10 L came in")
        found = browser.ask("GET", "/register?search=24-E1-24-13-6D-00-00-01").body
        assert f'href="/register/{EUI}"' in found

        edited = filled_form(browser.ask("GET", "/register/wm-7")) | {"serial": "007", "area": ""}
        assert browser.ask("POST", "/register/wm-7/edit", edited).status == 303
        assert 'serial: "007"' in here.registry
        assert browser.ask("POST", "/register/wm-7/retire").status == 403
        actions = [(entry["name"], entry["action"]) for entry in here.lan.audit()[:3]]
        assert actions == [("lan", "device changed"), ("lan", "device registered"), ("lan", "device registered")]


@pytest.mark.slow
def test_a_make_is_proposed_too_where_messages_of_unknown_devices_do_not_wait(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with village(tmp_path / "gateway", mosquitto, influxdb, profiles=RADIO, devices={"unknown": "accept"}) as here:
        meters_speak(mosquitto, here)
        browser = signed_in(here)
        listed = browser.ask("GET", "/register").body
        assert [name in listed for name in ("wm-7", EUI)] == [True, True]
        assert filled_form(browser.ask("GET", f"/register/{EUI}"))["profile"] == "milesight-em300-di"


@pytest.mark.slow
def test_a_form_that_a_newer_file_outdates_shows_what_differs_and_keeps_what_was_typed(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with village(tmp_path / "gateway", mosquitto, influxdb) as here:
        browser = signed_in(here)
        form = filled_form(browser.ask("GET", "/register/main?language=en")) | {"serial": "mine"}
        by_hand = REGISTRY.replace("site: xa-01", "site: xa-09")
        here.file.write_text(by_hand, encoding="utf-8")
        refused = browser.ask("POST", "/register/main/edit", form)
        assert (refused.status, here.registry) == (409, by_hand)
        assert "xa-01 → xa-09" in refused.body
        assert 'value="mine"' in refused.body
        again = filled_form(refused) | {"site": "xa-09"}
        assert browser.ask("POST", "/register/main/edit", again).status == 303
        assert here.registry == by_hand.replace("    area: A1\n", "    area: A1\n    serial: mine\n")


@pytest.mark.slow
def test_a_spreadsheet_is_previewed_with_its_faults_and_then_imported(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with village(tmp_path / "gateway", mosquitto, influxdb) as here:
        browser = signed_in(here)
        faulty = browser.ask("POST", "/import?language=en", {"rows": "id,area,lat\na,A9,1\nb,A1,91\n"})
        assert (faulty.status, here.registry) == (422, REGISTRY)
        rows = re.findall(r'<th scope="row">(\d+)</th><td><b>(\w+)</b>: ([^<]+)', faulty.body)
        assert [(row, column) for row, column, _ in rows] == [("2", "area"), ("3", "lat")]
        sheet = "id,area,site\nnew-1,A1,xa-01\nnew-2,A1,xa-01\nmain,,xa-02\n"
        preview = browser.ask("POST", "/import", {"rows": sheet})
        assert "2 new, 1 changed, 0 unchanged" in preview.body
        assert "site: xa-01 → xa-02" in preview.body
        assert here.registry == REGISTRY, "a preview writes nothing"
        seen = re.findall(r'name="seen" value="(\w+)"', preview.body)[0]
        assert sheet in preview.body, "it goes along as it was typed"
        done = browser.ask("POST", "/import", {"rows": sheet, "seen": seen, "commit": "1"})
        assert "Imported: 2 new, 1 changed." in done.body
        assert here.gate.document("/api/devices/new-2")["registered"]
        assert len([entry for entry in here.lan.audit() if entry["action"] == "devices imported"]) == 3
        assert browser.ask("POST", "/import", {"rows": "id\n" + "x" * 70_000}).status == 413


@pytest.mark.slow
def test_the_exchange_of_a_meter_is_noted_with_its_registers_and_the_name_of_the_new_one(
    mosquitto: Service, influxdb: Service, tmp_path: Path
) -> None:
    with village(tmp_path / "gateway", mosquitto, influxdb) as here:
        with client_of(mosquitto) as client:
            publish(client, "iot/v1/xa-01/water/main/readings", '{"volume_m3": 1234.5}')
        until(lambda: here.gate.ledger()["written"] == 1, what="it has a register")
        browser, path = signed_in(here), "/devices/main/exchange?language=en"
        assert "last read: 1,234.5" in browser.ask("GET", path).body
        for form, says in (
            ({"final": "1200"}, "is less than the last register that was read"),
            ({"final": "twelve"}, "not a number"),
            ({"register": "-1"}, "is no register; volume_m3 lies between 0 and"),
        ):
            refused = browser.ask("POST", path, form)
            assert (refused.status, says in refused.body) == (422, True), refused.body
        assert "--" not in refused.body.partition("<main")[2].partition("<form")[0], "options are for commands"
        done = browser.ask("POST", path, {"final": "1200", "register": "0,2", "source": "new-meter", "force": "1"})
        assert (done.status, done.headers["Location"]) == (303, "/devices/main/exchange?done=1")
        assert "The exchange is noted" in browser.ask("GET", "/devices/main/exchange?done=1&language=en").body
        assert "    source: new-meter\n" in here.registry
        entry, other = here.lan.audit()[1], here.lan.audit()[0]
        assert (entry["action"], entry["after"]["final"], entry["after"]["register"]) == ("meter exchanged", 1200, 0.2)
        assert other["after"]["source"] == "new-meter"
