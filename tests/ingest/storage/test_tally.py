"""The tally beside the journal: what it says survives a time in which it could not be written."""

from pathlib import Path

from gateway.ingest.storage.recovery.tally import Tally

NOW_MS = 1_790_000_000_000


def test_after_a_write_that_failed_nothing_is_taken_for_written(tmp_path: Path) -> None:
    tally = Tally(tmp_path / "journal.db")
    tally.note_lost(5, NOW_MS)
    tally.path.unlink()
    tally.path.mkdir()  # nothing can be written there
    assert tally.acknowledge() == 5
    tally.path.rmdir()
    tally.note_lost(5, NOW_MS)  # as the file said before
    again = Tally(tmp_path / "journal.db")
    again.load()
    assert (again.missing, again.since_ms) == (5, NOW_MS)


def test_a_damaged_file_is_written_again_though_nothing_is_missing(tmp_path: Path) -> None:
    tally = Tally(tmp_path / "journal.db")
    tally.path.write_bytes(b"damaged")
    tally.load()
    tally.compare(0)
    assert b"damaged" not in tally.path.read_bytes()
