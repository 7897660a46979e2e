"""One process at a time works on a file: the lock beside it, which ends with the process."""

import fcntl
import os
from pathlib import Path

from gateway.ingest.storage.recovery.wal import beside
from gateway.support.private_files import private

_SUFFIX = ".lock"


class InUse(Exception):  # noqa: N818 - says what it is
    """Another process works on the file."""


def lock(path: Path) -> int:
    """Lock the file; return a descriptor to be closed after use.

    :raises InUse: another process has it.
    """
    descriptor = private(beside(path, _SUFFIX), os.O_RDONLY | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise InUse(f"{path} is in use by a running gateway") from None
    return descriptor


def is_in_use(path: Path) -> bool:
    """Tell if a process works on the file, without touching it."""
    try:
        descriptor = private(beside(path, _SUFFIX), os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
