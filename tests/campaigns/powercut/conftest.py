"""A folder in memory, and whether a disk can be put under SQLite at all."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.powercut.sqlite_tables import NoLibrary, library


@pytest.fixture(scope="session", autouse=True)
def _sqlite_shows_its_tables() -> None:
    try:
        library()
    except NoLibrary as none:
        pytest.skip(str(none))


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that can be had: nothing here depends on a real disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as made:
        yield Path(made).resolve()
