"""Accounts are put back from the copy and from what gateways kept, whatever became of the file; nothing else changes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.cli import main
from gateway.ingest.broker.enrolling import account_of
from gateway.ingest.broker.kept_accounts import KeptAccounts
from gateway.ingest.broker.rights import BrokerAccount, NativeTopics, document, of_administration, of_gateway, without

SALT = b"twelve bytes"
SERVICES = [BrokerAccount("gateway", of_gateway(), "g"), BrokerAccount("administration", of_administration(), "a")]
CHECK = "`gateway setup broker --replace`, and enrol all devices again"


def device(number: int) -> BrokerAccount:
    return account_of(NativeTopics("ward-1", "water", f"m{number}"))


class Machine:
    """A broker's file with two services and two devices, and a gateway of this machine."""

    def __init__(self, folder: Path) -> None:
        self.accounts = folder / "state" / "accounts.json"
        self.copy, self.damaged = (self.accounts.with_name(f"accounts.json.{name}") for name in ("copy", "damaged"))
        self.accounts.parent.mkdir()
        self.config = folder / "gateway.yaml"
        self.config.write_text("{}")
        self.data = folder / "data"
        self.kept = KeptAccounts(self.data / "journal.db")
        self.devices = [device(1), device(2)]
        self.accounts.write_text(document((one, SALT) for one in [*SERVICES, *self.devices]))
        assert self.starts() == 0

    def starts(self) -> int:
        """Do what the broker's service does before it starts."""
        return main(["setup", "accounts", "--accounts", str(self.accounts), "-c", str(self.config)])

    def made(self, *accounts: BrokerAccount) -> None:
        """Keep new accounts as a gateway does."""
        self.kept.made((one, SALT) for one in accounts)

    @property
    def names(self) -> list[str]:
        """The accounts in the broker's file, each with a role of its own."""
        whole: dict[str, Any] = json.loads(self.accounts.read_text())
        assert [one["username"] for one in whole["clients"]] == [one["rolename"] for one in whole["roles"]]
        return sorted(one["username"] for one in whole["clients"])

    @property
    def told(self) -> dict[str, Any]:
        """The finding that the page is to show."""
        file = self.data / "journal.db.stands-accounts_put_back"
        return json.loads(file.read_text()) if file.exists() else {}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


ALL = ["administration", "gateway", "m1", "m2"]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda file: file.unlink(), id="missing"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:700]), id="torn"),
        pytest.param(lambda file: file.write_bytes(bytes(4096)), id="zeros"),
        pytest.param(lambda file: file.write_text('{"clients": [], "roles": []}'), id="without accounts"),
        pytest.param(lambda file: file.write_text('{"clients": [1], "roles": [{}]}'), id="another document"),
        pytest.param(lambda file: file.write_text("[" * 100_000), id="deep"),
    ],
)
def test_a_file_that_is_no_more_comes_back_from_the_copy_with_what_was_enrolled_since(
    machine: Machine, harm: Callable[[Path], None]
) -> None:
    machine.made(device(3))
    harm(machine.accounts)
    left = machine.accounts.read_bytes() if machine.accounts.exists() else None
    assert machine.starts() == 0
    assert machine.names == [*ALL, "m3"]
    assert (machine.damaged.read_bytes() if machine.damaged.exists() else None) == left
    assert (machine.told["count"], machine.told["copy_ms"] > 0) == (5, True)
    assert machine.copy.read_bytes() == machine.accounts.read_bytes()
    assert (machine.starts(), machine.names) == (0, [*ALL, "m3"]), "what was kept by the gateway is in the copy now"


def test_a_whole_file_counts_with_what_others_changed_in_it_and_gets_what_it_lacks(machine: Machine) -> None:
    others = BrokerAccount("history", of_gateway(), "h")
    machine.accounts.write_text(document((one, SALT) for one in [*SERVICES, machine.devices[1], others]))
    machine.made(device(3), device(4))
    machine.kept.taken_away("m4")
    assert machine.starts() == 0
    assert machine.names == ["administration", "gateway", "history", "m2", "m3"], "m1 was taken away by hand and stays away"
    assert (machine.told["count"], machine.told["some"], machine.told["copy_ms"]) == (1, "m3", 0)
    assert not machine.damaged.exists()


def test_a_whole_file_that_lacks_nothing_stays_as_it_is_to_the_byte_and_nothing_is_told(machine: Machine) -> None:
    new = device(3)
    whole = document((one, SALT) for one in [*SERVICES, *machine.devices, new]).replace("\t", " ")
    machine.accounts.write_text(whole)
    machine.made(new)
    assert machine.starts() == 0
    assert machine.accounts.read_text() == machine.copy.read_text() == whole
    assert machine.told == {}


def test_an_account_that_was_given_anew_takes_the_place_of_the_earlier_one_that_a_power_cut_left(machine: Machine) -> None:
    machine.made(again := device(1))
    assert machine.starts() == 0
    whole = json.loads(machine.accounts.read_text())
    assert [one["textname"] for one in whole["clients"] if one["username"] == "m1"] == [again.mark]
    assert machine.names == ALL


