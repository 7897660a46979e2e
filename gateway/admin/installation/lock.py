"""The lock of what is installed, as ``make lock`` writes it: each package at one version, with hashes and who asked for it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(r"([\w.-]+)==([^ ;\\]+)(?: ; ([^\\]+))?")
_HASH: Final = re.compile(r"sha256:([0-9a-f]{64})")
_ASKED: Final = re.compile(r"    # (?:via +|  )([\w.-]+)(?: \(pyproject\.toml\))?$")


@dataclass(frozen=True, slots=True)
class LockedPackage:
    """A package of the lock.

    :ivar where: the machines that get it, as an environment marker; empty: all.
    :ivar sha256s: the files it may be installed from.
    :ivar asked_by: names of the packages that need it.
    """

    name: str
    version: str
    where: str
    sha256s: tuple[str, ...]
    asked_by: tuple[str, ...]


def locked_packages(lock: str) -> list[LockedPackage]:
    """The packages of a lock, in its order."""
    return list(_packages(lock))


def _packages(lock: str) -> Iterator[LockedPackage]:
    for entry in re.split(r"^(?=[\w.-]+==)", lock, flags=re.MULTILINE)[1:]:
        head, *lines = entry.splitlines()
        if found := _HEAD.match(head):
            asked = [match[1] for line in lines if (match := _ASKED.match(line))]
            yield LockedPackage(found[1], found[2], (found[3] or "").strip(), tuple(_HASH.findall(entry)), tuple(asked))
