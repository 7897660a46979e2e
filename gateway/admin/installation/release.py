"""Bundles: all that one version needs, checked against its SHA256SUMS; and the virtual environment of a version.

It is built at the place where it stays, from the wheels that are kept and nothing else.
"""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from gateway.admin.installation.machine import Machine, NotDone

SUMS: Final = "SHA256SUMS"
LOCK: Final = "requirements-runtime.lock"
SCRIPT: Final = "install.sh"
WHEELS: Final = "wheels"


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
        """Compare every file with its sum; NotDone if one is missing or differs."""
        for name, sha256 in self.sums.items():
            path = self.folder / name
            if not path.is_file():
                raise NotDone(f"{path} is missing: the bundle is not complete; unpack it again")
            if digest(path) != sha256:
                raise NotDone(f"{path} is damaged: it differs from {SUMS}; copy the bundle again")


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle; NotDone if there is none."""
    if not (folder / SUMS).is_file():
        raise NotDone(f"{folder} is no bundle: it has no {SUMS}. In a checkout, make one with: make bundle")
    return Bundle(folder, (folder / "VERSION").read_text(encoding="utf-8").strip())


def keep(bundle: Bundle, place: Path, machine: Machine) -> Bundle:
    """Copy a bundle to ``place``, beside the wheels that one of the same version has brought for another Python.

    The list of sums comes last: with it the copy is complete. NotDone if another program of the same version is there.
    """
    there = dict(_sums(place)) if (place / SUMS).exists() else {}
    new = bundle.sums
    if any(there.get(name, sha256) != sha256 for name, sha256 in new.items()):
        raise NotDone(f"{place} holds another program of the version {bundle.version}; a version is never given twice")
    missing = [name for name, sha256 in new.items() if not (place / name).is_file() or digest(place / name) != sha256]
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
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    for line in (folder / SUMS).read_text(encoding="utf-8").splitlines():
        sha256, _, name = line.partition("  ")
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise NotDone(f"{folder / SUMS} names {name}, which is not in the bundle")
        yield name, sha256


_BUILT: Final = "built-from"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--no-index")


def python_path() -> Path:
    """Return the Python that builds: itself, not a link that leads to another version after an upgrade of Debian."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # noqa: SLF001 - has no other name


def is_whole(place: Path, bundle: Bundle) -> bool:
    """Tell if the environment was built to its end, and its Python is still there."""
    with suppress(OSError):
        if (place / _BUILT).read_text(encoding="utf-8") == _built_from(bundle):
            return os.access(place / "bin" / "python", os.X_OK)
    return False


def build_environment(bundle: Bundle, place: Path, machine: Machine) -> None:
    """Build a bundle's environment, unless it is there; NotDone if it has no wheels for this machine."""
    if is_whole(place, bundle):
        machine.say(f"kept: {place}")
        return
    wheels, tag = bundle.folder / WHEELS, build_tag()
    if tag not in bundle.tags:
        there = ", ".join(bundle.tags) or "none"
        raise NotDone(f"the bundle is for {there}; this machine needs the one for {tag}")
    machine.run(python_path(), "-m", "venv", "--clear", place)
    pip: tuple[str | Path, ...] = (place / "bin" / "python", *_PIP, "--find-links", wheels / tag)
    machine.run(*pip, "--require-hashes", "--requirement", bundle.folder / LOCK)
    machine.run(*pip, bundle.program)
    machine.sync()
    machine.write(place / _BUILT, _built_from(bundle).encode())


def has_room(home: Path, least_bytes: int) -> bool:
    """Tell if the disk has room for an environment."""
    there = next(place for place in (home, *home.parents) if place.exists())
    return shutil.disk_usage(there).free >= least_bytes


def _built_from(bundle: Bundle) -> str:
    return f"{python_path()}\n{digest(bundle.program)}\n"
