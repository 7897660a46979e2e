"""The two tables of C functions through which SQLite reaches its files, and the library that holds them.

Both are public (https://www.sqlite.org/c3ref/vfs.html, https://www.sqlite.org/c3ref/io_methods.html) and only ever grew at
their ends. What nobody replaces is a bare address here.
"""

import ctypes
import sqlite3
from contextlib import closing
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p
from pathlib import Path
from typing import Final

OpenCall: Final = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
DeleteCall: Final = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
CloseCall: Final = CFUNCTYPE(c_int, c_void_p)
BytesCall: Final = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
TruncateCall: Final = CFUNCTYPE(c_int, c_void_p, c_int64)
SyncCall: Final = CFUNCTYPE(c_int, c_void_p, c_int)
MapCall: Final = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p)
FolderCall: Final = CFUNCTYPE(c_int, c_char_p, c_void_p)


class Vfs(Structure):
    """``sqlite3_vfs``, version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("szOsFile", c_int),
        ("mxPathname", c_int),
        ("pNext", c_void_p),
        ("zName", c_char_p),
        ("pAppData", c_void_p),
        ("xOpen", OpenCall),
        ("xDelete", DeleteCall),
        ("xAccess", c_void_p),
        ("xFullPathname", c_void_p),
        ("xDlOpen", c_void_p),
        ("xDlError", c_void_p),
        ("xDlSym", c_void_p),
        ("xDlClose", c_void_p),
        ("xRandomness", c_void_p),
        ("xSleep", c_void_p),
        ("xCurrentTime", c_void_p),
        ("xGetLastError", c_void_p),
        ("xCurrentTimeInt64", c_void_p),
        ("xSetSystemCall", CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)),
        ("xGetSystemCall", CFUNCTYPE(c_void_p, c_void_p, c_char_p)),
        ("xNextSystemCall", c_void_p),
    )


class IoMethods(Structure):
    """``sqlite3_io_methods``, version 3."""

    _fields_ = (
        ("iVersion", c_int),
        ("xClose", CloseCall),
        ("xRead", BytesCall),
        ("xWrite", BytesCall),
        ("xTruncate", TruncateCall),
        ("xSync", SyncCall),
        ("xFileSize", c_void_p),
        ("xLock", c_void_p),
        ("xUnlock", c_void_p),
        ("xCheckReservedLock", c_void_p),
        ("xFileControl", c_void_p),
        ("xSectorSize", c_void_p),
        ("xDeviceCharacteristics", c_void_p),
        ("xShmMap", MapCall),
        ("xShmLock", c_void_p),
        ("xShmBarrier", c_void_p),
        ("xShmUnmap", c_void_p),
        ("xFetch", c_void_p),
        ("xUnfetch", c_void_p),
    )


def copy_of_vfs(table: Vfs) -> Vfs:
    """A table of the same functions."""
    return Vfs.from_buffer_copy(ctypes.string_at(ctypes.addressof(table), ctypes.sizeof(Vfs)))


def methods_at(address: int) -> IoMethods:
    """A copy of the methods of an open file."""
    return IoMethods.from_buffer_copy(ctypes.string_at(address, ctypes.sizeof(IoMethods)))


class NoLibrary(Exception):  # noqa: N818 - says what it is
    """The functions of SQLite cannot be had, and why."""


def library() -> ctypes.CDLL:
    """The SQLite that Python's own module works with: a library beside that module, or part of it or of the interpreter.

    :raises NoLibrary: it shows its functions to nobody, or is none for Unix.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        (ours,) = connection.execute("SELECT sqlite_source_id()").fetchone()
    mapped = {line.split(maxsplit=5)[-1].strip() for line in Path("/proc/self/maps").read_text().splitlines()}
    for name in (*sorted(path for path in mapped if "sqlite3" in path), None):
        found = ctypes.CDLL(name)
        if not hasattr(found, "sqlite3_vfs_register"):
            continue
        found.sqlite3_sourceid.restype = c_char_p
        found.sqlite3_vfs_find.restype = POINTER(Vfs)
        vfs = found.sqlite3_vfs_find(None)
        if found.sqlite3_sourceid().decode() == ours and vfs.contents.iVersion >= 3 and vfs.contents.zName == b"unix":
            return found
    raise NoLibrary("the SQLite of this Python shows its functions to nobody, so that no disk can be put under it")
