"""Archives that somebody changed on their way, restored by root: nothing is written outside, and it is said what they hold."""

import gzip
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest

from gateway.commands.cli import main
from tests.admin.backup.machine import HIS, OTHER, Machine

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes wherever an archive says")
EVIL: Final = b"* * * * * root id\n"


class Target:
    """A machine with a gateway's folders, and with files of others beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings, self.data = folder / "etc" / "gateway", folder / "var" / "lib" / "gateway"
        self.accounts = folder / "var" / "lib" / "mosquitto" / "accounts.json"
        self.outside = folder / "outside"

    def make(self) -> None:
        """Make it as ``install.sh`` does, beside a folder of others."""
        for place in (self.settings / "registry", self.settings / "secrets", self.data, self.accounts.parent, self.outside):
            place.mkdir(parents=True)
        (self.outside / "secret").write_text("root's\n")
        (self.settings / "registry" / "devices.yaml").write_text("devices: []\n")
        (self.settings / "registry" / "devices.yaml").chmod(0o640)
        (self.settings / "devices.yaml").symlink_to("registry/devices.yaml")
        for place in (self.settings / "registry", self.settings / "registry" / "devices.yaml", self.data, self.accounts.parent):
            shutil.chown(place, "nobody", "nogroup")

    def restore(self, archive: Path, *words: str) -> int:
        """``gateway restore``, with all places of this machine."""
        places = ("-c", self.settings / "gateway.yaml", "--data", self.data, "--accounts", self.accounts)
        return main(["restore", str(archive), "--replace", "--yes", *map(str, places), *words])

    def seen(self, *without: Path) -> dict[str, tuple[object, ...]]:
        """All that is there, but in some folders: name → number, kind and mode, owner, time of the last change, content."""
        found = (path for path in [self.folder, *self.folder.rglob("*")] if not any(map(path.is_relative_to, without)))
        return {str(path): _seen(path) for path in found}


def _seen(path: Path) -> tuple[object, ...]:
    own = path.lstat()
    content = sha256(path.read_bytes()).hexdigest() if path.is_file() and not path.is_symlink() else ""
    return own.st_ino, own.st_mode, own.st_uid, own.st_gid, own.st_nlink, own.st_ctime_ns, content


@dataclass
class Archive:
    """An archive that can be changed: its members, and what its manifest says."""

    members: list[tuple[tarfile.TarInfo, bytes]]
    manifest: dict[str, Any]
    target: Target
    tail: bytes = b""

    def add(self, name: str, body: bytes = EVIL, kind: str = "named by --also", **head: object) -> "Archive":
        """Add a file, with an entry in the manifest unless its kind is empty."""
        member = tarfile.TarInfo(name)
        for key, value in head.items():
            setattr(member, key, value)
        body = b"" if member.type != tarfile.REGTYPE else body
        self.members.append((member, body))
        if kind:
            entry = {"name": name, "kind": kind, "bytes": len(body), "sha256": sha256(body).hexdigest()}
            self.manifest["files"].append(entry)
        return self

    def out(self, name: str) -> str:
        """The name of a member that would lie outside."""
        return f"root{self.target.outside}/{name}"

    def entry(self, kind: str) -> dict[str, Any]:
        """The entry of a kind in the manifest."""
        return next(one for one in self.manifest["files"] if one["kind"] == kind)

    def rename(self, kind: str, name: str) -> None:
        """Give the file of a kind another name."""
        entry = self.entry(kind)
        member = next(one for one, _ in self.members if one.name == entry["name"])
        member.name = entry["name"] = name

    def write(self, path: Path) -> None:
        """Write it."""
        with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
            last = tarfile.TarInfo("manifest.json")
            for member, body in [*self.members, (last, json.dumps(self.manifest).encode())]:
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
        path.write_bytes(path.read_bytes() + self.tail)


Change = Callable[[Archive], object]


def linked(archive: Archive) -> None:
    archive.add("here/profiles/evil", kind="profiles")
    archive.members.insert(0, (tarfile.TarInfo("here/profiles"), b""))
    archive.members[0][0].type, archive.members[0][0].linkname = tarfile.SYMTYPE, str(archive.target.outside)


def of_kind(kind: bytes) -> Change:
    """A member of another kind than a file, which leads outside."""

    def change(archive: Archive) -> None:
        archive.add("here/evil", type=kind, linkname=str(archive.target.outside / "secret"), devmajor=1, devminor=3)

    return change


def twice(archive: Archive) -> None:
    archive.members.insert(0, (tarfile.TarInfo(archive.entry("configuration")["name"]), EVIL))


def told_twice(archive: Archive) -> None:
    archive.manifest["files"].append({**archive.entry("configuration"), "kind": "named by --also"})


def with_holes(archive: Archive) -> None:
    archive.add("here/evil")
    archive.members[-1][0].pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": "1048576"}


def swapped_configuration(archive: Archive) -> None:
    """A configuration that puts the store outside, and a store that lies there."""
    name = archive.entry("configuration")["name"]
    body = json.dumps({"journal": {"path": str(archive.target.outside / "journal.db")}}).encode()
    archive.members = [(member, body if member.name == name else was) for member, was in archive.members]
    archive.entry("configuration").update(bytes=len(body), sha256=sha256(body).hexdigest())
    archive.rename("store", archive.out("journal.db"))


def link_on_target(archive: Archive) -> None:
    (archive.target.settings / "profiles").symlink_to(archive.target.outside)
    archive.add("here/profiles/evil", kind="profiles")


def link_of_the_service(archive: Archive) -> None:
    link = archive.target.data / "sealed"
    link.symlink_to(archive.target.outside)
    os.lchown(link, archive.target.data.stat().st_uid, -1)
    archive.add(f"root{archive.target.data}/sealed/evil", kind="sealed months")


def accounts_as_link(archive: Archive) -> None:
    archive.target.accounts.symlink_to(archive.target.outside)
    archive.add(f"root{archive.target.accounts}/evil")


NO_PLACE: Final = "would lie at {out}/evil, which is no place of this gateway; --also {out}/evil allows it"
NO_BACKUP: Final = "the archive names a file that no backup has: "
REFUSED: Final[dict[str, tuple[int, str, Change]]] = {
    "absolute name": (1, NO_BACKUP, lambda one: one.add(f"{one.target.outside}/evil")),
    "two dots": (1, NO_BACKUP, lambda one: one.add("here/../../../outside/evil")),
    "two dots behind root": (1, NO_BACKUP, lambda one: one.add("root/etc/../outside/evil")),
    "neither here nor root": (1, NO_BACKUP, lambda one: one.add("etc/cron.d/evil")),
    "the folder itself": (1, NO_BACKUP, lambda one: one.add("here")),
    "a dot": (1, NO_BACKUP, lambda one: one.add("here/./evil")),
    "two strokes": (1, NO_BACKUP, lambda one: one.add("root//etc/evil")),
    "line break": (1, NO_BACKUP, lambda one: one.add("here/a\nb")),
    "NUL": (1, NO_BACKUP, lambda one: one.add("here/a\0b", pax_headers={"path": "here/a\0b"})),
    "name of a file on its way": (1, NO_BACKUP, lambda one: one.add("here/evil.restoring")),
    "not in the manifest": (1, "here/evil is not what the manifest says", lambda one: one.add("here/evil", kind="")),
    "only in the manifest": (1, "is not what the manifest says", lambda one: one.members.pop()),
    "outside": (2, NO_PLACE, lambda one: one.add(one.out("evil"))),
    "secret outside": (2, NO_PLACE, lambda one: one.add(one.out("evil"), kind="secrets and certificates")),
    "registry outside": (2, NO_PLACE, lambda one: one.rename("registry", one.out("evil"))),
    "store outside": (2, "; --data {out} allows it", swapped_configuration),
    "accounts outside": (2, "; --accounts {out}/evil allows it", lambda one: one.rename("broker accounts", one.out("evil"))),
    "audit log outside": (2, "; --data {out} allows it", lambda one: one.add(one.out("evil"), kind="audit log")),
    "below the accounts": (2, "which is no place of this gateway", accounts_as_link),
    "over a link of root's": (2, NO_PLACE, link_on_target),
    "over a link of the service": (2, "would lie at {out}/evil, which is no place", link_of_the_service),
    "unknown kind": (1, "which this release does not know", lambda one: one.add("here/evil", kind="evil")),
    "soft link": (1, "holds a link, as no backup does: 'here/evil'", of_kind(tarfile.SYMTYPE)),
    "second name": (1, "holds what is no plain file, as no backup does: 'here/evil'", of_kind(tarfile.LNKTYPE)),
    "device": (1, "holds what is no plain file, as no backup does: 'here/evil'", of_kind(tarfile.CHRTYPE)),
    "disk": (1, "holds what is no plain file, as no backup does: 'here/evil'", of_kind(tarfile.BLKTYPE)),
    "pipe": (1, "holds what is no plain file, as no backup does: 'here/evil'", of_kind(tarfile.FIFOTYPE)),
    "something else": (1, "holds what is no plain file, as no backup does: 'here/evil'", of_kind(b"Z")),
    "holes": (1, "holds what is no plain file, as no backup does: 'here/evil'", with_holes),
    "one name twice": (1, "'here/gateway.yaml' stands twice", twice),
    "told twice": (1, "its manifest names a file twice", told_twice),
    "a file behind the end": (1, "comes after its end", lambda one: one.add("manifest.json", b"{}", kind="")),
    "two stores": (1, "holds two files of the kind 'store'", lambda one: one.add("here/evil", kind="store")),
    "two for one place": (
        *(1, "holds two files for one place, "),
        lambda one: one.add(f"root{one.target.settings}/tokens", kind="secrets and certificates"),
    ),
    "a file in the place of a folder": (
        *(1, "holds a file in the place of a folder: "),
        lambda one: one.add("here/a").add("here/a/evil"),
    ),
    "a folder is there": (2, "/secrets, where a folder is; move that away first", lambda one: one.add("here/secrets")),
    "no folder is there": (
        *(2, "secret is no folder; move it away first"),
        lambda one: (shutil.copy(one.target.outside / "secret", one.target.settings), one.add("here/secret/evil")),
    ),
    "a name that no disk takes": (2, "File name too long; nothing was replaced", lambda one: one.add(f"here/{'e' * 250}")),
    "a version of 5,000 digits": (1, "its manifest cannot be read", lambda one: one.manifest.update(version="9" * 5_000)),
    "a year that is none": (2, "; nothing was replaced", lambda one: one.manifest["facts"].update(made_ms=2**70)),
    "no manifest": (1, "its manifest cannot be read", lambda one: one.manifest.clear()),
}


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Path, Path]]:
    """A folder to work in, which every owner can reach, and a backup of another machine."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as text:
        folder = Path(text)
        folder.chmod(0o755)
        old = Machine(folder / "old")
        old.fill(HIS, OTHER)
        yield folder, old.backup(folder / "g.tar.gz")


