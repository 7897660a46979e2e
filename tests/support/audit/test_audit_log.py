"""The audit log: each entry proves those before it, and a person can be forgotten."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.support.audit.log import HEAD_OF_NOTHING, AuditFault, AuditLog, ChainLink, Deed

DEED = Deed(1_790_000_000_000, "lan", "technician", "meter exchanged")


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    """A log of three entries, about three devices."""
    found = AuditLog(tmp_path / "journal.db")
    for number in range(1, 4):
        found.record(DEED, {"subject": {"device": f"m{number}"}, "before": {"serial": number}, "after": None})
    return found


def entries_file(audit: AuditLog) -> Path:
    return audit.path


def details_file(audit: AuditLog) -> Path:
    return audit.path.with_name("journal.db.audit-details")


def test_entries_are_listed_newest_first_in_pages_with_what_they_are_about(audit: AuditLog) -> None:
    newest, older = audit.entries(None, 2)
    assert (newest["number"], newest["name"], newest["action"]) == (3, "lan", "meter exchanged")
    assert (older["subject"], older["before"]) == ({"device": "m2"}, {"serial": 2})
    assert "salt" not in older
    assert [entry["number"] for entry in audit.entries(2, 10)] == [1]


def test_a_whole_chain_is_whole_and_its_head_can_be_noted_elsewhere(audit: AuditLog) -> None:
    verdict = audit.verify()
    assert (verdict.head.number, verdict.removed, verdict.faults) == (3, 0, [])
    assert audit.verify([verdict.head]).faults == []


def without_line(place: int) -> Callable[[str], str]:
    return lambda text: "".join(line for at, line in enumerate(text.splitlines(keepends=True)) if at != place)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        pytest.param(entries_file, without_line(1), "entry 3: it was changed, or entries before it were removed", id="removed"),
        pytest.param(entries_file, without_line(0), "entry 2: it was changed, or entries before it", id="first-removed"),
        pytest.param(entries_file, lambda text: text.replace("lan", "ban"), "entry 1: it was changed", id="other-name"),
        pytest.param(entries_file, lambda text: text + "x\n", "line 4 is no entry", id="added"),
        pytest.param(details_file, lambda text: text.replace("m2", "m7"), "entry 2: its details were changed", id="details"),
        pytest.param(entries_file, without_line(2), "details of entry 3: the entry is missing", id="end-removed"),
    ],
)
def test_what_was_changed_shows(
    audit: AuditLog, file: Callable[[AuditLog], Path], change: Callable[[str], str], said: str
) -> None:
    path = file(audit)
    path.write_text(change(path.read_text()))
    assert any(fault.startswith(said) for fault in audit.verify().faults), audit.verify().faults


def test_an_end_that_was_removed_with_its_details_shows_by_a_head_noted_elsewhere(audit: AuditLog) -> None:
    head = audit.verify().head
    for path in (entries_file(audit), details_file(audit)):
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert audit.verify().faults == []
    assert audit.verify([head]).faults == ["entry 3: it was noted elsewhere and is not there: the end was removed"]
    audit.record(DEED, {"subject": {}})
    assert audit.verify([head]).faults == ["entry 3: it is not the one that was noted elsewhere"]
    assert audit.verify([ChainLink(3, audit.verify().head.hash)]).faults == []


def test_a_forgotten_device_leaves_a_whole_chain_and_none_of_its_details(audit: AuditLog) -> None:
    assert audit.forget(lambda name: name == "m2") == 1
    verdict = audit.verify()
    assert (verdict.head.number, verdict.removed, verdict.faults) == (3, 1, [])
    everything = entries_file(audit).read_text() + details_file(audit).read_text()
    assert "m2" not in everything
    assert "m1" in everything
    assert "subject" not in audit.entries(3, 1)[0]


@pytest.mark.parametrize("file", [entries_file, details_file])
def test_an_unfinished_line_is_replaced_by_the_next_entry(audit: AuditLog, file: Callable[[AuditLog], Path]) -> None:
    with file(audit).open("a") as torn:
        torn.write('{"number": 4, "na')
    assert audit.record(DEED, {"subject": {"device": "m4"}}).number == 4
    assert audit.verify().faults == []
    assert audit.entries(None, 1)[0]["subject"] == {"device": "m4"}


def test_details_whose_entry_was_never_written_give_way_to_the_next_entry(audit: AuditLog) -> None:
    with details_file(audit).open("a") as beside:
        beside.write(json.dumps({"number": 4, "salt": "00", "subject": {"device": "lost"}}) + "\n")
    audit.record(DEED, {"subject": {"device": "m4"}})
    assert audit.verify().faults == []
    assert audit.entries(None, 1)[0]["subject"] == {"device": "m4"}


def test_long_details_are_left_out_and_said(audit: AuditLog) -> None:
    audit.record(DEED, {"subject": {"device": "m4"}, "after": "x" * 100_000})
    entry = audit.entries(None, 1)[0]
    assert entry["subject"] == {"device": "m4"}
    assert entry["left_out_bytes"] > 100_000
    assert audit.record(DEED, {"subject": {}}).number == 5
    assert audit.verify().faults == []


def test_the_head_is_the_last_whole_entry_and_is_held_while_both_files_are_copied(audit: AuditLog, tmp_path: Path) -> None:
    assert audit.head() == audit.verify().head
    with entries_file(audit).open("a") as torn:
        torn.write('{"number": 4')
    assert audit.head().number == 3
    assert AuditLog(tmp_path / "other.db").head() == HEAD_OF_NOTHING
    with audit.held(), entries_file(audit).open() as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with entries_file(audit).open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_pages_of_entries_go_back_from_a_number(audit: AuditLog) -> None:
    assert [entry["number"] for entry in audit.entries(None, 2)] == [3, 2]
    assert [entry["number"] for entry in audit.entries(3, 5)] == [2, 1]
    assert audit.entries(1, 5) == []
    assert "salt" not in audit.entries(None, 1)[0]


def test_nothing_is_rewritten_where_nothing_is_forgotten(audit: AuditLog) -> None:
    before = details_file(audit).stat()
    assert audit.forget(lambda name: name == "nobody") == 0
    assert details_file(audit).stat().st_ino == before.st_ino
    assert audit.forget(lambda name: name in {"m1", "m2"}) >= 2
    assert details_file(audit).stat().st_mode & 0o777 == 0o600


RECORD_SOME = """
import sys
from pathlib import Path
from gateway.support.audit.log import Deed
from gateway.support.audit.log import AuditLog
for _ in range(20):
    AuditLog(Path(sys.argv[1])).record(Deed(0, "lan", "admin", "tried"), {"subject": {}}, {"subject": {}})
"""


def test_several_processes_append_to_one_chain(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    processes = [subprocess.Popen([sys.executable, "-c", RECORD_SOME, str(journal)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    verdict = AuditLog(journal).verify()
    assert (verdict.head.number, verdict.faults) == (120, [])


def test_a_disk_that_fails_is_named(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path / "journal.db")
    audit.path.mkdir()
    with pytest.raises(AuditFault, match="cannot be written: Is a directory"):
        audit.record(DEED, {"subject": {}})
    with pytest.raises(AuditFault, match="cannot be written: Is a directory"):
        audit.held()
    for look in (audit.head, audit.verify, lambda: audit.entries(None, 1)):
        with pytest.raises(AuditFault, match="cannot be read: Is a directory"):
            look()
    with pytest.raises(AuditFault, match="cannot be read: Is a directory"):
        audit.entries(None, 10)


def test_both_files_are_for_the_gateway_alone(audit: AuditLog) -> None:
    assert [path(audit).stat().st_mode & 0o777 for path in (entries_file, details_file)] == [0o600, 0o600]
