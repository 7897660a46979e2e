"""Making a gateway of a backup: verified whole, laid beside the places of its files, and moved there when all is there.

What must not happen twice
--------------------------
The machine that made the backup may have gone on, and have written, sent and counted what the backup still has before it:

- Readings that wait in the journal come in again: the same points at the same times, which InfluxDB holds once. VictoriaMetrics
  holds a second copy until its deduplication. ``without_journal`` leaves them out.
- State and sums of devices are left out: the sums are taken over from the database, where the newest stand, whatever meter was
  exchanged meanwhile. Duplicates and silence begin again.
- Messages that waited for the webhook are left out: people would be told twice. The alarms themselves stay.
- The audit log goes on behind its last entry. A log at its place that continues the one in the backup stays as it is.
- Devices that were forgotten since are forgotten again.
"""

import os
import pwd
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import file_digest
from itertools import count
from pathlib import Path
from typing import IO, Final

from gateway.admin.backup.archive import ArchiveFault, BackupManifest, each_file
from gateway.admin.backup.contents import COMPANIONS, SQLITE, BackupKind, DeviceFiles
from gateway.admin.backup.places import RestoredFile, Target, first_of
from gateway.core.readings.sums import KEPT
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.beside import lock
from gateway.monitoring.alarms.outbox import WEBHOOK
from gateway.support.audit.forgotten import ForgottenDevices
from gateway.support.audit.log import AUDIT, AuditFault, AuditLog, ChainLink
from gateway.support.private_files import READERS_MODE, as_owner, give_to_readers, is_there, make_folder, private, sync_folder

_ASIDE: Final = ".before-restore"
_KEPT_RIGHTS: Final = 0o664
"""The rights of a file at its place that the next one there may have too: never those of everybody to write, or to run it."""
_OURS_MODE, _WAY_MODE, _OTHERS_MODE = 0o750, 0o755, 0o700
"""Rights of folders that are missing: below settings and data, on the way there, elsewhere."""
_SERVICE: Final = "gateway"
"""The user and the group that ``install.sh`` makes."""


@dataclass(slots=True)
class Restored:
    """The result of a restore: files written, others under new names, readings that wait, devices forgotten again."""

    placed: list[RestoredFile] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)
    readings: int = 0
    forgotten: list[str] = field(default_factory=list)


