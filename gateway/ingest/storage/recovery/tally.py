"""The number of readings that should be in the journal, kept beside its file (``journal.db.tally``).

Theory of operation
-------------------
SQLite treats a file whose WAL was cut short or removed as complete, and an empty file as new: nothing in them shows
that readings are missing. So their number is kept outside. It must never be too high, because the difference to the journal
counts as lost:

- The number is written after the commit of added rows, without a sync, and before the commit of removed rows, with one.
  So it is never higher than the contents of the journal, whenever the power fails.
- A commit that failed may turn out to be done after a power cut, until another is written in its place. So the number stays
  low until then.
- It is in one of two slots, each with a CRC. Only the slot that the last sync did not make safe is written: a torn write
  leaves the other.
- A file that is missing, or that cannot be read, counts as 0: a new folder, or one of an older version, has lost nothing.

The missing readings are recorded there too until a person acknowledges them: the journal itself may be lost.
"""

import logging
import os
import sqlite3
import struct
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from gateway.ingest.storage.beside import beside
from gateway.support.private_files import as_owner, private, sync_folder

log = logging.getLogger("gateway.storage")

_SUFFIX: Final = ".tally"
_MAGIC: Final = b"TALLY\x00\x00\x01"
_SLOT: Final = struct.Struct(">8sQQQQ")
_SLOTS_AT: Final = (0, 4096)
"""Distance of the slots: no flash writes both as one page."""
_FILE_BYTES: Final = 8192
_NOBODY_KNOWS: Final = (-1, -1, -1)
"""Stands for the contents of a file that could not be read or written."""
_TRIGGERS: Final = """
CREATE TEMP TRIGGER journal_added AFTER INSERT ON main.journal BEGIN SELECT journal_changed(NEW.readings, 0); END;
CREATE TEMP TRIGGER journal_removed AFTER DELETE ON main.journal BEGIN SELECT journal_changed(0, OLD.readings); END;
"""


class _SlotContents(NamedTuple):
    sequence: int
    readings: int
    missing: int
    since_ms: int


