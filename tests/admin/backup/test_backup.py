"""A gateway in one archive, and another one made of it."""

import gzip
import io
import json
import os
import stat
import tarfile
from pathlib import Path

import pytest

from gateway.admin.backup import archive
from gateway.core.batching.batch import decode
from gateway.ingest.broker.rights import names_in
from gateway.ingest.storage import alarms, journal, keyvalue, rejects
from gateway.ingest.storage.beside import lock
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.device_memory import device_rows
from gateway.monitoring.alarms.outbox import INFLUXDB
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog, ChainLink, Deed
from gateway.support.private_files import private
from gateway.support.registry.registry import load_registry
from tests.admin.backup.machine import AT_MS, HIS, OTHER, Machine
from tests.system.rig import run_gateway

NOT_COMPARED = "no --sha256 was given"


@pytest.fixture
def old(tmp_path: Path) -> Machine:
    """A gateway with two devices."""
    machine = Machine(tmp_path / "old")
    machine.fill(HIS, OTHER)
    return machine


@pytest.fixture
def new(tmp_path: Path) -> Machine:
    """A machine without a gateway."""
    return Machine(tmp_path / "new")


def restored(machine: Machine, archive: Path, *words: str | Path) -> str:
    """Restore; return what was printed."""
    done = machine.command("restore", archive, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def opened(machine: Machine) -> Database:
    file = Database(machine.journal)
    file.open()
    return file


def waiting(machine: Machine) -> list[str]:
    """The lines that wait in the journal."""
    file = opened(machine)
    try:
        return [reading.lines for entry in file.run_here(journal.everything) for reading in decode(entry.body)]
    finally:
        file.close()


def test_a_new_machine_has_everything_of_the_old_one(old: Machine, new: Machine, tmp_path: Path) -> None:
    archive = old.backup(tmp_path / "g.tar.gz")
    said = restored(new, archive)
    for name in (
        "influx.token",
        "tokens",
        "alarms.yaml",
        "devices.yaml",
        "profiles/README",
        "authority/ca.key",
        "broker/accounts.json",
    ):
        assert (new.folder / name).read_bytes() == (old.folder / name).read_bytes(), name
    assert stat.S_IMODE((new.folder / "influx.token").stat().st_mode) == 0o640
    assert "2 readings wait in the journal" in said
    assert "set aside" not in said
    assert waiting(new) == waiting(old)
    file = opened(new)
    assert len(file.run_here(rejects.page)) == 2
    assert [change.key.place for _, change in file.run_here(alarms.history)] == [OTHER, HIS]
    assert len(file.run_here(alarms.states)) == 2
    file.close()
    assert [device.id for device in load_registry(new.config.devices.registry).devices] == [HIS, OTHER]


def test_a_store_that_is_named_with_two_dots_is_restored_too(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "etc")
    machine.authority.mkdir(parents=True)
    machine.config_file.write_text('{"journal": {"path": "../var/journal.db"}}')
    (machine.folder / "devices.yaml").write_text("devices: []\n")
    AuditLog(machine.config.journal.path).record(Deed(AT_MS, "lan", "technician", "device registered"), {})
    archive = machine.backup(tmp_path / "g.tar.gz")
    for folder in (machine.folder, tmp_path / "var"):
        folder.rename(folder.with_name(f"burnt-{folder.name}"))
    restored(machine, archive, "--data", tmp_path / "var")
    assert machine.command("audit", "list").stdout.count("device registered") == 1


def test_the_archive_is_for_its_owner_alone_and_says_that_it_holds_secrets(old: Machine, tmp_path: Path) -> None:
    done = old.command("backup", tmp_path / "g.tar.gz", "--accounts", tmp_path / "none")
    assert stat.S_IMODE((tmp_path / "g.tar.gz").stat().st_mode) == 0o600
    assert "it holds passwords, keys and readings" in done.stdout
    assert f"age -p {tmp_path}/g.tar.gz" in done.stdout
    assert "2 readings that wait for the database are in it" in done.stdout
    assert "accounts of devices are not in it" in done.stdout
    assert list(tmp_path.glob(".*")) == []


def test_a_backup_replaces_no_file(old: Machine, tmp_path: Path) -> None:
    (tmp_path / "g.tar.gz").write_text("mine")
    done = old.command("backup", tmp_path / "g.tar.gz")
    assert (done.returncode, "is there already" in done.stderr) == (2, True)
    assert (tmp_path / "g.tar.gz").read_text() == "mine"


def test_where_no_gateway_is_there_is_nothing_to_back_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_gateway("backup", "g.tar.gz")
    assert (done.returncode, "no configuration was found: " in done.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_leaves_no_half_backup(
    old: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str, flags: int) -> int:
        if Path(path).name == "influx.token":
            raise PermissionError(13, "Permission denied", str(path))
        return private(path, flags)

    monkeypatch.setattr(archive, "private", refused)
    done = old.command("backup", tmp_path / "g.tar.gz")
    who = ": root reads it as the owner of its folder, who may not" if os.geteuid() == 0 else "; run it as root"
    assert (done.returncode, done.stderr) == (
        2,
        f"{old.folder}/influx.token: Permission denied; there is no backup{who}\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["nowhere/g.tar.gz"], "there is no folder", id="folder"),
        pytest.param(["g2.tar.gz", "--also", "nothing"], "--also: nothing does not exist", id="also"),
    ],
)
def test_what_a_backup_cannot_do_is_said(old: Machine, tmp_path: Path, words: list[str], said: str) -> None:
    done = old.command("backup", tmp_path / words[0], *words[1:])
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_audit_log_goes_on_where_the_backup_ends(old: Machine, new: Machine, tmp_path: Path) -> None:
    archive = old.backup(tmp_path / "g.tar.gz", "--to", "the safe")
    known = old.audit.head()
    restored(new, archive)
    newest, before, *_ = new.audit.entries(None, 5)
    assert (newest["action"], before["action"], before["subject"]["to"]) == ("backup restored", "backup made", "the safe")
    assert new.audit.verify([ChainLink(known.number - 1, before["hash"])]).faults == []


def test_a_log_that_went_on_since_the_backup_stays(old: Machine, tmp_path: Path) -> None:
    archive = old.backup(tmp_path / "g.tar.gz")
    since = old.audit.record(Deed(AT_MS, "lan", "technician", "alarm acknowledged"), {"subject": {"device": OTHER}})
    restored(old, archive, "--replace", "--yes")
    assert old.audit.verify([since]).faults == []
    assert old.audit.entries(None, 1)[0]["action"] == "backup restored"


def test_what_the_old_machine_did_since_is_not_done_again(old: Machine, new: Machine, tmp_path: Path) -> None:
    restored(new, old.backup(tmp_path / "g.tar.gz"))
    file = opened(new)
    assert list(file.run_here(device_rows)) == []
    kept = file.run_here(keyvalue.get_prefix, "")
    assert [name for name in kept if name.startswith("sums ")] == []
    assert kept[f"usual.{HIS}"] == "{}"
    assert {notice.receiver for notice in file.run_here(alarms.notices)} == {INFLUXDB}
    file.close()


def test_readings_that_waited_can_be_left_out(old: Machine, new: Machine, tmp_path: Path) -> None:
    assert "0 readings wait" in restored(new, old.backup(tmp_path / "g.tar.gz"), "--without-journal")
    assert waiting(new) == []


def test_stores_that_wait_for_their_salvage_or_a_newer_release_come_along(old: Machine, new: Machine, tmp_path: Path) -> None:
    names = ["journal.db.damaged-1", "journal.db.damaged-2-wal", "journal.db.newer-99-1", "journal.db.newer-99-1-wal"]
    for name in names:
        old.journal.with_name(name).write_text(name)
    old.journal.with_name("journal.db.salvaged-1").write_text("read already")
    restored(new, old.backup(tmp_path / "g.tar.gz"))
    assert [path.name for path in sorted(new.journal.parent.glob("*-[0-9]*"))] == names


def test_a_dry_run_lists_the_files_and_writes_none(old: Machine, new: Machine, tmp_path: Path) -> None:
    said = restored(new, old.backup(tmp_path / "g.tar.gz"), "--dry-run")
    assert f"{new.folder}/influx.token" in said
    assert not new.folder.exists()


def test_files_that_are_there_are_named_and_set_aside_only_when_told(old: Machine, tmp_path: Path) -> None:
    archive = old.backup(tmp_path / "g.tar.gz")
    (old.folder / "tokens").write_text("# newer\n")
    refused = old.command("restore", archive)
    assert refused.returncode == 2
    there = {NOT_COMPARED, f"{old.folder}/tokens", str(old.journal), f"{old.folder}/data/photos.db"}
    assert {line.partition(":")[0] for line in refused.stderr.splitlines()} == there
    assert (old.folder / "tokens").read_text() == "# newer\n"
    assert f"set aside: {old.folder}/tokens.before-restore" in restored(old, archive, "--replace", "--yes")
    assert (old.folder / "tokens.before-restore").read_text() == "# newer\n"
    assert (old.folder / "tokens").read_text() == ""


def test_nothing_is_restored_under_a_running_gateway(old: Machine, tmp_path: Path) -> None:
    archive = old.backup(tmp_path / "g.tar.gz")
    descriptor = lock(old.journal)
    done = old.command("restore", archive, "--replace", "--yes")
    assert (done.returncode, "in use by a running gateway: stop it first" in done.stderr) == (2, True), done.stderr
    os.close(descriptor)


def damaged_byte(data: bytes) -> bytes:
    """The archive with one byte of a file's contents changed, and packed again."""
    plain = bytearray(gzip.decompress(data))
    at = plain.index(b"secret\n")
    plain[at] ^= 1
    return gzip.compress(bytes(plain))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda data: data[: len(data) // 2], "damaged", id="cut"),
        pytest.param(damaged_byte, "influx.token is not what the manifest says", id="byte"),
        pytest.param(lambda _: b"mine", "is no backup, or is damaged", id="other"),
        pytest.param(lambda _: b"", "is no backup, or is damaged", id="empty"),
    ],
)
def test_a_damaged_archive_is_refused_whole(old: Machine, new: Machine, tmp_path: Path, change, said: str) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    archive = old.backup(tmp_path / "g.tar.gz")
    archive.write_bytes(change(archive.read_bytes()))
    done = new.command("restore", archive)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
    assert not new.folder.exists()
    assert new.command("restore", tmp_path / "none").returncode == 2


