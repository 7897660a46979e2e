"""Whatever is in the journal's place: there is a file to work with at once, and the contents of the old one are not lost."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from gateway.core.batching.batch import Body, decode, encode
from gateway.core.message import QuarantinedMessage, Reading, WaitCause
from gateway.ingest.storage import journal, quarantine
from gateway.ingest.storage.beside import beside
from gateway.ingest.storage.database import Database, begin
from gateway.ingest.storage.recovery.salvage import PAGE_BYTES
from gateway.ingest.storage.recovery.set_aside import SUFFIXES
from tests.waiting import Stopwatch

ROWS = 150
READINGS = 40
"""In a row: a third of the rows fits into a leaf of the table, the rest goes on in a page of its own."""


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The file as a power cut leaves it, with all in the WAL; and as a gateway leaves it that was stopped in order."""
    stopped = tmp_path_factory.mktemp("stopped") / "journal.db"
    crashed = tmp_path_factory.mktemp("crashed") / "journal.db"
    file = begin(stopped)
    file.limit_wal(2**24)
    _fill(file)
    _copy(stopped, crashed)
    file.close()
    return crashed, stopped


@pytest.fixture
def path(left_behind: tuple[Path, Path], tmp_path: Path) -> Path:
    """All rows are in the file."""
    return _copy(left_behind[1], tmp_path / "journal.db")


@pytest.fixture
def crashed(left_behind: tuple[Path, Path], tmp_path: Path) -> Path:
    """All rows are in the WAL."""
    return _copy(left_behind[0], tmp_path / "journal.db")


def _copy(origin: Path, path: Path) -> Path:
    for suffix in SUFFIXES:
        if beside(origin, suffix).exists():
            shutil.copy(beside(origin, suffix), beside(path, suffix))
    return path


def _fill(file: Database) -> None:
    for row in range(ROWS):
        file.run_here(journal.append, [_body(row)], file.reserve_rows(1), 1, refused=False)
    file.run_here(quarantine.add, [_message(number) for number in range(50)], 2**30)


def _body(row: int) -> Body:
    random = _chance(row)
    readings = random.randrange(1, 2 * READINGS)
    return encode([Reading(f"water,device=m{row} flow_m3_h={random.random()!r} {n}", "water") for n in range(readings)])


def _message(number: int) -> QuarantinedMessage:
    payload = _chance(number).randbytes(_chance(number).randrange(2000))
    return QuarantinedMessage(
        WaitCause.UNKNOWN_DEVICE, "key", None, "topic", payload, retain=False, arrival_ms=number, device="m", domain="water"
    )


def _chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - the same every time


READINGS_IN_ALL = sum(_body(row).readings for row in range(ROWS))


def _random_bytes(first: int, behind: int | None) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        content[first:behind] = _chance(1).randbytes(len(content[first:behind]))
        path.write_bytes(content)

    return damage


def _flips(path: Path) -> None:
    content, random = bytearray(path.read_bytes()), _chance(2)
    for _ in range(30):
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    content[100:108] = bytes(8)  # one of them where it shows
    path.write_bytes(content)


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4 + 100])


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _text(path: Path) -> None:
    path.write_text("This is no database.\n" * 100)


def _put(at: int, what: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(what)

    return damage


def _in_schema(before: bytes, after: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = path.read_bytes()
        assert before in content
        path.write_bytes(content.replace(before, after))

    return damage


def _version(number: int) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as file:
            file.execute(f"PRAGMA user_version={number}")

    return change


@pytest.mark.parametrize(
    ("damage", "saved"),
    [
        pytest.param(_random_bytes(0, 1024), 1.0, id="first-page"),
        pytest.param(_random_bytes(0, 8192), 0.95, id="first-8-KiB"),
        pytest.param(_random_bytes(0, 65536), 0.5, id="first-64-KiB"),
        pytest.param(_random_bytes(65536, 69632), 0.85, id="a-place-in-the-middle"),
        pytest.param(_random_bytes(0, None), 0.0, id="all"),
        pytest.param(_flips, 0.8, id="bits-flipped"),
        pytest.param(_cut, 0.6, id="torn"),
        pytest.param(_zeros, 0.0, id="zeros"),
        pytest.param(_text, 0.0, id="no-database"),
        pytest.param(_version(-1), 1.0, id="version-that-never-was"),
        pytest.param(_put(18, b"\x0a"), 1.0, id="head-says-read-only"),
        pytest.param(_put(47, bytes([99])), 1.0, id="head-says-another-format"),
        pytest.param(_in_schema(b"NOT NULL, readings", b"NO\xff NULL, readings"), 1.0, id="schema-is-no-text"),
        pytest.param(_in_schema(b"TABLE rejects", b"TABLE rejectx"), 1.0, id="table-of-another-name"),
    ],
)
def test_a_damaged_file_is_set_aside_and_what_can_be_read_of_it_is_saved(
    damage: Callable[[Path], None], saved: float, path: Path
) -> None:
    damage(path)
    damaged = path.read_bytes()
    with closing(begin(path)) as file:
        (aside,) = file.to_salvage()
        assert aside.read_bytes() == damaged
        assert _takes_a_row(file)
        assert saved * READINGS_IN_ALL <= _found(file) <= READINGS_IN_ALL


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(Path.unlink, id="gone"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), id="an-empty-folder"),
        pytest.param(lambda path: path.with_name("journal.db-shm").write_bytes(bytes(32768)), id="shm-of-zeros"),
    ],
)
def test_where_there_is_nothing_to_save_nothing_is_set_aside(damage: Callable[[Path], object], path: Path) -> None:
    damage(path)
    with closing(begin(path)) as file:
        assert not file.to_salvage()
        assert _takes_a_row(file)


