"""Replay of recorded operations up to a power cut.

The model is the one SQLite was written for (https://www.sqlite.org/atomiccommit.html, "Hardware Assumptions") and that POSIX
gives, and it is stricter than what journaling file systems do:

- What was written to a file is safe once the file was synced. Until then any of it may be there, in units of a sector, in no
  order; of the write under way a part, and rubbish behind it. A truncation is like a write.
- That a file was created, renamed or deleted is safe once its folder was synced, and until then, each by itself, done or not.
  A rename is done as a whole or not at all.
- Nothing changes bytes that were not written ("powersafe overwrite"): a sector is not lost because a part of it was written.
- After a sync that failed nothing of what waited for it will be written by a later one; it is seen until the power goes.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

from tests.campaigns.powercut.recorded_disk import Operation

SECTOR_BYTES: Final = 512

Image = Mapping[str, bytes]
"""Names and contents of the files of a folder."""


@dataclass(slots=True, eq=False)
class _File:
    """Contents of a file, whatever its name.

    :ivar seen: what a program reads as long as there is power.
    :ivar safe: what was synced.
    :ivar waiting: operations since then.
    """

    seen: bytearray = field(default_factory=bytearray)
    safe: bytearray = field(default_factory=bytearray)
    waiting: list[Operation] = field(default_factory=list)

    def torn(self, random: Random, last: Operation | None) -> bytearray:
        """Return contents that the file may have after a power cut."""
        found = bytearray(self.safe)
        for operation in self.waiting:
            if operation.kind == "truncate":
                if random.random() < 0.5:
                    _do(found, operation)
            elif operation is last:
                _do(found, operation._replace(data=_torn(operation.data, random)))
            else:
                for part in _sectors(operation):
                    if random.random() < 0.5:
                        _do(found, part)
        return found


class Platter:
    """A folder on a disk, to which operations come one by one."""

    def __init__(self, begins_with: Image) -> None:
        self._names = {name: _File(bytearray(data), bytearray(data)) for name, data in begins_with.items()}
        self._safe_names = dict(self._names)
        self._named: list[dict[str, _File | None]] = []
        self._last: Operation | None = None

    def do(self, operation: Operation) -> None:
        """One more operation."""
        self._last = operation
        name = operation.file
        if operation.kind == "create":
            self._names[name] = _File()
            self._named.append({name: self._names[name]})
        elif operation.kind == "delete":
            del self._names[name]
            self._named.append({name: None})
        elif operation.kind == "rename":
            new = operation.data.decode()
            self._names[new] = self._names.pop(name)
            self._named.append({name: None, new: self._names[new]})
        elif operation.kind == "sync folder":
            self._safe_names = dict(self._names)
            self._named.clear()
        elif operation.kind in {"write", "truncate"}:
            _do(self._names[name].seen, operation)
            self._names[name].waiting.append(operation)
        elif operation.kind in {"sync", "sync failed"}:
            if operation.kind == "sync":
                for waited in self._names[name].waiting:
                    _do(self._names[name].safe, waited)
            self._names[name].waiting.clear()

    def synced(self) -> Image:
        """Only what is safe."""
        return {name: bytes(file.safe) for name, file in self._safe_names.items()}

    def written(self) -> Image:
        """All of it, as after a kill."""
        return {name: bytes(file.seen) for name, file in self._names.items()}

    def torn(self, random: Random) -> Image:
        """Some of it."""
        names: dict[str, _File | None] = dict(self._safe_names)
        for named in self._named:
            if random.random() < 0.5:
                names.update(named)
        return {name: bytes(file.torn(random, self._last)) for name, file in names.items() if file}


def _do(data: bytearray, operation: Operation) -> None:
    if operation.kind == "truncate":
        del data[operation.offset :]
        return
    data.extend(bytes(max(0, operation.offset - len(data))))
    data[operation.offset : operation.offset + len(operation.data)] = operation.data


def _sectors(write: Operation) -> list[Operation]:
    """A write in the parts that reach the disk together."""
    first = SECTOR_BYTES - write.offset % SECTOR_BYTES
    bounds = [0, *range(first, len(write.data), SECTOR_BYTES), len(write.data)]
    return [write._replace(offset=write.offset + low, data=write.data[low:high]) for low, high in pairwise(bounds)]


def _torn(data: bytes, random: Random) -> bytes:
    """The beginning of a write, and rubbish up to the end of the sector that was under way."""
    kept = random.randrange(len(data) + 1)
    return data[:kept] + random.randbytes(min(SECTOR_BYTES - kept % SECTOR_BYTES, len(data) - kept))


def lay_down(image: Image, folder: Path) -> None:
    """Make the files of an image, and no others, in a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, data in image.items():
        (folder / name).write_bytes(data)


def pick_up(folder: Path) -> Image:
    """The files of a folder that a power cut would leave: not the memory that SQLite shares, nor the gateway's lock."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if not file.name.endswith(("-shm", ".lock"))}


def seeded(seed: int) -> Random:
    """Chance that comes again."""
    return Random(seed)  # noqa: S311 - nothing is secret here
