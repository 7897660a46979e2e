"""Commands beside a gateway that runs: they ask it, as this machine's, and print what it says."""

import getpass
import json
from typing import Any

from tests.commands.stopped import Running
from tests.site import Site

ALARM: dict[str, Any] = {
    "id": "leak:m1",
    "severity": "warning",
    "since_ms": 1_793_491_200_000,
    "acknowledged": None,
    "overdue": 0,
    "silenced": False,
    "simulated": False,
    "text": {"en": "m1 leaks", "vi": "m1 rò rỉ"},
}
LEAK = "2026-11-01 07:00:00  warning   leak:m1                           m1 leaks"


def test_it_is_asked_with_the_token_of_this_machine_in_the_name_of_the_user(running: Running) -> None:
    running.api.answers["GET", "/api/alarms"] = {"alarms": []}
    assert running.command("alarms", "list") == "no alarm is active\n"
    (asked,) = running.api.asked
    assert asked.query == {}
    assert asked.headers["authorization"] == "Bearer of-this-machine"
    assert asked.headers["x-gateway-user"] == getpass.getuser()


def test_what_it_refuses_is_wrong_words_and_what_it_cannot_do_is_out_of_reach(running: Running, site: Site) -> None:
    running.api.answers["GET", "/api/alarms"] = (409, '{"error": "not now"}')
    assert running.command("alarms", "list", status=2) == "not now\n"
    running.api.answers["GET", "/api/alarms"] = (500, "x" * 400)
    assert running.command("alarms", "list", status=3) == f"the gateway at {running.api.url}: 500 {'x' * 300}\n"
    site.sections["http"] = {"port": 9}
    assert site.config
    said = running.command("alarms", "list", status=3)
    assert said.startswith(f"{site.folder}/journal.db: in use, and http://127.0.0.1:9 does not answer: ")


def test_one_that_listens_everywhere_is_asked_on_loopback(running: Running, site: Site) -> None:
    running.api.answers["GET", "/api/alarms"] = {"alarms": []}
    site.sections["http"] = {"port": running.api.port, "host": "0.0.0.0", "tokens_file": "tokens", "token_file": "own"}  # noqa: S104
    (site.folder / "own").write_text("of-people\n")
    assert site.config
    running.command("alarms", "list")
    assert running.api.asked[0].headers["authorization"] == "Bearer of-people"
    site.sections["http"] |= {"host": "::"}
    assert site.config
    assert f"http://[::1]:{running.api.port} does not answer" in running.command("alarms", "list", status=3)


def test_alarms_are_listed_in_local_time_with_who_knows_of_them(running: Running) -> None:
    known = ALARM | {"acknowledged": {"by": "Lan", "note": "on my way"}, "silenced": True, "simulated": True}
    running.api.answers["GET", "/api/alarms"] = {"alarms": [ALARM, known]}
    shown = running.command("alarms", "list")
    assert shown == f"times in Asia/Ho_Chi_Minh:\n{LEAK}\n{LEAK}  [known to Lan, planned work, simulated]\n"
    assert [json.loads(line) for line in running.command("alarms", "list", "--json").splitlines()] == [ALARM, known]


def test_the_history_is_asked_for_in_pages_and_says_what_each_change_was(running: Running) -> None:
    known = {"by": "Lan", "note": "on my way"}
    rows: list[dict[str, Any]] = [
        {"number": 9, "change": "cleared", "at_ms": ALARM["since_ms"] + 90 * 60_000},
        {"number": 8, "change": "changed", "at_ms": ALARM["since_ms"] + 60_000, "acknowledged": known},
        {"number": 7, "change": "changed", "at_ms": ALARM["since_ms"]},
        {"number": 6, "change": "overdue", "at_ms": ALARM["since_ms"], "overdue": 2},
        {"number": 5, "change": "raised", "at_ms": ALARM["since_ms"]},
    ]
    pages = [ALARM | row for row in rows]
    running.api.answers["GET", "/api/alarms/history"] = [{"history": pages[:3]}, {"history": pages[3:]}, {"history": []}]
    lines = running.command("alarms", "history", "--device", "m1").splitlines()[1:]
    assert lines[0].startswith("2026-11-01 08:30:00  cleared   warning   leak:m1 ")
    assert [line.rpartition("leak:m1" + " " * 25 + "  ")[2] for line in lines] == [
        "after 90 min",
        "known to Lan: on my way",
        "",
        "nobody acknowledged it in its time: reminder 2",
        "m1 leaks",
    ]
    asked = [one.query for one in running.api.asked]
    assert asked == [{"place": "m1"}, {"place": "m1", "before": "7"}, {"place": "m1", "before": "5"}]


