"""Commands beside a gateway that does not run: they look at its files, and change them."""

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from gateway.commands.cli import main
from gateway.core.message import Refusal
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database
from schemas.rejects import RejectReason
from tests.site import Site
from tests.stored_rejects import stored_rejects


class Stopped:
    """A gateway that has run here and does not now."""

    def __init__(self, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self._config, self._capsys = str(site.folder / "gateway.yaml"), capsys
        self._path = site.folder / "journal.db"
        site.sections["journal"] = {"path": str(self._path)}
        assert site.config

    def open(self) -> Database:
        """Its file."""
        file = Database(self._path)
        file.open()
        return file

    def reject(self, *devices: str, reason: RejectReason = RejectReason.BAD_JSON, payload: bytes = b"?") -> None:
        """Store a reject of each device."""
        file = self.open()
        made = [Refusal(reason, "a fault", f"t/{device}", payload, "decode", 1000, device, "water") for device in devices]
        file.run_here(rejects.add, made, 2**30)
        file.close()

    def kept(self) -> list[str]:
        """The devices whose rejects are stored, the newest first."""
        file = self.open()
        found = [refusal.device for _, refusal in file.run_here(stored_rejects)]
        file.close()
        return found

    def command(self, *words: str, status: int = 0) -> str:
        """Give a command that ends with this status; return what it prints."""
        assert main([*words, "-c", self._config]) == status
        said = self._capsys.readouterr()
        return said.out if status == 0 else said.err


@pytest.fixture
def stopped(site: Site, capsys: pytest.CaptureFixture[str]) -> Stopped:
    made = Stopped(site, capsys)
    made.open().close()
    return made


def test_rejects_are_listed_by_device_and_by_reason_the_newest_first(stopped: Stopped) -> None:
    assert stopped.command("rejects", "list") == "no rejects\n"
    assert stopped.command("rejects", "list", "--json") == ""
    stopped.reject("m1", "m2")
    stopped.reject("m2", reason=RejectReason.TOO_LARGE)

    def ids(*words: str) -> list[int]:
        return [int(line.split()[0]) for line in stopped.command("rejects", "list", *words).splitlines()]

    assert ids() == [3, 2, 1]
    assert ids("--device", "m2") == [3, 2]
    assert ids("--reason", "bad_json") == [2, 1]
    assert ids("--device", "m2", "--reason", "bad_json") == [2]
    assert ids("1") == [1]


def test_more_rejects_than_a_page_are_listed_once_each(stopped: Stopped) -> None:
    stopped.reject(*(f"m{number}" for number in range(1001)))
    found = [line.split()[4] for line in stopped.command("rejects", "list").splitlines()]
    assert found == [f"m{number}" for number in reversed(range(1001))]


def test_a_reject_is_shown_with_its_payload_and_exported_with_it_as_base64(stopped: Stopped) -> None:
    stopped.reject("m1", payload=b'{"ph": \xff}')
    shown = stopped.command("rejects", "show", "1")
    assert shown.startswith("reject 1: bad_json at decode, ")
    assert '{"ph": \\xff}' in shown
    (exported,) = map(json.loads, stopped.command("rejects", "export").splitlines())
    assert (exported["device"], exported["payload_base64"]) == ("m1", "eyJwaCI6IP99")
    assert stopped.command("rejects", "show", "7", status=1) == "there is no reject 7\n"


def test_only_the_rejects_that_are_named_are_purged(stopped: Stopped) -> None:
    stopped.reject("m1", "m2")
    assert stopped.command("rejects", "purge", "--device", "m1") == "1 removed\n"
    assert stopped.kept() == ["m2"]


def test_work_is_planned_shown_and_ended_by_its_number(stopped: Stopped) -> None:
    said = ("--by", "Lan", "--note", "new pump")
    planned = stopped.command("alarms", "silence", "--site", "q1", "--until", "2h", *said)
    assert planned.startswith("planned work 1: nobody is told of alarms of site q1 until ")
    stopped.command("alarms", "silence", "--device", "m1", "--until", "2h", *said)
    lines = stopped.command("alarms", "silences").splitlines()
    assert [(line.split()[0], "site q1" in line, "m1" in line, line.endswith("Lan: new pump")) for line in sorted(lines)] == [
        ("1", True, False, True),
        ("2", False, True, True),
    ]
    assert stopped.command("alarms", "unsilence", "1") == "planned work 1 is over\n"
    (left,) = stopped.command("alarms", "silences").splitlines()
    assert left.split()[0] == "2"
    assert "no planned work 1 goes on" in stopped.command("alarms", "unsilence", "1", status=2)


def test_work_ends_at_a_local_time_that_lies_within_the_coming_year(stopped: Stopped) -> None:
    now = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))

    def until(text: str, status: int = 0) -> str:
        said = ("--by", "Lan", "--note", "new pump")
        return stopped.command("alarms", "silence", "--site", "q1", "--until", text, *said, status=status)

    tomorrow = now + timedelta(days=1)
    assert until(f"{tomorrow:%Y-%m-%dT%H:%M}").endswith(f" until {tomorrow:%Y-%m-%d %H:%M}:00\n")
    assert "is over; name a time that lies ahead" in until(f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}", status=2)
    assert "name a time of the coming year" in until(f"{now + timedelta(days=370):%Y-%m-%dT%H:%M}", status=2)
    assert "'soon' is not a time; write for example 2h" in until("soon", status=2)


def test_where_nothing_is_found_a_person_is_told_so_and_a_program_gets_no_line(stopped: Stopped) -> None:
    assert stopped.command("alarms", "list") == "no alarm is active\n"
    assert stopped.command("alarms", "list", "--json") == ""


def test_of_an_empty_journal_that_is_said(stopped: Stopped) -> None:
    assert stopped.command("journal", "status").startswith("empty, ")
    assert json.loads(stopped.command("journal", "status", "--json"))["readings"] == 0
    assert stopped.command("journal", "drop") == "0 readings dropped\n"
