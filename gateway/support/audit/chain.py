"""The chain of the audit log: each entry holds the hash of all before it.

An entry is a line of JSON. What it is about stands in a second file, in a line with salt of its own, and the entry holds the
hash of that line alone. So the details of an entry can be removed, when a person asks to be forgotten, and the chain stays
whole; and from what stays nobody can find out by trial what was removed.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, NamedTuple

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
    """A change by somebody.

    :ivar name: of the account, or of the user of this machine who gave a command.
    :ivar role: of the account; ``command`` for a command that changed the files of a gateway that does not run.
    :ivar action: name of the change, such as ``alarm acknowledged``.
    """

    at_ms: int
    name: str
    role: str
    action: str


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
