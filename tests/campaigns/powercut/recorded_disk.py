"""A disk that records what SQLite and the tally ask of it, in order, and fails when it is told to.

Theory of operation
-------------------
SQLite opens and deletes files by a table of functions, a VFS; every open file begins with a pointer to a second table, the
functions that read and write it (:mod:`tests.campaigns.powercut.sqlite_tables`). :class:`RecordedDisk` copies the table of the
VFS "unix", puts functions of its own in the places of ``xOpen`` and ``xDelete``, and registers the copy as the default, in the
very library that Python's :mod:`sqlite3` works with. Our ``xOpen`` lets the real one open the file, and then turns the file's
pointer to a copy of its table in which the functions that touch the disk are ours. Each of ours decides whether to fail,
records, and calls the real one. What is not replaced (locks, sizes) goes straight to the real VFS, which knows its file by the
bytes behind the pointer and never looks at the pointer.

One thing cannot be seen in these tables: the real ``xSync`` of a new journal or WAL also syncs the folder, so that the name of
the file is safe. It opens the folder for this and for nothing else, by a system call that may be replaced: so that is
recorded too, and not guessed.

The tally is no file of SQLite's: its calls are caught in Python (:mod:`tests.campaigns.powercut.recorded_calls`).

What must hold: ours never raise, for C cannot catch; the tables outlive all open files, so connections are closed before the
disk is left (it checks); one connection at a time is at work, as in the gateway.
"""

import ctypes
import os
import sqlite3
from ctypes import byref, c_void_p
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

from tests.campaigns.powercut.recorded_calls import RecordedCalls
from tests.campaigns.powercut.sqlite_tables import (
    BytesCall,
    CloseCall,
    DeleteCall,
    FolderCall,
    IoMethods,
    MapCall,
    OpenCall,
    SyncCall,
    TruncateCall,
    copy_of_vfs,
    library,
    methods_at,
)

Kind = Literal["create", "write", "truncate", "sync", "sync failed", "delete", "rename", "sync folder", "mark"]
Call = Literal["open", "read", "write", "truncate", "sync", "delete", "map"]

IO_ERROR: Final[dict[Call, int]] = {
    "open": sqlite3.SQLITE_CANTOPEN,
    "read": sqlite3.SQLITE_IOERR_READ,
    "write": sqlite3.SQLITE_IOERR_WRITE,
    "truncate": sqlite3.SQLITE_IOERR_TRUNCATE,
    "sync": sqlite3.SQLITE_IOERR_FSYNC,
    "delete": sqlite3.SQLITE_IOERR_DELETE,
    "map": sqlite3.SQLITE_IOERR_SHMMAP,
}
"""A disk that answers EIO: the calls that can fail, and what SQLite hears then."""

DISK_FULL: Final[dict[Call, int]] = {"write": sqlite3.SQLITE_FULL, "map": sqlite3.SQLITE_IOERR_SHMSIZE}
"""A disk that answers ENOSPC."""


class Operation(NamedTuple):
    """One thing that was done to the disk.

    :ivar file: its name within the folder; empty for a mark and for the folder itself.
    :ivar offset: where something was written; the length after a truncation; the number of a mark.
    :ivar data: what was written; the new name after a rename.
    """

    kind: Kind
    file: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Fault:
    """The operation that is to fail.

    :ivar errors: which calls, and what they answer.
    :ivar at: the first of these calls to fail, counted from 1.
    :ivar for_ever: whether those after it fail too.
    :ivar seen: how many there were so far.
    """

    errors: dict[Call, int]
    at: int
    for_ever: bool = False
    seen: int = 0

    @property
    def struck(self) -> bool:
        """Tell if anything failed yet."""
        return self.seen >= self.at

    def error(self, call: Call) -> int:
        """Return the error of this call; 0 if it works."""
        if call not in self.errors:
            return 0
        self.seen += 1
        return self.errors[call] if self.seen == self.at or (self.for_ever and self.struck) else 0


