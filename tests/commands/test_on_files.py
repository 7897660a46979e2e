"""Commands beside a gateway that does not run: they look at its files, and change them."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from schemas.rejects import RejectReason
from tests.commands.stopped import Stopped


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
    assert "\ntopic  t/m1\ndevice m1\n" in shown
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


def test_a_backup_tells_what_it_holds_what_it_lacks_and_what_protects_it(stopped: Stopped, tmp_path: Path) -> None:
    archive, accounts = tmp_path / "g.tar.gz", tmp_path / "accounts.json"
    first, *kinds, waiting, lacking, entry, warning = stopped.command(
        "backup", str(archive), "--accounts", str(accounts)
    ).splitlines()
    assert first == f"{archive}: {archive.stat().st_size} bytes, {sum(int(line.split()[-1]) for line in kinds)} files:"
    assert "    configuration             1" in kinds
    assert waiting.startswith("0 readings that wait for the database are in it; ")
    assert lacking.startswith(f"accounts of devices are not in it: {accounts} is not there")
    assert entry.startswith("the last entry of the audit log is 1:")
    assert f"age -p {archive} > {archive}.age" in warning
    accounts.write_text("{}")
    assert "not in it" not in stopped.command("backup", f"{archive}2", "--accounts", str(accounts))