@pytest.fixture
def changed(machines: tuple[Path, Path]) -> Iterator[Archive]:
    """Its archive, to be changed, and a machine where it would be restored: its files lie at that machine's places."""
    folder, path = machines
    target = Target(folder / "folder")
    target.make()
    with tarfile.open(path) as tar:
        found = [(member, file.read()) for member in tar if (file := tar.extractfile(member))]
    *members, (_, manifest) = found
    archive = Archive(members, json.loads(manifest), target)
    for entry in archive.manifest["files"]:
        if entry["name"].startswith("here/data/"):
            name = f"root{target.data}/{entry['name'].removeprefix('here/data/')}"
        elif entry["kind"] == "broker accounts":
            name = f"root{target.accounts}"
        else:
            continue
        next(member for member, _ in members if member.name == entry["name"]).name = name
        entry["name"] = name
    yield archive
    shutil.rmtree(target.folder)


@pytest.mark.parametrize("kind", REFUSED)
def test_a_changed_archive_is_refused_by_what_it_holds_and_nothing_is_written(
    changed: Archive, machines: tuple[Path, Path], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    status, said, change = REFUSED[kind]
    target, path = changed.target, machines[0] / "changed.tar.gz"
    change(changed)
    changed.write(path)
    before = target.seen()
    assert target.restore(path) == status
    err = capsys.readouterr().err
    assert said.format(out=target.outside) in err, err
    now = target.seen()
    if kind == "a name that no disk takes":  # it is met while files are laid; what was there is there
        now = {name: what for name, what in now.items() if name in before and not Path(name).is_dir()}
        before = {name: what for name, what in before.items() if not Path(name).is_dir()}
    assert now == before


def head(kind: bytes, body: bytes) -> bytes:
    """A member that only adds to the next one."""
    member = tarfile.TarInfo("././@Head")
    member.type, member.size = kind, len(body)
    return member.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % tarfile.BLOCKSIZE)


