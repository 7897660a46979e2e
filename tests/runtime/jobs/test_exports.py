"""A publication is published when it changes, again now and then, and once more when it was not taken.

The head of the audit log; the open data of each night: which days are due; and a tiny third one.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.ingest.intake.connection import Connection
from gateway.monitoring.exports.open_files import OpenFiles
from gateway.runtime.jobs import exports
from gateway.runtime.jobs.exports import AuditExport, OpenExport, publish_and_wait
from gateway.support.audit.log import AuditLog, Deed
from gateway.support.config.model import Config
from tests.clocks import SetClock
from tests.ingest.delivery.delivering import until
from tests.waiting import PATIENCE_S

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DEED = Deed(1_790_000_000_000, "lan", "technician", "meter exchanged")


class Broker(Connection):
    """In the broker's place: the heads that it gets, one after the other, and where and how."""

    def __init__(self) -> None:
        self.is_open = True
        self.asked = 0
        self.heads: list[str] = []
        self.places: set[tuple[str, bool]] = set()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> bool:
        """Take it, if the connection is open."""
        self.places.add((topic, retain))
        self.asked += 1
        if self.is_open:
            self.heads.append(payload.decode())
        return self.is_open


@pytest.fixture
def audit(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "journal.db")


def added(audit: AuditLog) -> str:
    """Add an entry; what is to be published then."""
    audit.record(DEED, {})
    head = audit.head()
    return f"{head.number}:{head.hash}"


def test_each_head_is_published_once_also_one_that_came_while_the_broker_was_away(
    audit: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, looks, expected = Broker(), 0, [added(audit)]
    head_of = audit.head

    def head() -> object:
        nonlocal looks
        looks += 1
        return head_of()

    async def story() -> None:
        exporting = asyncio.create_task(publish_and_wait(AuditExport(audit, broker, "gateway-1")))
        await until(lambda: looks > 3)
        broker.is_open = False
        expected.append(added(audit))
        await until(lambda: broker.asked > 2)
        broker.is_open = True
        await until(lambda: len(broker.heads) == 2)
        seen = looks
        await until(lambda: looks > seen + 3)
        exporting.cancel()

    monkeypatch.setattr(exports, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(audit, "head", head)
    asyncio.run(asyncio.wait_for(story(), PATIENCE_S))
    assert broker.heads == expected
    assert broker.places == {("gateway/v1/gateway-1/audit", True)}, "retained"


def test_a_head_that_stays_is_published_again(audit: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(broker: Broker) -> list[str]:
        exporting = asyncio.create_task(publish_and_wait(AuditExport(audit, broker, "gateway-1")))
        await until(lambda: len(broker.heads) > 2)
        exporting.cancel()
        return broker.heads

    monkeypatch.setattr(exports, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(exports, "_REPEAT_EVERY_S", 0.01)
    head = added(audit)
    assert {*asyncio.run(asyncio.wait_for(story(Broker()), PATIENCE_S))} == {head}


class Board:
    """A tiny publication: a number on a board, which may be away, and is never waited for."""

    def __init__(self) -> None:
        self.number = 0
        self._published = 0  # by an earlier run
        self.is_away = False
        self.asked: list[tuple[bool, bool]] = []
        self.standing: list[int] = []

    async def publish(self, *, again: bool) -> bool:
        """Write it if it is another one, or again."""
        if (again or self.number != self._published) and not self.is_away:
            self._published = self.number
            self.standing.append(self.number)
        return not self.is_away

    async def wait(self, *, taken: bool) -> None:
        """Let others go on."""
        self.asked.append((taken, self.is_away))
        await asyncio.sleep(0)


def stood(work: Callable[[Board], object], count: int) -> list[int]:
    """Return the numbers that stood on a board, once there are so many; ``work`` is done at each look."""

    async def story(board: Board) -> list[int]:
        publishing = asyncio.create_task(publish_and_wait(board))
        await until(lambda: work(board) or len(board.standing) >= count)
        publishing.cancel()
        assert all(taken is not away for taken, away in board.asked), "it knows whether to wait for news or the next try"
        return board.standing

    return asyncio.run(asyncio.wait_for(story(Board()), PATIENCE_S))


def test_what_does_not_change_is_published_once_and_what_changes_once_more() -> None:
    def work(board: Board) -> None:
        if len(board.asked) > 5:
            board.number = 7

    assert stood(work, 2) == [0, 7]


def test_what_was_due_while_the_place_was_away_is_published_when_it_is_back() -> None:
    def work(board: Board) -> None:
        board.is_away = len(board.asked) < 5

    assert stood(work, 1) == [0]


def test_all_is_published_again_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "_REPEAT_EVERY_S", 0.01)
    assert stood(lambda _: None, 3)[:3] == [0, 0, 0]


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.fixture
def files(tmp_path: Path) -> OpenFiles:
    return OpenFiles(tmp_path / "journal.db")


def due(files: OpenFiles, now: str) -> list[date]:
    config = Config.model_validate({"journal": {"path": str(files.folder.parent / "journal.db")}})
    return OpenExport(config, SetClock(at(now))).due()


def test_yesterday_and_the_day_a_week_before_are_due_from_three_in_the_night(files: OpenFiles) -> None:
    assert due(files, "2026-11-20T02:59") == []
    assert due(files, "2026-11-20T03:00") == [date(2026, 11, 19), date(2026, 11, 12)]


def test_what_was_written_this_night_is_not_due_and_what_was_written_before_is(files: OpenFiles) -> None:
    made = [
        files.write("2026-11-19", "water", [], at("2026-11-20T03:05")),
        files.write("2026-11-12", "water", [], at("2026-11-13T03:05")),
    ]
    files.keep(made, date(2026, 1, 1))
    assert due(files, "2026-11-20T04:00") == [date(2026, 11, 12)]
    assert due(files, "2026-11-21T04:00") == [date(2026, 11, 20), date(2026, 11, 13)]
