"""The virtual environment of a version, built at the place where it stays, from the wheels that are kept and nothing else."""

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from gateway.admin.installation.machine import Machine, NotDone
from gateway.admin.installation.release import LOCK, WHEELS, Bundle, build_tag, digest

_BUILT: Final = "built-from"
_PIP: Final = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps", "--no-index")


def python_path() -> Path:
    """Return the Python that builds: itself, not a link that leads to another version after an upgrade of Debian."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # noqa: SLF001 - has no other name


def is_whole(place: Path, bundle: Bundle) -> bool:
    """Tell if the environment was built to its end, and its Python is still there."""
    try:
        return (place / _BUILT).read_text(encoding="utf-8") == _built_from(bundle) and os.access(
            place / "bin" / "python", os.X_OK
        )
    except OSError:
        return False


def build_environment(bundle: Bundle, place: Path, machine: Machine) -> None:
    """Build the environment of a bundle at ``place``, unless it is there. What an interrupted run left is cleared.

    :raises NotDone: the bundle has no wheels for this machine, or one of them differs from the lock.
    """
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
