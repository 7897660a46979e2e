"""Places where a restore may lay files: those of this machine, whatever the archive or the configuration in it says.

They are the folder of the configuration, the folders of data that the unit of the gateway names, the file of the broker's
accounts, and what the command line names. All files are looked at before the first is written.
"""

import os
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

from gateway.admin.backup.archive import ArchiveFault, BackupManifest, place_of_member
from gateway.admin.backup.contents import LAID, SQLITE, BackupFile, BackupKind, beside_databases
from gateway.support.config.files import ConfigurationFault
from gateway.support.private_files import as_owner

_UNITS: Final = ("etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_STATE: Final = Path("/var/lib")
_WRITTEN: Final = frozenset({"WorkingDirectory", "ReadWritePaths"})
_SINGLE: Final = SQLITE | {BackupKind.CONFIGURATION, BackupKind.REGISTRY, BackupKind.BROKER_ACCOUNTS}
"""Kinds of which a gateway has one file."""
_LINKS_MAX: Final = 40
_OF_DATA: Final = SQLITE | {BackupKind.WAITING, BackupKind.AUDIT, BackupKind.SEALS, BackupKind.FORGOTTEN}


class RestoredFile(NamedTuple):
    """A file of an archive and its place."""

    kind: BackupKind
    path: Path
    sha256: str

    @property
    def laid(self) -> Path:
        """Its place until all are there."""
        return self.path.with_name(self.path.name + LAID)


def first_of(files: Iterable[RestoredFile], kind: BackupKind) -> Path | None:
    """The place of the first file of a kind; None: there is none."""
    return next((file.path for file in files if file.kind is kind), None)


class Target(NamedTuple):
    """The places of this machine: the configuration, whose folder may be written, folders of data, the broker's accounts.

    :ivar also: further files, or folders with all in them.
    """

    config: Path
    data: tuple[Path, ...]
    accounts: Path
    also: tuple[Path, ...]

    @property
    def settings(self) -> Path:
        """The folder of the configuration."""
        return self.config.parent

    def allows(self, path: Path) -> bool:
        """Tell if a file may lie there, whatever links lead to its folder."""
        folders = (_folder(place) for place in (self.settings, *self.data, *self.also))
        return _real(path) == _real(self.accounts) or any(_real(path).is_relative_to(folder) for folder in folders)


def data_of_unit(config: Path, root: Path = Path("/")) -> tuple[Path, ...]:
    """The folders that the unit which runs this configuration may write, by its files and what was added to them."""
    name, found = config.parent.name.removeprefix("gateway").removeprefix("-"), []
    for unit, instance in (("gateway", ""), ("gateway@", name)):
        patterns = [f"{one}.service{end}" for one in {unit, unit + instance} for end in ("", ".d/*.conf")]
        files = [file for folder in _UNITS for pattern in patterns for file in (root / folder).glob(pattern)]
        lines = "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files).replace("%i", instance)
        settings = [(key, value.split()) for key, _, value in (line.partition("=") for line in lines.splitlines())]
        if any(key == "ExecStart" and str(config) in words for key, words in settings):
            found += [_STATE / word for key, words in settings if key == "StateDirectory" for word in words]
            found += [Path(word.lstrip("-+")) for key, words in settings if key in _WRITTEN for word in words]
    return tuple(path for path in dict.fromkeys(found) if path.is_absolute())


def places_of(manifest: BackupManifest, target: Target) -> dict[str, RestoredFile]:
    """The place of each file of an archive, by its name there.

    The registry lies where root's own link leads, in a folder that the service may write.

    :raises ArchiveFault: no backup has such files.
    :raises ConfigurationFault: files would lie where no place of this machine is, or where something else is.
    """
    found: dict[str, RestoredFile] = {}
    for one in manifest.files:
        try:
            kind = BackupKind(one.kind)
        except ValueError:
            raise ArchiveFault(f"the archive holds {one.kind!r}, which this release does not know") from None
        path = place_of_member(one.name, target.settings)
        if kind is BackupKind.CONFIGURATION:
            path = target.config
        elif kind is BackupKind.REGISTRY:
            path = _led_to(path)
        if kind in _SINGLE and kind in {file.kind for file in found.values()}:
            raise ArchiveFault(f"the archive holds two files of the kind {kind.value!r}: {one.name!r} is one")
        found[one.name] = RestoredFile(kind, path, one.sha256)
    _refuse_one_in_another(found)
    if faults := list(_misplaced(found, target)):
        raise ConfigurationFault([*faults, "nothing was written"])
    beside = beside_databases(BackupFile(file.kind, file.path) for file in found.values())
    return {name: file for name, file in found.items() if file.path not in beside}


def _refuse_one_in_another(found: dict[str, RestoredFile]) -> None:
    """Refuse two files at one place, but for one that ``--also`` named a second time; and a file in the place of a folder."""
    places = {_real(file.path): file for file in reversed(found.values())}
    for name, file in list(found.items()):
        first = places[_real(file.path)]
        if file is not first and file.kind is BackupKind.ALSO:
            del found[name]
        elif file is not first:
            raise ArchiveFault(f"the archive holds two files for one place, {file.path}: {name!r} is one")
    for before, after in pairwise(sorted(places, key=lambda path: path.parts)):
        if after.is_relative_to(before):
            raise ArchiveFault(f"the archive holds a file in the place of a folder: {before}")


def _misplaced(found: dict[str, RestoredFile], target: Target) -> Iterator[str]:
    """A sentence for each file that may not lie where it would, with the option that allows it."""
    for name, file in found.items():
        path = _real(file.path)
        if not target.allows(path):
            option = "--accounts" if file.kind is BackupKind.BROKER_ACCOUNTS else "--also"
            option, allowed = ("--data", path.parent) if file.kind in _OF_DATA else (option, path)
            yield f"{name}: would lie at {path}, which is no place of this gateway; {option} {allowed} allows it"
        with as_owner(path):
            is_folder = path.is_dir() and not path.is_symlink()
            below = next(one for one in path.parents if os.path.lexists(one))
            is_in_folder = below.is_dir()
        if is_folder:
            yield f"{name}: would lie at {path}, where a folder is; move that away first"
        elif not is_in_folder:
            yield f"{name}: would lie at {path}, but {below} is no folder; move it away first"


def _real(path: Path) -> Path:
    """A path without links on its way; what lies at its end may be one."""
    return Path(os.path.realpath(path.parent), path.name)


def _folder(place: Path) -> Path:
    """The folder of a place, also where root's own links lead to it, as from ``/var/lib/gateway`` to another disk."""
    for _ in range(_LINKS_MAX):
        place = _led_to(place)
    return _real(place)


def _led_to(path: Path) -> Path:
    """The path to which a link leads that is root's or one's own, in such a folder: nobody else can have put it there."""
    trusted = {0, os.geteuid()}
    if path.is_symlink() and {path.lstat().st_uid, path.parent.stat().st_uid} <= trusted:
        return path.parent / path.readlink()
    return path
