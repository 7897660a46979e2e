"""Root is, among the files of others, who owns their folder; on a way that is its own alone it stays root."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.commands import CONFIGURATION, cli
from gateway.support import private_files as folder_owner
from gateway.support.private_files import (
    NobodysFolder,
    as_owner,
    folder_beside,
    give_to_readers,
    make_empty,
    make_folder,
    private,
    read_bytes,
    refuse_pipes,
    replace_bytes,
    replace_file,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another")

NOBODY = pwd.getpwnam("nobody")
NAMELESS = 61_234
"""A user that the system has no name for, as in a container."""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of root's that everybody can reach: pytest's own is its user's alone."""
    with tempfile.TemporaryDirectory(prefix="gateway-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def given(path: Path, uid: int = NOBODY.pw_uid, gid: int = NOBODY.pw_gid, mode: int = 0o750) -> Path:
    """A folder of another."""
    path.mkdir(exist_ok=True)
    os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def ids() -> tuple[int, int, list[int]]:
    return os.geteuid(), os.getegid(), os.getgroups()


def test_what_lies_in_the_folder_of_another_is_touched_with_his_user_his_group_and_his_groups(folder: Path) -> None:
    before, nameless = ids(), given(folder / "nameless", NAMELESS, NAMELESS)
    with as_owner(given(folder / "data") / "journal.db"):
        assert ids() == (NOBODY.pw_uid, NOBODY.pw_gid, os.getgrouplist("nobody", NOBODY.pw_gid))
    with as_owner(nameless):
        assert ids() == (NAMELESS, NAMELESS, [NAMELESS])
    assert ids() == before


def test_root_is_root_again_after_a_fault_too(folder: Path) -> None:
    before = ids()
    with pytest.raises(PermissionError), as_owner(given(folder / "data")):
        (folder / "new").touch()
    assert ids() == before
    (folder / "new").touch()


def test_the_owner_of_the_outermost_folder_is_who_is_asked_whatever_lies_within(folder: Path) -> None:
    within = given(given(folder / "data") / "exports", 0, 0)
    with as_owner(within / "index.json"):
        assert os.geteuid() == NOBODY.pw_uid


def test_an_owner_gets_no_right_back_within(folder: Path) -> None:
    with as_owner(given(folder / "data")), as_owner(folder / "root's"), pytest.raises(PermissionError):
        (folder / "root's").touch()


@pytest.mark.parametrize("way", ["settings/devices.yaml", "settings/../data/x", "absolute", "settings/through/devices.yaml"])
def test_the_links_of_root_are_followed_up_to_the_first_folder_of_another(folder: Path, way: str) -> None:
    given(folder / "settings", 0, NOBODY.pw_gid)
    given(given(folder / "settings" / "registry") / "within", 0, 0)
    given(folder / "data")
    (folder / "settings" / "devices.yaml").symlink_to("registry/devices.yaml")
    (folder / "settings" / "through").symlink_to("../settings/registry/../registry")
    (folder / "absolute").symlink_to(folder / "settings" / "devices.yaml")
    with as_owner(folder / way):
        assert os.geteuid() == NOBODY.pw_uid


@pytest.mark.parametrize("way", ["settings/gateway.yaml", "settings/not/there", "loop", "settings/root", "/dev/stdout"])
def test_on_a_way_of_its_own_root_stays_root(folder: Path, way: str) -> None:
    given(folder / "settings", 0, NOBODY.pw_gid)
    (folder / "settings" / "gateway.yaml").touch()
    os.chown(folder / "settings" / "gateway.yaml", NOBODY.pw_uid, NOBODY.pw_gid)
    (folder / "settings" / "root").symlink_to("/root")
    (folder / "loop").symlink_to("loop")
    with as_owner(folder / way):
        assert os.geteuid() == 0


def test_a_link_of_another_in_a_folder_of_root_is_followed_as_his(folder: Path) -> None:
    (folder / "link").symlink_to("/root")
    os.lchown(folder / "link", NOBODY.pw_uid, NOBODY.pw_gid)
    with as_owner(folder / "link"):
        assert os.geteuid() == NOBODY.pw_uid


def test_in_a_folder_for_everybody_a_file_stands_for_its_owner(folder: Path) -> None:
    shared = given(folder / "shared", 0, 0, 0o1777)
    (shared / "his").touch()
    os.chown(shared / "his", NOBODY.pw_uid, NOBODY.pw_gid)
    (folder / "secret").touch()
    os.link(folder / "secret", shared / "second-name")
    for name, uid in {"his": NOBODY.pw_uid, "new": 0}.items():
        with as_owner(shared / name):
            assert os.geteuid() == uid, name
    with pytest.raises(NobodysFolder, match="second name"), as_owner(shared / "second-name"):
        pass


@pytest.mark.parametrize(("gid", "mode"), [(NOBODY.pw_gid, 0o770), (0, 0o777)])
def test_a_folder_of_root_that_others_may_write_is_refused_with_what_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str], gid: int, mode: int
) -> None:
    shared = given(folder / "shared", 0, gid, mode)
    (folder / "gateway.yaml").write_text(f'{{"journal": {{"path": "{shared}/journal.db"}}}}')
    assert cli.main(["run", "-c", str(folder / "gateway.yaml")]) == CONFIGURATION
    assert capsys.readouterr().err == (
        f"{shared}: root's, and others may write it: chmod go-w, or give it to one of them with chown\n"
    )