def test_a_version_of_the_past_is_brought_up_to_date(path: Path) -> None:
    """The first had a journal, rejects and small things, and nothing else."""
    with closing(sqlite3.connect(path)) as file:
        for table in ("quarantine", "quarantine_keys", "quarantine_stock", "device_state"):
            file.execute(f"DROP TABLE {table}")
    _version(1)(path)
    with closing(begin(path)) as file:
        assert not file.to_salvage()
        assert _stock(file) == READINGS_IN_ALL
        assert file.run_here(quarantine.stock).messages == 0


# The WAL. SQLite takes it up to its first wrong byte and forgets the rest.


def test_a_wal_that_a_power_cut_tore_loses_what_was_not_committed_and_nothing_is_said(crashed: Path) -> None:
    wal = beside(crashed, "-wal")
    wal.write_bytes(wal.read_bytes()[:-100])
    with closing(begin(crashed)) as file:
        assert not file.to_salvage()
        assert _stock(file) == READINGS_IN_ALL, "the torn commit was of the quarantine"


def _wal_head(wal: bytearray) -> None:
    wal[:32] = bytes(32)


def _wal_middle(wal: bytearray) -> None:
    wal[len(wal) // 2] ^= 1


def _wal_salts(wal: bytearray) -> None:
    wal[16] ^= 1


@pytest.mark.parametrize(
    ("damage", "saved"),
    [
        pytest.param(_wal_head, 1.0, id="head"),
        pytest.param(_wal_salts, 1.0, id="salts"),
        pytest.param(_wal_middle, 0.97, id="middle"),
    ],
)
def test_what_sqlite_forgets_of_a_damaged_wal_is_saved(
    damage: Callable[[bytearray], None], saved: float, crashed: Path
) -> None:
    wal = beside(crashed, "-wal")
    content = bytearray(wal.read_bytes())
    damage(content)
    wal.write_bytes(content)
    with closing(begin(crashed)) as file:
        assert len(file.to_salvage()) == 1
        assert _takes_a_row(file)
        assert saved * READINGS_IN_ALL <= _found(file)


def test_a_wal_of_zeros_is_said(crashed: Path, caplog: pytest.LogCaptureFixture) -> None:
    wal = beside(crashed, "-wal")
    wal.write_bytes(bytes(wal.stat().st_size))
    with closing(begin(crashed)) as file:
        assert _takes_a_row(file)
    assert "journal.db-wal was cut short or damaged" in caplog.text


@pytest.mark.parametrize("remove", [pytest.param(False, id="empty"), pytest.param(True, id="gone")])
def test_a_wal_whose_file_is_no_more_is_saved(crashed: Path, *, remove: bool) -> None:
    crashed.unlink() if remove else crashed.write_bytes(b"")
    with closing(begin(crashed)) as file:
        assert _takes_a_row(file)
        assert _found(file) == READINGS_IN_ALL


def test_damage_is_looked_for_no_longer_than_a_second(crashed: Path) -> None:
    _random_bytes(0, 1024)(crashed)
    stopwatch = Stopwatch()
    with closing(begin(crashed)):
        assert stopwatch.took_s < 1.0


# What is saved.


def test_rows_that_were_removed_do_not_come_back(path: Path) -> None:
    with closing(begin(path)) as file:
        file.run_here(journal.remove, list(range(1, ROWS)))
        left = _stock(file)
        file.run_here(quarantine.remove, list(range(1, 50)))
    _random_bytes(0, 1024)(path)
    with closing(begin(path)) as file:
        assert _found(file) == left
        assert [message for _, message in quarantine.salvage(file.to_salvage()[0])] == [_message(49)]


def test_messages_in_quarantine_are_saved_whole(path: Path) -> None:
    _random_bytes(0, 4096)(path)
    with closing(begin(path)) as file:
        found = [message for _, message in quarantine.salvage(file.to_salvage()[0])]
    assert sorted(found, key=lambda message: message.arrival_ms if message else 0) == [_message(n) for n in range(50)]


def test_a_row_whose_body_is_gone_is_counted_as_lost(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE journal SET crc = crc + 1 WHERE id = 7")
    _random_bytes(0, 1024)(path)
    with closing(begin(path)) as opened:
        broken = [entry for entry in journal.salvage(opened.to_salvage()[0]) if not entry.intact]
    assert [(entry.row, entry.body.readings) for entry in broken] == [(7, _body(6).readings)]


@pytest.mark.parametrize(("claim", "believed"), [(0, True), (1, True), (1_000_000, True), (1_000_001, False), (-1, False)])
def test_a_broken_row_is_not_believed_to_have_held_any_number_of_readings(path: Path, claim: int, believed: bool) -> None:  # noqa: FBT001
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE journal SET readings = ? WHERE id = 7", (claim,))
    broken = [(entry.row, entry.body.readings) for entry in journal.salvage(path) if not entry.intact]
    assert broken == [(7, claim)] * believed


@pytest.mark.parametrize("hurt_first", [False, True])
def test_a_row_of_which_there_is_an_intact_copy_is_not_lost(path: Path, hurt_first: bool) -> None:  # noqa: FBT001
    """A page that was freed holds what stood there; where the map of free pages is hit, both are found."""
    with closing(sqlite3.connect(path)) as file:
        (body,) = file.execute("SELECT body FROM journal ORDER BY length(body) LIMIT 1").fetchone()
    content = bytearray(path.read_bytes())
    at = content.index(body)
    twin = bytearray(content[at // PAGE_BYTES * PAGE_BYTES :][:PAGE_BYTES])
    if hurt_first:
        content[at] ^= 1
    else:
        twin[at % PAGE_BYTES] ^= 1
    path.write_bytes(content + twin)
    found = list(journal.salvage(path))
    assert all(entry.intact for entry in found)
    assert sorted(_lines(entry.body) for entry in found) == sorted(_lines(_body(row)) for row in range(ROWS))


@pytest.mark.parametrize("seed", range(5))
def test_no_damage_makes_the_salvage_fail_or_find_what_was_not_there(path: Path, seed: int) -> None:
    content, random = bytearray(path.read_bytes()), _chance(seed)
    for _ in range(len(content) // 200):
        content[random.randrange(len(content))] = random.randrange(256)
    path.write_bytes(content)
    stored = {_lines(_body(row)) for row in range(ROWS)}
    assert {_lines(entry.body) for entry in journal.salvage(path) if entry.intact} <= stored
    assert all(message in map(_message, range(50)) for _, message in quarantine.salvage(path) if message is not None)


def _takes_a_row(file: Database) -> bool:
    row = file.reserve_rows(1)
    file.run_here(journal.append, [_body(0)], row, 1, refused=False)
    file.run_here(journal.remove, [row])
    return not file.absence


def _stock(file: Database) -> int:
    return file.run_here(journal.stock).readings


def _found(file: Database) -> int:
    """Count the readings in the file and those that can be salvaged, each row once."""
    found = {_lines(entry.body) for entry in file.run_here(journal.everything, 0, 1000)}
    for aside in file.to_salvage():
        found |= {_lines(entry.body) for entry in journal.salvage(aside) if entry.intact}
    return sum(map(len, found))


def _lines(body: Body) -> tuple[str, ...]:
    return tuple(reading.lines for reading in decode(body))


def test_of_salvaged_rows_only_those_are_new_that_do_not_stand_in_the_journal_with_the_same_readings(tmp_path: Path) -> None:
    with closing(begin(tmp_path / "journal.db")) as file:
        file.run_here(journal.append, [_body(1), _body(2)], 1, 1, refused=False)
        found = [
            journal.Entry(1, _body(1), intact=True),
            journal.Entry(2, _body(3), intact=True),  # another run gave the number again
            journal.Entry(9, _body(2), intact=True),
        ]
        assert file.run_here(journal.not_standing, found) == found[1:]
