"""The archive of a backup: one compressed tar file, whose last member says what must be in it.

A member's name begins with ``here/`` for a file below the configuration's folder, which a restore may place elsewhere, and with
``root/`` for any other. The manifest, with the SHA-256 of every file, comes last: an archive that ends early has none.

A backup is made also while the gateway runs: its databases are copied by SQLite as they are at one instant.
"""

import io
import os
import re
import sqlite3
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import file_digest, sha256
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, NamedTuple

import msgspec

from gateway import __version__
from gateway.admin.backup.contents import LAID, SQLITE, BackupFile, BackupKind, files_of, to_read
from gateway.ingest.storage import journal
from gateway.ingest.storage.beside import is_in_use
from gateway.support.audit.forgotten import forgotten_beside
from gateway.support.audit.log import AuditLog
from gateway.support.commit import running_commit
from gateway.support.config.model import Config
from gateway.support.private_files import FILE_MODE, as_owner, folder_beside, make_empty, private

_MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_MANIFEST_MAX_BYTES: Final = 64 * 2**20
_ADDS_TO_NEXT: Final = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_ADDED_MAX_BYTES: Final = 2**16
_LEVEL: Final = 1
"""The journal in it is compressed already."""
_HERE, _ROOT = "here", "root"
_ELSEWHERE: Final = "the archive names a file that no backup has: {!r}"


class ArchiveFault(Exception):  # noqa: N818 - says what it is
    """The archive cannot be used; the text says why."""


class ArchivedFile(msgspec.Struct, frozen=True):
    """A file in an archive."""

    name: str
    kind: str
    bytes: int
    sha256: str


class BackupFacts(msgspec.Struct, frozen=True):
    """Facts about a backup beside its files: the folder of the configuration, and how many readings waited in the journal.

    :ivar is_running: the gateway ran meanwhile, and went on.
    :ivar audit: the last entry of the audit log, as ``NUMBER:HASH``.
    """

    made_ms: int
    folder: str
    is_running: bool
    readings: int
    audit: str


class BackupManifest(msgspec.Struct, frozen=True):
    """The contents of an archive; ``version`` and ``commit``: of the gateway that made it."""

    format: int
    version: str
    facts: BackupFacts
    files: list[ArchivedFile]
    commit: str = "unknown"


class VerifiedArchive(NamedTuple):
    """An archive that is whole, and the SHA-256 of all its bytes, as they were when they were verified.

    :ivar links: names of folders that are links in archives of earlier releases. None is made.
    """

    manifest: BackupManifest
    sha256: str
    links: Sequence[str]


