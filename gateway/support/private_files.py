"""Files and folders that only the gateway's own user may read, whatever the umask is. Existing files keep their mode.

A file that people keep is replaced whole: a power cut leaves the old one or the new one, and mode and owner stay. Root touches
what lies in a folder of others under who owns the folder (:func:`as_owner`), and so reaches no further than he does. Whatever
cannot be done raises ``OSError``, and then nothing is changed.

Theory of operation
-------------------
Commands are given as root, and the data folder belongs to the service. Whoever owns a folder may lay links, second names of
files and pipes there, and swap a name between a look and the open that follows; SQLite, for one, opens by name and follows
links. So no look helps: the open itself must be that of the owner.

A path is walked from ``/``. Where all folders on the way are root's alone, nobody else can have changed what was seen, and root
opens it; root's own links are followed. At the first folder that another may write the walk ends: the rest is opened as its
owner, with his user, his group and his groups, and with none of root's rights. In a folder where everybody may make files and
nobody may remove those of others (``/tmp``) each file stands for its owner, and so does a link of another's in a folder of
root's.

The effective ids are those of the whole process, all threads: a command does one thing at a time, and a gateway that root runs
takes them on for good at its start.
"""

import errno
import os
import pwd
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO, Final, NamedTuple

_LINKS_MAX: Final = 40
"""As the system has it."""
_USERS: Final = Path("/proc/self/uid_map")
_PROGRAM: Final = Path(__file__).parents[1]
"""The profiles and so on that are shipped lie here. Whoever may write it is whoever runs it already."""


class FolderOwner(NamedTuple):
    """Whoever a folder belongs to, with his groups."""

    uid: int
    gid: int
    groups: list[int]


class NobodysFolder(PermissionError):  # noqa: N818 - says what it is
    """A folder of root's that others may write too: there is no one to be while something in it is opened."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(errno.EPERM, why, str(path))


def as_owner(path: str | Path) -> AbstractContextManager[None]:
    """Be, as root, whoever may put things at a path; any other user stays who he is, and so does root on a way of its own.

    Inside another one it changes nothing: as an owner root gets no right back.

    :param path: a file that is opened, its links included; of one that is renamed or removed, the folder.
    :raises NobodysFolder: root's folder on the way may be written by others too.
    """
    return being(whose(path))


def whose(path: str | Path) -> FolderOwner | None:
    """Whoever may put things at a path, if root asks; None: there is no one to be; NobodysFolder as above.

    It stays true: nobody else can change the folders up to his.
    """
    if os.geteuid() != 0 or (_PROGRAM in Path(path).parents and ".." not in Path(path).parts):
        return None
    return owner_on_the_way(Path(path))


def being(owner: FolderOwner | None) -> AbstractContextManager[None]:
    """Be an owner for a while; None: stay."""
    return _being(owner) if owner is not None and os.geteuid() == 0 else nullcontext()


@contextmanager
def _being(owner: FolderOwner) -> Iterator[None]:
    gid, groups = os.getegid(), os.getgroups()
    try:
        os.setgroups(owner.groups)
        os.setegid(owner.gid)
        os.seteuid(owner.uid)  # the last one: whoever is not root any more sets no groups
        yield
    finally:
        os.seteuid(0)  # and so the first one
        os.setegid(gid)
        os.setgroups(groups)


def is_as_owner() -> bool:
    """Tell if this is root as another."""
    return os.getuid() == 0 != os.geteuid()


def owner_on_the_way(path: Path) -> FolderOwner | None:
    """The owner of the first folder that another than root may write, None: none is; NobodysFolder if it is root's own."""
    is_shared = False
    for place, found in _way(path):
        if found.st_uid != 0 and not _is_known(found.st_uid):
            continue
        if stat.S_ISDIR(found.st_mode):
            if found.st_uid != 0:
                return _owner(found)
            # By a group other than root's, or by everybody.
            is_shared = bool(found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and found.st_gid != 0))
            if is_shared and not found.st_mode & stat.S_ISVTX:
                raise NobodysFolder(place, "root's, and others may write it: chmod go-w, or give it to one of them with chown")
        elif found.st_uid != 0 and (is_shared or stat.S_ISLNK(found.st_mode)):
            return _owner(found)
        elif is_shared and found.st_nlink > 1:
            raise NobodysFolder(place, "root's, with a second name that anybody may have given it")
    return None


