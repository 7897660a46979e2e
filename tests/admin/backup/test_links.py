"""A registry in a folder of its own, to which a link leads, as ``install.sh`` has it; and other links in a configuration."""

import io
import os
import pwd
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from gateway.admin.backup.places import data_of_unit
from gateway.commands.privacy.device_places import tell_copies
from gateway.support.registry.registry import load_registry
from tests.admin.backup.machine import HIS, OTHER, Machine

TARGET = Path("registry", "devices.yaml")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files to others")


def linked(machine: Machine, registry: str | bytes) -> Path:
    """Put a registry where ``install.sh`` puts it, and the link to it; return its path."""
    path, link = machine.folder / TARGET, machine.folder / "devices.yaml"
    path.parent.mkdir(mode=0o750)
    path.write_bytes(registry.encode() if isinstance(registry, str) else registry)
    path.chmod(0o640)
    if os.geteuid() == 0:
        for place in (path, path.parent):
            shutil.chown(place, "nobody", pwd.getpwnam("nobody").pw_gid)
    link.unlink(missing_ok=True)
    link.symlink_to(TARGET)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Machine:
    """A gateway with two devices."""
    machine = Machine(tmp_path / "old")
    machine.fill(HIS, OTHER)
    linked(machine, (machine.folder / "devices.yaml").read_bytes())
    return machine


@pytest.fixture
def new(tmp_path: Path) -> Machine:
    """A machine on which a gateway was installed and has no device yet."""
    machine = Machine(tmp_path / "new")
    machine.folder.mkdir()
    linked(machine, "devices:\n# none yet\n")
    return machine


def restored(machine: Machine, archive: Path) -> str:
    """Restore; return what was printed."""
    done = machine.command("restore", archive, "--replace", "--yes")
    assert done.returncode == 0, done.stderr
    return done.stdout


def as_before(archive: Path) -> Path:
    """The archive as the release before wrote it: with the rights of the link, which were taken for those of the file."""
    with tarfile.open(archive) as tar:
        members = [(member, file.read() if (file := tar.extractfile(member)) else b"") for member in tar]
    with tarfile.open(archive, "w:gz") as tar:
        for member, body in members:
            if member.name == "here/devices.yaml":
                member.mode, member.uname, member.gname = 0o777, "root", "root"
            tar.addfile(member, io.BytesIO(body))
    return archive


def rights(path: Path) -> tuple[int, int, int]:
    """Mode and owner of a file."""
    found = path.lstat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


@pytest.mark.parametrize("release", ["this", "before"])
def test_a_restored_registry_lies_where_the_link_leads_with_the_rights_of_what_lay_there(
    old: Machine, new: Machine, tmp_path: Path, release: str
) -> None:
    archive, had, was = old.backup(tmp_path / "g.tar.gz"), rights(new.folder / TARGET), (new.folder / TARGET).read_bytes()
    said = restored(new, as_before(archive) if release == "before" else archive)
    assert (new.folder / "devices.yaml").readlink() == TARGET
    assert (new.folder / TARGET).read_bytes() == (old.folder / TARGET).read_bytes()
    assert rights(new.folder / TARGET) == had
    assert f"set aside: {new.folder / TARGET}.before-restore" in said
    assert (new.folder / f"{TARGET}.before-restore").read_bytes() == was


def test_devices_can_be_added_to_a_restored_registry(old: Machine, new: Machine, tmp_path: Path) -> None:
    restored(new, as_before(old.backup(tmp_path / "g.tar.gz")))
    done = new.command("devices", "add", "wm-new", "--site", "s1", "--domain", "water")
    assert done.returncode == 0, done.stderr
    assert (new.folder / "devices.yaml").readlink() == TARGET
    assert [device.id for device in load_registry(new.folder / TARGET).devices] == [HIS, OTHER, "wm-new"]


def test_a_backup_has_the_rights_of_the_file_and_not_those_of_the_link(old: Machine, tmp_path: Path) -> None:
    with tarfile.open(old.backup(tmp_path / "g.tar.gz")) as tar:
        member = tar.getmember("here/devices.yaml")
    assert (member.mode, member.uid, member.gid) == rights(old.folder / TARGET)


