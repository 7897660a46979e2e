"""Commands beside a gateway that does not run: they look at its files, and change them."""

import getpass
import json
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.monitoring.alarms.planned_work import NOTE_MAX
from gateway.support.audit.log import AuditLog
from schemas.rejects import RejectReason
from tests.commands.stopped import Stopped
from tests.rows import each_row
from tests.site import Site


def test_rejects_are_listed_by_device_and_by_reason_the_newest_first(stopped: Stopped) -> None:
    assert stopped.command("rejects", "list") == "no rejects\n"
    assert stopped.command("rejects", "list", "--json") == ""
    stopped.reject("m1", "m2")
    stopped.reject("m2", reason=RejectReason.TOO_LARGE)

    def ids(*words: str) -> list[int]:
        return [int(line.split()[0]) for line in stopped.command("rejects", "list", *words).splitlines()[1:]]

    assert ids() == [3, 2, 1]
    assert ids("--device", "m2") == [3, 2]
    assert ids("--reason", "bad_json") == [2, 1]
    assert ids("--device", "m2", "--reason", "bad_json") == [2]
    assert ids("1") == [1]


def test_more_rejects_than_a_page_are_listed_once_each(stopped: Stopped) -> None:
    stopped.reject(*(f"m{number}" for number in range(1001)))
    found = [line.split()[4] for line in stopped.command("rejects", "list").splitlines()[1:]]
    assert found == [f"m{number}" for number in reversed(range(1001))]


def test_a_reject_is_shown_with_its_payload_and_exported_with_it_as_base64(stopped: Stopped) -> None:
    stopped.reject("m1", payload=b'{"ph": \xff}')
    shown = stopped.command("rejects", "show", "1")
    assert shown.startswith("reject 1: bad_json at decode, ")
    assert "\ntopic  t/m1\ndevice m1\n" in shown
    assert '{"ph": \\xff}' in shown
    (exported,) = map(json.loads, stopped.command("rejects", "export").splitlines())
    assert (exported["device"], exported["payload_base64"]) == ("m1", "eyJwaCI6IP99")
    assert stopped.command("rejects", "show", "7", status=2).startswith("ID: there is no reject 7; ")


def test_only_the_rejects_that_are_named_are_purged(stopped: Stopped) -> None:
    stopped.reject("m1", "m2")
    assert stopped.command("rejects", "purge", "--yes", "--device", "m1") == "1 removed\n"
    assert stopped.kept() == ["m2"]


def test_work_is_planned_shown_and_ended_by_its_number(stopped: Stopped) -> None:
    said = ("--by", "Lan", "--note", "new pump")
    planned = stopped.command("alarms", "silence", "--site", "q1", "--until", "2h", *said)
    assert planned.startswith("planned work 1: nobody is told of alarms of site q1 until ")
    stopped.command("alarms", "silence", "--device", "m1", "--until", "2h", *said)
    lines = stopped.command("alarms", "silences").splitlines()[1:]
    assert [(line.split()[0], "site q1" in line, "m1" in line, line.endswith("Lan: new pump")) for line in sorted(lines)] == [
        ("1", True, False, True),
        ("2", False, True, True),
    ]
    assert stopped.command("alarms", "unsilence", "1") == "planned work 1 is over\n"
    head, left = stopped.command("alarms", "silences").splitlines()
    assert (head, left.split()[0]) == ("times in Asia/Ho_Chi_Minh:", "2")
    assert "no planned work 1 goes on" in stopped.command("alarms", "unsilence", "1", status=2)


def test_work_ends_at_a_local_time_that_lies_within_the_coming_year(stopped: Stopped) -> None:
    now = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh"))

    def until(text: str, status: int = 0) -> str:
        said = ("--by", "Lan", "--note", "new pump")
        return stopped.command("alarms", "silence", "--site", "q1", "--until", text, *said, status=status)

    tomorrow = now + timedelta(days=1)
    assert until(f"{tomorrow:%Y-%m-%dT%H:%M}").endswith(f" until {tomorrow:%Y-%m-%d %H:%M}:00 Asia/Ho_Chi_Minh\n")
    assert "is over; name a time that lies ahead" in until(f"{now - timedelta(days=1):%Y-%m-%dT%H:%M}", status=2)
    assert "name a time of the coming year" in until(f"{now + timedelta(days=370):%Y-%m-%dT%H:%M}", status=2)
    assert "'soon' is not a time; write for example 2h" in until("soon", status=2)