class FilesThere(Exception):  # noqa: N818 - says what it is
    """Files with other contents, ``paths``, are at the places of a backup's."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__(", ".join(map(str, paths)))
        self.paths = paths


def restore(
    archive: Path,
    manifest: BackupManifest,
    places: dict[str, RestoredFile],
    target: Target,
    *,
    replace: bool,
    without_journal: bool,
    forgotten: Sequence[Path],
) -> Restored:
    """Restore a verified archive.

    :param replace: set files aside that are at its places.
    :raises FilesThere: some are, and they may not be set aside; nothing was written.
    :raises InUse: a gateway runs on its journal.
    :raises ArchiveFault, OSError, sqlite3.Error: it cannot be restored; what was there is there.
    """
    journal_path = first_of(places.values(), BackupKind.STORE)
    for folder in dict.fromkeys(file.path.parent for file in places.values()):
        _make_folders(folder, target)
    with _stopped(journal_path):
        wanted = {name: file for name, file in places.items() if not _stands(file, manifest, places.values())}
        if (there := [file.path for file in wanted.values() if is_there(file.path)]) and not replace:
            raise FilesThere(there)
        result = Restored()
        try:
            for name, is_for_root, body in each_file(archive):
                if name in wanted and not _lay(wanted[name], body, target, is_for_root=is_for_root):
                    raise ArchiveFault(f"{archive}: {name} changed after it was verified; nothing was replaced")
            result.forgotten = _forget_again(wanted.values(), places.values(), manifest.facts.made_ms, forgotten)
            for file in wanted.values():
                if file.kind is BackupKind.STORE:
                    result.readings = _prepare(file.laid, without_journal=without_journal)
            # The store comes last: without it no gateway starts on half of the rest.
            for file in sorted(wanted.values(), key=lambda file: file.kind is BackupKind.STORE):
                result.aside += _place(file)
                result.placed.append(file)
        finally:
            for file in wanted.values():
                with as_owner(file.laid.parent):
                    file.laid.unlink(missing_ok=True)
    return result


@contextmanager
def _stopped(journal_path: Path | None) -> Iterator[None]:
    """Let no gateway start on the journal meanwhile; InUse if one runs."""
    if journal_path is None:
        yield
        return
    make_folder(journal_path.parent)
    descriptor = lock(journal_path)
    try:
        yield
    finally:
        os.close(descriptor)


def _make_folders(folder: Path, target: Target) -> None:
    """Make the folders that are missing on the way to a file, with the owners and rights that ``install.sh`` gives them."""
    if is_there(folder):
        return
    _make_folders(folder.parent, target)
    is_data = any(folder.is_relative_to(data) for data in target.data)
    is_ours = is_data or folder.is_relative_to(target.settings)
    with as_owner(folder):
        folder.mkdir(_OTHERS_MODE)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if is_ours and os.geteuid() == 0:  # else it is its owner's already
                with suppress(KeyError):  # no such user is here: it stays root's
                    user = pwd.getpwnam(_SERVICE)
                    os.fchown(descriptor, user.pw_uid if is_data else 0, user.pw_gid)
            is_way = any(place.is_relative_to(folder) for place in (target.settings, *target.data))
            os.fchmod(descriptor, _OURS_MODE if is_ours else _WAY_MODE if is_way else _OTHERS_MODE)
        finally:
            os.close(descriptor)


def _stands(file: RestoredFile, manifest: BackupManifest, all_files: Iterable[RestoredFile]) -> bool:
    """Tell if what is at the place of a file is that file, or goes on from it."""
    if not is_there(file.path) or file.kind in SQLITE:
        return False
    if file.kind is BackupKind.AUDIT:
        entries = next(one.path for one in all_files if one.kind is BackupKind.AUDIT)
        return _goes_on(entries, manifest.facts.audit)
    if file.kind is BackupKind.FORGOTTEN:
        return all(_is_same(one) for one in all_files if one.kind is BackupKind.FORGOTTEN and one.path.name.endswith("-key"))
    return _is_same(file)


def _is_same(file: RestoredFile) -> bool:
    try:
        with open(file.path, "rb", opener=private) as body:
            return file_digest(body, "sha256").hexdigest() == file.sha256
    except OSError:  # it is no file, or one that its folder's owner may not read
        return False


def _goes_on(entries: Path, head: str) -> bool:
    """Tell if the audit log at a place is whole, and holds the entry with which that of the backup ends."""
    number, _, digest = head.partition(":")
    with suppress(AuditFault, ValueError):
        audit = AuditLog(entries.with_name(entries.name.removesuffix(AUDIT)))
        return not audit.verify([ChainLink(int(number), digest)]).faults
    return False


def _lay(file: RestoredFile, body: IO[bytes], target: Target, *, is_for_root: bool) -> bool:
    """Write a file beside its place; tell if it is the one that was verified.

    Its rights and owner are those of the file that is there. Else, below the settings, the group of its folder may read it, if
    it was not for root alone.
    """
    with as_owner(file.laid.parent):
        file.laid.unlink(missing_ok=True)
        with open(file.laid, "x+b", opener=private) as laid:
            shutil.copyfileobj(body, laid)
            laid.flush()
            if not file.path.is_symlink() and file.path.is_file():
                there = file.path.stat()
                if os.geteuid() == 0:  # it is of a folder's owner, and so is it
                    os.fchown(laid.fileno(), there.st_uid, there.st_gid)
                os.fchmod(laid.fileno(), there.st_mode & _KEPT_RIGHTS)
            elif file.path.is_relative_to(target.settings) and not is_for_root:
                give_to_readers(laid.fileno(), file.laid)
                os.fchmod(laid.fileno(), READERS_MODE)
            os.fsync(laid.fileno())
            laid.seek(0)
            return file_digest(laid, "sha256").hexdigest() == file.sha256


def _forget_again(
    wanted: Iterable[RestoredFile], places: Iterable[RestoredFile], made_ms: int, lists: Sequence[Path]
) -> list[str]:
    """Forget in the files that lie ready who was forgotten since they were copied; return these devices."""
    laid = {file.kind: file.laid for file in wanted}
    key = next((file for file in places if file.kind is BackupKind.FORGOTTEN and file.path.name.endswith("-key")), None)
    if key is None:
        return []
    own = key.path.with_name(key.path.name.removesuffix("-key"))
    forgotten = ForgottenDevices(own, key.laid if is_there(key.laid) else key.path)
    kinds = (BackupKind.STORE, BackupKind.PHOTOS, BackupKind.REGISTRY, BackupKind.BROKER_ACCOUNTS)
    files = DeviceFiles(*map(laid.get, kinds))
    names = forgotten.among(files.devices(), forgotten.since(made_ms, *lists))
    if names:
        files.forget(names)
    for one in lists:
        forgotten.join(one)
    return names


def _prepare(path: Path, *, without_journal: bool) -> int:
    """Take out of a store what must not happen twice; return the readings that wait in it."""
    with as_owner(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM device_state")
        keyvalue.put_all(connection, dict.fromkeys(keyvalue.get_prefix(connection, KEPT)))
        connection.execute("DELETE FROM alarm_notices WHERE receiver = ?", (WEBHOOK,))
        if without_journal:
            journal.drop(connection)
        readings = journal.stock(connection).readings
        connection.execute("COMMIT")
    return readings


def _place(file: RestoredFile) -> list[Path]:
    """Move a file to its place; return the new names of what was there."""
    moved = []
    with as_owner(file.path.parent):
        aside = _free_name(file.path)
        for suffix in ("", *COMPANIONS) if file.kind in SQLITE else ("",):
            old, new = file.path.with_name(file.path.name + suffix), aside.with_name(aside.name + suffix)
            if os.path.lexists(old):  # a WAL that stays would be taken for the new file's
                old.rename(new)
                moved.append(new)
        file.laid.rename(file.path)
        sync_folder(file.path.parent)
    return moved


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}{_ASIDE}{f'-{number}' if number > 1 else ''}") for number in count(1))
    return next(name for name in names if not name.exists())