LONG: Final = b"a" * 2**20
HEADS: Final = {
    "a name of a megabyte": head(tarfile.GNUTYPE_LONGNAME, LONG),
    "a remark of a megabyte": head(tarfile.XHDTYPE, b"1048596 comment=%b\n" % LONG),
    "for all members": head(tarfile.XGLTYPE, b"22 path=here/evil.yaml"),
    "3,000 names for one file": head(tarfile.GNUTYPE_LONGNAME, b"ab\0") * 3000,
}


@pytest.mark.parametrize("kind", HEADS)
def test_heads_of_files_fill_no_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path = tmp_path / "g.tar.gz"
    path.write_bytes(gzip.compress(HEADS[kind] + tarfile.TarInfo("here/x").tobuf() + bytes(1024)))
    assert main(["restore", str(path), "-c", str(tmp_path / "gateway.yaml")]) == 1
    err = capsys.readouterr().err
    assert "a file's head is longer than a backup's" in err or "recursion" in err


def rights(path: Path) -> tuple[str, str, int]:
    """Owner, group and mode of a file."""
    return path.owner(), path.group(), path.lstat().st_mode & 0o7777


def test_owners_and_rights_are_those_of_the_machine_whatever_the_archive_says(
    changed: Archive, machines: tuple[Path, Path]
) -> None:
    target, path = changed.target, machines[0] / "changed.tar.gz"
    shutil.chown(target.settings, group="nogroup")
    for member, _ in changed.members:
        member.mode, member.uid, member.gid, member.uname, member.gname = 0o6777, 12_345, 12_345, "daemon", "daemon"
    changed.add("here/secrets/authority.key", mode=0o600, uname="root")
    changed.manifest["facts"]["folder"] = str(target.outside)
    changed.write(path)
    before = target.seen(target.settings, target.data, target.accounts.parent)
    assert target.restore(path) == 0
    assert target.seen(target.settings, target.data, target.accounts.parent) == before
    assert rights(target.settings / "gateway.yaml") == rights(target.settings / "tokens") == ("root", "nogroup", 0o640)
    assert rights(target.settings / "secrets" / "authority.key") == ("root", "root", 0o600)
    assert (target.settings / "devices.yaml").readlink() == Path("registry", "devices.yaml")
    assert rights(target.settings / "registry" / "devices.yaml") == ("nobody", "nogroup", 0o640)
    assert rights(target.data / "journal.db") == rights(target.accounts) == ("nobody", "nogroup", 0o600)


