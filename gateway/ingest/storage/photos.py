"""Photos of devices, in a SQLite file of their own beside the journal.

Nothing waits for them: they must not hold up the journal's thread, nor count against its limit, and a damaged journal must not
take them. They are few and small, so the file is opened for each use, in a thread.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from gateway.ingest.storage.database import DatabaseFault
from gateway.support.private_files import as_owner, make_empty, refuse_pipes
from schemas.registry import device_key

ALL_MAX_BYTES: Final = 512 * 2**20
_TABLE: Final = "CREATE TABLE IF NOT EXISTS photos (device TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT"
_MAGIC: Final = {
    "image/jpeg": (b"\xff\xd8\xff", b""),
    "image/png": (b"\x89PNG\r\n\x1a\n", b""),
    "image/webp": (b"RIFF", b"WEBP"),
}
_SECOND_MAGIC_AT: Final = 8


class TakenPhoto(NamedTuple):
    """A photo that there is."""

    at_ms: int
    size_bytes: int


class PhotoRefused(Exception):  # noqa: N818 - says what it is
    """A photo that is not kept; the text says why."""


def media_type(body: bytes) -> str | None:
    """The media type of a picture by its first bytes; None for anything else."""
    for name, (first, second) in _MAGIC.items():
        if body.startswith(first) and body[_SECOND_MAGIC_AT:].startswith(second):
            return name
    return None


def photos_file(journal: Path) -> Path:
    """The file of photos beside the journal."""
    return journal.with_name("photos.db")


class Photos:
    """One photo a device, in a file beside the ``journal``, or DatabaseFault; they leave ``min_free_bytes`` on the disk."""

    def __init__(self, journal: Path, min_free_bytes: int) -> None:
        self._path = photos_file(journal)
        self._min_free_bytes = min_free_bytes
        self._taken: dict[str, TakenPhoto] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def of(self, device: str) -> TakenPhoto | None:
        """The photo of a device; None if there is none, or they cannot be read now."""
        if self._taken is None:
            query = "SELECT device, at_ms, length(body) FROM photos"
            try:
                rows = await self._run(query) if self._path.exists() else []
            except DatabaseFault:
                return None
            self._taken = {name: TakenPhoto(at_ms, size_bytes) for name, at_ms, size_bytes in rows}
        return self._taken.get(device_key(device))

    async def get(self, device: str) -> bytes | None:
        """The bytes of a photo."""
        if await self.of(device) is None:
            return None
        rows = await self._run("SELECT body FROM photos WHERE device = ?", device_key(device))
        return rows[0][0] if rows else None

    async def put(self, device: str, body: bytes, now_ms: int) -> TakenPhoto | None:
        """Keep the photo of a device; return the one that it replaces. :class:`PhotoRefused` if it is none, or has no room."""
        if media_type(body) is None:
            raise PhotoRefused("this is no picture: send JPEG, PNG or WebP")
        before, key = await self.of(device), device_key(device)
        taken = self._taken or {}
        others_bytes = sum(one.size_bytes for name, one in taken.items() if name != key)
        if others_bytes + len(body) > ALL_MAX_BYTES:
            raise PhotoRefused(f"all photos together may take {ALL_MAX_BYTES // 2**20} MiB: remove some first")
        if shutil.disk_usage(self._path.parent).free - len(body) < self._min_free_bytes:
            raise PhotoRefused("the disk has no room left for photos (journal.min_free_bytes)")
        await self._run("INSERT OR REPLACE INTO photos VALUES (?, ?, ?)", key, now_ms, body)
        self._taken = {**taken, key: TakenPhoto(now_ms, len(body))}
        return before

    async def remove(self, device: str) -> TakenPhoto | None:
        """Remove the photo of a device; return it."""
        before, key = await self.of(device), device_key(device)
        if before is not None:
            await self._run("DELETE FROM photos WHERE device = ?", key)
            self._taken = {name: one for name, one in (self._taken or {}).items() if name != key}
        return before

    async def _run(self, statement: str, *given: object) -> list[Any]:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._with_file, statement, given)

    def _with_file(self, statement: str, given: Sequence[object]) -> list[Any]:
        """Run a statement in the file, in a transaction, which is synced."""
        try:
            with as_owner(self._path):
                make_empty(self._path)
                refuse_pipes(self._path)
                with closing(sqlite3.connect(self._path, timeout=2.0)) as connection:
                    connection.execute("PRAGMA synchronous=FULL")
                    connection.execute(_TABLE)
                    with connection:
                        return connection.execute(statement, given).fetchall()
        except (sqlite3.Error, OSError) as error:
            raise DatabaseFault(f"{self._path}: {error}") from error
