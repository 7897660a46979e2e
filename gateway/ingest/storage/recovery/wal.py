"""SQLite's write-ahead log as bytes (https://www.sqlite.org/fileformat2.html#walformat), to save frames that SQLite forgets.

SQLite trusts a WAL up to its first wrong byte. That is right for a commit that a power cut interrupted. But frames
behind damage are silently forgotten too: commits that were synced and acknowledged.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from gateway.ingest.storage.beside import beside
from gateway.support.private_files import private

PAGE_BYTES: Final = 1024
HEAD_BYTES: Final = 32
_FRAME_HEAD_BYTES: Final = 24
FRAME_BYTES: Final = _FRAME_HEAD_BYTES + PAGE_BYTES
_MAGIC: Final = (0x377F0682, 0x377F0683)
_FRAMES_TAKEN_AT: Final = 16
"""Offset in the -shm file of the number of valid frames, in the byte order of the machine."""


class WalFrame(NamedTuple):
    """The head of a frame.

    :ivar at: the place in the file at which its page begins.
    :ivar commits: true if a transaction ends with it.
    :ivar salts: a number of the log's generation; frames of an older one may be behind the present ones.
    """

    at: int
    page: int
    commits: bool
    salts: bytes


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
    if magic not in _MAGIC or page_bytes != PAGE_BYTES or _checksum(head[:24], magic & 1 == 1) != head[24:]:
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
