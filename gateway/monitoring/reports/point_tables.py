"""Points of a device as tables: a CSV for each measurement, whose columns are known only when all points are there."""

import csv
import json
import zipfile
from contextlib import ExitStack
from datetime import datetime
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import IO, Self
from zoneinfo import ZoneInfo

from gateway.ingest.database.store import WholePoint
from gateway.support.private_files import private
from schemas.glossary import quantities
from schemas.quantities import QUANTITIES


class PointFiles:
    """Points as they come, a file for each measurement; made a table when all are there and the columns are known.

    :ivar counts: measurement → number of points.
    """

    def __init__(self, folder: Path, zone: ZoneInfo) -> None:
        self.counts: dict[str, int] = {}
        self._folder = folder
        self._zone = zone
        self._columns: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
        self._rolled_up: set[tuple[str, int, tuple[tuple[str, str], ...]]] = set()
        self._open = ExitStack()
        self._files: dict[str, IO[str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, point: WholePoint) -> None:
        """Add a point. Roll-ups may stand in two places; the second time they are left out."""
        if point.measurement not in QUANTITIES:
            key = (point.measurement, point.time_ms, tuple(sorted(point.tags.items())))
            if key in self._rolled_up:
                return
            self._rolled_up.add(key)
        file = self._files.get(point.measurement)
        if file is None:
            path = self._folder / str(len(self._files))
            opened = open(path, "w", encoding="utf-8", opener=private)  # noqa: SIM115 - closed with the others
            file = self._files[point.measurement] = self._open.enter_context(opened)
            self._columns[point.measurement] = ({}, {})
        tags, fields = self._columns[point.measurement]
        tags.update(dict.fromkeys(point.tags))
        fields.update(dict.fromkeys(point.fields))
        self.counts[point.measurement] = self.counts.get(point.measurement, 0) + 1
        file.write(json.dumps([point.time_ms, point.tags, point.fields]) + "\n")

    def quantities(self, language: str) -> str:
        """The table of the columns of all others; one that is not in the table of quantities has its unit in its name."""
        words, out = quantities(language), StringIO()
        table = csv.writer(out)
        table.writerow(["measurement", "column", "unit", "title"])
        for measurement, (_, fields) in self._columns.items():
            for field in fields:
                row = QUANTITIES.get(measurement, {}).get(field)
                table.writerow([measurement, field, row.unit if row else "", words[field].name if row else ""])
        return out.getvalue()

    def write(self, archive: zipfile.ZipFile, measurement: str) -> None:
        """Write the table of a measurement."""
        tags, fields = (sorted(columns) for columns in self._columns[measurement])
        place = self._folder / str(list(self._files).index(measurement))
        with (
            open(place, encoding="utf-8", opener=private) as lines,
            archive.open(f"readings/{measurement}.csv", "w") as binary,
            TextIOWrapper(binary, encoding="utf-8", newline="") as text,
        ):
            table = csv.writer(text)
            table.writerow(["time", *tags, *fields])
            for line in lines:
                time_ms, own, values = json.loads(line)
                at = datetime.fromtimestamp(time_ms / 1000, self._zone).isoformat(timespec="milliseconds")
                table.writerow([at, *(own.get(tag, "") for tag in tags), *(values.get(field, "") for field in fields)])