def test_a_file_in_the_place_of_the_link_does_not_get_the_rights_of_one_and_it_is_said_what_to_do(
    old: Machine, new: Machine, tmp_path: Path
) -> None:
    harmed = new.folder / "devices.yaml"
    harmed.unlink()
    harmed.write_text("devices: []\n")
    had = rights(harmed)
    said = restored(new, as_before(old.backup(tmp_path / "g.tar.gz")))
    assert harmed.read_bytes() == (old.folder / TARGET).read_bytes()
    assert rights(harmed) == had
    assert f"the service cannot change {harmed}: run install.sh again, which moves it into {new.folder}/registry" in said


@as_root
def test_a_link_that_another_may_have_put_there_is_not_followed(old: Machine, tmp_path: Path) -> None:
    archive, theirs = old.backup(tmp_path / "g.tar.gz"), Machine(tmp_path / "theirs")
    theirs.folder.mkdir()
    precious = tmp_path / "precious"
    precious.write_text("root's")
    (theirs.folder / "devices.yaml").symlink_to(precious)
    shutil.chown(theirs.folder, "nobody")
    restored(theirs, archive)
    assert precious.read_text() == "root's"
    assert not (theirs.folder / "devices.yaml").is_symlink()


def test_a_registry_that_is_named_twice_is_restored_once(old: Machine, new: Machine, tmp_path: Path) -> None:
    archive = tmp_path / "g.tar.gz"
    done = old.command("backup", archive, "--accounts", old.accounts, "--also", old.folder / "registry")
    assert done.returncode == 0, done.stderr
    restored(new, archive)
    assert (new.folder / TARGET).read_bytes() == (old.folder / TARGET).read_bytes()
    assert [path.name for path in sorted((new.folder / "registry").iterdir())] == [
        "devices.yaml",
        "devices.yaml.before-restore",
    ]


def test_copies_that_were_set_aside_where_the_link_leads_are_named_too(
    old: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    aside = [old.folder / f"{name}.before-{what}" for name in ("devices.yaml", TARGET) for what in ("restore", "install")]
    for path in aside:
        path.write_text("devices: []\n")
    tell_copies(old.config, [])
    told = [Path(line.partition(": was set aside")[0]) for line in capsys.readouterr().out.splitlines()]
    assert sorted(told) == sorted(aside)


@pytest.mark.parametrize("release", ["this", "before"])
def test_a_backup_of_a_folder_that_is_a_link_can_be_restored(
    old: Machine, new: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, release: str
) -> None:
    (old.folder / "profiles").rename(tmp_path / "ours")
    (old.folder / "profiles").symlink_to(tmp_path / "ours")
    if release == "before":
        real = tarfile.open
        monkeypatch.setattr(tarfile, "open", lambda *given, **more: real(*given, **{**more, "dereference": False}))
    archive = old.backup(tmp_path / "g.tar.gz")
    monkeypatch.undo()
    restored(new, archive)
    assert (new.folder / "profiles" / "README").read_text() == "ours\n"


def test_folders_of_data_are_those_that_the_unit_of_the_configuration_may_write(tmp_path: Path) -> None:
    units, added = tmp_path / "usr" / "lib" / "systemd" / "system", tmp_path / "etc/systemd/system/gateway@north.service.d"
    shutil.copytree(Path(__file__).parents[3] / "deploy" / "systemd", units)
    added.mkdir(parents=True)
    (added / "disk.conf").write_text("[Service]\nReadWritePaths=/mnt/ssd -/srv/photos\n")
    for name, more in {"gateway": [], "gateway-north": ["/mnt/ssd", "/srv/photos"], "gateway-south": []}.items():
        found = data_of_unit(Path("/etc", name, "gateway.yaml"), tmp_path)
        assert sorted(map(str, found)) == sorted([f"/etc/{name}/registry", *more, f"/var/lib/{name}"])
    assert data_of_unit(Path("/srv/gateway.yaml"), tmp_path) == ()
