"""A journal that a newer release has written waits for it, whole; the older one starts at once with a journal of its own."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.core.batching.batch import encode
from gateway.core.message import Reading
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import begin
from gateway.ingest.storage.schema import SCHEMA_VERSION

NEWER = SCHEMA_VERSION + 1
READINGS = 30


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The journal of a newer release with readings in it, and with a column that this one does not know."""
    found = tmp_path / "journal.db"
    with closing(begin(found)) as file:
        body = encode([Reading(f"water,device=m flow_m3_h=1 {number}", "water") for number in range(READINGS)])
        file.run_here(journal.append, [body], file.reserve_rows(1), 1, refused=False)
    with closing(sqlite3.connect(found)) as connection:
        connection.execute("ALTER TABLE journal ADD COLUMN more TEXT")
        connection.execute(f"PRAGMA user_version={NEWER}")
    return found


def test_an_older_release_sets_it_aside_searches_nothing_and_counts_what_waits(path: Path) -> None:
    content = path.read_bytes()
    for _ in range(2):  # at each start
        with closing(begin(path)) as file:
            assert file.absence == ""
            (waiting,) = file.newer()
            assert waiting.read_bytes() == content
            assert file.to_salvage() == []
            standing = file.run_here(journal.stock).readings
            file.tally.compare(standing)
            assert (standing, file.tally.gap) == (0, READINGS)


def test_a_release_that_knows_it_takes_it_back(path: Path) -> None:
    begin(path).close()
    (waiting,) = path.parent.glob(f"journal.db.newer-{NEWER}-*")
    with closing(sqlite3.connect(waiting)) as connection:
        connection.execute("ALTER TABLE journal DROP COLUMN more")
    waiting.rename(waiting.with_name(waiting.name.replace(f"newer-{NEWER}", f"newer-{SCHEMA_VERSION}")))
    with closing(begin(path)) as file:
        assert file.newer() == []
        (aside,) = file.to_salvage()
        assert sum(entry.body.readings for entry in journal.salvage(aside) if entry.intact) == READINGS
