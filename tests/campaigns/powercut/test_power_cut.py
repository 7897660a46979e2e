"""After a power cut at any moment the gateway starts, and what had been acknowledged is there, whole.

Days of trouble are recorded; every prefix of what was done to the disk is laid down as a power cut there may leave it
(:mod:`tests.campaigns.powercut.replay`) and opened as the gateway opens it. It must hold what was noted after the last commit
that had returned, or what the commit under way made of that, and nothing between.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

import pytest

from gateway.core.batching.batch import encode
from gateway.ingest.storage import journal, keyvalue
from gateway.ingest.storage.database import Database
from gateway.ingest.storage.recovery.tally import Tally
from tests.campaigns.powercut.file_keeper import NOW_MS, Contents, contents, missing, readings, settings
from tests.campaigns.powercut.recorded_calls import RecordedCalls
from tests.campaigns.powercut.recorded_disk import Operation, RecordedDisk
from tests.campaigns.powercut.replay import Image, Platter, lay_down, pick_up, seeded
from tests.campaigns.powercut.story import NotedFile, Story, file_of_version_1, first_days, long_outage, one_row, outage

NAME: Final = "journal.db"


class Recording:
    """A recorded run on a file that is opened again for each story.

    :ivar noted: contents of the file after each commit, by the number of its mark.
    """

    def __init__(self, folder: Path, stories: Sequence[Story], seed: int, *, setting: str = "") -> None:
        """:param setting: SQL by which something is set differently from how the gateway does."""
        self.begins_with = pick_up(folder)
        self.noted: list[Contents] = []
        random = seeded(seed)
        with RecordedDisk(folder) as disk:
            for story in stories:
                file = NotedFile(folder / NAME, disk, self.noted)
                file.open()
                file.note()
                if setting:
                    file._connection.execute(setting).fetchall()  # type: ignore[union-attr]  # noqa: SLF001 - nobody else may
                asyncio.run(story(file, random))
                file.close()
        self.operations: list[Operation] = disk.operations

    def images(self, random: Random, torn: int) -> Iterator[tuple[int, Image]]:
        """Yield the images that a power cut may leave after each operation, and the last mark before it; none comes twice.

        :param torn: how many of the images in which only some of what was not synced is there.
        """
        platter, mark, known = Platter(self.begins_with), 0, set()
        for operation in self.operations:
            platter.do(operation)
            if operation.kind == "mark":
                mark = operation.offset
            for image in (platter.synced(), platter.written(), *(platter.torn(random) for _ in range(torn))):
                this = hash((mark, *sorted(image.items())))
                if this not in known:
                    known.add(this)
                    yield mark, image

    def may_hold(self, mark: int) -> list[Contents]:
        """Return the contents that the file may have when the power fails after this mark: the mark's, or one commit more."""
        return self.noted[mark : mark + 2]


def after_a_cut(image: Image, folder: Path) -> Contents:
    """Start a gateway on an image and return what it finds; check that it can work on with it."""
    lay_down(image, folder)
    file = Database(folder / NAME)
    file.open()
    found = contents(file)
    assert file.run_here(lambda connection: connection.execute("PRAGMA quick_check").fetchall()) == [("ok",)]
    assert settings(file) == (1024, 2, "wal")
    assert missing(file) == 0
    file.run_here(keyvalue.put, "after", "the cut")
    file.run_here(journal.append, [encode(readings(7))], file.reserve_rows(1), NOW_MS, refused=False)
    file.close()
    return found


def nothing(_: Path) -> None:
    """No file yet."""


RUNS: Final = [
    pytest.param(nothing, [first_days, long_outage], id="new"),
    pytest.param(file_of_version_1, [outage, outage], id="version-1"),
]


@pytest.mark.parametrize(("begin", "stories"), RUNS)
def test_nothing_acknowledged_is_missing_after_a_power_cut(
    folder: Path, begin: Callable[[Path], None], stories: list[Story]
) -> None:
    begin(folder / NAME)
    recording = Recording(folder, stories, seed=1)
    for mark, image in recording.images(seeded(2), torn=1):
        assert after_a_cut(image, folder / "after") in recording.may_hold(mark)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("begin", "stories"), RUNS)
def test_nothing_is_missing_whatever_of_the_unsynced_is_there(
    folder: Path, begin: Callable[[Path], None], stories: list[Story], seed: int
) -> None:
    begin(folder / NAME)
    recording = Recording(folder, [*stories, outage], seed)
    for mark, image in recording.images(seeded(seed), torn=4):
        assert after_a_cut(image, folder / "after") in recording.may_hold(mark)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_nothing_is_missing_when_the_power_goes_again_during_the_start(folder: Path) -> None:
    recording = Recording(folder, [first_days], seed=1)
    random = seeded(3)
    for mark, image in recording.images(random, torn=2):
        if random.random() < 0.03:
            lay_down(image, folder)
            again = Recording(folder, [outage], seed=2)
            assert again.noted[0] in recording.may_hold(mark)
            for second_mark, second_image in again.images(random, torn=1):
                assert after_a_cut(second_image, folder / "after") in again.may_hold(second_mark)


@pytest.mark.parametrize(
    "setting",
    [
        pytest.param("PRAGMA synchronous=NORMAL", id="a-commit-that-is-not-synced"),
        pytest.param("PRAGMA journal_mode=DELETE", id="a-journal-whose-deletion-is-not-synced"),
    ],
)
def test_the_replay_sees_what_is_not_safe(folder: Path, setting: str) -> None:
    """Settings that the gateway does not use, and the reason."""
    recording = Recording(folder, [outage], seed=1, setting=setting)
    images = recording.images(seeded(2), torn=1)
    assert not all(after_a_cut(image, folder / "after") in recording.may_hold(mark) for mark, image in images)


def test_after_a_kill_the_tally_says_exactly_what_the_journal_holds(folder: Path) -> None:
    """Else it would see no loss, and the tests above would prove nothing."""
    recording = Recording(folder, [first_days, long_outage], seed=1)
    platter, said = Platter(recording.begins_with), 0
    for operation in recording.operations:
        platter.do(operation)
        if operation.kind == "mark":
            held = sum(body.readings for body in recording.noted[operation.offset].journal.values())
            tally = {name: data for name, data in platter.written().items() if name.endswith(".tally")}
            assert _missing_after_a_cut(tally, folder / "after") == held
            said += held > 0
    assert said > 20


@pytest.mark.parametrize(
    ("of", "left_out"),
    [
        pytest.param(RecordedCalls, "_fdatasync", id="not-synced-before-a-removal"),
        pytest.param(Tally, "before_commit", id="written-after-a-removal"),
    ],
)
def test_the_replay_sees_a_tally_that_says_too_much(
    folder: Path, monkeypatch: pytest.MonkeyPatch, of: type, left_out: str
) -> None:
    """Shortcuts that the tally does not take, and the reason."""
    monkeypatch.setattr(of, left_out, lambda *_: None)
    recording = Recording(folder, [one_row], seed=1)
    monkeypatch.undo()
    images = recording.images(seeded(2), torn=2)
    assert any(_missing_after_a_cut(image, folder / "after") for _, image in images)


def _missing_after_a_cut(image: Image, folder: Path) -> int:
    lay_down(image, folder)
    file = Database(folder / NAME)
    file.open()
    found = missing(file)
    file.close()
    return found