def write_archive(
    path: Path, folder: Path, sources: Iterable[tuple[BackupFile, Path]], facts: Callable[[], BackupFacts]
) -> tuple[BackupManifest, str]:
    """Write an archive, for its owner alone; a fault leaves none. OSError if a file cannot be read, or it not be written.

    Each source comes with the path where it is read: of a database that is a copy. When all are in it facts are asked for.
    Returned with it: the SHA-256 of what was written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with open(beside, "xb", opener=private) as raw:
            hashed = _Hashed(raw)
            with tarfile.open(  # of a link its target: rights and owner of the link itself say nothing
                fileobj=hashed, mode="w:gz", compresslevel=_LEVEL, format=tarfile.PAX_FORMAT, dereference=True
            ) as tar:
                archived = [_add(tar, file, read_from, folder) for file, read_from in sources]
                manifest = BackupManifest(_FORMAT, __version__, facts(), archived, running_commit())
                text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
                last = tarfile.TarInfo(_MANIFEST)
                last.size, last.mode = len(text), FILE_MODE
                tar.addfile(last, io.BytesIO(text))
            raw.flush()
            os.fsync(raw.fileno())
        with as_owner(beside.parent):
            beside.replace(path)
    finally:
        with as_owner(beside.parent):
            beside.unlink(missing_ok=True)
    return manifest, hashed.digest.hexdigest()


def is_archive(path: Path) -> bool:
    """Tell if a file begins as an archive does."""
    try:
        with _opened(path) as (tar, _):
            first = tar.next()
    except ArchiveFault:
        return False
    return first is not None and PurePosixPath(first.name).parts[0] in {_HERE, _ROOT}


def verify_archive(path: Path, wanted: str | None = None) -> VerifiedArchive:
    """Read a whole archive, and compare each file with the manifest; ``wanted``: the SHA-256 that it must have.

    ArchiveFault if it is damaged, of a newer release, or holds what no backup has.
    """
    found: dict[str, tuple[int, str]] = {}
    links: list[str] = []
    text = b""
    with _opened(path) as (tar, read):
        for member, body in _each(tar, links):
            if text or member.name in found:
                raise ArchiveFault(f"{path}: is damaged: {member.name!r} {'comes after its end' if text else 'stands twice'}")
            if member.name == _MANIFEST and member.size <= _MANIFEST_MAX_BYTES:
                text = body.read()
            else:
                found[member.name] = member.size, file_digest(body, "sha256").hexdigest()
        digest = read.whole()
    if wanted not in {None, digest}:
        raise ArchiveFault(f"{path}: is not the archive that was named: its SHA-256 is {digest}")
    manifest = _manifest(path, text)
    told = {file.name: (file.bytes, file.sha256) for file in manifest.files}
    if len(told) < len(manifest.files):
        raise ArchiveFault(f"{path}: is damaged: its manifest names a file twice")
    for link in links:
        if not any(name.startswith(f"{link}/") for name in told):
            raise ArchiveFault(f"{path}: holds a link, as no backup does: {link!r}")
    for name in sorted(told.keys() | found.keys()):
        if told.get(name) != found.get(name):
            raise ArchiveFault(f"{path}: is damaged: {name} is not what the manifest says")
    return VerifiedArchive(manifest, digest, links)


def each_file(path: Path) -> Iterator[tuple[str, bool, IO[bytes]]]:
    """Yield the name of each file of a verified archive, whether it was for root alone, and a stream of its bytes.

    ArchiveFault if it is damaged meanwhile.
    """
    with _opened(path) as (tar, _):
        for member, body in _each(tar, []):
            if member.name != _MANIFEST:
                yield member.name, member.uname == "root" and not member.mode & 0o077, body


def _each(tar: tarfile.TarFile, links: list[str]) -> Iterator[tuple[tarfile.TarInfo, io.BufferedReader]]:
    """Yield each file, and add names of links; ArchiveFault if it holds what no backup has."""
    for member in tar:
        _refuse_foreign(member.name)
        body = tar.extractfile(member) if member.isreg() and not member.issparse() else None
        if isinstance(body, io.BufferedReader):
            yield member, body
        elif member.issym():
            links.append(member.name)
        elif not member.isdir():  # earlier releases wrote folders
            raise ArchiveFault(f"the archive holds what is no plain file, as no backup does: {member.name!r}")


def place_of_member(name: str, folder: Path) -> Path:
    """The path of a file, by the folder that the configuration is to lie in; ArchiveFault if it leads elsewhere."""
    _refuse_foreign(name)
    first, *rest = PurePosixPath(name).parts
    if not rest:
        raise ArchiveFault(_ELSEWHERE.format(name))
    return (folder if first == _HERE else Path("/")).joinpath(*rest)


def _refuse_foreign(name: str) -> None:
    """Refuse a name that no backup writes."""
    first, *rest = PurePosixPath(name).parts or ("",)
    is_plain = str(PurePosixPath(name)) == name and min(name) >= " " and not name.endswith(LAID)
    if ".." in rest or not is_plain or (first not in {_HERE, _ROOT} and name != _MANIFEST):
        raise ArchiveFault(_ELSEWHERE.format(name))


def _name_of(path: Path, folder: Path) -> str:
    return f"{_HERE}/{path.relative_to(folder)}" if path.is_relative_to(folder) else f"{_ROOT}{path}"


def _add(tar: tarfile.TarFile, file: BackupFile, read_from: Path, folder: Path) -> ArchivedFile:
    """Add a file as long as it is now; one that grows meanwhile is cut there."""
    name = _name_of(file.path, folder)
    with open(read_from, "rb", opener=private) as body:
        head = tar.gettarinfo(arcname=name, fileobj=body)
        head.type = tarfile.REGTYPE  # two names of one file are two files
        with as_owner(file.path):
            original = tar.gettarinfo(str(file.path), arcname=name)
        head.mode, head.uname, head.gname = original.mode, original.uname, original.gname
        hashed = _Hashed(body)
        tar.addfile(head, hashed)
    return ArchivedFile(name, file.kind, head.size, hashed.digest.hexdigest())


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read or written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data

    def write(self, data: Any) -> int:  # noqa: ANN401 - any bytes
        self.digest.update(data)
        return self._file.write(data)

    def whole(self) -> str:
        """Read what is left; return the SHA-256 of all."""
        while self.read(2**20):
            pass
        return self.digest.hexdigest()


class _Head(tarfile.TarInfo):
    """The head of a file. What only adds to the next one is read whole: it may be as long as a path, and adds to no other."""

    def _proc_member(self, tar: tarfile.TarFile) -> Any:  # noqa: ANN401 - tarfile's own kinds
        if self.type == tarfile.XGLTYPE or (self.type in _ADDS_TO_NEXT and self.size > _ADDED_MAX_BYTES):
            raise tarfile.ReadError("a file's head is longer than a backup's")
        return super()._proc_member(tar)  # type: ignore[misc]


@contextmanager
def _opened(path: Path) -> Iterator[tuple[tarfile.TarFile, _Hashed]]:
    try:
        with open(path, "rb", opener=private) as raw:
            hashed = _Hashed(raw)
            with tarfile.open(fileobj=hashed, mode="r|gz", tarinfo=_Head) as tar:
                yield tar, hashed
    except FileNotFoundError:
        raise ArchiveFault(f"{path}: is not there") from None
    except OSError as error:
        raise ArchiveFault(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tarfile.TarError, EOFError, zlib.error, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveFault(f"{path}: is no backup, or is damaged: {error}") from error


def _manifest(path: Path, text: bytes) -> BackupManifest:
    """The manifest; ArchiveFault if there is none, it cannot be read, or a newer release wrote it."""
    if not text:
        raise ArchiveFault(f"{path}: is no backup, or is damaged: its end is missing")
    try:
        made_by = msgspec.json.decode(text, type=_MadeBy)
        if made_by.format > _FORMAT or _numbers(made_by.version) > _numbers(__version__):
            raise ArchiveFault(
                f"{path}: gateway {made_by.version} made it, which is newer than this one, {__version__}: install it"
            )
        return msgspec.json.decode(text, type=BackupManifest)
    except (msgspec.DecodeError, ValueError) as error:  # also a number of thousands of digits
        raise ArchiveFault(f"{path}: is damaged: its manifest cannot be read: {error}") from error


class _MadeBy(msgspec.Struct):
    format: int
    version: str


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version, for comparison."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("+")[0]))


def make_backup(config: Config, path: Path, now_ms: int, *, accounts: Path, also: Sequence[Path]) -> tuple[BackupManifest, str]:
    """Write a backup of a gateway, and return its manifest and SHA-256.

    OSError or sqlite3.Error if a file cannot be read, or the archive not be written.
    """
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
