"""Salvage of a damaged file: its rows, read from its pages one by one, without SQLite and without its tables of contents.

Theory of operation
-------------------
A table is a tree of pages; its rows are in the leaves, and longer rows continue in a chain of overflow pages
(https://www.sqlite.org/fileformat2.html). Nothing else is needed to read a row. So every leaf is read, whatever tree it
belongs to, and a row belongs to a table if its columns are of that table's kinds, in number and order. Damage costs only what
it hits: the rows of a leaf, or the one whose chain leads through it. The first pages, which list the tables, cost nothing.

Of each page the newest image counts: of the WAL, if it is there. A page that is free holds rows that were removed; one
byte of the pointer map says so, in every 205th page.

A row that is found may still be wrong: the caller must check it by a CRC over all columns.

SQLite trusts a WAL (https://www.sqlite.org/fileformat2.html#walformat) up to its first wrong byte. That is right for a commit
that a power cut interrupted. But frames behind damage are silently forgotten too: commits that were synced and acknowledged.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.ingest.storage.beside import beside
from gateway.support.private_files import private

PAGE_BYTES: Final = 1024
HEAD_BYTES: Final = 32
_FRAME_HEAD_BYTES: Final = 24
FRAME_BYTES: Final = _FRAME_HEAD_BYTES + PAGE_BYTES
_WAL_MAGIC: Final = (0x377F0682, 0x377F0683)
_FRAMES_TAKEN_AT: Final = 16
"""Offset in the -shm file of the number of valid frames, in the byte order of the machine."""

_LEAF: Final = 0x0D
_LEAF_HEAD_BYTES: Final = 8
_LOCAL_MAX: Final = PAGE_BYTES - 35
_LOCAL_MIN: Final = (PAGE_BYTES - 12) * 32 // 255 - 23
_LINK_BYTES: Final = 4
_CHAINED_BYTES: Final = PAGE_BYTES - _LINK_BYTES
_ENTRY_BYTES: Final = 5
_MAPPED: Final = PAGE_BYTES // _ENTRY_BYTES
_FREE: Final = 2
_INT_BYTES: Final = (0, 1, 2, 3, 4, 6, 8, None, 0, 0)
"""Bytes of the integers by type; 0 is NULL, 8 and 9 are the numbers 0 and 1."""
_FIRST_BLOB: Final = 12

SalvagedRow = tuple[Any, ...]


def rows_of_damaged(damaged: Path, kinds: str) -> Iterator[SalvagedRow]:
    """Rows of the table whose columns, behind the number of the row, are of these kinds. The number comes first.

    A letter of ``kinds`` is a column: ``i`` an integer or NULL, ``t`` text, ``b`` bytes. :class:`OSError`: it is not readable.
    """
    with ExitStack() as stack:
        main, wal = (
            stack.enter_context(name.open("rb")).fileno() if name.exists() else None
            for name in (damaged, beside(damaged, "-wal"))
        )
        pages = _Pages(main, wal)
        for number in pages.numbers():
            page = pages.read(number)
            if page and page[0] == _LEAF and not pages.is_free(number):
                yield from _rows_of_leaf(pages, page, kinds)


class _Pages:
    """The newest image of each page of a file and its WAL; pages count from 1."""

    def __init__(self, main: int | None, wal: int | None) -> None:
        self._main = main
        self._wal = wal
        self._count = 0 if main is None else os.fstat(main).st_size // PAGE_BYTES
        self._in_wal: dict[int, int] = {}
        salts = None if wal is None else salts_of(wal)
        for frame in () if wal is None else frames(wal):
            salts = salts or frame.salts
            if frame.salts == salts:
                self._in_wal[frame.page] = frame.at
        self.bytes_max = (self._count + len(self._in_wal)) * PAGE_BYTES

    def numbers(self) -> Iterator[int]:
        """The numbers of pages that may be leaves; the first page of the file holds no table of this program."""
        return chain(range(2, self._count + 1), [number for number in self._in_wal if number > self._count])

    def read(self, number: int) -> bytes:
        """A page; empty if it does not exist or cannot be read."""
        with suppress(OSError):
            if number in self._in_wal and self._wal is not None:
                return os.pread(self._wal, PAGE_BYTES, self._in_wal[number])
            if self._main is not None and 0 < number <= self._count:
                return os.pread(self._main, PAGE_BYTES, (number - 1) * PAGE_BYTES)
        return b""

    def is_free(self, number: int) -> bool:
        """Tell if the pointer map, a page before those it describes, marks this one as unused."""
        map_page = (number - 2) // (_MAPPED + 1) * (_MAPPED + 1) + 2
        at = (number - map_page - 1) * _ENTRY_BYTES
        return at >= 0 and self.read(map_page)[at : at + 1] == bytes([_FREE])


def _rows_of_leaf(pages: _Pages, page: bytes, kinds: str) -> Iterator[SalvagedRow]:
    (cells,) = struct.unpack_from(">H", page, 3)
    for cell in range(min(cells, (PAGE_BYTES - _LEAF_HEAD_BYTES) // 2)):
        with suppress(IndexError, struct.error):  # it was not a cell
            (at,) = struct.unpack_from(">H", page, _LEAF_HEAD_BYTES + 2 * cell)
            if (row := _row(pages, page, at, kinds)) is not None:
                yield row


def _row(pages: _Pages, page: bytes, at: int, kinds: str) -> SalvagedRow | None:
    """The row whose cell begins at ``at``; None: it belongs to another table, or is not a row."""
    size, at = _varint(page, at)
    number, at = _varint(page, at)
    types, behind = _types(page, at)
    if types[:1] != [0] or "".join(map(_kind, types[1:])) != kinds or size > pages.bytes_max:
        return None
    local = size
    if size > _LOCAL_MAX:
        local = _LOCAL_MIN + (size - _LOCAL_MIN) % _CHAINED_BYTES
        local = local if local <= _LOCAL_MAX else _LOCAL_MIN
    record = page[at : at + local]
    if local < size:
        record += _chained(pages, page[at + local : at + local + _LINK_BYTES], size - local)
    return (number, *_values(record, behind - at, types[1:]))


def _types(page: bytes, at: int) -> tuple[list[int], int]:
    """The types of a record's columns, and where in the page its values begin."""
    head_bytes, next_at = _varint(page, at)
    end = at + head_bytes
    types = []
    while next_at < end:
        found, next_at = _varint(page, next_at)
        types.append(found)
    return types, end


