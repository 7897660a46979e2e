"""Replacing a file that people keep: a power cut leaves the old one or the new one, and mode and owner stay."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from gateway.support.folder_owner import as_owner
from gateway.support.private_files import private, read_bytes


def replace_file(path: Path, text: str) -> Path | None:
    """Write ``text`` to ``path`` so that a power cut leaves the old file or the new one; the old one's copy beside it, or None.

    A file that is there keeps its mode, its group and, where the system allows it, its owner; a new one is for its owner alone.

    :raises OSError: nothing is changed.
    """
    with as_owner(path):
        path = path.resolve()
        backup = path.with_name(f"{path.name}.bak") if path.exists() else None
        if backup is not None:
            _write_synced(backup, read_bytes(path), like=path)
        _write_synced(path, text.encode(), like=path)
    return backup


def replace_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` in the same way, without a copy of the old file.

    :raises OSError: nothing is changed.
    """
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
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