def _way(path: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Each folder and link that the system meets on its way to a path, and what lies there, as far as there is something."""
    at, left, links = Path("/"), [*reversed(path.absolute().parts[1:])], 0
    yield at, at.lstat()
    while left:
        name = left.pop()
        place = at.parent if name == ".." else at / name
        try:
            found = place.lstat()
        except OSError:
            return
        yield place, found
        if stat.S_ISDIR(found.st_mode):
            at = place
        elif stat.S_ISLNK(found.st_mode) and links < _LINKS_MAX:
            links += 1
            target = place.readlink()
            left += [part for part in reversed(target.parts) if part != "/"]
            at = Path("/") if target.is_absolute() else at
            yield at, at.lstat()
        else:
            return


def _is_known(uid: int) -> bool:
    """Tell if root knows a user in its namespace; over the files of others it has no more rights there than anybody."""
    try:
        ranges = [line.split() for line in _USERS.read_text(encoding="ascii").splitlines()]
    except OSError:
        return True
    return any(int(first) <= uid < int(first) + int(count) for first, _, count in ranges)


def _owner(found: os.stat_result) -> FolderOwner:
    """The owner of a file or folder, with the groups that the system knows of him."""
    try:
        user = pwd.getpwuid(found.st_uid)
    except KeyError:  # as in a container
        gid = found.st_gid or found.st_uid
        return FolderOwner(found.st_uid, gid, [gid])
    return FolderOwner(found.st_uid, user.pw_gid, os.getgrouplist(user.pw_name, user.pw_gid))


FILE_MODE: Final = 0o600
READERS_MODE: Final = 0o640
"""Of a file that its owner may write, and the group of its folder read."""
_FOLDER_MODE: Final = 0o700
_OF_SQLITE: Final = ("", "-wal", "-shm", "-journal")


def make_folder(folder: Path) -> None:
    """Create the folder, with its missing parents."""
    with as_owner(folder):
        if not folder.parent.exists():
            make_folder(folder.parent)
        folder.mkdir(mode=_FOLDER_MODE, exist_ok=True)


def make_empty(path: Path) -> None:
    """Create an empty file if it is missing. A failure is left to the next one who opens it, who reports it."""
    with suppress(OSError):
        os.close(private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))


def private(path: str | Path, flags: int) -> int:
    """Open a file as the owner of its folder; the ``opener`` for :func:`open`.

    OSError also if among others' files there is something else, such as a pipe, which would hold root up.
    """
    with as_owner(path):
        if not is_as_owner():
            return os.open(path, flags, FILE_MODE)
        descriptor = os.open(path, flags | os.O_NONBLOCK, FILE_MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_file(path)
    return descriptor


def is_there(path: Path) -> bool:
    """Tell if something lies at a path; as the owner of its folder, where a share may deny root the look."""
    with as_owner(path):
        return path.exists()


def read_bytes(path: Path) -> bytes:
    """Read a file."""
    with open(path, "rb", opener=private) as file:
        return file.read()


def refuse_pipes(database: Path) -> None:
    """Before SQLite opens a file and those beside it: OSError if a pipe is among others' files, which may hold root up."""
    for path in (database.with_name(database.name + suffix) for suffix in _OF_SQLITE if is_as_owner()):
        if path.is_fifo():
            raise _no_file(path)


def give_to_readers(descriptor: int, path: Path) -> None:
    """Give a new file of root's to the group of its folder, which reads it. In a folder of others it is theirs already."""
    if os.geteuid() == 0:
        os.fchown(descriptor, -1, path.parent.stat().st_gid)


@contextmanager
def folder_beside(path: Path, prefix: str) -> Iterator[Path]:
    """A folder beside a file for what is worked on, removed in the end."""
    beside = path.absolute().parent
    with as_owner(beside):
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=beside))
    try:
        yield folder
    finally:
        with as_owner(beside):
            shutil.rmtree(folder, ignore_errors=True)


def _no_file(path: str | Path) -> OSError:
    return OSError(errno.EINVAL, "is no file", str(path))


@contextmanager
def placed(path: Path, mode: int = FILE_MODE) -> Iterator[IO[bytes]]:
    """A new file to be written beside a path; it takes the path's place once it is on disk, and never by halves."""
    beside = path.with_name(path.name + ".new")
    with as_owner(path.parent):
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)


def place_for_readers(path: Path, data: bytes, mode: int = READERS_MODE) -> None:
    """Write a file whole or not at all, synced; the group of its folder may read it."""
    with placed(path, mode) as file:
        give_to_readers(file.fileno(), path)
        file.write(data)
    with as_owner(path.parent):
        sync_folder(path.parent)


def replace_file(path: Path, text: str) -> Path | None:
    """Write ``text`` to ``path`` so that a power cut leaves the old file or the new one; the old one's copy beside it, or None.

    A file that is there keeps its mode, its group and, where the system allows it, its owner; a new one is for its owner alone.
    """
    with as_owner(path):
        path = path.resolve()
        backup = path.with_name(f"{path.name}.bak") if path.exists() else None
        if backup is not None:
            _write_synced(backup, read_bytes(path), like=path)
        _write_synced(path, text.encode(), like=path)
    return backup


def replace_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in the same way, without a copy of the old file."""
    with as_owner(path):
        path = path.resolve()
        _write_synced(path, data, like=path)


def _write_synced(path: Path, data: bytes, *, like: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(temporary, "wb", opener=private) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if like.exists():
                model = like.stat()
                os.fchmod(file.fileno(), stat.S_IMODE(model.st_mode))
                for owner in (-1, model.st_uid):  # only root gives a file to others; a group of one's own is free
                    with suppress(PermissionError):
                        os.fchown(file.fileno(), owner, model.st_gid)
        temporary.replace(path)  # synced before: a power cut never leaves the name of a file without its bytes
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