def test_where_nothing_is_found_a_person_is_told_so_and_a_program_gets_no_line(stopped: Stopped) -> None:
    assert stopped.command("alarms", "list") == "no alarm is active\n"
    assert stopped.command("alarms", "list", "--json") == ""


def test_of_an_empty_journal_that_is_said(stopped: Stopped) -> None:
    assert stopped.command("journal", "status").startswith("empty, ")
    assert json.loads(stopped.command("journal", "status", "--json"))["readings"] == 0
    assert stopped.command("journal", "drop", "--yes") == "0 readings dropped\n"


def test_a_backup_tells_what_it_holds_what_it_lacks_and_what_protects_it(stopped: Stopped, tmp_path: Path) -> None:
    archive, accounts = tmp_path / "g.tar.gz", tmp_path / "accounts.json"
    first, *kinds, waiting, lacking, entry, warning, digest = stopped.command(
        "backup", str(archive), "--accounts", str(accounts)
    ).splitlines()
    assert first == f"{archive}: {archive.stat().st_size} bytes, {sum(int(line.split()[-1]) for line in kinds)} files:"
    assert "    configuration             1" in kinds
    assert waiting.startswith("0 readings that wait for the database are in it; ")
    assert lacking.startswith(f"accounts of devices are not in it: {accounts} is not there")
    assert entry.startswith("the last entry of the audit log is 1:")
    assert f"age -p {archive} > {archive}.age" in warning
    assert digest.startswith(f"its SHA-256 is {sha256(archive.read_bytes()).hexdigest()}: note it ")
    accounts.write_text("{}")
    assert "not in it" not in stopped.command("backup", f"{archive}2", "--accounts", str(accounts))


def test_what_is_replayed_waits_in_the_journal_and_is_exported_as_it_would_be_written(stopped: Stopped, tmp_path: Path) -> None:
    stopped.hold_back(b'{"ts": 1793491200250, "seq": 1, "volume_m3": 12.5}', b"?")
    replayed = {"messages": 2, "readings": 1, "duplicates": 0, "rejected_again": 1, "waiting": 0}
    said = ", ".join(f"{number} {what.replace('_', ' ')}" for what, number in replayed.items())
    assert stopped.command("rejects", "replay") == f"{said}\n"
    assert stopped.kept() == ["m1"]
    (waiting, size) = stopped.command("journal", "status").splitlines()
    assert waiting.startswith("1 readings in 1 batches, oldest ")
    assert int(size.removesuffix(" bytes on disk")) > 0
    exported = tmp_path / "waiting.lp"
    assert stopped.command("journal", "export", str(exported)) == f"1 readings written to {exported}\n"
    assert exported.read_text().splitlines() == ["water,device=m1,site=q1 volume_m3=12.5,quality=0i,seq=1i 1793491200250"]
    assert exported.stat().st_mode & 0o777 == 0o600
    said = stopped.command("journal", "export", str(tmp_path / "none" / "x"), status=2)
    assert said == f"{tmp_path}/none/x: cannot be written: No such file or directory\n"
    assert stopped.command("journal", "drop", "--yes") == "1 readings dropped\n"
    assert stopped.command("journal", "status").startswith("empty, ")
    assert stopped.command("journal", "acknowledge") == "0 lost readings acknowledged\n"
    actions = [(entry["action"], entry.get("before"), entry.get("after")) for entry in stopped.audited()]
    assert actions == [
        ("rejects replayed", None, replayed),
        ("journal dropped", {"readings": 1}, {"readings": 0}),
        ("lost readings acknowledged", {"missing": 0}, {"missing": 0}),
    ]


def test_a_row_of_the_journal_that_is_damaged_is_left_out_of_an_export_and_said(stopped: Stopped, tmp_path: Path) -> None:
    stopped.hold_back(b'{"ts": 1793491200250, "volume_m3": 12.5}')
    stopped.command("rejects", "replay")
    file = stopped.open()
    file.run_here(lambda connection: connection.execute("UPDATE journal SET crc = crc + 1"))
    file.close()
    assert stopped.command("journal", "export", str(tmp_path / "x")) == f"0 readings written to {tmp_path}/x\n"


