"""The files of the audit log, beside the journal. The gateway and its commands append to them, one at a time.

Both files only grow, but for details that are removed when a person asks to be forgotten. An entry is on disk, synced, before a
change is answered. An unfinished line at the end, which a power cut leaves, was answered to nobody; the next entry replaces it.

Each entry holds the hash of all before it. An entry is a line of JSON. What it is about stands in the second file, in a line
with salt of its own, and the entry holds the hash of that line alone. So the details of an entry can be removed, when a person
asks to be forgotten, and the chain stays whole; and from what stays nobody can find out by trial what was removed.
"""

import fcntl
import json
import logging
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from gateway.support.private_files import make_folder, private, replace_bytes

START: Final = "0" * 64
"""The hash before the first entry."""
_HASH: Final = "hash"
_WITHOUT_ENTRY: Final = "the entry is missing: the end was removed, or the power failed while it was written"

Details = Mapping[str, Any]
"""The subject of a change: ``subject``, and where there are any ``before`` and ``after``."""


_NAMING: Final = ("device", "alarm", "key")
"""Keys of a subject that name a device, an alarm of it, or messages that wait for it."""
IsDevice = Callable[[str], bool]
"""Tells if a name is one of a device."""


class ChainLink(NamedTuple):
    """The place of an entry in the chain."""

    number: int
    hash: str


HEAD_OF_NOTHING: Final = ChainLink(0, START)


class Deed(NamedTuple):
    """A change by somebody."""

    at_ms: int
    name: str  # of the account, or of the user of this machine who gave a command
    role: str  # of the account; ``command`` for a command that changed the files of a gateway that does not run
    action: str  # name of the change, such as ``alarm acknowledged``


def details_line(number: int, salt: str, details: Details) -> str:
    """The line of the details of an entry."""
    return _json({"number": number, "salt": salt, **details})


def entry_line(previous: ChainLink, deed: Deed, details: str) -> tuple[str, ChainLink]:
    """The line of an entry behind the one before it, with the line of its details; and its place."""
    document = {"number": previous.number + 1, **deed._asdict(), "details": sha256(details.encode()).hexdigest()}
    link = ChainLink(previous.number + 1, _hash(previous, document))
    return _json(document | {_HASH: link.hash}), link


def link_of(line: str) -> ChainLink | None:
    """The place of an entry as its line says; None if it is not an entry."""
    document = document_of(line)
    try:
        return ChainLink(int(document["number"]), str(document[_HASH]))
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(slots=True)
class ChainCheck:
    """The result of a check: the last entry, how many entries lack their details, and a sentence for each fault."""

    head: ChainLink = HEAD_OF_NOTHING
    removed: int = 0
    faults: list[str] = field(default_factory=list)


def verify(lines: Iterable[str], details: Iterable[str], known: Iterable[ChainLink] = ()) -> ChainCheck:
    """Check the chain by the lines of entries and details; ``known``: entries noted elsewhere, as in another machine's log."""
    verdict, told = ChainCheck(), {number: line for line in details if (number := document_of(line).get("number")) is not None}
    wanted = {link.number: link.hash for link in known}
    for place, line in enumerate(lines, start=1):
        document, link = document_of(line), link_of(line)
        if link is None:
            verdict.faults.append(f"line {place} is no entry")
            continue
        said = {key: value for key, value in document.items() if key != _HASH}
        if link.number != verdict.head.number + 1 or _hash(verdict.head, said) != link.hash:
            verdict.faults.append(f"entry {link.number}: it was changed, or entries before it were removed")
        if wanted.pop(link.number, link.hash) != link.hash:
            verdict.faults.append(f"entry {link.number}: it is not the one that was noted elsewhere")
        about = told.pop(link.number, None)
        if about is None:
            verdict.removed += 1
        elif sha256(about.encode()).hexdigest() != document.get("details"):
            verdict.faults.append(f"entry {link.number}: its details were changed")
        verdict.head = link
    verdict.faults += [f"entry {number}: it was noted elsewhere and is not there: the end was removed" for number in wanted]
    verdict.faults += [f"details of entry {number}: {_WITHOUT_ENTRY}" for number in told]
    return verdict


def is_about(details: Details, is_device: IsDevice) -> bool:
    """Tell if details are about a device: their subject names it, or an alarm of it such as ``leak@wm-0001``."""
    subject = details.get("subject")
    values = [subject.get(key) for key in _NAMING] if isinstance(subject, Mapping) else []
    return any(is_device(value.rpartition("@")[2]) for value in values if isinstance(value, str) and value)


def _hash(previous: ChainLink, document: Mapping[str, Any]) -> str:
    return sha256(f"{previous.hash}{_json(document)}".encode()).hexdigest()


