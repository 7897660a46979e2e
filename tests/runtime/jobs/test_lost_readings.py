"""Readings that the journal should hold and does not hold after damage are counted as lost, to the reading, and alarmed."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from gateway.core.batching.batch import Body, decode, encode
from gateway.core.batching.catch_up import Progress
from gateway.core.ledger import Ledger
from gateway.core.message import Reading
from gateway.ingest.delivery.backlog import BoundedJournal
from gateway.ingest.events import Events
from gateway.ingest.storage import journal
from gateway.ingest.storage.beside import beside
from gateway.ingest.storage.database import Database, begin
from gateway.ingest.storage.recovery.salvage import FRAME_BYTES, HEAD_BYTES
from gateway.ingest.storage.recovery.set_aside import SUFFIXES
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import JournalAccount
from gateway.monitoring.status.status import JournalState
from gateway.monitoring.status.troubles import of_losses
from gateway.runtime.jobs.salvage import Salvage
from gateway.support.clock import WallClock
from gateway.support.config.model import JournalSection

ROWS = 60
READINGS = 25
IN_ALL = ROWS * READINGS


class PowerCut(Exception):  # noqa: N818 - says what it is
    """In the middle of something."""


class Start:
    """A gateway that starts on what is there, as far as its journal goes.

    :ivar lost: readings its ledger says are lost.
    :ivar standing: readings in the journal when it is done.
    """

    def __init__(self, path: Path, backlog: asyncio.Event | None = None) -> None:
        none = cast("Any", None)
        ledger, events = Ledger(since_ms=0), Events()
        with closing(begin(path)) as file:
            self.tally = file.tally
            store = BoundedJournal(file, JournalSection(path=path, min_free_bytes=0), WallClock())
            self.state = JournalState(file.tally, Progress())
            account = JournalAccount(ledger, events, RejectAccount(ledger, events, WallClock(), max_bytes=1000))
            account.found(store.stock())
            asyncio.run(Salvage(file, store, none, account, events, backlog or asyncio.Event(), WallClock()).run())
            stock = file.run_here(journal.stock)
            self.standing = len(_lines(file))
        self.lost, self.received = ledger.total("lost"), ledger.received.total()
        assert ledger.imbalance == 0
        assert ledger.pending["journal"] == stock.readings


def _lines(file: Database) -> set[str]:
    entries = file.run_here(journal.everything, 0, 1000)
    return {reading.lines for entry in entries if entry.intact for reading in decode(entry.body)}


def _body(row: int) -> Body:
    random = Random(row)  # noqa: S311 - the same every time
    return encode([Reading(f"water,device=m{row} flow_m3_h={random.random()!r} {n}", "water") for n in range(READINGS)])


def _fill(path: Path, rows: int = ROWS) -> None:
    """An outage: commit by commit, then a kill."""
    with closing(begin(path)) as file:
        store = BoundedJournal(file, JournalSection(path=path, min_free_bytes=0), WallClock())
        store.stock()
        for row in range(rows):
            asyncio.run(store.append([_body(row)]))
        for suffix in SUFFIXES:
            if beside(path, suffix).exists():
                shutil.copy(beside(path, suffix), beside(path.with_name("killed"), suffix))
    for suffix in SUFFIXES:
        beside(path, suffix).unlink(missing_ok=True)
        if beside(path.with_name("killed"), suffix).exists():
            beside(path.with_name("killed"), suffix).rename(beside(path, suffix))


@pytest.fixture
def killed(tmp_path: Path) -> Path:
    """The journal of a gateway that was killed in an outage: all rows are in the WAL."""
    _fill(tmp_path / "journal.db")
    return tmp_path / "journal.db"


@pytest.fixture
def stopped(killed: Path) -> Path:
    """The same with all in the file."""
    Start(killed)
    assert not beside(killed, "-wal").exists()
    return killed


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of a file from ``first`` to ``behind`` (shares of its length) are overwritten with ``fill``, or cut off."""

    first: float
    behind: float
    fill: bytes | None = b"\0"

    def do(self, path: Path) -> None:
        """Do it."""
        content = bytearray(path.read_bytes())
        first, behind = round(len(content) * self.first), round(len(content) * self.behind)
        content[first:behind] = b"" if self.fill is None else self.fill * (behind - first)
        path.write_bytes(content)


