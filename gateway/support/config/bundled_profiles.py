"""Names of the shipped profiles, found without parsing them: most gateways need few of them, or none."""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from schemas.registry import plain_name

SHIPPED: Final = Path(__file__).parents[2] / "profiles"
_PROFILE = re.compile(r"^profile: *(\S+)", re.MULTILINE)
_MODELS = re.compile(r"^models: *\[([^\]]*)\]", re.MULTILINE)


def names_claimed(paths: Iterable[Path]) -> frozenset[str]:
    """Names of the profiles in files that are faulty, as far as they can be made out."""
    return frozenset(name for path in paths for name in _PROFILE.findall(path.read_text(encoding="utf-8", errors="replace")))


@cache
def names_in(path: Path) -> frozenset[str]:
    """Names of the profiles in a shipped file."""
    return frozenset(_PROFILE.findall(path.read_text(encoding="utf-8")))


@cache
def _called(path: Path) -> frozenset[str]:
    """Return the names and models of the profiles in a file."""
    models = (name for names in _MODELS.findall(path.read_text(encoding="utf-8")) for name in names.split(","))
    return frozenset(plain_name(name) for name in (*names_in(path), *models))


def files(folder: Path = SHIPPED) -> list[Path]:
    """The files of all shipped profiles."""
    return sorted(folder.glob("*.yaml"))


def names(folder: Path = SHIPPED) -> frozenset[str]:
    """The names of all shipped profiles."""
    return frozenset(name for path in files(folder) for name in names_in(path))


def files_called(wanted: Iterable[str], folder: Path = SHIPPED) -> list[Path]:
    """The files of those that have one of these names or models, in any spelling."""
    plain = {plain_name(name) for name in wanted}
    return [path for path in files(folder) if not plain.isdisjoint(_called(path))] if plain else []
