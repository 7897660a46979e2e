"""``gateway devices forget`` and ``export`` beside a database that has nothing: what files hold is found, removed and told."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.commands.answering import Answering
from tests.commands.stopped import Stopped
from tests.rows import each_row
from tests.site import Site

PLACE = {"site": "q1", "domain": "water"}


@pytest.fixture
def known(stopped: Stopped, site: Site, server: Answering) -> Stopped:
    """A gateway that was stopped, with a reject of its device m1 and a database without points."""
    for method in ("GET", "POST"):
        server.answers[method, "/query"] = {"results": [{"statement_id": 0}]}
    server.answers["POST", "/api/v2/delete"] = (204, "")
    site.devices({"id": "m1", **PLACE}, {"id": "m2", **PLACE, "parent": "p1"}, {"id": "p1", **PLACE})
    site.sections["influxdb"] = {"url": server.url, "api": "v1"}
    assert site.config
    stopped.reject("m1", "m2")
    return stopped


def held(text: str) -> dict[str, list[int]]:
    """The numbers by place."""
    rows = [line for line in text.splitlines() if line[30:].strip().replace(" ", "").isdigit()]
    return {line[:30].strip(): [int(number) for number in line[30:].split()] for line in rows}


def test_a_check_tells_what_is_known_of_a_device_by_place_and_changes_nothing(known: Stopped, site: Site) -> None:
    assert known.kept() == ["m2", "m1"]
    known.command("devices", "forget", "m1", "--check", status=1)
    known.command("devices", "forget", "m1", "--check", status=1)
    assert known.kept() == ["m2", "m1"]
    assert known.audited() == []
    assert known.command("devices", "forget", "m9", "--check").endswith("m9: nothing of it is known\n")
    assert "m1" in (site.folder / "devices.yaml").read_text()


def test_a_device_is_forgotten_in_every_file_and_what_was_there_is_read_back(
    known: Stopped, site: Site, server: Answering
) -> None:
    (site.folder / "devices.yaml.bak").write_text("- id: m1\n")
    said = known.command("devices", "forget", "m1", "--yes")
    assert said.split()[:3] == ["before", "read", "back"], "first what was found, then what stays"
    counts = held(said)
    assert counts["points in the database"] == [0, 0]
    assert counts["registry"] == counts["copy of the registry (.bak)"] == [1, 0]
    assert {place: after for place, (_, after) in counts.items() if after} == {}
    assert "rejects" in " ".join(counts)
    assert said.endswith("m1: forgotten; start the gateway again\n")
    assert "the broker was not asked (enrolment is not configured)" in said
    assert "what areas and parents used, this device among others, stays" in said
    assert [one.body["predicate"] for one in server.asked if one.path == "/api/v2/delete"] == ['device="m1"']
    assert known.kept() == ["m2"]
    assert "m1" not in (site.folder / "devices.yaml").read_text()
    assert not (site.folder / "devices.yaml.bak").exists()
    entry = known.audited()[-1]
    assert entry["action"] == "device forgotten"
    assert "m1" not in json.dumps(entry)
    assert entry["before"]["registry"] == 1
    assert known.command("devices", "forget", "m1", "--check").endswith("m1: nothing of it is known\n")


def test_without_a_yes_the_question_says_what_is_known_and_nothing_changes(known: Stopped) -> None:
    said = known.command("devices", "forget", "m1", status=2)
    assert said.startswith("m1 would be forgotten for good: rejects: 1, registry: 1; nothing was done: there is no terminal")
    assert known.kept() == ["m2", "m1"]


def test_who_has_a_copy_is_named_and_so_is_what_was_set_aside(known: Stopped, site: Site, tmp_path: Path) -> None:
    exported, archive = tmp_path / "m1.zip", tmp_path / "g.tar.gz"
    known.command("devices", "export", "m1", "--out", str(exported), "--to", "the household")
    known.command("backup", str(archive), "--to", "the vault", "--accounts", str(tmp_path / "none"))
    (site.folder / "journal.db.before-restore").touch()
    said = known.command("devices", "forget", "m1", "--yes")
    assert "these are copies; who has one must be told:\n" in said
    assert f"    export {exported}, for the household\n" in said
    assert f"    backup {archive}, for the vault\n" in said
    assert "a restore forgets it again if it finds " in said
    assert f"{site.folder}/journal.db.before-restore: was set aside earlier and may hold it" in said
    assert archive.with_name("g.tar.gz.forgotten").exists()


@each_row(
    ("words", "said"),
    [
        (("forget",), "devices forget: name the device, or --again for all on the list, after the database was restored\n"),
        (("forget", "m1", "--again"), "devices forget: name the device, or --again"),
        (("forget", "p1"), "p1"),
        (("export", "m1", "--out", "/dev/null"), "/dev/null: is there already: remove it, or name another file\n"),
        (("export", "m1", "--out", "/none/m1.zip"), "; nothing was exported\n"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_changes(known: Stopped, words: tuple[str, ...], said: str) -> None:
    assert said in known.command("devices", *words, status=2)
    assert known.kept() == ["m2", "m1"]
    assert known.audited() == []


def test_a_file_that_is_still_to_be_read_comes_first(known: Stopped, site: Site) -> None:
    (site.folder / "journal.db.damaged-1").touch()
    said = known.command("devices", "forget", "m1", "--yes", status=2)
    assert said == f"{site.folder}/journal.db.damaged-1: is read at the next start: start the gateway once, then forget\n"


def test_while_the_gateway_runs_nothing_is_forgotten(known: Stopped) -> None:
    file = known.open()
    said = known.command("devices", "forget", "m1", "--yes", status=2)
    file.close()
    assert said.startswith("the gateway runs, and holds its devices in memory: stop it, repeat the command")
    assert known.kept() == ["m2", "m1"]


def test_a_database_that_is_away_is_named_and_the_command_may_be_repeated(
    known: Stopped, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    site.sections["influxdb"]["url"] = "http://127.0.0.1:9"
    assert site.config
    said = known.command("devices", "forget", "m1", status=3)
    assert said.startswith("http://127.0.0.1:9")
    assert said.endswith("; repeat the command: what is done stays done\n")
    assert known.command("devices", "export", "m1", status=3).startswith("http://127.0.0.1:9")
    assert not (tmp_path / "m1.zip").exists()


def test_after_a_restore_of_the_database_all_on_the_list_are_asked_for_again(known: Stopped) -> None:
    assert known.command("devices", "forget", "--again", "--yes") == (
        "0 on the list; 0 of them were in the database, with 0 points: deleted\n"
    )
    known.command("devices", "forget", "m1", "--yes")
    assert known.command("devices", "forget", "--again", "--yes").startswith("1 on the list; 0 of them were in the database")
    assert known.audited()[-1]["after"] == {"devices": 0, "points": 0}


def test_all_that_is_known_of_a_device_is_in_one_file_for_its_owner(known: Stopped, tmp_path: Path) -> None:
    path = tmp_path / "m1.zip"
    said = known.command("devices", "export", "m1", "--out", str(path), "--to", "the household")
    assert said.startswith(f"{path}: all that is known of m1; it is personal: for its owner alone\n")
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        assert {"README.txt", "registry.json", "quantities.csv", "audit.json", "gateway/rejects.json"} <= names
        assert json.loads(archive.read("registry.json"))["id"] == "m1"
        (reject,) = json.loads(archive.read("gateway/rejects.json"))
        assert reject["payload"] == "?"
    (entry,) = known.audited()
    assert (entry["action"], entry["subject"]) == (
        "device exported",
        {"device": "m1", "file": str(path), "to": "the household"},
    )
    assert known.command("devices", "export", "m9", "--out", str(tmp_path / "x"), status=2) == "ID: nothing is known of m9\n"
    assert not (tmp_path / "x").exists()