def test_a_folder_that_is_a_link_in_an_archive_is_a_folder_here_and_is_named(
    changed: Archive, machines: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    target, path = changed.target, machines[0] / "changed.tar.gz"
    linked(changed)
    changed.write(path)
    before = target.seen(target.settings, target.data, target.accounts.parent)
    assert target.restore(path) == 0
    assert "a link in the archive is not made: here/profiles\n" in capsys.readouterr().out
    assert target.seen(target.settings, target.data, target.accounts.parent) == before
    assert (target.settings / "profiles" / "evil").read_bytes() == EVIL
    assert not (target.settings / "profiles").is_symlink()


def test_files_beside_a_database_are_left_out(changed: Archive, machines: tuple[Path, Path]) -> None:
    target, path = changed.target, machines[0] / "changed.tar.gz"
    for end in ("-wal", "-journal", ".lock"):
        changed.add(f"root{target.data}/journal.db{end}")
    changed.write(path)
    assert target.restore(path) == 0
    assert [one.name for one in target.data.iterdir() if one.is_file() and one.read_bytes() == EVIL] == []


@pytest.mark.parametrize("word", ["--also", "--data"])
def test_what_the_command_line_names_may_be_written(changed: Archive, machines: tuple[Path, Path], word: str) -> None:
    target, path = changed.target, machines[0] / "changed.tar.gz"
    changed.add(changed.out("new/evil"))
    changed.write(path)
    assert target.restore(path, word, str(target.outside / "new")) == 0
    assert (target.outside / "new" / "evil").read_bytes() == EVIL
    assert rights(target.outside / "new" / "evil") == ("root", "root", 0o600)


@pytest.mark.parametrize("tail", [b"", b"more"])
def test_an_archive_whose_sha256_is_another_one_is_refused(
    changed: Archive, machines: tuple[Path, Path], capsys: pytest.CaptureFixture[str], tail: bytes
) -> None:
    target, path = changed.target, machines[0] / "changed.tar.gz"
    changed.write(path)
    told = sha256(path.read_bytes()).hexdigest()
    if not tail:
        changed.add("here/evil")
    changed.tail = tail
    changed.write(path)
    before = target.seen()
    assert target.restore(path, "--sha256", told) == 1
    now = sha256(path.read_bytes()).hexdigest()
    assert capsys.readouterr().err == f"{path}: is not the archive that was named: its SHA-256 is {now}\n"
    assert target.seen() == before
    assert target.restore(path, "--sha256", now.upper()) == 0
    assert "no --sha256" not in capsys.readouterr().err
