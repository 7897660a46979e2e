"""Files set aside: each is renamed, so that nothing is lost, and renamed again after its salvage.

If only the WAL is damaged, just the part of the WAL that SQLite forgot is set aside; the rest stays in use.

A file of a newer release is set aside too, but not searched: the release that knows it takes it back.
"""

import logging
import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from gateway.ingest.storage.beside import beside
from gateway.ingest.storage.recovery.salvage import FRAME_BYTES, HEAD_BYTES, forgotten_from
from gateway.support.clock import WallClock
from gateway.support.private_files import make_empty, make_folder, private

log = logging.getLogger("gateway.storage")

SUFFIXES: Final = ("", "-wal", "-shm")
_ASIDE: Final = ".damaged-"
_SALVAGED: Final = ".salvaged-"
_NEWER: Final = ".newer-"
"""Before the version of the tables."""


def set_aside(path: Path) -> None:
    """Rename the file with its companions."""
    aside = _new_name(path)
    if _rename(path, aside):
        log.error("%s is set aside as %s, a new one is begun", path, aside.name)


def set_newer_aside(path: Path, version: int) -> None:
    """Rename the file of a newer release, with its companions."""
    aside = path.with_name(_new_name(path).name.replace(_ASIDE, f"{_NEWER}{version}-"))
    _rename(path, aside)
    log.warning("%s is of a newer release and waits for it as %s; a new one is begun", path, aside.name)


def newer_files(path: Path) -> list[Path]:
    """Files that wait for a newer release, the oldest first."""
    return sorted(name for name in path.parent.glob(f"{path.name}{_NEWER}*") if not name.name.endswith(("-wal", "-shm")))


def take_newer_back(path: Path, version: int) -> None:
    """Give the files that wait for a release with tables of ``version`` to the salvage, which reads them."""
    for aside in newer_files(path):
        told, _, when = aside.name.removeprefix(f"{path.name}{_NEWER}").partition("-")
        if told.isdecimal() and int(told) <= version:
            _rename(aside, path.with_name(f"{path.name}{_ASIDE}{when}"))


def _rename(path: Path, new: Path) -> bool:
    """Rename a file with its companions; tell if there were any."""
    found = [suffix for suffix in SUFFIXES if beside(path, suffix).exists()]
    for suffix in reversed(found):  # the WAL before the file: SQLite would take an older file for a complete one
        beside(path, suffix).rename(beside(new, suffix))
    return bool(found)


def rescue(connection: sqlite3.Connection, path: Path) -> None:
    """Save the contents of a removed file that a connection can still read."""
    make_folder(path.parent)
    aside = _new_name(path)
    make_empty(aside)
    with closing(sqlite3.connect(aside)) as copy:
        connection.backup(copy)


def keep_forgotten_frames(path: Path) -> None:
    """Save the part of a damaged WAL that SQLite forgot, before it is overwritten."""
    taken = forgotten_from(path)
    if taken is None:
        return
    aside = _new_name(path)
    make_empty(beside(aside, "-wal"))
    with open(beside(path, "-wal"), "rb", opener=private) as wal, open(beside(aside, "-wal"), "wb", opener=private) as copy:
        copy.write(wal.read(HEAD_BYTES))
        wal.seek(taken * FRAME_BYTES, os.SEEK_CUR)
        shutil.copyfileobj(wal, copy)
        copy.flush()
        os.fsync(copy.fileno())
    text = "%s-wal was cut short or damaged behind its first %d pages; the rest is searched as %s-wal"
    log.warning(text, path, taken, aside.name)


def _new_name(path: Path) -> Path:
    now = f"{time.strftime('%Y%m%dT%H%M%S')}-{WallClock().now_ms() % 1000:03d}"
    return path.with_name(f"{path.name}{_ASIDE}{now}")


def to_salvage(path: Path) -> list[Path]:
    """Files that were set aside and not salvaged yet, the oldest first. Some are only a WAL."""
    found = {
        name.with_name(name.name.removesuffix("-wal").removesuffix("-shm"))
        for name in path.parent.glob(f"{path.name}{_ASIDE}*")
    }
    return sorted(found)


def with_companions(aside: Path) -> list[Path]:
    """A file that was set aside and its WAL, as a copy needs them; either may be missing."""
    return [aside, beside(aside, "-wal")]


def note_salvaged(path: Path, aside: Path) -> None:
    """Note the end of a salvage: the last such file is kept, for people to examine."""
    for old in path.parent.glob(f"{path.name}{_SALVAGED}*"):
        old.unlink()
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            beside(aside, suffix).rename(beside(aside.with_name(aside.name.replace(_ASIDE, _SALVAGED)), suffix))


def hindrance(path: Path) -> str:
    """Return what keeps this user from using the file, found without touching anything; empty if nothing does."""
    folder = next(parent for parent in path.parents if parent.exists())
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if path.is_dir():
        return "it is a folder"
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        return f"this user may not write {folder}"
    return "" if may_be_used(path) else "this user may not read and write it"


def may_be_used(path: Path) -> bool:
    """Tell if this user may read and write the file and its companions, if they exist."""
    return all(
        os.access(name, os.R_OK | os.W_OK, effective_ids=True)
        for name in (beside(path, suffix) for suffix in SUFFIXES)
        if name.exists()
    )