def test_what_is_shipped_is_read_as_the_program_is_whoever_may_write_that(folder: Path) -> None:
    shared = given(folder / "shared", 0, 0, 0o777)
    copied = Path(shutil.copy(folder_owner.__file__, given(shared / "support")))
    spec = importlib.util.spec_from_file_location("elsewhere", copied)
    assert spec is not None
    assert spec.loader is not None
    elsewhere = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(elsewhere)
    assert elsewhere.whose(shared / "profiles" / "a.yaml") is None
    with pytest.raises(elsewhere.NobodysFolder):
        elsewhere.whose(shared / ".." / "shared" / "a.yaml")


def test_a_gateway_that_root_runs_on_the_folder_of_another_runs_as_him(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given(folder / "data")
    (folder / "gateway.yaml").write_text('{"journal": {"path": "data/journal.db"}}')
    monkeypatch.setattr("gateway.commands.run.run", lambda _: os.geteuid())
    assert cli.main(["run", "-c", str(folder / "gateway.yaml")]) == NOBODY.pw_uid


def test_files_and_folders_that_root_makes_there_are_the_owners(folder: Path) -> None:
    make_folder(given(folder / "data") / "one" / "two")
    os.close(private(folder / "data" / "file", os.O_WRONLY | os.O_CREAT))
    found = {path.name: path.stat() for path in (folder / "data").rglob("*")}
    assert {name: (one.st_uid, one.st_gid, one.st_mode & 0o777) for name, one in found.items()} == {
        "one": (NOBODY.pw_uid, NOBODY.pw_gid, 0o700),
        "two": (NOBODY.pw_uid, NOBODY.pw_gid, 0o700),
        "file": (NOBODY.pw_uid, NOBODY.pw_gid, 0o600),
    }


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_WRONLY, os.O_RDWR])
def test_a_pipe_in_the_folder_of_another_holds_root_up_no_more_than_a_fault(folder: Path, flags: int) -> None:
    os.mkfifo(given(folder / "data") / "pipe")
    with pytest.raises(OSError, match=r"is no file|No such device|Permission denied"):
        private(folder / "data" / "pipe", flags)
    os.chown(folder / "data" / "pipe", NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(OSError, match=r"is no file|No such device"):
        private(folder / "data" / "pipe", flags)


def test_whom_a_namespace_does_not_know_root_there_cannot_be_and_need_not(folder: Path) -> None:
    script = f"from gateway.support.private_files import whose; print(whose({str(given(folder / 'data') / 'journal.db')!r}))"
    inside = ["unshare", "--user", "--map-root-user", sys.executable, "-c", script]
    done = subprocess.run(inside, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr:
        pytest.skip("this machine lets nobody make a user namespace")
    assert (done.stdout, done.stderr) == ("None\n", "")


def test_all_threads_of_a_command_are_the_owner_and_root_again(folder: Path) -> None:
    given(folder / "data")
    script = (
        "import os, threading\n"
        "from gateway.support.private_files import as_owner\n"
        "go, said = threading.Event(), []\n"
        "thread = threading.Thread(target=lambda: (go.wait(), said.append(open('/proc/thread-self/status').read())))\n"
        "thread.start()\n"
        f"with as_owner({str(folder / 'data')!r}):\n"
        "    go.set(); thread.join()\n"
        "print(said[0])\n"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert f"Uid:\t0\t{NOBODY.pw_uid}\t0\t{NOBODY.pw_uid}" in said


def test_who_is_not_root_stays_who_he_is_whatever_lies_there(folder: Path) -> None:
    given(folder / "data")
    nameless = given(folder / "nameless", NAMELESS, NAMELESS, 0o755)
    assert not folder_owner.is_as_owner()
    with as_owner(folder / "data"):
        assert folder_owner.is_as_owner()
        assert folder_owner.whose(nameless) is None
        with folder_owner.being(folder_owner.FolderOwner(0, 0, [0])), as_owner(nameless):
            assert os.geteuid() == NOBODY.pw_uid


def test_in_a_folder_for_everybody_a_file_of_root_with_one_name_is_roots(folder: Path) -> None:
    shared = given(folder / "shared", 0, 0, 0o1777)
    (shared / "roots").touch()
    with as_owner(shared / "roots"):
        assert os.geteuid() == 0
    os.link(shared / "roots", shared / "second-name")
    with pytest.raises(NobodysFolder, match="second name"), as_owner(shared / "roots"):
        pass
    (folder / "one").touch()
    os.link(folder / "one", folder / "two")
    with as_owner(folder / "two"):
        assert os.geteuid() == 0, "in a folder of root's alone a second name is root's"


def test_a_file_that_is_replaced_keeps_its_group_and_its_owner_and_what_was_begun_is_removed(folder: Path) -> None:
    data, group = given(folder / "data", mode=0o770), 61_235
    file = data / "devices.yaml"
    with folder_owner.being(folder_owner.FolderOwner(NOBODY.pw_uid, NOBODY.pw_gid, [NOBODY.pw_gid, group])):
        replace_bytes(file, b"old")
        os.chown(file, -1, group)
        file.chmod(0o640)
        replace_bytes(file, b"new")
    found = file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (NOBODY.pw_uid, group, 0o640)
    (data / "another's").touch()
    os.chown(data / "another's", NAMELESS, group)
    with folder_owner.being(folder_owner.FolderOwner(NOBODY.pw_uid, NOBODY.pw_gid, [NOBODY.pw_gid, group])):
        replace_bytes(data / "another's", b"new")
    found = (data / "another's").stat()
    assert (found.st_uid, found.st_gid) == (NOBODY.pw_uid, group), "its group is one of his own: that stays"
    settings = given(folder / "settings", 0, 0)
    (settings / "a.yaml").write_text("old")
    os.chown(settings / "a.yaml", NAMELESS, group)
    assert replace_file(settings / "a.yaml", "new") == settings / "a.yaml.bak"
    for name, text in (("a.yaml", "new"), ("a.yaml.bak", "old")):
        found = (settings / name).stat()
        assert (found.st_uid, found.st_gid, (settings / name).read_text()) == (NAMELESS, group, text)
    assert sorted(path.name for path in settings.iterdir()) == ["a.yaml", "a.yaml.bak"]
    (settings / "link").symlink_to("a.yaml")
    replace_bytes(settings / "link", b"through")
    assert (settings / "a.yaml").read_text() == "through"
    assert (settings / "link").is_symlink()


def test_pipes_beside_a_database_are_refused_among_the_files_of_another_alone(folder: Path) -> None:
    data = given(folder / "data")
    os.mkfifo(data / "journal.db-wal")
    refuse_pipes(data / "journal.db")
    with as_owner(data), pytest.raises(OSError, match="is no file"):
        refuse_pipes(data / "journal.db")
    with as_owner(data):
        refuse_pipes(data / "other.db")


def test_a_new_file_of_root_is_read_by_the_group_of_its_folder_and_a_folder_for_work_is_removed(folder: Path) -> None:
    settings = given(folder / "settings", 0, 61_235)
    descriptor = private(settings / "token", os.O_WRONLY | os.O_CREAT)
    give_to_readers(descriptor, settings / "token")
    os.close(descriptor)
    assert (settings / "token").stat().st_gid == 61_235
    data = given(folder / "data")
    with folder_beside(data / "backup.tar", "work-") as work:
        assert (work.parent, work.name.startswith("work-"), work.stat().st_uid) == (data, True, NOBODY.pw_uid)
        (work / "file").touch()
    assert list(data.iterdir()) == []
    make_empty(data / "empty")
    assert ((data / "empty").stat().st_uid, (data / "empty").read_bytes()) == (NOBODY.pw_uid, b"")
    make_empty(data / "missing" / "empty")
    (data / "empty").write_text("kept")
    make_empty(data / "empty")
    assert read_bytes(data / "empty") == b"kept"


def test_a_long_way_of_links_is_followed_as_the_system_does(folder: Path) -> None:
    given(folder / "data")
    for number in range(39):
        (folder / f"link{number}").symlink_to(f"link{number + 1}")
    (folder / "link39").symlink_to("data")
    with as_owner(folder / "link0" / "journal.db"):
        assert os.geteuid() == NOBODY.pw_uid


def test_users_that_a_namespace_knows_are_in_its_ranges(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ranges = folder / "uid_map"
    ranges.write_text(f"0 100000 5\n{NAMELESS} 200000 1\n")
    monkeypatch.setattr(folder_owner, "_USERS", ranges)
    data = folder / "data"
    for uid, is_known in {1: True, 4: True, 5: False, NAMELESS - 1: False, NAMELESS: True, NAMELESS + 1: False}.items():
        owner = folder_owner.whose(given(data, uid, uid))
        assert (owner is not None and owner.uid == uid) is is_known, uid
    ranges.unlink()
    assert folder_owner.whose(given(data, 77, 77)) is not None, "where nothing tells, all are known"
