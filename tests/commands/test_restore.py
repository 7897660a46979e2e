"""``gateway backup`` and ``restore`` of a gateway that was stopped: what is told, refused, set aside and recorded."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.commands.cli import main
from gateway.ingest.storage.database import Database
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog
from gateway.support.private_files import FolderOwner, being
from tests.commands.stopped import Stopped
from tests.site import Site

Restore = Callable[..., str]


@pytest.fixture
def archive(stopped: Stopped, site: Site, tmp_path: Path) -> Path:
    """A backup of a gateway with a device, and a reading that waits."""
    site.devices({"id": "m1"}, {"id": "m2"})
    stopped.hold_back(b'{"ts": 1793491200250, "volume_m3": 12.5}')
    stopped.command("rejects", "replay")
    made = tmp_path / "g.tar.gz"
    stopped.command("backup", str(made), "--accounts", str(tmp_path / "none"))
    return made


@pytest.fixture
def restore(archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Restore:
    """Restore it into another folder; what is printed."""
    (tmp_path / "new").mkdir(exist_ok=True)

    def give(*words: str, status: int = 0, file: Path = archive) -> str:
        assert main(["restore", str(file), "-c", str(tmp_path / "new" / "gateway.yaml"), *words]) == status
        said = capsys.readouterr()
        return said.out if status == 0 else said.err

    return give


def test_a_dry_run_lists_the_files_and_their_places(restore: Restore, archive: Path, tmp_path: Path) -> None:
    head, digest, *files = restore("--dry-run").splitlines()
    assert digest == f"its SHA-256 is {sha256(archive.read_bytes()).hexdigest()}"
    assert head.startswith(f"{archive}: whole; made 2026-")
    assert head.endswith(f", {len(files)} files")
    assert f"    configuration             {tmp_path}/new/gateway.yaml" in files
    assert f"    registry                  {tmp_path}/new/devices.yaml" in files
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize("words", [("--dry-run",), (), ("--forgotten", "{closed}/a.list")])
def test_an_archive_in_a_folder_that_is_closed_to_whoever_asks_is_told_in_a_line(
    restore: Restore, tmp_path: Path, words: tuple[str, ...]
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    tmp_path.chmod(0o755)
    with being(FolderOwner(65_534, 65_534, [])):
        told = restore(*(word.format(closed=closed) for word in words), status=2, file=closed / "g.tar.gz")
    assert told.count("\n") == 1
    assert str(closed) in told


def test_a_gateway_is_made_of_it_and_the_audit_log_goes_on(restore: Restore, tmp_path: Path) -> None:
    _, _, *told = restore().splitlines()
    files = [path for path in (tmp_path / "new").rglob("*") if path.is_file()]
    assert (tmp_path / "new" / "devices.yaml").read_text() == (tmp_path / "devices.yaml").read_text()
    assert told[0].endswith(" files restored; 0 were there as the backup has them, or newer")
    assert int(told[0].split()[0]) <= len(files)
    assert told[1].startswith("1 readings wait in the journal; InfluxDB holds them once")
    assert told[2] == "sums are taken over from the database when a device is next heard"
    assert told[3].startswith("the audit log goes on behind 2:")
    assert told[4:] == [f"then: gateway check --connect -c {tmp_path}/new/gateway.yaml"]
    entries = AuditLog(tmp_path / "new" / "journal.db").entries(None, 9)
    assert [entry["action"] for entry in entries] == ["backup restored", "backup made", "rejects replayed"]
    assert entries[0]["after"] == {"files": int(told[0].split()[0]), "readings": 1, "forgotten": 0}
    assert AuditLog(tmp_path / "new" / "journal.db").verify().faults == []


def test_what_is_there_is_set_aside_only_when_that_is_said(restore: Restore, tmp_path: Path) -> None:
    (tmp_path / "new" / "devices.yaml").write_text("devices: []\n")
    refused = restore(status=2)
    assert f"{tmp_path}/new/devices.yaml: is there already, with other contents; --replace sets it aside\n" in refused
    assert (tmp_path / "new" / "devices.yaml").read_text() == "devices: []\n"
    said = restore("--replace", "--yes", "--without-journal")
    assert f"set aside: {tmp_path}/new/devices.yaml.before-restore\n" in said
    assert "0 readings wait in the journal" in said
    assert (tmp_path / "new" / "devices.yaml.before-restore").read_text() == "devices: []\n"


def test_a_gateway_that_runs_or_an_archive_that_is_none_is_refused(restore: Restore, archive: Path, tmp_path: Path) -> None:
    restore()
    file = Database(tmp_path / "new" / "journal.db")
    file.open()
    assert "is in use by a running gateway: stop it first" in restore("--replace", "--yes", status=2)
    file.close()
    assert restore(status=2, file=tmp_path / "none.gz").startswith(f"{tmp_path}/none.gz: does not exist")
    (tmp_path / "half.gz").write_bytes(archive.read_bytes()[:900])
    assert restore(status=1, file=tmp_path / "half.gz").startswith(f"{tmp_path}/half.gz: is no backup, or is damaged: ")
    assert (
        restore("--forgotten", "/none.list", status=2) == "--forgotten: /none.list does not exist, or is not for you to read\n"
    )


def test_who_was_forgotten_since_is_forgotten_again(restore: Restore, archive: Path, site: Site) -> None:
    forgotten_beside(site.folder / "journal.db").add("m2", 4_000_000_000_000)
    archive.with_name("g.tar.gz.forgotten").write_bytes(forgotten_beside(site.folder / "journal.db").path.read_bytes())
    assert "1 devices that were forgotten since are forgotten again\n" in restore("--replace", "--yes")
    text = (site.folder / "new" / "devices.yaml").read_text()
    assert ("m1" in text, "m2" in text) == (True, False)


def test_a_backup_is_refused_where_it_would_take_a_place_or_lack_something(stopped: Stopped, tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    for words, said in {
        (f"{tmp_path}/there",): ": is there already: remove it, or name another file\n",
        (f"{tmp_path}/none/x",): f"/none/x: there is no folder {tmp_path}/none\n",
        (f"{tmp_path}/x", "--also", "/none"): "--also: /none does not exist\n",
    }.items():
        assert said in stopped.command("backup", *words, status=2)
    assert stopped.audited() == []
    stopped.command("backup", f"{tmp_path}/x", "--also", f"{tmp_path}/there", "--to", "the vault")
    before, after = stopped.audited()
    assert before["action"] == "backup made"
    assert before["subject"] == after["subject"] == {"file": f"{tmp_path}/x", "to": "the vault"}
    assert (after["action"], after["after"]) == ("backup closed", {"sha256": sha256((tmp_path / "x").read_bytes()).hexdigest()})
