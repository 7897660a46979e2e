"""The files of the open data: in the folder ``exports`` beside the journal, listed in ``index.json``, kept for some days.

The index is for whoever has to know which copies there are, as when a device is to be forgotten. A file of open data holds no
device. Each file is replaced whole, the index last, so that what it lists is there. The catalogue lists them as data portals
read it: in DCAT, as JSON-LD.
"""

import csv
import gzip
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, Final

import msgspec

from gateway.support.i18n.languages import words
from gateway.support.private_files import as_owner, make_folder, read_bytes, replace_bytes
from schemas.open_data import COLUMNS, CONTEXT_FILE
from schemas.printable import printable
from schemas.spreadsheet import as_cell

INDEX: Final = "index.json"
CATALOG: Final = "catalog.jsonld"
_NAME: Final = re.compile(r"open-\d{4}-\d{2}-\d{2}-[a-z]+\.csv\.gz")
_CONTEXT: Final = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_DAILY: Final = "http://publications.europa.eu/resource/authority/frequency/DAILY"
_MEDIA: Final = "http://www.iana.org/assignments/media-types/"
_LANGUAGES: Final = ("vi", "en")


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
    :raises OSError: from every method, if a file cannot be read, written or removed.
    """

    def __init__(self, journal: Path) -> None:
        self.folder = journal.absolute().parent / "exports"

    def listed(self) -> list[OpenFile]:
        """The files that the index names and that are there, the newest day first; none where there is no index."""
        try:
            found = msgspec.json.decode(read_bytes(self.folder / INDEX), type=_Index).files
        except (FileNotFoundError, msgspec.MsgspecError):
            return []
        there = [file for file in found if _NAME.fullmatch(file.name) and (self.folder / file.name).is_file()]
        return sorted(there, key=lambda file: (file.day, file.domain), reverse=True)

    def write(self, day: str, domain: str, rows: Iterable[Mapping[str, str | int]], now_ms: int) -> OpenFile:
        """Write the figures of a domain on a day."""
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
        """Write a file."""
        make_folder(self.folder)
        replace_bytes(self.folder / name, content)

    def keep(self, made: Iterable[OpenFile], first: date) -> list[OpenFile]:
        """Put files into the index; remove those of days before ``first``. Return what is listed."""
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


def catalog(files: Sequence[OpenFile], publisher: str | None, license_: str | None) -> dict[str, Any]:
    """The catalogue: a dataset for each domain, a distribution for each of its files.

    :param publisher: the name of the utility.
    :param license_: the address of the licence.
    """
    by_domain: dict[str, list[OpenFile]] = {}
    for file in files:
        by_domain.setdefault(file.domain, []).append(file)
    return {
        "@context": _CONTEXT,
        "@type": "dcat:Catalog",
        "dct:title": _texts("open_data"),
        **({"dct:publisher": {"@type": "foaf:Agent", "foaf:name": publisher}} if publisher else {}),
        "dcat:dataset": [_dataset(domain, found, license_) for domain, found in sorted(by_domain.items())],
    }


def _dataset(domain: str, files: Sequence[OpenFile], license_: str | None) -> dict[str, Any]:
    days = sorted(file.day for file in files)
    return {
        "@type": "dcat:Dataset",
        "dct:identifier": f"open-{domain}",
        "dct:title": _texts("open_data", domain),
        "dct:description": _texts("open_data_means"),
        "dct:accrualPeriodicity": {"@id": _DAILY},
        "dct:temporal": _period(days[0], days[-1]),
        "dcat:distribution": [_distribution(file, license_) for file in files],
    }


def _distribution(file: OpenFile, license_: str | None) -> dict[str, Any]:
    issued = datetime.fromtimestamp(file.made_ms // 1000, UTC).isoformat()
    return {
        "@type": "dcat:Distribution",
        "dct:title": file.name,
        "dcat:downloadURL": {"@id": file.name},
        "dct:issued": {"@type": "xsd:dateTime", "@value": issued},
        "dct:temporal": _period(file.day, file.day),
        "dcat:mediaType": {"@id": f"{_MEDIA}text/csv"},
        "dcat:compressFormat": {"@id": f"{_MEDIA}application/gzip"},
        "dcat:byteSize": {"@type": "xsd:nonNegativeInteger", "@value": str(file.size_bytes)},
        "dct:conformsTo": {"@id": CONTEXT_FILE},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": file.sha256,
        },
        **({"dct:license": {"@id": license_}} if license_ else {}),
    }


def _texts(*keys: str) -> list[dict[str, str]]:
    return [{"@language": code, "@value": ": ".join(words(code)[key] for key in keys)} for code in _LANGUAGES]


def _period(first: str, last: str) -> dict[str, object]:
    start, end = ({"@type": "xsd:date", "@value": day} for day in (first, last))
    return {"@type": "dct:PeriodOfTime", "dcat:startDate": start, "dcat:endDate": end}