def _kind(found: int) -> str:
    if found >= _FIRST_BLOB:
        return "tb"[found % 2 == 0]
    return "?" if found >= len(_INT_BYTES) or _INT_BYTES[found] is None else "i"


def _chained(pages: _Pages, link: bytes, size: int) -> bytes:
    """Read the part that does not fit into the leaf; less if the chain breaks."""
    found = bytearray()
    while len(found) < size:
        page = pages.read(int.from_bytes(link))
        if not page:
            break
        link = page[:_LINK_BYTES]
        found += page[_LINK_BYTES:]
    return bytes(found[:size])


def _values(record: bytes, at: int, types: list[int]) -> Iterator[int | str | bytes | None]:
    for found in types:
        size = (found - _FIRST_BLOB) // 2 if found >= _FIRST_BLOB else _INT_BYTES[found] or 0
        raw = record[at : at + size]
        at += size
        if found >= _FIRST_BLOB:
            yield raw.decode(errors="replace") if found % 2 else raw
        else:
            yield None if found == 0 else int.from_bytes(raw, signed=True) if size else found - 8


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next begins."""
    value = 0
    for next_at in range(at + 1, at + 9):
        byte = data[next_at - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the last byte of it
            return value, next_at
    return value << 8 | data[at + 8], at + 9


class WalFrame(NamedTuple):
    """The head of a frame."""

    at: int  # the place in the file at which its page begins
    page: int
    commits: bool  # true if a transaction ends with it
    salts: bytes  # a number of the log's generation; frames of an older one may be behind the present ones


def frames(descriptor: int, first: int = 0) -> Iterator[WalFrame]:
    """All whole frames of a WAL from the one of number ``first`` on."""
    end = os.fstat(descriptor).st_size - FRAME_BYTES
    for at in range(HEAD_BYTES + first * FRAME_BYTES, end + 1, FRAME_BYTES):
        head = os.pread(descriptor, _FRAME_HEAD_BYTES, at)
        page, pages_then = struct.unpack_from(">II", head)
        yield WalFrame(at + _FRAME_HEAD_BYTES, page, pages_then > 0, head[8:16])


def salts_of(descriptor: int) -> bytes | None:
    """The salts of the valid frames; None if the head of the WAL is damaged."""
    head = os.pread(descriptor, HEAD_BYTES, 0)
    if len(head) < HEAD_BYTES:
        return None
    magic, _, page_bytes = struct.unpack_from(">III", head)
    if magic not in _WAL_MAGIC or page_bytes != PAGE_BYTES or _checksum(head[:24], magic & 1 == 1) != head[24:]:
        return None
    return head[16:24]


def _checksum(data: bytes, big_endian: bool) -> bytes:  # noqa: FBT001 - as the format has it
    first = second = 0
    for left, right in struct.iter_unpack(">II" if big_endian else "<II", data):
        first = (first + left + second) & 0xFFFFFFFF
        second = (second + right + first) & 0xFFFFFFFF
    return struct.pack(">II", first, second)


def forgotten_from(database: Path) -> int | None:
    """Number of the first frame that SQLite forgot; None: it read everything that was committed.

    To be called between SQLite's first read of the file and its first write. A frame that ends a transaction shows that there
    is something to save; the frames of an unfinished transaction mean nothing.
    """
    try:
        with (
            open(beside(database, "-wal"), "rb", opener=private) as wal,
            open(beside(database, "-shm"), "rb", opener=private) as shm,
        ):
            if os.fstat(wal.fileno()).st_size < HEAD_BYTES + FRAME_BYTES:
                return None
            (taken,) = struct.unpack("=I", os.pread(shm.fileno(), 4, _FRAMES_TAKEN_AT))
            salts = salts_of(wal.fileno())
            ended = (frame.commits and frame.salts == salts for frame in frames(wal.fileno(), taken))
            return taken if salts is None or any(ended) else None
    except FileNotFoundError:
        return None
