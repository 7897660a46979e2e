"""A small file that is removed when the disk is full, because removing rows takes room too.

Without it a gateway on a full disk could write its backlog but never remove it.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.ingest.storage.recovery.wal import beside
from gateway.support.private_files import private

_SUFFIX: Final = ".reserve"
_RESERVE_BYTES: Final = 2**20
"""Enough to remove the rows of some hundred megabytes, 20 at a time."""


def keep_reserve(database: Path) -> None:
    """Create the file, if there is plenty of room."""
    reserve = beside(database, _SUFFIX)
    with suppress(OSError):
        room = os.statvfs(database.parent)
        if reserve.exists() or room.f_bavail * room.f_frsize < 4 * _RESERVE_BYTES:
            return
        with open(reserve, "wb", opener=private) as file:
            os.posix_fallocate(file.fileno(), 0, _RESERVE_BYTES)


def give_up_reserve(database: Path) -> bool:
    """Remove the file; return True if it existed."""
    try:
        beside(database, _SUFFIX).unlink()
    except OSError:
        return False
    return True