def test_an_alarm_is_acknowledged_by_name_with_a_note_of_some_letters(running: Running) -> None:
    running.api.answers["POST", "/api/alarms/leak%3Am1/acknowledge"] = ALARM | {"acknowledged": {"by": "Lan", "note": ""}}
    said = running.command("alarms", "ack", "leak:m1", "--by", " Lan ", "--note", "on my way")
    assert said == "leak:m1: known to Lan\n"
    assert running.api.changes == [("/api/alarms/leak%3Am1/acknowledge", {"by": "Lan", "note": "on my way"})]
    assert "--by: name the person who decides this, in at most " in running.command(
        "alarms", "ack", "leak:m1", "--by", " ", status=2
    )


def test_work_is_planned_listed_and_ended(running: Running) -> None:
    work = {"number": 3, "site": "", "device": "", "until_ms": ALARM["since_ms"], "by": "Lan", "note": "new pump"}
    running.api.answers["GET", "/api/silences"] = {"silences": [work, work | {"site": "q1"}, work | {"device": "m1"}]}
    assert running.command("alarms", "silences").splitlines()[1:] == [
        f"   3  until 2026-11-01 07:00:00  {where}  Lan: new pump" for where in ("all sites", "site q1", "m1")
    ]
    running.api.answers["POST", "/api/silences"] = {"silence": 4}
    said = running.command("alarms", "silence", "--everywhere", "--yes", "--until", "2h", "--by", "Lan", "--note", " new pump ")
    assert said.startswith("planned work 4: nobody is told of alarms of all sites until ")
    running.api.answers["POST", "/api/silences/4/end"] = {}
    assert running.command("alarms", "unsilence", "4") == "planned work 4 is over\n"
    planned, ended = running.api.changes
    assert planned[1] == {"everywhere": "1", "until_ms": planned[1]["until_ms"], "by": "Lan", "note": "new pump"}
    assert ended == ("/api/silences/4/end", {})


REJECT = {
    "id": 7,
    "arrival_ms": 1_793_491_200_000,
    "reason": "bad_json",
    "stage": "decode",
    "device": None,
    "topic": "t/m1",
    "detail": "no JSON\nat all",
    "payload_base64": "PyE=",
}


def test_rejects_are_listed_shown_and_changed_through_it(running: Running) -> None:
    rejects = "/api/rejects"
    running.api.answers["GET", rejects] = [{"rejects": [REJECT]}, {"rejects": []}]
    head, line = running.command("rejects", "list", "--reason", "bad_json").splitlines()
    assert head == "times in Asia/Ho_Chi_Minh:"
    assert (line[:10], line[29:]) == ("     7  20", "bad_json           t/m1  no JSON")
    assert [one.query for one in running.api.asked] == [{"reason": "bad_json"}, {"reason": "bad_json", "before": "7"}]
    running.api.answers["GET", rejects] = {"rejects": [REJECT]}
    shown = running.command("rejects", "show", "7")
    assert "\ntopic  t/m1\ndevice None\nno JSON\n  at all\n\n?!\n" in shown
    assert running.api.asked[-1].query == {"id": "7", "payloads": "1"}
    assert json.loads(running.command("rejects", "list", "7", "--json")) == REJECT
    running.api.answers["POST", f"{rejects}/replay"] = {"replayed": 3, "still_rejected": 1}
    assert running.command("rejects", "replay", "--device", "m1") == "3 replayed, 1 still rejected\n"
    running.api.answers["POST", f"{rejects}/purge"] = {"removed": 2}
    assert json.loads(running.command("rejects", "purge", "--yes", "--json")) == {"removed": 2}
    assert running.api.changes == [(f"{rejects}/replay", {"device": "m1"}), (f"{rejects}/purge", {})]


def test_the_journal_is_told_and_changed_through_it_but_not_exported(running: Running, site: Site) -> None:
    journal = {"bytes": 4096, "batches": 2, "oldest_s": 61.4, "missing": 0, "missing_since": None}
    running.api.answers["GET", "/api/status"] = {"journal": journal, "ledger": {"pending": {"journal": 12}}}
    assert running.command("journal", "status") == "12 readings in 2 batches, oldest 61 s ago\n4096 bytes on disk\n"
    assert json.loads(running.command("journal", "status", "--json")) == journal | {"readings": 12}
    journal |= {"missing": 5, "missing_since": 1_793_491_200_000}
    lost, *_ = running.command("journal", "status").splitlines()
    assert lost.startswith("5 readings are lost, noticed 2026-11-0")
    assert lost.endswith("; `gateway journal acknowledge` ends the alarm")
    running.api.answers["POST", "/api/journal/drop"] = {"dropped": 12}
    assert running.command("journal", "drop", "--yes") == "12 readings dropped\n"
    running.api.answers["POST", "/api/journal/acknowledge"] = {"acknowledged": 5}
    assert running.command("journal", "acknowledge") == "5 lost readings acknowledged\n"
    assert "in use: stop the gateway before you export" in running.command(
        "journal", "export", str(site.folder / "x"), status=2
    )
