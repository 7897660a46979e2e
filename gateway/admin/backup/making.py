"""Making a backup, also while the gateway runs: its databases are copied by SQLite as they are at one instant."""

import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from gateway.admin.backup.archive import BackupFacts, BackupManifest, write_archive
from gateway.admin.backup.contents import SQLITE, BackupFile, BackupKind, files_of, to_read
from gateway.ingest.storage import journal
from gateway.ingest.storage.beside import is_in_use
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog
from gateway.support.config.model import Config
from gateway.support.folder_owner import as_owner
from gateway.support.private_files import folder_beside, make_empty


def make_backup(config: Config, path: Path, now_ms: int, *, accounts: Path, also: Sequence[Path]) -> BackupManifest:
    """Write a backup of a gateway; OSError or sqlite3.Error if a file cannot be read, or the archive not be written."""
    folder = config.file.parent if config.file is not None else Path.cwd()
    audit, is_running = AuditLog(config.journal.path), is_in_use(config.journal.path)
    with ExitStack() as stack:
        copies = stack.enter_context(folder_beside(path, ".backup-"))
        stack.enter_context(audit.held())
        forgotten_beside(config.journal.path).key()  # a list that is written later is read with the key of the backup
        files = [file for file in files_of(config, accounts, also) if file.path != path.absolute()]
        sources = [(file, _copied(file, copies / str(at))) for at, file in enumerate(files)]
        readings = sum(_readings(source) for file, source in sources if file.kind is BackupKind.STORE)

        def facts() -> BackupFacts:
            number, digest = audit.head()
            return BackupFacts(now_ms, str(folder), is_running, readings, f"{number}:{digest}")

        return write_archive(path, folder, sources, facts)


def _copied(file: BackupFile, copy: Path) -> Path:
    """The path at which a file is read: of a database a copy, of any other itself."""
    if file.kind not in SQLITE:
        return file.path
    make_empty(copy)
    with as_owner(copy):
        target = sqlite3.connect(copy)
    try:
        with as_owner(copy):
            target.execute("PRAGMA journal_mode=OFF")  # so that it opens nothing beside it while we are the owner of the other
        with to_read(file.path) as source:
            source.backup(target)
        with as_owner(copy):
            target.execute("PRAGMA journal_mode=DELETE")  # one file, without a WAL beside it
    finally:
        with as_owner(copy):
            target.close()
    return copy


def _readings(copy: Path) -> int:
    with to_read(copy) as connection:
        return journal.stock(connection).readings