def _unlink(path: Path) -> None:
    path.unlink()


SOME = (1, IN_ALL - 1)
ALL = (IN_ALL, IN_ALL)


@pytest.mark.parametrize(
    ("damage", "loses"),
    [
        pytest.param(Damage(0.5, 1.0, None).do, SOME, id="cut"),
        pytest.param(Damage(0.0, 1.0, None).do, ALL, id="emptied"),
        pytest.param(_unlink, ALL, id="removed"),
        pytest.param(Damage(0.0, 1.0).do, ALL, id="zeros"),
        pytest.param(Damage(0.3, 0.6).do, SOME, id="zeros-in-the-middle"),
        pytest.param(Damage(0.3, 1.0, b"\xa5").do, SOME, id="rubbish-to-the-end"),
    ],
)
def test_what_a_damaged_wal_held_is_lost_to_the_reading(
    damage: Callable[[Path], None], loses: tuple[int, int], killed: Path
) -> None:
    damage(beside(killed, "-wal"))
    start = Start(killed)
    assert loses[0] <= start.lost <= loses[1]
    assert (start.lost, start.received) == (IN_ALL - start.standing, IN_ALL)
    assert start.tally.missing == start.lost


@pytest.mark.parametrize(
    ("damage", "loses"),
    [
        pytest.param(_unlink, ALL, id="removed"),
        pytest.param(Damage(0.0, 1.0, None).do, ALL, id="emptied"),
        pytest.param(Damage(0.0, 1.0).do, ALL, id="zeros"),
        pytest.param(Damage(0.0, 0.65).do, SOME, id="first-part"),
        pytest.param(Damage(0.4, 0.6, b"\xa5").do, SOME, id="rubbish-in-the-middle"),
        pytest.param(Damage(0.6, 1.0, None).do, SOME, id="cut"),
    ],
)
def test_what_a_damaged_file_held_is_lost_to_the_reading(
    damage: Callable[[Path], None], loses: tuple[int, int], stopped: Path
) -> None:
    damage(stopped)
    with closing(begin(stopped)) as file:  # what SQLite sees only when it comes there
        is_seen = bool(file.to_salvage()) or not file.run_here(journal.stock).batches
    if not is_seen:
        begin(stopped, damaged=True).close()
    start = Start(stopped)
    assert loses[0] <= start.lost <= loses[1]
    assert (start.lost, start.received) == (IN_ALL - start.standing, IN_ALL)
    assert start.tally.missing == start.lost


def test_a_file_without_its_wal_and_a_wal_without_its_file_lose_nothing_that_is_there(killed: Path) -> None:
    killed.unlink()
    start = Start(killed)
    assert (start.lost, start.standing, start.tally.missing) == (0, IN_ALL, 0)


def test_a_row_that_says_it_held_more_than_is_missing_is_not_believed(stopped: Path) -> None:
    with closing(begin(stopped)) as file:
        file.run_here(lambda connection: connection.execute("UPDATE journal SET readings = 900000 WHERE id = 7"))
    begin(stopped, damaged=True).close()
    start = Start(stopped)
    assert (start.lost, start.standing) == (READINGS, IN_ALL - READINGS)


