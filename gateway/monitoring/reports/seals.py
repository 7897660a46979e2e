"""Sealed months: a file for each in the folder ``billing`` beside the journal, written once and never changed.

A file is text: a line of JSON that says which month it is, when and by whom it was closed, and the SHA-256 of the seal before
it; then a line of JSON for each line of the month. It may be read, and none may write it (mode 0400). Its SHA-256 stands in the
audit log; `gateway audit verify` compares both. It is there whole or not at all: written beside its place, synced, and then
given its name, which fails if there is such a file already.
"""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from gateway.ingest.database.store import TimeSpan
from gateway.monitoring.reports.billing import BillingLine, LineKey, LineKind, SealedUse, SealedUses
from gateway.support.private_files import as_owner, make_folder, private, sync_folder

MONTH_CLOSED: Final = "month closed"
"""The action of the audit log that has the hash of a seal."""
_FOLDER: Final = "billing"
_NAME: Final = re.compile(r"(\d{4}-\d{2})\.jsonl")
_MODE: Final = 0o400
_SEALS_READ: Final = 24
"""Sealed months, the newest, that corrections are worked out for."""


class SealHead(msgspec.Struct, frozen=True, kw_only=True):
    """The first line of a seal."""

    month: str
    day: int  # the reading day of devices that have none of their own
    zone: str
    closed_ms: int
    by: str
    before: str  # the SHA-256 of the seal of the month before; empty: it is the first
    version: str


class MonthSealed(Exception):  # noqa: N818 - says what it is
    """The month is sealed already."""


def noted_seals(entries: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Month → the SHA-256 of its seal, from the entries of the audit log, the newest first."""
    noted: dict[str, str] = {}
    for entry in entries:
        if entry["action"] == MONTH_CLOSED and "sha256" in (after := entry.get("after") or {}):
            noted.setdefault(entry["subject"]["month"], after["sha256"])
    return noted


class Seals:
    """The sealed months of a gateway; every method raises OSError if a file cannot be read or written."""

    def __init__(self, journal: Path) -> None:
        self.folder = journal.absolute().parent / _FOLDER

    def months(self) -> list[str]:
        """The sealed months, the oldest first."""
        with as_owner(self.folder.parent):
            names = [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []
        return sorted(found[1] for name in names if (found := _NAME.fullmatch(name)))

    def path(self, month: str) -> Path:
        """The file of a month; it need not exist."""
        return self.folder / f"{month}.jsonl"

    def digest(self, month: str) -> str:
        """The SHA-256 of a seal."""
        with open(self.path(month), "rb", opener=private) as file:
            return file_digest(file, "sha256").hexdigest()

    def head(self, month: str) -> SealHead:
        """The first line of a seal."""
        with open(self.path(month), "rb", opener=private) as file:
            return msgspec.json.decode(file.readline(), type=SealHead)

    def lines(self, month: str) -> Iterator[BillingLine]:
        """The lines of a sealed month, one after the other."""
        decoder = msgspec.json.Decoder(BillingLine)
        with open(self.path(month), "rb", opener=private) as file:
            file.readline()
            for line in file:
                yield decoder.decode(line)

    def lines_of(self, devices: Collection[str]) -> Iterator[tuple[str, BillingLine]]:
        """The sealed lines of a device, by any of its names, each behind the month in which it is sealed."""
        return ((month, line) for month in self.months() for line in self.lines(month) if line.device in devices)

    def uses_before(self, month: str) -> SealedUses:
        """The sealed amounts that a month may have to correct: none unless it stands behind the last sealed one."""
        found: dict[LineKey, dict[str, SealedUse]] = defaultdict(dict)
        months = self.months()[-_SEALS_READ:]
        if not months or months[-1] >= month:
            return found
        for line in (line for one in months for line in self.lines(one)):
            if line.kind is not LineKind.STEP and line.month >= months[0]:
                before = found[line.key].get(line.month, SealedUse(TimeSpan(line.from_ms, line.to_ms), 0))
                found[line.key][line.month] = before._replace(used=before.used + (line.used or 0))
        return found

    @contextmanager
    def writer(self, head: SealHead) -> Iterator[Callable[[BillingLine], None]]:
        """Write the seal of a month, line by line; nothing is left of it after an error; MonthSealed: others were faster."""
        path = self.path(head.month)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
        make_folder(self.folder)
        try:
            with open(temporary, "wb", opener=private) as file:
                _write(file, head)
                yield partial(_write, file)
                file.flush()
                os.fchmod(file.fileno(), _MODE)
                os.fsync(file.fileno())
            with as_owner(self.folder):
                try:
                    path.hardlink_to(temporary)
                except FileExistsError:
                    raise MonthSealed(path.name) from None
                sync_folder(self.folder)
        finally:
            with as_owner(self.folder):
                temporary.unlink(missing_ok=True)

    def faults(self, noted: Mapping[str, str]) -> list[str]:
        """A sentence for each seal that is not the one in the audit log; ``noted``: month → the SHA-256 in the audit log."""
        there = set(self.months())
        missing = [f"{self.path(month)}: the seal was removed" for month in sorted(noted.keys() - there)]
        changed = [f"{self.path(m)}: the seal was changed" for m in sorted(there & noted.keys()) if self.digest(m) != noted[m]]
        unknown = [f"{self.path(month)}: the audit log does not know this seal" for month in sorted(there - noted.keys())]
        return missing + changed + unknown


def _write(file: BinaryIO, one: BillingLine | SealHead) -> None:
    file.write(msgspec.json.encode(one) + b"\n")
