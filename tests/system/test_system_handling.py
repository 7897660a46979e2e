"""The pages on which people handle rejects and what waits, and try payloads, as a browser without script sees them."""

import json
from html import unescape
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/xa-01/water/{}/readings"


def text_of(browser: Browser, path: str, form: dict[str, str] | None = None) -> str:
    """The text of a page that is there."""
    answer = browser.ask("GET" if form is None else "POST", path, form, Accept="text/html")
    assert answer.status == 200, answer
    return unescape(answer.body)


@pytest.fixture
def quarantining(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """A gateway that knows m1, and lets others wait; not started."""
    folder = tmp_path / "gateway"
    folder.mkdir()
    (folder / "devices.yaml").write_text("devices: [{id: m1, site: xa-01}]")
    return gateway(folder, mosquitto.url, influxdb.url, devices={"unknown": "quarantine", "registry": "devices.yaml"})


def test_a_reject_is_found_explained_tried_again_and_replayed(quarantining: Gateway, mosquitto: Service) -> None:
    with quarantining as gate, client_of(mosquitto) as client:
        browser = Browser(gate)
        gate.wait_subscribed()
        publish(client, TOPIC.format("m1"), '{"volume_m3": 12')
        publish(client, TOPIC.format("m1"), "[]")
        publish(client, TOPIC.format("m2"), '{"flow_m3_h": 1.5, "volume": 3}')
        until(lambda: gate.ledger()["rejected"] == 2 and gate.ledger()["pending"]["quarantine"] == 1)
        reading = text_of(browser, "/rejects?language=en")
        assert "Replay all" not in reading
        assert "the list of readings is empty" in reading
        assert "danh sách số đo rỗng" in text_of(browser, "/rejects?language=vi")
        assert browser.log_in(gate.token()).status == 303
        assert "Replay all" in text_of(browser, "/rejects?language=en")
        assert "the list of readings is empty" not in text_of(browser, "/rejects?language=en&reason=bad_json")
        one = text_of(browser, "/rejects/1?language=en")
        assert '{"volume_m3": 12' in one
        assert "broken JSON" in one
        waiting = text_of(browser, "/quarantine?language=en")
        assert "m2" in waiting
        assert "Register the device." in waiting
        tried = text_of(browser, "/try?language=en", {"payload": '{"flow_m3_h": 1.5, "volume": 3}', "form": "text"})
        assert "Points that would be written: 1" in tried
        assert "unknown key" in tried
        newest = text_of(browser, "/try?language=en&waiting=m2&cause=unknown_device")
        assert '"volume": 3' in newest
        refused = text_of(browser, "/try?language=vi", {"payload": "xyz", "form": "hex", "topic": "a/b"})
        assert "nội dung không phải thập lục phân" in refused
        no_key = browser.ask("POST", "/api/quarantine/purge?cause=unknown_device")
        assert (no_key.status, gate.pending("quarantine")) == (400, 1), "never all at once by mistake"
        assert json.loads(browser.ask("POST", "/api/quarantine/purge?key=m2&cause=unknown_device").body) == {"removed": 1}
        ledger = gate.ledger()
        assert (ledger["pending"]["quarantine"], ledger["expired"], ledger["imbalance"]) == (0, 1, 0)
        (entry,) = (one for one in gate.document("/api/audit")["audit"] if one["action"] == "waiting messages purged")
        assert (entry["subject"]["key"], entry["before"]) == ("m2", {"messages": 1})
        replayed = json.loads(browser.ask("POST", "/api/rejects/replay?id=2").body)
        assert replayed["messages"] == 1


def test_a_page_about_a_reject_that_is_gone_says_so(quarantining: Gateway) -> None:
    with quarantining as gate:
        answer = Browser(gate).ask("GET", "/rejects/7?language=en", Accept="text/html")
    assert answer.status == 404
    assert "It is no longer there" in answer.body


def test_rejects_are_counted_by_reason_device_and_day_over_a_restart(quarantining: Gateway, mosquitto: Service) -> None:
    with quarantining as gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, TOPIC.format("m1"), '{"volume_m3": 12')
        until(lambda: gate.ledger()["rejected"] == 1)
    with quarantining as gate:
        browser = Browser(gate)
        assert browser.log_in(gate.token()).status == 303
        assert json.loads(browser.ask("POST", "/api/rejects/purge").body) == {"removed": 1}
        counts = gate.document("/api/rejects/counts")
        page = text_of(browser, "/rejects?language=en&device=m1")
    assert (counts["by_reason"], list(counts["refused"]["by_day"].values())) == ({}, [1])
    assert counts["refused"]["by_device"] == [{"device": "m1", "today": 1, "7_days": 1, "31_days": 1}]
    assert "Rejects a day" in page
