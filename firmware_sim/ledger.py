"""The account of what the broker acknowledged: JSON Lines, one row per reading, appended when its PUBACK is seen."""

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from firmware_sim.outgoing import OutgoingMessage


@dataclass
class LedgerFile:
    """An open ledger file; without a path it forgets."""

    path: Path | None
    _file: BinaryIO | None = None
    _rows: list[bytes] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Open for appending.

        :raises OSError: when the file cannot be written.
        """
        if self.path is not None:
            self._file = self.path.open("ab")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file is not None:
            with self._file:
                self.flush()

    def acknowledged(self, message: OutgoingMessage, at_ms: int) -> None:
        """Note the readings of ``message``, whose PUBACK came at ``at_ms``; on disk with the next flush."""
        if self._file is None:
            return
        # A message that went out twice may have been taken twice: without ts nobody can tell the copies apart.
        more = b',"at":%d}\n' % at_ms if message.sent == 1 else b',"at":%d,"sent":%d}\n' % (at_ms, message.sent)
        self._rows += [row[:-1] + more for row in message.rows]

    def note(self, line: bytes) -> None:
        """Note a line about what happened in the simulated world."""
        if self._file is not None:
            self._rows.append(line + b"\n")

    def flush(self) -> None:
        """Hand the noted rows to the operating system.

        :raises OSError: when the disk does not take them.
        """
        if self._file is not None and self._rows:
            self._file.write(b"".join(self._rows))
            self._file.flush()
            self._rows.clear()