def _json(document: Mapping[str, Any]) -> str:
    """One writing for one document: a hash is of bytes."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)


def document_of(line: str) -> dict[str, Any]:
    """The document in a line, empty if it is no JSON object."""
    try:
        document = json.loads(line)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


log = logging.getLogger("gateway.audit")

AUDIT: Final = ".audit"
"""Behind the name of the journal."""
_DETAILS_MAX_BYTES: Final = 65_536
"""Longer details are left out, but for their subject."""
_TAIL_BYTES: Final = 2 * _DETAILS_MAX_BYTES
"""The last lines of both files are within so many bytes of their ends."""
_SALT_BYTES: Final = 16


class AuditFault(Exception):  # noqa: N818 - says what it is
    """The audit log cannot be read or written."""


class AuditLog:
    """The audit log of a gateway, in files beside its journal; every method raises AuditFault if the disk fails."""

    def __init__(self, journal: Path) -> None:
        self.path = journal.with_name(journal.name + AUDIT)
        self._details = journal.with_name(f"{journal.name}{AUDIT}-details")

    @property
    def files(self) -> tuple[Path, Path]:
        """The entries and their details; they need not exist."""
        return self.path, self._details

    def held(self) -> IO[bytes]:
        """Let nobody write until the file of entries, which is returned, is closed: both can be copied as they belong together.

        AuditFault if the log cannot be held; what is done meanwhile raises its own faults.
        """
        try:
            make_folder(self.path.parent)
            file = open(self.path, "r+b", opener=_made)  # noqa: SIM115 - whoever asked closes it
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:
            raise self._fault(error) from error
        return file

    def record(self, deed: Deed, *details: Details) -> ChainLink:
        """Append an entry for each of ``details``; log the hash of the last, so that a log kept elsewhere proves them all."""
        entries, abouts = [], []
        with self._locked() as file:
            link = link_of(_last_line(file)) or HEAD_OF_NOTHING
            for one in details:
                abouts.append(_details_line(link.number + 1, one))
                entry, link = entry_line(link, deed, abouts[-1])
                entries.append(entry)
            # First the details: those without an entry give way to the next, an entry without any would be as if forgotten.
            with open(self._details, "r+b", opener=_made) as beside:
                _last_line(beside)
                _append(beside, abouts)
            _append(file, entries)
        log.info("audit entry %d:%s: %s by %s (%s)", *link, deed.action, deed.name, deed.role)
        return link

    def head(self) -> ChainLink:
        """The last entry, whose hash proves all before it."""
        try:
            with open(self.path, "rb", opener=private) as file:
                return link_of(_last_line(file)) or HEAD_OF_NOTHING
        except FileNotFoundError:
            return HEAD_OF_NOTHING
        except OSError as error:
            raise AuditFault(f"{self.path}: cannot be read: {error.strerror}") from error

    def entries(self, before: int | None = None, most: int = sys.maxsize) -> list[dict[str, Any]]:
        """All entries with their details, the newest first; or a page of them, only with a number below ``before``."""
        found = (json.loads(line) for line in self._lines(self.path) if link_of(line) is not None)
        listed = [entry for entry in found if before is None or entry["number"] < before]
        page = {entry["number"]: entry for entry in listed[: -most - 1 : -1]}
        for line in self._lines(self._details):
            about = json.loads(line)
            if about["number"] in page:
                page[about["number"]] |= {key: value for key, value in about.items() if key != "salt"}
        return list(page.values())

    def verify(self, known: Iterable[ChainLink] = ()) -> ChainCheck:
        """Check the chain and its details; ``known``: entries noted elsewhere."""
        return verify(self._lines(self.path), self._lines(self._details), known)

    def forget(self, is_device: IsDevice) -> int:
        """Remove the details of every entry about a device; return their number. The chain stays whole."""
        with self._locked():
            lines = list(self._lines(self._details))
            kept = [line for line in lines if not is_about(document_of(line), is_device)]
            if len(kept) < len(lines):
                replace_bytes(self._details, "".join(f"{line}\n" for line in kept).encode())
            return len(lines) - len(kept)

    def _lines(self, path: Path) -> Iterator[str]:
        """The whole lines of a file; none if it is missing."""
        try:
            with open(path, "rb", opener=private) as file:
                for line in file:
                    if line.endswith(b"\n"):
                        yield line[:-1].decode(errors="replace")
        except FileNotFoundError:
            return
        except OSError as error:
            raise AuditFault(f"{path}: cannot be read: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        """The file of entries, for one process at a time; a fault of the disk meanwhile is one of the log."""
        with self.held() as file:
            try:
                yield file
            except OSError as error:
                raise self._fault(error) from error

    def _fault(self, error: OSError) -> AuditFault:
        return AuditFault(f"{self.path}: cannot be written: {error.strerror}")


def _details_line(number: int, details: Details) -> str:
    salt, about = secrets.token_hex(_SALT_BYTES), {key: value for key, value in details.items() if value is not None}
    line = details_line(number, salt, about)
    if len(line) <= _DETAILS_MAX_BYTES:
        return line
    return details_line(number, salt, {"subject": about.get("subject"), "left_out_bytes": len(line)})


def _made(path: str, flags: int) -> int:
    """Open a file that may be new."""
    return private(path, flags | os.O_CREAT)


def _last_line(file: IO[bytes]) -> str:
    """The last whole line; the file then stands behind it."""
    end = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, end - _TAIL_BYTES))
    whole, newline, _ = file.read().rpartition(b"\n")
    file.seek(start + len(whole) + len(newline))
    return whole.rpartition(b"\n")[2].decode(errors="replace")


def _append(file: IO[bytes], lines: Iterable[str]) -> None:
    """Write lines where the file stands, in place of an unfinished one."""
    file.truncate()
    file.writelines(f"{line}\n".encode() for line in lines)
    file.flush()
    os.fsync(file.fileno())