def test_an_account_that_was_taken_away_does_not_come_back_with_an_older_file(machine: Machine) -> None:
    machine.kept.taken_away("m1")
    assert machine.starts() == 0
    assert machine.names == ["administration", "gateway", "m2"]
    assert "m1" not in machine.copy.read_text()
    machine.accounts.write_text("")
    assert machine.starts() == 0
    assert machine.names == ["administration", "gateway", "m2"]


def test_no_service_is_replaced_or_taken_away_by_what_stands_in_a_gateways_file(machine: Machine) -> None:
    before = machine.accounts.read_bytes()
    for name in ("gateway", "administration"):
        machine.kept.taken_away(name)
        machine.made(BrokerAccount(name, account_of(NativeTopics("s", "water", name)).rights, "mine", mark="x"))
    machine.made(BrokerAccount("stranger", of_gateway(), "mine"), BrokerAccount("m9", of_administration(), "mine"))
    with machine.kept.path.open("ab") as file:
        file.write(b'{"name": 1}\n[]\nnull\n{"name": "m8", "client": {}, "role": []}\n{"name": "m7", "client": {"usern')
    assert machine.starts() == 0
    assert machine.accounts.read_bytes() == before


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda line: line["client"].update(roles=[{"rolename": "administration"}]), id="role of another"),
        pytest.param(lambda line: line["client"]["roles"].append({"rolename": "gateway"}), id="one more role"),
        pytest.param(lambda line: line["client"].update(groups=[{"groupname": "all"}]), id="group"),
        pytest.param(lambda line: line["client"].update(clientid="gateway"), id="client id of another"),
        pytest.param(lambda line: line["client"].pop("clientid"), id="any client id"),
        pytest.param(lambda line: line["role"]["acls"][0].update(topic="iot/v1/+/+/m3/readings"), id="any site"),
        pytest.param(
            lambda line: line["role"]["acls"].append(dict(line["role"]["acls"][0], topic="iot/v1/m3/m3/#")), id="more"
        ),
        pytest.param(lambda line: line["role"]["acls"][0].update(acltype="subscribePattern"), id="reads readings"),
        pytest.param(lambda line: line["role"].update(allowwildcardsubs=True), id="setting of the role"),
    ],
)
def test_an_account_with_more_rights_than_a_device_has_is_made_by_no_file_of_the_service(
    machine: Machine, forge: Callable[[dict[str, Any]], object]
) -> None:
    before = machine.accounts.read_bytes()
    machine.made(device(3))
    line = json.loads(machine.kept.path.read_text())
    forge(line)
    machine.kept.path.write_text(json.dumps(line) + "\n")
    assert machine.starts() == 0
    assert machine.accounts.read_bytes() == before


def test_no_name_is_a_pattern_and_nothing_deep_holds_the_others_up(machine: Machine) -> None:
    machine.made(account_of(NativeTopics("s", "water", "+")), account_of(NativeTopics("+", "water", "m8")), device(3))
    with machine.kept.path.open("ab") as file:
        file.write(b"[" * 100_000 + b'\n{"name": "m8", "client": [], "role": {"acls": [{"topic": 8}]}}\n')
    assert machine.starts() == 0
    assert machine.names == [*ALL, "m3"]


def test_accounts_and_roles_that_people_made_stay_whatever_their_form(machine: Machine) -> None:
    whole = json.loads(machine.accounts.read_text())
    whole["clients"].append({"username": "alice", "roles": [{"rolename": "observers"}]})
    whole["roles"].append({"rolename": "observers", "acls": []})
    machine.accounts.write_text(json.dumps(whole))
    for name in ("alice", "observers"):
        machine.kept.taken_away(name)
    assert machine.starts() == 0
    assert json.loads(machine.accounts.read_text()) == whole


def test_a_line_that_a_power_cut_left_unfinished_spoils_none_after_it(machine: Machine) -> None:
    machine.kept.path.parent.mkdir(exist_ok=True)
    machine.kept.path.write_bytes(b'{"name": "m7", "client": {"usern')
    machine.made(device(3))
    assert machine.starts() == 0
    assert machine.names == [*ALL, "m3"]


def test_without_file_and_copy_nothing_is_invented_and_it_says_what_to_do(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.made(device(3))
    machine.accounts.write_text("{")
    machine.copy.write_text("{")
    assert machine.starts() == 2
    assert CHECK in capsys.readouterr().err
    assert machine.accounts.read_text() == "{"
    assert b"m3" in machine.kept.path.read_bytes(), "what is kept stays for a file that comes from a backup"


def test_a_faulty_configuration_of_the_gateway_holds_nothing_up(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    machine.config.write_text("mqtt: {no: 1}")
    machine.accounts.write_text("")
    assert machine.starts() == 0
    assert machine.names == ALL
    assert "what was enrolled since the last start is not known" in capsys.readouterr().err


def test_a_broker_that_is_set_up_anew_gets_none_of_the_accounts_of_before(machine: Machine) -> None:
    machine.made(device(3))
    with machine.kept.taken() as changes:
        assert list(changes) == ["m3"]
    machine.accounts.write_text(without(machine.accounts.read_text(), ["m1", "m2"]))
    assert (machine.starts(), machine.names) == (0, ["administration", "gateway"])