@each_row(
    ("words", "said"),
    [
        (("rejects", "list", "--reason", "bad"), "--reason: 'bad' is not one of too_large, "),
        (("rejects", "show"), "rejects show: name the ID, from the first column of gateway rejects list\n"),
        (("rejects", "show", "m1"), "to list the rejects of a device: gateway rejects list --device m1\n"),
        (("rejects", "show", "1" * 19), f"ID: '{'1' * 19}' is not a number: "),
        (("journal", "export"), "journal export: name the FILE to write\n"),
        (("alarms", "ack", "leak:m1", "--by", "Lan"), "ID: no alarm 'leak:m1' is active; "),
        (
            ("alarms", "silence", "--site", "q1", "--until", "2h", "--by", "Lan", "--note", "x" * (NOTE_MAX + 1)),
            f"for those who wonder about the silence, in at most {NOTE_MAX} letters",
        ),
        (
            ("alarms", "silence", "--site", "q11", "--until", "2h", "--by", "Lan", "--note", "x"),
            "--site: 'q11' is of no registered device, and none was heard there; did you mean q1?\n",
        ),
        (
            ("alarms", "silence", "--device", "m11", "--until", "2h", "--by", "Lan", "--note", "x"),
            "--device: 'm11' is not registered, and was not heard; did you mean m1?\n",
        ),
        (("audit", "verify", "--known", "1:2"), "--known: '1:2' is not NUMBER:HASH, as the log"),
        (("audit", "verify", "--known", f"x:{'0' * 64}"), "--known: 'x:000"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(stopped: Stopped, words: tuple[str, ...], said: str) -> None:
    found = stopped.command(*words, status=2)
    assert (said in found, found.count("\n")) == (True, 1), found


def test_where_no_gateway_has_run_a_command_on_its_files_says_so(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = Stopped(site, capsys)
    assert (
        nobody.command("rejects", "list", status=2) == f"{site.folder}/journal.db: journal.path: no gateway has run here yet\n"
    )
    (site.folder / "journal.db").write_bytes(b"SQLite format 3\0" + b"x" * 8000)
    said = nobody.command("journal", "status", status=2)
    assert said.startswith(f"{site.folder}/journal.db: journal.path: ")
    assert said.endswith("; at its next start the gateway sets the file aside and saves what can be read\n")


def test_rules_are_shown_with_their_limits_advice_and_source(stopped: Stopped) -> None:
    shown = stopped.command("alarms", "rules")
    first = shown.partition("\nbattery")[0] if not shown.startswith("battery") else shown
    assert "  what to do  " in first
    assert "  when        " in first
    documents = [json.loads(line) for line in stopped.command("alarms", "rules", "--json").splitlines()]
    assert [one["alarm"] for one in documents] == [line.partition(" (")[0] for line in shown.splitlines() if line[0] != " "]


def test_the_audit_log_is_listed_the_newest_first_and_verified(stopped: Stopped, site: Site) -> None:
    assert stopped.command("audit", "list") == "nothing was changed yet\n"
    assert stopped.command("audit", "list", "--json") == ""
    for name in ("Lan", "Hoa"):
        stopped.command("alarms", "silence", "--device", "m1", "--until", "2h", "--by", name, "--note", "new pump")
    _, newest, oldest = stopped.command("audit", "list").splitlines()
    assert (newest[:6], oldest[:6]) == ("     2", "     1")
    assert f"  {getpass.getuser()}, command  work planned  " in newest
    assert '  subject {"device": "m1", "site": ""}  after {"by": "Hoa", ' in newest
    assert json.loads(stopped.command("audit", "list", "--json").splitlines()[0])["after"]["by"] == "Hoa"
    path = f"{site.folder}/journal.db.audit"
    whole = stopped.command("audit", "verify")
    head = whole.strip().rpartition(" ")[2]
    assert whole == f"{path}: 2 entries, whole; the last is {head}\n"
    assert stopped.command("audit", "verify", "--known", head) == whole
    assert stopped.command("audit", "verify", "--known", f"3:{'0' * 64}", status=1).startswith(f"{path}: ")
    AuditLog(site.folder / "journal.db").forget(lambda name: name == "m1")
    assert "(details removed)" in stopped.command("audit", "list")
    assert "2 entries, whole, the details of 2 were removed; the last is " in stopped.command("audit", "verify")
