"""The files of the open data: in the folder ``exports`` beside the journal, listed in ``index.json``, kept for some days.

The index is for whoever has to know which copies there are, as when a device is to be forgotten. A file of open data holds no
device. Each file is replaced whole, the index last, so that what it lists is there.
"""

import csv
import gzip
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Final

import msgspec

from gateway.support.folder_owner import as_owner
from gateway.support.private_files import make_folder, read_bytes, replace_bytes
from schemas.open_data import COLUMNS
from schemas.printable import printable
from schemas.spreadsheet import as_cell

INDEX: Final = "index.json"
CATALOG: Final = "catalog.jsonld"
_NAME: Final = re.compile(r"open-\d{4}-\d{2}-\d{2}-[a-z]+\.csv\.gz")


class OpenFile(msgspec.Struct, frozen=True):
    """A file of open data.

    :ivar kind: ``open``; other exports that may come to lie here have another one.
    :ivar recipients: those who got it: everybody.
    """

    name: str
    day: str
    domain: str
    rows: int
    size_bytes: int
    sha256: str
    made_ms: int
    kind: str = "open"
    recipients: tuple[str, ...] = ("public",)


class _Index(msgspec.Struct):
    files: list[OpenFile]


class OpenFiles:
    """The folder.

    :param journal: the path of the journal.
    """

    def __init__(self, journal: Path) -> None:
        self.folder = journal.absolute().parent / "exports"

    def listed(self) -> list[OpenFile]:
        """The files that the index names and that are there, the newest day first; none where there is no index.

        :raises OSError: it cannot be read.
        """
        try:
            found = msgspec.json.decode(read_bytes(self.folder / INDEX), type=_Index).files
        except (FileNotFoundError, msgspec.MsgspecError):
            return []
        there = [file for file in found if _NAME.fullmatch(file.name) and (self.folder / file.name).is_file()]
        return sorted(there, key=lambda file: (file.day, file.domain), reverse=True)

    def write(self, day: str, domain: str, rows: Iterable[Mapping[str, str | int]], now_ms: int) -> OpenFile:
        """Write the figures of a domain on a day.

        :raises OSError: it cannot be written.
        """
        text = StringIO()
        writer, number = csv.DictWriter(text, COLUMNS, lineterminator="\n"), 0
        writer.writeheader()
        for row in rows:
            number += 1
            writer.writerow({key: printable(str(as_cell(value))) for key, value in row.items()})
        packed = gzip.compress(text.getvalue().encode(), mtime=0)
        name = f"open-{day}-{domain}.csv.gz"
        self.put(name, packed)
        return OpenFile(name, day, domain, number, len(packed), sha256(packed).hexdigest(), now_ms)

    def put(self, name: str, content: bytes) -> None:
        """Write a file.

        :raises OSError: it cannot be written.
        """
        make_folder(self.folder)
        replace_bytes(self.folder / name, content)

    def keep(self, made: Iterable[OpenFile], first: date) -> list[OpenFile]:
        """Put files into the index; remove those of days before ``first``. Return what is listed.

        :raises OSError: a file cannot be written or removed.
        """
        new = {file.name: file for file in made}
        known = {file.name: file for file in self.listed()} | new
        old = [name for name, file in known.items() if file.day < first.isoformat()]
        listed = [file for name, file in known.items() if name not in old]
        listed.sort(key=lambda file: (file.day, file.domain), reverse=True)
        self.put(INDEX, msgspec.json.format(msgspec.json.encode(_Index(listed)), indent=1) + b"\n")
        for name in old:
            with as_owner(self.folder), suppress(FileNotFoundError):
                (self.folder / name).unlink()
        return listed


def first_kept(today: date, keep: timedelta) -> date:
    """The first day of which files are kept."""
    return today - keep
