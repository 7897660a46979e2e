"""``gateway devices export``: all that is known of a device, in one ZIP file that its household may ask for by law.

Its points are tables: a CSV for each measurement, whose columns are known only when all points are there.
"""

import argparse
import asyncio
import base64
import csv
import json
import zipfile
from contextlib import ExitStack
from datetime import datetime
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import IO, NamedTuple, Self
from zoneinfo import ZoneInfo

import msgspec

from gateway import __version__
from gateway.commands import reaching
from gateway.commands.privacy.device_places import DEVICE_EXPORTED, NamedDevice, audit_entries, named_device, stored_rows
from gateway.commands.running import meant, record
from gateway.commands.terminal import Actions, add_action, refuse_present, show, tell
from gateway.ingest.broker.enrolling import AdministrationFault, EnrolmentRefused
from gateway.ingest.database.open_store import open_store, places_of_points
from gateway.ingest.database.store import StoreFault, WholePoint
from gateway.ingest.storage.database import DatabaseFault
from gateway.ingest.storage.photos import Photos, media_type
from gateway.monitoring.reports.seals import Seals
from gateway.onboarding.registration import device_accounts, entry_document, is_configured
from gateway.support.audit.log import AuditFault
from gateway.support.clock import WallClock
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.i18n.glossary import EXPORT_WORDS
from gateway.support.private_files import as_owner, folder_beside, private
from schemas.glossary import quantities
from schemas.quantities import QUANTITIES


class PointFiles:
    """Points as they come, a file and a count by measurement; made a table when all are there, the columns known."""

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


def add_export(actions: Actions) -> None:
    """Add the action, with its options."""
    exported = add_action(actions, "export", "write all that is known of a device into a ZIP file", export_device)
    exported.add_argument("id", metavar="ID", help="the device")
    exported.add_argument("--out", type=Path, metavar="FILE.zip", help="the file to write (default: ID.zip)")
    exported.add_argument("--to", metavar="WHO", help="who gets it; told when the device is forgotten")


def export_device(config: Config, options: argparse.Namespace) -> int:
    """Write the ZIP file; ConfigurationFault if nothing is known of the device, or the file is there already."""
    device = named_device(config, options.id)
    path = options.out or Path(f"{device.id}.zip")
    refuse_present(path)
    try:
        with reaching(StoreFault), folder_beside(path, ".export-") as folder:
            found = asyncio.run(_gather(config, device, folder))
            if any(found.counts.values()):
                _write(folder / "export.zip", config, device, found)
                with as_owner(path.parent):
                    (folder / "export.zip").replace(path)
    except (AuditFault, DatabaseFault) as fault:
        raise ConfigurationFault([str(fault)]) from fault
    except OSError as error:
        raise ConfigurationFault([f"{error.filename or path}: {error.strerror or error}; nothing was exported"]) from error
    if not any(found.counts.values()):
        raise ConfigurationFault([f"ID: nothing is known of {device.id}{meant(config, device.id)}"])
    record(config, DEVICE_EXPORTED, subject={"device": device.id, "file": str(path.absolute()), "to": options.to})
    show(f"{path}: all that is known of {device.id}; it is personal: for its owner alone")
    for name, count in found.counts.items():
        show(f"    {name:<34}{count}")
    return 0


class _Gathered(NamedTuple):
    """All that is known of a device; ``documents``: file → its contents."""

    points: PointFiles
    documents: dict[str, object]
    photo: bytes | None
    made_ms: int

    @property
    def counts(self) -> dict[str, int]:
        """The number of rows in each part, also of the empty ones."""
        counts = {f"readings/{measurement}.csv": number for measurement, number in self.points.counts.items()}
        counts |= {name: len(found) for name, found in self.documents.items() if isinstance(found, list | dict)}
        return counts | {"photo": int(self.photo is not None)}


async def _gather(config: Config, device: NamedDevice, folder: Path) -> _Gathered:
    """Read everything; points go into files in ``folder``."""
    now_ms = WallClock().now_ms()
    entry = entry_document(device.entry) if device.entry is not None else {}
    account = {"name": device.id} if await _has_account(config, device) else {}
    documents: dict[str, object] = {"registry.json": entry, "broker-account.json": account}
    for title, rows in stored_rows(config, device).items():
        documents[f"gateway/{title.replace(' ', '-')}.json"] = rows
    documents["audit.json"] = audit_entries(config, device)
    sealed = Seals(config.journal.path).lines_of(device.names)
    documents["billing.json"] = [{"sealed_in": month, **msgspec.to_builtins(line)} for month, line in sealed]
    points = PointFiles(folder, ZoneInfo(config.time.zone))
    with points:
        for place in places_of_points(config.influxdb):
            async with open_store(place) as store:
                await store.all_shown(device.names, now_ms)
                async for point in store.points_of(device.names, now_ms):
                    points.add(point)
    return _Gathered(points, documents, await Photos(config.journal.path, 0).get(device.id), now_ms)


def _write(path: Path, config: Config, device: NamedDevice, found: _Gathered) -> None:
    with open(path, "xb", opener=private) as raw, zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _page(config, device, found))
        for measurement in found.points.counts:
            found.points.write(archive, measurement)
        archive.writestr("quantities.csv", found.points.quantities(config.language))
        for name, document in found.documents.items():
            archive.writestr(name, json.dumps(document, ensure_ascii=False, indent=1, default=_shown) + "\n")
        if found.photo is not None:
            archive.writestr(f"photo.{(media_type(found.photo) or 'image/jpeg').partition('/')[2]}", found.photo)


async def _has_account(config: Config, device: NamedDevice) -> bool | None:
    """Tell if the broker has an account of the device; None: it cannot be asked."""
    if not is_configured(config):
        return None
    try:
        async with device_accounts(config) as broker:
            return device.id in await broker.enrolled()
    except (AdministrationFault, EnrolmentRefused) as fault:
        tell(f"the broker was not asked for an account: {fault}")
        return None


def _page(config: Config, device: NamedDevice, found: _Gathered) -> str:
    """The page that says what is in the file, in the configured language."""

    def said(key: str, *given: object) -> str:
        return str(getattr(EXPORT_WORDS[key], config.language)).format(*given)

    made = datetime.fromtimestamp(found.made_ms / 1000, ZoneInfo(config.time.zone)).isoformat(timespec="seconds")
    lines = [said("title", device.id), said("made", made, __version__), ""]
    lines += [said(key) for key in ("readings", "quantities", "device", "gateway", "audit", "billing", "photo")]
    empty = [name for name, count in found.counts.items() if not count]
    return "\n".join([*lines, *(["", said("nothing", ", ".join(empty))] if empty else [])]) + "\n"


def _shown(value: object) -> str:
    """Bytes of a message: text where they are, else base64."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode()
    except UnicodeDecodeError:
        return "base64:" + base64.b64encode(value).decode()
