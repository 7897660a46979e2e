"""Bundles: all that one version needs, checked against its SHA256SUMS; and the virtual environment of a version.

It is built at the place where it stays, from the wheels that are kept and nothing else.
"""

import os
import platform
import re
import shutil
import sys
import zipfile
from collections.abc import Collection, Iterator
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
UNITS: Final = "deploy/systemd"


def build_tag(python: tuple[int, int] = sys.version_info[:2], machine: str = platform.machine()) -> str:
    """Return the name of the folder with the wheels for a Python on a kind of machine: ``cp313-x86_64``."""
    return f"cp{python[0]}{python[1]}-{machine}"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle in a folder; ``cure``: the way to mend it where it is damaged."""

    folder: Path
    version: str
    cure: str = "copy the bundle again and unpack it again"

    @property
    def sums(self) -> dict[str, str]:
        """The path of each file in it → its SHA-256; NotDone if there is no list, or none that can be read."""
        found = dict(_sums(self.folder))
        if not any(map(_is_program, found)):
            raise NotDone(f"{self.folder / SUMS} is missing or damaged: {self.cure}")
        return found

    @property
    def program(self) -> Path:
        """The wheel of the project."""
        return self.folder / next(filter(_is_program, self.sums))

    @property
    def tags(self) -> list[str]:
        """The Pythons and machines that it has wheels for."""
        return sorted(place.name for place in (self.folder / WHEELS).iterdir() if place.is_dir())

    @property
    def built_from(self) -> list[str]:
        """The paths of what an environment on this machine is built from, and run with."""
        of_another_machine = re.compile(f"{WHEELS}/(?!{build_tag()}/)[^/]+/")
        return [name for name in self.sums if not of_another_machine.match(name)]

    def verify(self, names: Collection[str] = ()) -> None:
        """Compare some files, or all, with their sums; NotDone if one is missing or differs."""
        sums = self.sums
        for name in names or sums:
            path = self.folder / name
            if not path.is_file():
                raise NotDone(f"{path} is missing: {self.cure}")
            if digest(path) != sums.get(name):
                raise NotDone(f"{path} is damaged, it differs from {SUMS}: {self.cure}")


def open_bundle(folder: Path) -> Bundle:
    """Open a bundle; NotDone if there is none."""
    if not (folder / SUMS).is_file():
        raise NotDone(f"{folder} is no bundle: it has no {SUMS}. In a checkout, make one with: make bundle")
    return Bundle(folder, (folder / "VERSION").read_text(encoding="utf-8").strip())


def open_kept(folder: Path) -> Bundle:
    """Open the kept copy of the version that its folder names, whatever state it is in."""
    cure = f"unpack the bundle of {folder.name} again and run its install.sh, which mends the kept copy"
    return Bundle(folder, folder.name, cure)


def keep(bundle: Bundle, place: Path, machine: Machine) -> Bundle:
    """Copy a bundle to ``place``, beside the wheels that one of the same version has brought for another Python.

    What the disk has damaged there is mended. The list of sums comes last: with it the copy is complete.
    NotDone if another program of the same version is there.
    """
    there, new = {name: sha256 for name, sha256 in _sums(place) if (place / name).is_file()}, bundle.sums
    others = [name for name, sha256 in new.items() if there.get(name, sha256) != sha256 and _is(place / name, there[name])]
    if any(name == LOCK or name.startswith(WHEELS) for name in others):  # the bill of materials names each Python's own wheels
        raise NotDone(f"{place} holds another program of the version {bundle.version}; a version is never given twice")
    missing = [name for name, sha256 in new.items() if not _is(place / name, sha256)]
    if not missing and dict(_sums(place)) == there | new:
        return open_kept(place)
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
    return open_kept(place)


def sums_text(sums: dict[str, str]) -> str:
    """Return sums in the form that ``sha256sum`` reads."""
    return "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(sums.items()))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and digest(path) == sha256


def _is_program(name: str) -> bool:
    return name.startswith(f"{WHEELS}/province_gateway-")


def _sums(folder: Path) -> Iterator[tuple[str, str]]:
    """Read the list of a folder, as far as it can be read."""
    text = ""
    with suppress(OSError):
        text = (folder / SUMS).read_text(encoding="utf-8", errors="replace")
    for sha256, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE):
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise NotDone(f"{folder / SUMS} names {name}, which is not in the bundle")
        yield name, sha256


_BUILT: Final = "built-from"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--no-index")


def python_path() -> Path:
    """Return the Python that builds: itself, not a link that leads to another version after an upgrade of Debian."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # noqa: SLF001 - has no other name