class RecordedDisk:
    """The VFS of this process as long as it is entered.

    :ivar operations: what was done to the files of ``folder``. Their -shm is not a part of it: it is memory.
    :ivar fault: what is to fail from now on.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.operations: list[Operation] = []
        self.fault: Fault | None = None
        self._library = library()
        self._real = self._library.sqlite3_vfs_find(None)
        self._ours = copy_of_vfs(self._real.contents)
        self._ours.zName = b"recorded"
        self._ours.xOpen, self._ours.xDelete = OpenCall(self._open), DeleteCall(self._delete)
        self._open_folder_here = FolderCall(self._open_folder)
        self._files: dict[int, tuple[str, IoMethods]] = {}
        self._tables: dict[int, tuple[IoMethods, IoMethods]] = {}
        self._calls = RecordedCalls(folder, self._record, lambda call: bool(self._error(call)))

    def __enter__(self) -> Self:
        calls = self._real.contents
        self._open_folder_really = FolderCall(calls.xGetSystemCall(self._real, b"openDirectory"))
        calls.xSetSystemCall(self._real, b"openDirectory", ctypes.cast(self._open_folder_here, c_void_p))
        self._library.sqlite3_vfs_register(byref(self._ours), 1)
        self._calls.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """:raises AssertionError: a connection is still open."""
        self._calls.__exit__()
        self._library.sqlite3_vfs_unregister(byref(self._ours))
        self._real.contents.xSetSystemCall(self._real, b"openDirectory", None)
        if left_open := sorted(name for name, _ in self._files.values()):
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))  # their connections will still use our tables
            assert kind is not None, f"still open: {left_open}"

    def mark(self, number: int) -> None:
        """Note that something is known to be done."""
        self._record("mark", offset=number)

    def _record(self, kind: Kind, file: str = "", offset: int = 0, data: bytes = b"") -> None:
        self.operations.append(Operation(kind, file, offset, data))

    def _error(self, call: Call) -> int:
        return self.fault.error(call) if self.fault else 0

    # In the place of functions of the VFS.

    def _open(self, _: int, name: int | None, file: int, flags: int, out_flags: int) -> int:
        path = Path(os.fsdecode(ctypes.string_at(name))) if name else None
        if path is None or path.parent != self.folder:
            return int(self._real.contents.xOpen(self._real, name, file, flags, out_flags))
        pointer = c_void_p.from_address(file)
        if error := self._error("open"):
            pointer.value = None
            return error
        is_new = not path.exists()
        result = int(self._real.contents.xOpen(self._real, name, file, flags, out_flags))
        if result == sqlite3.SQLITE_OK and pointer.value:
            if is_new:
                self._record("create", path.name)
            real, ours = self._tables.get(pointer.value) or self._replaced(pointer.value)
            self._files[file] = path.name, real
            pointer.value = ctypes.addressof(ours)
        return result

    def _replaced(self, address: int) -> tuple[IoMethods, IoMethods]:
        real, ours = methods_at(address), methods_at(address)
        ours.xClose, ours.xRead, ours.xWrite = CloseCall(self._close), BytesCall(self._read), BytesCall(self._write)
        ours.xTruncate, ours.xSync, ours.xShmMap = TruncateCall(self._truncate), SyncCall(self._sync), MapCall(self._map)
        self._tables[address] = real, ours
        return real, ours

    def _delete(self, _: int, name: bytes, with_folder: int) -> int:
        path = Path(os.fsdecode(name))
        if path.parent == self.folder:
            if error := self._error("delete"):
                return error
            if path.exists():
                self._record("delete", path.name)
        return int(self._real.contents.xDelete(self._real, name, with_folder))

    def _open_folder(self, name: bytes, out: int) -> int:
        if Path(os.fsdecode(name)).parent == self.folder:
            self._record("sync folder")
        return int(self._open_folder_really(name, out))

    # In the place of methods of a file.

    def _close(self, file: int) -> int:
        _, real = self._files.pop(file)
        return int(real.xClose(file))

    def _read(self, file: int, data: int, length: int, offset: int) -> int:
        _, real = self._files[file]
        return self._error("read") or int(real.xRead(file, data, length, offset))

    def _write(self, file: int, data: int, length: int, offset: int) -> int:
        """A write that fails leaves its first half behind."""
        name, real = self._files[file]
        error = self._error("write")
        written = length // 2 if error else length
        self._record("write", name, offset, ctypes.string_at(data, written))
        return int(real.xWrite(file, data, written, offset)) or error

    def _truncate(self, file: int, size: int) -> int:
        name, real = self._files[file]
        if error := self._error("truncate"):
            return error
        self._record("truncate", name, size)
        return int(real.xTruncate(file, size))

    def _sync(self, file: int, flags: int) -> int:
        """A sync that fails never comes again: Linux takes the pages for written from then on."""
        name, real = self._files[file]
        error = self._error("sync")
        self._record("sync failed" if error else "sync", name)
        return error or int(real.xSync(file, flags))

    def _map(self, file: int, page: int, size: int, extend: int, out: int) -> int:
        _, real = self._files[file]
        return self._error("map") or int(real.xShmMap(file, page, size, extend, out))
