"""``gateway devices enroll`` and ``revoke``: accounts on RabbitMQ, or in the file of a Mosquitto that is stopped."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.ingest.broker.rights import document
from tests.commands.answering import Answering
from tests.commands.broker import GuestBroker
from tests.commands.stopped import Stopped
from tests.rows import each_row
from tests.site import Site

Give = Callable[..., str]


@pytest.fixture
def give(site: Site, stopped: Stopped, server: Answering) -> Give:
    """Give a command to a gateway whose broker has its management API in this process."""
    place = {"site": "q1", "domain": "water"}
    site.devices({"id": "m1", **place}, {"id": "m2", **place}, {"id": "m3"})
    (site.folder / "admin.password").write_text("secret\n")
    enrolment = {"url": "mqtts://broker.example:8884", "management": server.url, "password_file": "admin.password"}
    site.sections |= {"enrolment": enrolment, "language": "en"}  # type: ignore[dict-item]  # one word
    site.sections["mqtt"]["url"] = "mqtt://127.0.0.1:9"
    assert site.config
    server.answers |= {("GET", "/api/whoami"): {}, ("GET", "/api/users"): (200, json.dumps([{"name": "gateway"}]))}
    server.answers["POST", "/api/definitions"] = (204, "")

    def command(*words: str | Path, status: int = 0) -> str:
        return stopped.command("devices", *map(str, words), status=status)

    return command


def made(server: Answering) -> list[str]:
    """The names of the accounts that the API was given."""
    bodies = [one.body for one in server.asked if one.path == "/api/definitions"]
    return [user["name"] for body in bodies for user in body["users"]]


def test_the_account_of_one_device_is_shown_once(give: Give, server: Answering, stopped: Stopped) -> None:
    shown = give("enroll", "m1")
    assert made(server) == ["m1"]
    head, _, address, user, password, topic, *_ = shown.splitlines()
    assert head == "m1: enrolled; its password is shown this once"
    assert (address.split(), user.split()) == (["address", "broker.example:8884", "(TLS)"], ["user", "m1"])
    assert topic.split() == ["topic", "iot/v1/q1/water/m1/readings"]
    assert len(password.split()[1]) == 24
    assert password.split()[1] in shown.split("\n\n")[2], "in what the QR code holds"
    assert [(entry["action"], entry["subject"]) for entry in stopped.audited()] == [("device enrolled", {"device": "m1"})]


def test_many_get_theirs_in_a_table_and_on_labels_that_only_their_owner_may_read(
    give: Give, server: Answering, tmp_path: Path
) -> None:
    table, sheet = tmp_path / "made.csv", tmp_path / "labels.html"
    assert give("enroll", "m1", "m2", "--csv", table, "--sheet", sheet).splitlines() == [
        f"{sheet}: written; it holds passwords: print it, then remove it",
        f"{table}: written; it holds passwords",
    ]
    assert made(server) == ["m1", "m2"]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [(row["device"], row["host"], row["port"], row["username"]) for row in rows] == [
        (name, "broker.example", "8884", name) for name in ("m1", "m2")
    ]
    text = sheet.read_text()
    assert all(row["password"] in text and row["password"] in row["enrolment"] for row in rows)
    assert "Device account labels" in text
    assert {path.stat().st_mode & 0o777 for path in (table, sheet)} == {0o600}
    assert f"{table}: is there already, and holds passwords: remove it" in give("enroll", "m1", "--csv", table, status=2)


@each_row(
    ("words", "said"),
    [
        (("enroll",), "name the devices to enrol, or --all for all of the registry\n"),
        (("enroll", "m1", "m2"), "2 devices: name a file for their passwords, --sheet FILE.html to print or --csv FILE.csv\n"),
        (("enroll", "m9"), "m9: is not registered; "),
        (("enroll", "--all"), "m3: its topics need a site and a domain; "),
        (("enroll", "m1", "--file", "/none.json"), "/none.json: document: cannot be read: "),
    ],
)
def test_what_cannot_be_is_refused_before_an_account_is_made(
    give: Give, server: Answering, words: tuple[str, ...], said: str
) -> None:
    assert said in give(*words, status=2)
    assert made(server) == []


def test_an_account_that_is_there_ends_only_when_that_was_said(give: Give, server: Answering) -> None:
    server.answers["GET", "/api/users"] = (200, json.dumps([{"name": "m1"}]))
    assert give("enroll", "m1", status=2) == "m1: has an account already; --replace gives it a new one and ends the old one\n"
    assert made(server) == []


def test_a_broker_that_refuses_is_out_of_reach_and_nothing_is_recorded(give: Give, server: Answering, stopped: Stopped) -> None:
    server.answers["GET", "/api/whoami"] = (401, "no")
    assert "401 user or password are wrong" in give("enroll", "m1", status=3)
    assert "401 user or password are wrong" in give("revoke", "--yes", "m1", status=3)
    assert stopped.audited() == []


def test_what_was_made_before_the_broker_failed_is_handed_out_all_the_same(
    give: Give, server: Answering, stopped: Stopped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.ingest.broker.rabbitmq.management._TOGETHER", 1)
    server.answers["POST", "/api/definitions"] = [(204, ""), (500, "broken")]
    assert "500 broken" in give("enroll", "m1", "m2", "--csv", tmp_path / "made.csv", status=3)
    assert [row["device"] for row in csv.DictReader((tmp_path / "made.csv").read_text().splitlines())] == ["m1"]
    assert [entry["subject"] for entry in stopped.audited()] == [{"device": "m1"}]


def test_a_device_without_an_account_is_not_said_to_be_cut_off(give: Give, server: Answering, stopped: Stopped) -> None:
    server.answers |= {(one, "/api/queues/%2F/mqtt-subscription-m1qos1"): (404, '{"error": "no"}') for one in ("GET", "DELETE")}
    assert give("revoke", "--yes", "m1") == "m1: has no account on the broker\n"
    assert [entry["action"] for entry in stopped.audited()] == ["device revoked"]


def test_accounts_in_the_file_of_a_broker_that_is_stopped_are_added(give: Give, site: Site, tmp_path: Path) -> None:
    accounts = tmp_path / "accounts.json"
    accounts.write_text(document([]))

    def names() -> list[str]:
        found: dict[str, Any] = json.loads(accounts.read_text())
        return [one["username"] for one in found["clients"]]

    first, *_ = give("enroll", "m1", "--file", accounts).splitlines()
    assert first == "1 of 1 devices have their account; start the broker"
    assert names() == ["m1"]
    before = accounts.read_text()
    assert "m1: has an account already" in give("enroll", "m1", "--file", accounts, status=2)
    assert accounts.read_text() == before
    give("enroll", "m1", "--file", accounts, "--replace", "--yes")
    assert (names(), accounts.read_text() == before) == (["m1"], False)
    accounts.write_text("{}")
    assert "it holds no accounts of dynamic security" in give("enroll", "m1", "--file", accounts, status=2)
    with GuestBroker() as broker:
        site.sections["mqtt"]["url"] = broker.url
        assert site.config
        said = give("enroll", "m1", "--file", accounts, status=2)
    assert said == f"{accounts}: {broker.url} runs and would overwrite it: stop the broker first\n"


def test_without_an_address_for_devices_none_is_enrolled(give: Give, site: Site) -> None:
    del site.sections["enrolment"]["url"]
    assert site.config
    assert "enrolment.url: write the address that devices connect to" in give("enroll", "m1", status=2)
