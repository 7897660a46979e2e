"""A start does not read what an outage of days has left: the broker's queue fills meanwhile."""

import os
import time
import zlib
from collections import Counter
from pathlib import Path

from gateway.core.batching.batch import Body
from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database

ROWS = 10_000
ROW_BYTES = 1600
READINGS = 2


def read_bytes() -> int:
    """Return the bytes that this process has read from files so far, from the disk or not."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("rchar:")))


def body() -> Body:
    content = os.urandom(ROW_BYTES)
    return Body(content, READINGS, Counter({"water": READINGS}), zlib.crc32(content))


def test_a_start_reads_a_small_part_of_a_large_journal_and_counts_all_of_it(tmp_path: Path) -> None:
    path, now_ms = tmp_path / "journal.db", time.time_ns() // 1_000_000
    file = Database(path)
    file.open()
    file.run_here(journal.append, [body() for _ in range(ROWS)], 1, now_ms, refused=False)
    file.close()
    before_bytes = read_bytes()
    file.open()
    stock = file.run_here(journal.stock)
    taken_bytes = read_bytes() - before_bytes
    next_row = file.reserve_rows(1)
    file.close()
    assert stock == journal.JournalUse(ROWS, ROWS * READINGS, now_ms)
    assert next_row == ROWS + 1
    assert taken_bytes < path.stat().st_size / 3, (taken_bytes, path.stat().st_size)
