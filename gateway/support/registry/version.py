"""Versions of the registry's file: a hash of its text tells if it is the one that was read."""

import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from gateway.support.config.files import ConfigurationFault
from gateway.support.private_files import private
from schemas.registry import Registry

_HASH_LETTERS: Final = 16
"""Enough to tell versions of one file apart."""


class KnownRegistry(NamedTuple):
    """A registry that was read, and the version of the file that says it."""

    version: str
    registry: Registry


def version_of(path: Path) -> str:
    """The version of a file, a hash of its text; empty if there is none.

    :raises ConfigurationFault: it cannot be read.
    """
    return version_of_text(text_of(path))


def version_of_text(text: str | None) -> str:
    """The version of a text; empty if there is none."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:_HASH_LETTERS]


def text_of(path: Path) -> str | None:
    """The text of a file; None if there is none.

    :raises ConfigurationFault: it is not UTF-8.
    """
    try:
        with open(path, encoding="utf-8-sig", opener=private) as file:
            return file.read()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigurationFault([f"{path}: document: is not UTF-8: {error.reason} at byte {error.start}"]) from error
