"""Roles and the audit log on a running gateway."""

import json
import signal
from pathlib import Path

import pytest

from gateway.commands.demo.services import Service
from gateway.support.access.accounts import own_token_file
from tests.system.fleet import client_of, publish
from tests.system.rig import Gateway, gateway
from tests.system.visitor import Answer, Browser
from tests.waiting import until

pytestmark = pytest.mark.real

TOPIC = "iot/v1/xa-01/water/m1/readings"
PURGE, EXCHANGE, ACCOUNT = "/api/rejects/purge", "/api/devices/m1/exchange?final=12.5", "/api/account"


@pytest.fixture
def site(mosquitto: Service, influxdb: Service, tmp_path: Path) -> Gateway:
    """A gateway with accounts; not started."""
    return gateway(tmp_path / "gateway", mosquitto.url, influxdb.url, http={"tokens_file": "tokens"})


def token_of(site: Gateway, *arguments: str) -> str:
    """The token that the command shows once."""
    done = site.command("setup", "token", *arguments)
    assert done.returncode == 0, done
    return done.stdout.split("\n\n")[1].strip()


def shown(site: Gateway, token: str, method: str, path: str) -> Answer:
    return Browser(site).ask(method, path, Authorization=f"Bearer {token}")


def test_a_role_may_do_what_it_says_and_the_audit_log_names_who_did_it(site: Gateway, mosquitto: Service) -> None:
    lan, binh, chi = token_of(site, "lan", "technician"), token_of(site, "binh", "admin"), token_of(site, "chi", "read")
    with site:
        site.wait_subscribed()
        with client_of(mosquitto) as meter:
            publish(meter, TOPIC, '{"volume_m3": 12.5}')
        until(lambda: site.ledger()["written"] == 1, what="written")
        assert json.loads(shown(site, lan, "GET", ACCOUNT).body) == {"name": "lan", "role": "technician"}
        refused = shown(site, lan, "POST", PURGE)
        assert refused.status == 403
        assert "this needs the role admin; lan has the role technician" in refused.body
        assert site.said("WARNING refused: rejects purged: this needs the role admin; lan has the role technician") == 1
        assert shown(site, chi, "POST", EXCHANGE).status == 403
        assert shown(site, lan, "POST", EXCHANGE).status == 200
        assert shown(site, binh, "POST", PURGE).status == 200
        assert site.command("rejects", "purge", "--yes").returncode == 0
        entries = json.loads(Browser(site).ask("GET", "/api/audit").body)["audit"]
    said = [(entry["name"].partition(" (")[0], entry["role"], entry["action"]) for entry in entries[:3]]
    assert said == [
        ("token", "admin", "rejects purged"),
        ("binh", "admin", "rejects purged"),
        ("lan", "technician", "meter exchanged"),
    ]
    assert entries[2]["subject"]["device"] == "m1"
    assert entries[2]["after"]["final"] == 12.5
    assert len(entries) == 6, "with the three tokens that were given"
    assert site.command("audit", "verify").returncode == 0
    assert f"audit entry 6:{entries[0]['hash']}" in site.printed(), "the log on another machine proves it"


def test_a_technician_tries_a_payload_and_nothing_is_written(site: Gateway) -> None:
    lan, chi = token_of(site, "lan", "technician"), token_of(site, "chi", "read")
    body = json.dumps({"topic": TOPIC, "payload": {"volume": 12.5, "flow_m3_h": 1.5}})
    with site:
        site.wait_subscribed()
        assert shown(site, chi, "POST", "/api/decode").status == 403
        tried = json.loads(Browser(site).ask("POST", "/api/decode", body, Authorization=f"Bearer {lan}").body)
        entries = json.loads(Browser(site).ask("GET", "/api/audit").body)["audit"]
        refused = Browser(site).ask("POST", "/api/decode", '{"payload_hex": "xyz"}', Authorization=f"Bearer {lan}")
        assert site.ledger()["received"] == 0
    assert tried["points"][0]["fields"] == {"flow_m3_h": 1.5, "quality": 1}
    assert tried["dropped"] == [{"path": "volume", "cause": "unknown_key"}]
    assert (refused.status, json.loads(refused.body)) == (400, {"error": "payload: is not hexadecimal"})
    assert {entry["action"] for entry in entries} == {"token given"}, "a trial changes nothing"


def test_a_token_that_is_taken_away_ends_its_sessions_at_the_next_reload(site: Gateway) -> None:
    browser, lan = Browser(site), token_of(site, "lan", "admin")
    with site:
        assert browser.log_in(lan).status == 303
        assert browser.ask("POST", PURGE).status == 200
        again = site.command("setup", "token", "lan", "admin")
        assert (again.returncode, "lan has a token already; --replace" in again.stderr) == (2, True)
        new = token_of(site, "lan", "technician", "--replace")
        site.send_signal(signal.SIGHUP)
        until(lambda: shown(site, new, "GET", ACCOUNT).status == 200 and "technician" in shown(site, new, "GET", ACCOUNT).body)
        assert shown(site, lan, "POST", PURGE).status == 401
        assert browser.ask("POST", PURGE).status == 401


def test_a_faulty_file_of_accounts_is_named_and_leaves_the_old_ones_in_force(site: Gateway) -> None:
    lan = token_of(site, "lan", "admin")
    with site:
        site.wait_subscribed()
        tokens = site.folder / "tokens"
        tokens.write_text(tokens.read_text() + "binh boss\n")
        site.send_signal(signal.SIGHUP)
        until(lambda: "line 2: an account is NAME ROLE SHA256" in site.printed(), what="named")
        assert shown(site, lan, "POST", PURGE).status == 200
    check = site.command("check")
    assert (check.returncode, "line 2: an account is NAME ROLE SHA256" in check.stderr) == (2, True)


def test_commands_of_this_machine_act_although_people_have_accounts(site: Gateway) -> None:
    token_of(site, "lan", "read")
    with site:
        assert own_token_file(site.journal).exists()
        assert site.command("journal", "drop", "--yes").returncode == 0
