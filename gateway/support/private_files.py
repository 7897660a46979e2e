"""Files and folders that only the gateway's own user may read, whatever the umask is. Existing files keep their mode.

A file that people keep is replaced whole: a power cut leaves the old one or the new one, and mode and owner stay. Root touches
files as whoever owns their folder (:mod:`gateway.support.folder_owner`).

Whatever cannot be done raises ``OSError``, and then nothing is changed.
"""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from gateway.support.folder_owner import as_owner, is_as_owner

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
