"""Bundles: all that one version needs, checked against its SHA256SUMS."""

import hashlib
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.admin.installation.machine import Machine, NotDone

SUMS: Final = "SHA256SUMS"
LOCK: Final = "requirements-runtime.lock"
SCRIPT: Final = "install.sh"
WHEELS: Final = "wheels"
_CHUNK_BYTES: Final = 2**20


def build_tag(python: tuple[int, int] = sys.version_info[:2], machine: str = platform.machine()) -> str:
    """Return the name of the folder with the wheels for a Python on a kind of machine: ``cp313-x86_64``."""
    return f"cp{python[0]}{python[1]}-{machine}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in a folder."""

    folder: Path
    version: str

    @property
    def sums(self) -> dict[str, str]:
        """The path of each file in it → its SHA-256."""
        return dict(_sums(self.folder))

    @property
    def program(self) -> Path:
        """The wheel of the project."""
        (wheel,) = (self.folder / WHEELS).glob("province_gateway-*.whl")
        return wheel

    @property
    def tags(self) -> list[str]:
        """The Pythons and machines that it has wheels for."""
        return sorted(place.name for place in (self.folder / WHEELS).iterdir() if place.is_dir())

    def verify(self) -> None:
        """Compare every file with its sum.

        :raises NotDone: one is missing or differs.
        """
        for name, sha256 in self.sums.items():
            path = self.folder / name
            if not path.is_file():
                raise NotDone(f"{path} is missing: the bundle is not complete; unpack it again")
            if digest(path) != sha256:
                raise NotDone(f"{path} is damaged: it differs from {SUMS}; copy the bundle again")


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle.

    :raises NotDone: there is none.
    """
    if not (folder / SUMS).is_file():
        raise NotDone(f"{folder} is no bundle: it has no {SUMS}. In a checkout, make one with: make bundle")
    return Bundle(folder, (folder / "VERSION").read_text(encoding="utf-8").strip())


def keep(bundle: Bundle, place: Path, machine: Machine) -> Bundle:
    """Copy a bundle to ``place``, beside the wheels that one of the same version has brought for another Python.

    The list of sums comes last: with it the copy is complete.

    :raises NotDone: another program of the same version is there.
    """
    there = dict(_sums(place)) if (place / SUMS).exists() else {}
    new = bundle.sums
    if any(there.get(name, sha256) != sha256 for name, sha256 in new.items()):
        raise NotDone(f"{place} holds another program of the version {bundle.version}; a version is never given twice")
    missing = {name: sha256 for name, sha256 in new.items() if not _is_there(place / name, sha256)}
    if not missing and not new.keys() - there.keys():
        return Bundle(place, bundle.version)
    if machine.dry_run:
        machine.step(f"keep: {place}")
        return bundle
    for name in missing:
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".new")
        machine.step(f"keep: {target}")
        shutil.copyfile(bundle.folder / name, part)
        part.chmod(0o755 if name == SCRIPT else 0o644)
        part.rename(target)
    machine.sync()
    machine.write(place / SUMS, sums_text(there | new).encode())
    return Bundle(place, bundle.version)


def sums_text(sums: dict[str, str]) -> str:
    """Return sums in the form that ``sha256sum`` reads."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(_CHUNK_BYTES):
            found.update(some)
    return found.hexdigest()


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        sha256, _, name = line.partition("  ")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise NotDone(f"{folder / SUMS} names {name}, which is not in the bundle")
        yield name, sha256


def _is_there(path: Path, sha256: str) -> bool:
    return path.is_file() and digest(path) == sha256