class Tally:
    """Counts the changes that the transactions of one connection make to the journal. Used in the thread of that connection.

    :ivar gap: readings that should be in the journal and are not, and that are not given up.
    :ivar missing: readings that were found missing and that no person has acknowledged.
    :ivar since_ms: the time at which the first of them was found missing.
    """

    def __init__(self, database: Path) -> None:
        self.database = database
        self.path = beside(database, _SUFFIX)
        self._readings = 0
        self.gap = 0
        self._added = self._removed = self._taken_off = 0
        self._sequence = self._slot = 0
        self._on_file: tuple[int, int, int] | None = None
        self._is_refused = False
        self.missing = self.since_ms = 0

    def load(self) -> None:
        """Read the file."""
        try:
            said = _read(self.path)
        except FileNotFoundError:
            return
        except OSError:
            said = None
        self._on_file = _NOBODY_KNOWS
        if said is not None:
            slot, (self._sequence, self._readings, self.missing, self.since_ms) = said
            self._slot = 1 - slot
            self._on_file = (self._readings, self.missing, self.since_ms)

    def count(self, connection: sqlite3.Connection) -> None:
        """Count the changes that this connection makes to the journal from now on."""
        connection.create_function("journal_changed", 2, self._change)
        connection.executescript(_TRIGGERS)

    def _change(self, added: int, removed: int) -> None:
        """Count an added or removed row. A damaged row can hold anything; a negative number would make the tally too high."""
        self._added += added
        if isinstance(removed, int):
            self._removed += max(0, removed)

    # Around a transaction.

    def begin(self) -> None:
        """Begin a transaction."""
        self._added = self._removed = 0

    def before_commit(self) -> None:
        """Subtract the readings that the transaction removes. If that fails, by :class:`OSError`, nothing may be removed."""
        if self._removed:
            self._taken_off = max(self._taken_off, self._removed)
            self._write(sync=True)

    def committed(self) -> None:
        """Add the readings that the transaction added."""
        if self._added or self._removed:
            self._readings = max(0, self._readings - self._removed) + self._added
            self._taken_off = 0
            self._write()

    # Missing readings.

    def compare(self, standing: int) -> None:
        """Compare the number with the readings in the journal; missing ones may still be salvaged."""
        self._readings = max(standing, self._readings)
        self.gap = self._readings - standing
        self._write()

    def found(self, saved: int, broken: int, now_ms: int) -> int:
        """A file that was set aside gave back ``saved`` readings, and rows that say they held ``broken``; how many are lost.

        Broken rows count up to the number that is missing.
        """
        lost = min(broken, max(0, self.gap - saved)) if self.gap else broken
        self._close_gap(min(self.gap, saved + lost))
        self.note_lost(lost, now_ms)
        return lost

    def give_up(self, now_ms: int) -> int:
        """End the salvage: readings still missing are lost; return their number."""
        lost = self.gap
        self._close_gap(lost)
        self.note_lost(lost, now_ms)
        return lost

    def _close_gap(self, readings: int) -> None:
        """Stop expecting these readings."""
        self.gap -= readings
        self._readings -= readings

    def note_lost(self, readings: int, now_ms: int) -> None:
        """Record lost readings of the journal, for the alarm."""
        if readings:
            self.missing += readings
            self.since_ms = self.since_ms or now_ms
        with suppress(OSError):
            self._write(sync=True)

    def acknowledge(self) -> int:
        """Acknowledge the missing readings; return their number."""
        known, self.missing, self.since_ms = self.missing, 0, 0
        with suppress(OSError), as_owner(self.path):
            self._write(sync=True)
        return known

    # The file.

    def _write(self, *, sync: bool = False) -> None:
        """Write the number, unless the file has it already.

        With ``sync`` it is safe at return, or the file is removed; :class:`OSError` if it cannot be removed either.
        """
        now = (max(0, self._readings - self._taken_off), self.missing, self.since_ms)
        if now == (self._on_file or (0, 0, 0)):
            return
        try:
            self._put(_SlotContents(self._sequence + 1, *now), sync=sync)
        except OSError as error:
            if not self._is_refused:
                log.warning("%s cannot be written: losses of the journal may go unnoticed: %s", self.path, error)
            self._is_refused = True
            self._on_file = _NOBODY_KNOWS
            if sync:
                self._remove()
        else:
            self._is_refused = False
            self._on_file = now

    def _remove(self) -> None:
        with suppress(FileNotFoundError):
            os.unlink(self.path)  # noqa: PTH108 - beside the other calls of the system
        sync_folder(self.path.parent)
        self._on_file = None

    def _put(self, said: _SlotContents, *, sync: bool) -> None:
        if self._on_file == _NOBODY_KNOWS:
            self._remove()  # in a slot that cannot be read now there may be a higher sequence
        descriptor = private(self.path, os.O_RDWR | os.O_CREAT)
        try:
            if os.fstat(descriptor).st_size < _FILE_BYTES:
                os.pwrite(descriptor, bytes(_FILE_BYTES), 0)
                sync_folder(self.path.parent)  # an older file that was removed must not come back
            record = _SLOT.pack(_MAGIC, *said)
            os.pwrite(descriptor, record + struct.pack(">I", zlib.crc32(record)), _SLOTS_AT[self._slot])
            self._sequence = said.sequence
            if sync:
                os.fdatasync(descriptor)
                self._slot = 1 - self._slot
        finally:
            os.close(descriptor)


def _read(path: Path) -> tuple[int, _SlotContents] | None:
    """The slot that was written last, with its contents; None if there is none. Without a readable file: :class:`OSError`."""
    descriptor = private(path, os.O_RDONLY)
    try:
        os.fdatasync(descriptor)  # the newest may not be safe yet, and the other is overwritten next
        found = [(_parsed(os.pread(descriptor, _SLOT.size + 4, at)), slot) for slot, at in enumerate(_SLOTS_AT)]
    finally:
        os.close(descriptor)
    return max(((slot, said) for said, slot in found if said is not None), key=lambda each: each[1].sequence, default=None)


def _parsed(record: bytes) -> _SlotContents | None:
    if len(record) < _SLOT.size + 4 or struct.pack(">I", zlib.crc32(record[:-4])) != record[-4:]:
        return None
    magic, *numbers = _SLOT.unpack(record[:-4])
    return _SlotContents(*numbers) if magic == _MAGIC else None