def is_whole(place: Path, bundle: Bundle | None = None) -> bool:
    """Tell if the environment was built to its end and its Python is still there; of a bundle, if given, with this Python."""
    with suppress(OSError):
        built = (place / _BUILT).read_text(encoding="utf-8").strip()
        return (bundle is None or built == _built_from(bundle)) and os.access(place / "bin" / "python", os.X_OK)
    return False


def build_environment(bundle: Bundle, place: Path, machine: Machine) -> None:
    """Build a bundle's environment, unless it is there; NotDone if it has no wheels for this machine, or the disk no room.

    What was built by half does not stay.
    """
    if is_whole(place, bundle):
        machine.say(f"kept: {place}")
        return
    wheels, tag = bundle.folder / WHEELS, build_tag()
    if tag not in bundle.tags:
        there = ", ".join(bundle.tags) or "none"
        raise NotDone(f"the bundle is for {there}; this machine needs the one for {tag}")
    ask_for_room(place, environment_bytes(bundle, place))
    pip: tuple[str | Path, ...] = (place / "bin" / "python", *_PIP, "--find-links", wheels / tag)
    try:
        machine.remove(place / _BUILT)
        machine.build(place, python_path(), "-m", "venv", "--clear", place)
        machine.build(place, *pip, "--require-hashes", "--requirement", bundle.folder / LOCK)
        machine.build(place, *pip, bundle.program)
        machine.sync()
        machine.write(place / _BUILT, f"{_built_from(bundle)}\n".encode())
    except (NotDone, OSError, KeyboardInterrupt):
        machine.remove(place)
        raise


def _built_from(bundle: Bundle) -> str:
    return f"{python_path()}\n{bundle.sums[str(bundle.program.relative_to(bundle.folder))]}"


_BLOCK_BYTES: Final = 4096
_OF_VENV_BYTES: Final = (24 if sys.version_info >= (3, 12) else 40) * 2**20
"""Of pip, before Python 3.12 of setuptools too, of folders, and to spare."""


def environment_bytes(bundle: Bundle, place: Path) -> int:
    """Return what an environment takes beyond what is at its place: the files of the wheels, those of Python compiled too."""
    found = _OF_VENV_BYTES - sum(path.lstat().st_blocks * 512 for path in place.rglob("*"))
    for wheel in (bundle.program, *(bundle.folder / WHEELS / build_tag()).glob("*.whl")):
        with suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(wheel) as archive:
            for member in archive.infolist():
                blocks = -(-member.file_size // _BLOCK_BYTES) * (2 if member.filename.endswith(".py") else 1)
                found += blocks * _BLOCK_BYTES
    return found


def kept_bytes(bundle: Bundle, place: Path) -> int:
    """Return how much of a bundle is still to be copied."""
    return sum((bundle.folder / name).stat().st_size for name in bundle.sums if not (place / name).is_file())


def ask_for_room(place: Path, needed_bytes: int) -> None:
    """NotDone, in words, if the disk of a place has less room than is needed."""
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free_bytes = shutil.disk_usage(there).free
    if free_bytes < needed_bytes:
        needed, free = -(-needed_bytes // 10**6), free_bytes // 10**6
        raise NotDone(f"{there} has {free} MB left, {needed} MB are needed: make room (df -h {there}). Nothing was switched")