def rewritten(archive: Path, change: dict[str, object]) -> None:
    """Write the archive again with another manifest."""
    with tarfile.open(archive) as tar:
        members = [(member, file.read()) for member in tar if (file := tar.extractfile(member))]
    with tarfile.open(archive, "w:gz") as tar:
        for member, found in members:
            is_manifest = member.name == "manifest.json"
            body = json.dumps(json.loads(found) | change).encode() if is_manifest else found
            member.size = len(body)
            tar.addfile(member, io.BytesIO(body))


@pytest.mark.parametrize("change", [{"version": "99.0"}, {"format": 2}])
def test_an_archive_of_a_newer_release_is_refused(
    old: Machine, new: Machine, tmp_path: Path, change: dict[str, object]
) -> None:
    archive = old.backup(tmp_path / "g.tar.gz")
    rewritten(archive, change)
    done = new.command("restore", archive)
    assert (done.returncode, "which is newer than this one" in done.stderr) == (1, True)
    assert not new.folder.exists()


def test_who_was_forgotten_since_the_backup_is_forgotten_again(old: Machine, new: Machine, tmp_path: Path) -> None:
    registry = json.loads((old.folder / "devices.yaml").read_text())
    registry["devices"][1]["parent"] = HIS
    (old.folder / "devices.yaml").write_text(json.dumps(registry))
    archive = old.backup(tmp_path / "g.tar.gz")
    forgotten = forgotten_beside(old.journal)
    forgotten.add(HIS, 2 * AT_MS)
    forgotten.path.rename(tmp_path / "g.tar.gz.forgotten")
    assert "1 devices that were forgotten since are forgotten again" in restored(new, archive)
    for path in [*new.folder.rglob("*")]:
        if path.is_file() and ".audit" not in path.name:
            assert HIS.encode() not in path.read_bytes(), path
    assert [text.partition(",site")[0] for text in waiting(new)] == [f"water,device={OTHER}"]
    assert names_in(new.accounts.read_text()) == {OTHER}
    (left,) = load_registry(new.folder / "devices.yaml").devices
    assert (left.id, left.parent) == (OTHER, None)


def test_who_came_back_after_being_forgotten_stays(old: Machine, new: Machine, tmp_path: Path) -> None:
    forgotten_beside(old.journal).add(HIS, 1)
    said = restored(new, old.backup(tmp_path / "g.tar.gz"))
    assert "forgotten" not in said
    assert HIS in (new.folder / "devices.yaml").read_text()


def test_the_list_of_the_forgotten_names_nobody(tmp_path: Path) -> None:
    forgotten = forgotten_beside(tmp_path / "journal.db")
    digest = forgotten.add(HIS, AT_MS)
    assert HIS not in forgotten.path.read_text()
    assert forgotten_beside(tmp_path / "other.db").digest(HIS) != digest
    assert forgotten.among([OTHER, HIS], forgotten.since(AT_MS - 1)) == [HIS]
    assert forgotten.since(AT_MS) == frozenset()
    assert stat.S_IMODE(forgotten.key_path.stat().st_mode) == 0o600
