"""A small file that is there only to be removed when the disk is full: to remove rows takes room too.

Without it a gateway on a full disk could bring its backlog in and would never be rid of it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.private_files import private
from gateway.storage.recovery.wal import beside

_SUFFIX: Final = ".reserve"
_RESERVE_BYTES: Final = 2**20
"""Enough to remove the rows of some hundred megabytes, 20 at a time."""


def keep_reserve(database: Path) -> None:
    """Have the file, if there is plenty of room for it."""
    reserve = beside(database, _SUFFIX)
    with suppress(OSError):
        room = os.statvfs(database.parent)
        if reserve.exists() or room.f_bavail * room.f_frsize < 4 * _RESERVE_BYTES:
            return
        with open(reserve, "wb", opener=private) as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)


def give_up_reserve(database: Path) -> bool:
    """Remove the file; whether it was there."""
    try:
        beside(database, _SUFFIX).unlink()
    except OSError:
        return False
    return True
