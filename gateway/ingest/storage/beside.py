"""Files beside the database file: the lock, and the reserve.

One process at a time works on a file; its lock ends with it. The reserve is removed when the disk is full, because removing
rows takes room too: without it a gateway on a full disk could write its backlog but never remove it.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.support.private_files import private

_LOCK: Final = ".lock"
_RESERVE: Final = ".reserve"
_RESERVE_BYTES: Final = 2**20
"""Enough to remove the rows of some hundred megabytes, 20 at a time."""


def beside(database: Path, suffix: str) -> Path:
    """A file that belongs to a database file."""
    return database.with_name(database.name + suffix)


class InUse(Exception):  # noqa: N818 - says what it is
    """Another process works on the file."""


def lock(path: Path) -> int:
    """Lock the file; return a descriptor to be closed after use. If another process has it: :class:`InUse`."""
    descriptor = private(beside(path, _LOCK), os.O_RDONLY | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InUse(f"{path} is in use by a running gateway") from None
    return descriptor


def is_in_use(path: Path) -> bool:
    """Tell if a process works on the file, without touching it."""
    try:
        descriptor = private(beside(path, _LOCK), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def keep_reserve(database: Path) -> None:
    """Create the reserve, if there is plenty of room."""
    reserve = beside(database, _RESERVE)
    with suppress(OSError):
        room = os.statvfs(database.parent)
        if reserve.exists() or room.f_bavail * room.f_frsize < 4 * _RESERVE_BYTES:
            return
        with open(reserve, "wb", opener=private) as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)


def give_up_reserve(database: Path) -> bool:
    """Remove the reserve; return True if it existed."""
    try:
        beside(database, _RESERVE).unlink()
    except OSError:
        return False
    return True
