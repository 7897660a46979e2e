"""The open data: the figures of a day that everybody may see, and their files in the folder ``exports`` beside the journal.

Figures are of areas, each of at least ten meters. One counts the devices that it is made of, not those of the area: of twelve
meters that stand silent but for one it would be the figure of a household. Lowest and highest values are left out as such.

The index, ``index.json``, is for whoever has to know which copies there are, as when a device is to be forgotten. Each file is
replaced whole, the index last, so that what it lists is there. The catalogue lists them as data portals do: DCAT as JSON-LD.
"""

import csv
import gzip
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from gateway.monitoring.reports.boundaries import Marks
from gateway.monitoring.reports.consumption import ReportGroup, group_of, totals
from gateway.monitoring.reports.flows import Figure, GroupFlows
from gateway.monitoring.reports.rollups import RolledPeriod
from gateway.monitoring.reports.roster import RETURNED, Roster
from gateway.support.i18n.languages import words
from gateway.support.private_files import as_owner, make_folder, read_bytes, replace_bytes
from schemas.open_data import COLUMNS, CONTEXT_FILE, FLOWS, MARKS, RAIN, open_quantities
from schemas.printable import printable
from schemas.spreadsheet import as_cell

DEVICES_MIN: Final = 10
"""Least devices of a figure."""
_DIGITS: Final = 6


class OpenFigure(NamedTuple):
    """A row of the open data, its day aside."""

    area: str
    domain: str
    quantity: str  # such as ``used_m3``
    unit: str
    value: Decimal
    devices: int  # number of devices that it is made of; of what is supplied or lost, of the customers behind
    uncovered: int  # number of devices of the area that it leaves out, because their consumption is not known as a whole
    marks: Marks | None = None  # None: means of measured values have none


@dataclass(slots=True)
class _Sum:
    """The sum over devices of an area: of counts in millionths, or of means."""

    total: float | int = 0
    devices: set[str] = field(default_factory=set)
    uncovered: set[str] = field(default_factory=set)
    series: int = 0
    marked: list[tuple[int, Marks]] = field(default_factory=list)

    @property
    def marks(self) -> Marks:
        """The shares of it that are marked; of nothing, those of its counters."""
        weighed = [(used if self.total else 1, marks) for used, marks in self.marked]
        whole = sum(weight for weight, _ in weighed)
        return Marks(*(sum(weight * marks[place] for weight, marks in weighed) / whole for place in range(3)))


class OpenDay:
    """The figures of one domain on one day, added up over all groups of devices; ``customers`` are those of all."""

    def __init__(self, domain: str, customers: Collection[str]) -> None:
        self._domain, self._customers = domain, customers
        self._counted: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._means: dict[tuple[str, str], _Sum] = defaultdict(_Sum)
        self._flows: dict[str, GroupFlows] = {}

    def add(self, part: RolledPeriod, roster: Roster) -> None:
        """Add some devices."""
        for total in totals(part.use, self._domain, ReportGroup.AREA, roster):
            found = self._counted[total.group, total.counter.field]
            uses = [use for use in part.use.uses if use.counter == total.counter and use.series.device in total.covered]
            found.total += total.used
            found.series += len(uses)
            is_fed_in, own = total.counter.field == RETURNED.get(self._domain), self._customers
            found.devices |= {use.series.device for use in uses if not is_fed_in or (use.used and use.series.device in own)}
            found.uncovered |= total.uncovered
            found.marked += [(use.used or 0, use.marks) for use in uses]
        for series, spreads in part.spreads.items():
            area = group_of(roster.by_id[series.device], ReportGroup.AREA, self._domain)
            for gauge, (_, mean, _) in spreads.items():
                found = self._means[area, gauge]
                found.total += mean
                found.series += 1
                found.devices.add(series.device)

    def add_flows(self, flows: GroupFlows) -> None:
        """Add what flowed in an area."""
        self._flows[flows.group] = flows

    def figures(self) -> Iterator[OpenFigure]:
        """The figures of areas that are large enough, by area, in the order of the table."""
        for area in sorted({*self._flows, *(area for area, _ in (*self._counted, *self._means))} - {""}):
            yield from (one for one in self._of_area(area) if one.devices >= DEVICES_MIN)

    def _of_area(self, area: str) -> Iterator[OpenFigure]:
        for name, field_, unit, _ in open_quantities(self._domain):
            if (word := name.partition("_")[0]) in FLOWS.get(self._domain, ()):
                if (flows := self._flows.get(area)) is not None:
                    yield from self._flow(flows, word, name, unit)
                continue
            counted, mean = self._counted.get((area, field_)), self._means.get((area, field_))
            if counted is not None and counted.series:
                amount = counted.total / counted.series if field_ == RAIN else counted.total
                value = Decimal(round(amount)).scaleb(-_DIGITS)
                whole = value.to_integral_value() if unit == "1" else value
                sizes = len(counted.devices), len(counted.uncovered)
                yield OpenFigure(area, self._domain, name, unit, whole, *sizes, counted.marks)
            if mean is not None:
                value = round(Decimal(mean.total / mean.series), _DIGITS)
                yield OpenFigure(area, self._domain, name, unit, value, len(mean.devices), 0)

    def _flow(self, flows: GroupFlows, word: str, name: str, unit: str) -> Iterator[OpenFigure]:
        """Yield a flow: a figure of the customers; what is produced is one of those who feed in."""
        figure: Figure = getattr(flows, word)
        if figure.millionths is not None:
            fed_in = self._counted[flows.group, RETURNED[self._domain]].devices
            devices = len(fed_in) if word == "produced" else flows.meters - flows.left_out
            value = Decimal(figure.millionths).scaleb(-_DIGITS)
            yield OpenFigure(flows.group, self._domain, name, unit, value, devices, flows.left_out, figure.marks)


def row_of(day: str, figure: OpenFigure, areas: Mapping[str, str]) -> dict[str, str | int]:
    """A figure as a row of :data:`schemas.open_data.COLUMNS`; ``areas``: code → name."""
    row = figure._asdict()
    marks = row.pop("marks")
    shares = dict.fromkeys(MARKS, "") if marks is None else {name: f"{share:.4f}" for name, share in marks._asdict().items()}
    return {"day": day, "area_name": areas.get(figure.area, ""), **row, "value": f"{figure.value:f}", **shares}


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
    """A file of open data, for everybody; other exports that may come to lie here have another ``kind``."""

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
    """The folder; every method raises OSError if a file cannot be read, written or removed."""

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
    """The catalogue of a utility, under its licence: a dataset for each domain, a distribution for each of its files."""
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