def test_the_alarm_stays_over_restarts_until_it_is_acknowledged(killed: Path) -> None:
    beside(killed, "-wal").unlink()
    assert Start(killed).lost == IN_ALL
    again = Start(killed)
    assert (again.lost, again.tally.missing) == (0, IN_ALL), "lost once, alarmed still"
    assert [(alarm.key, alarm.params["count"]) for alarm in of_losses(again.tally)] == [("missing", IN_ALL)]
    with closing(begin(killed)) as file:
        assert file.tally.acknowledge() == IN_ALL
    assert Start(killed).tally.missing == 0


def test_the_alarm_stays_when_the_journal_is_lost_again(killed: Path) -> None:
    beside(killed, "-wal").unlink()
    Start(killed)
    killed.unlink()
    assert Start(killed).tally.missing == IN_ALL


def test_a_salvage_that_is_cut_short_loses_nothing_the_next_one_finds(stopped: Path) -> None:
    Damage(0.4, 0.6, b"\xa5").do(stopped)
    begin(stopped, damaged=True).close()

    class Cut(asyncio.Event):
        def set(self) -> None:
            raise PowerCut

    with pytest.raises(PowerCut):
        Start(stopped, Cut())
    start = Start(stopped)
    assert start.lost == IN_ALL - start.standing > 0


@pytest.mark.parametrize("rows", [0, 10])
def test_what_a_command_drops_is_not_missing(killed: Path, rows: int) -> None:
    with closing(Database(killed)) as file:
        file.open()
        if rows:
            file.run_here(journal.remove, list(range(1, rows + 1)))
        else:
            file.run_here(journal.drop)
    start = Start(killed)
    assert (start.lost, start.standing) == (0, IN_ALL - rows * READINGS if rows else 0)


# Where nothing is known, nothing is claimed.


def test_a_folder_of_an_older_version_has_lost_nothing(killed: Path) -> None:
    beside(killed, ".tally").unlink()
    beside(killed, "-wal").unlink()
    assert Start(killed).tally.missing == 0
    _fill(killed)
    beside(killed, "-wal").unlink()
    assert Start(killed).lost == IN_ALL, "from then on it is counted"


def test_a_damaged_tally_claims_nothing(killed: Path) -> None:
    Damage(0.0, 1.0, b"\xa5").do(beside(killed, ".tally"))
    beside(killed, "-wal").unlink()
    assert Start(killed).lost == 0


def test_a_gateway_without_its_journal_claims_nothing(killed: Path, tmp_path: Path) -> None:
    """Here a folder is in the file's place; once it is removed the readings are there again."""
    killed.rename(tmp_path / "elsewhere")
    (killed / "somebody").mkdir(parents=True)
    assert Start(killed).lost == 0
    shutil.rmtree(killed)
    (tmp_path / "elsewhere").rename(killed)
    assert (Start(killed).lost, Start(killed).standing) == (0, IN_ALL)


def test_a_gateway_whose_journal_was_never_used_writes_no_tally(tmp_path: Path) -> None:
    Start(tmp_path / "journal.db")
    assert not (tmp_path / "journal.db.tally").exists()


def test_a_drained_journal_that_is_removed_has_lost_nothing(killed: Path) -> None:
    with closing(begin(killed)) as file:
        store = BoundedJournal(file, JournalSection(path=killed, min_free_bytes=0), WallClock())
        store.stock()
        for row in range(1, ROWS + 1):
            asyncio.run(store.settle([row], [], 0))
    for suffix in SUFFIXES:
        beside(killed, suffix).unlink(missing_ok=True)
    assert Start(killed).lost == 0


def test_frames_behind_damage_bring_back_only_what_is_not_in_the_file(killed: Path) -> None:
    """A page in the rest of a WAL repeats the rows that stood in it before."""
    wal = bytearray(beside(killed, "-wal").read_bytes())
    wal[HEAD_BYTES + (len(wal) // FRAME_BYTES // 2) * FRAME_BYTES + 100] ^= 1
    beside(killed, "-wal").write_bytes(wal)
    start = Start(killed)
    assert start.received == IN_ALL
    assert start.lost == IN_ALL - start.standing
