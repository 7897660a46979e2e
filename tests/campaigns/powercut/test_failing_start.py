"""A disk that fails while the file is opened, at each of the calls made to it in turn."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from gateway.ingest.storage import keyvalue
from gateway.ingest.storage.database import Database, DatabaseFault
from tests.campaigns.powercut.file_keeper import Contents, contents, settings
from tests.campaigns.powercut.recorded_disk import DISK_FULL, IO_ERROR, Call, Fault, RecordedDisk
from tests.campaigns.powercut.replay import Platter, lay_down, pick_up
from tests.campaigns.powercut.story import file_of_version_1

NAME: Final = "journal.db"
WAYS: Final = [
    pytest.param(IO_ERROR, False, id="one-call"),
    pytest.param(DISK_FULL, True, id="full"),
]


def _new(_: Path) -> None:
    """No file yet."""


def _killed(path: Path) -> None:
    """All of it is in the WAL."""
    file = Database(path)
    file.open()
    file.run_here(keyvalue.put, "subscriptions", '["a/#"]')
    image = pick_up(path.parent)
    file.close()
    lay_down(image, path.parent)


def _cut_short(path: Path) -> None:
    """The power went while the file was made: a journal of SQLite's own must be rolled back."""
    with RecordedDisk(path.parent) as disk:
        file = Database(path)
        file.open()
        file.close()
    platter = Platter({})
    second = [at for at, (kind, name, *_) in enumerate(disk.operations) if kind == "write" and name == NAME][1]
    for operation in disk.operations[: second + 1]:
        platter.do(operation)
    assert f"{NAME}-journal" in platter.written()
    lay_down(platter.written(), path.parent)


@pytest.mark.parametrize(("errors", "for_ever"), WAYS)
@pytest.mark.parametrize(
    "begin",
    [
        pytest.param(_new, id="new"),
        pytest.param(file_of_version_1, id="version-1"),
        pytest.param(_killed, id="killed"),
        pytest.param(_cut_short, id="cut-short"),
    ],
)
def test_a_file_that_could_not_be_opened_is_as_it_was(
    folder: Path, begin: Callable[[Path], None], errors: dict[Call, int], *, for_ever: bool
) -> None:
    """To fail is no damage, so that no sound file is ever set aside; and a file that was opened is as it must be."""
    begin(folder / NAME)
    image = pick_up(folder)
    before = _opened(folder)
    for at in itertools.count(1):
        lay_down(image, folder)
        with RecordedDisk(folder) as disk:
            disk.fault = fault = Fault(errors, at, for_ever)
            file = Database(folder / NAME)
            with suppress(DatabaseFault):
                file.open()
                disk.fault = None
                assert settings(file) == (1024, 2, "wal")
            disk.fault = None
            file.close()
        if at > fault.seen:
            assert at > 1
            return
        assert _opened(folder) == before


def _opened(folder: Path) -> Contents:
    file = Database(folder / NAME)
    file.open()
    found = contents(file)
    assert settings(file) == (1024, 2, "wal")
    file.close()
    return found
