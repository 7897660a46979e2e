"""The pages about alarms, planned work, the shift and the audit log, as people use them."""

import json
from html import unescape
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from tests.system.alarming import alarm_gateway, leaking
from tests.system.fleet import client_of, publish
from tests.system.visitor import Browser
from tests.waiting import until

pytestmark = pytest.mark.real

OWN = "iot/v1/q1/water/own/readings"
ACKNOWLEDGE = "/api/alarms/leak%40own/acknowledge?note=on+my+way"


def test_a_shift_sees_acknowledges_plans_and_hands_over(mosquitto: Service, influxdb: Service, tmp_path: Path) -> None:
    gate = alarm_gateway(tmp_path / "gateway", mosquitto, influxdb.url, http={"tokens_file": "tokens"})
    tokens = [
        gate.command("setup", "token", *who).stdout.split("\n\n")[1].strip()
        for who in (("lan", "technician"), ("binh", "admin"))
    ]
    lan, binh = Browser(gate), Browser(gate)

    def page(browser: Browser, path: str) -> str:
        answer = browser.ask("GET", f"{path}{'&' if '?' in path else '?'}language=en", Accept="text/html")
        assert answer.status == 200, answer
        return unescape(answer.body)

    with gate, client_of(mosquitto) as client:
        gate.wait_subscribed()
        publish(client, OWN, leaking())
        until(lambda: gate.document("/api/alarms")["alarms"], what="it is raised")
        assert "Sign in as a technician" in page(lan, "/alarms")
        assert lan.log_in(tokens[0]).status == 303
        assert binh.log_in(tokens[1]).status == 303
        seen = page(lan, "/alarms")
        assert "A leak is suspected" in seen
        assert "Your name" not in seen, "the account has one"
        assert "No alarm is active" in page(lan, "/alarms?severity=critical")
        assert "nobody acknowledged it" in page(lan, "/shift")
        assert lan.ask("POST", ACKNOWLEDGE).status == 200
        assert lan.ask("POST", "/api/silences?for_h=2&site=q1&note=new+pump").status == 403
        assert binh.ask("POST", "/api/silences?for_h=2&site=q1&note=new+pump").status == 200
        assert "lan sees to it: on my way" in page(lan, "/alarms")
        shift = page(lan, "/shift?hours=8")
        history = page(lan, "/alarms/history?place=own")
        audit = page(lan, "/audit")
        refused = binh.ask("POST", "/api/silences?for_h=99999&note=x")
        planned = json.loads(binh.ask("GET", "/api/silences").body)["silences"]
    assert "nobody acknowledged it" not in shift
    assert "new pump" in shift
    assert "alarm acknowledged" in shift
    assert "acknowledged by lan “on my way”" in history
    assert "raised" in history
    assert audit.index("work planned") < audit.index("alarm acknowledged") < audit.index("token given")
    assert refused.status == 400
    assert planned[0]["until_ms"] - planned[0]["since_ms"] == 2 * 3_600_000
