"""Answers of the database that a copy fills, and the deed that follows each."""

import asyncio
import gzip

import pytest

from gateway.admin.copying import target
from gateway.admin.copying.target import CopyTarget
from gateway.core.batching.write_result import Answer
from gateway.ingest.database.store import StoreFault

WRITTEN, BUSY, TOO_LARGE = Answer(204), Answer(503, "busy", 0.0), Answer(413)
LINES = [f"water ph=7 {at}" for at in range(4)]


class Database:
    """Gives one answer after the other, the last for ever, and remembers how many lines came."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.came: list[int] = []

    async def write(self, body: bytes) -> Answer:
        """Answer."""
        self.came.append(len(gzip.decompress(body).splitlines()))
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def copied(*answers: Answer) -> list[int]:
    """Write four lines; how many came at a time."""
    database = Database(*answers)
    asyncio.run(CopyTarget(database, "the new one").write(LINES))
    return database.came


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target, "_FIRST_S", 0.0)
    monkeypatch.setattr(target, "_LONGEST_S", 0.0)


def test_a_busy_database_is_asked_again_with_the_same_lines() -> None:
    assert copied(BUSY, BUSY, WRITTEN) == [4, 4, 4]


def test_what_is_too_large_is_halved_and_stays_so_small() -> None:
    assert copied(TOO_LARGE, WRITTEN) == [4, 2, 2]
    assert copied(TOO_LARGE, TOO_LARGE, WRITTEN) == [4, 2, 1, 1, 1, 1]


def test_one_line_that_is_too_large_is_refused() -> None:
    with pytest.raises(StoreFault, match="the new one refuses points"):
        copied(TOO_LARGE)


def test_a_database_that_stays_busy_is_named_at_the_end() -> None:
    assert copied(*[BUSY] * 7, WRITTEN) == [4] * 8
    with pytest.raises(StoreFault, match="the new one takes no points: 503 busy"):
        copied(BUSY)
