"""Parts of ``gateway run`` by themselves: a run that ends for another file or role, and a SIGHUP before there is a loop."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.commands import run as module
from gateway.ingest.storage.beside import InUse
from gateway.ingest.storage.database import Damaged
from gateway.support.config.files import ConfigurationFault
from tests.site import Site


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGHUP)
    yield
    signal.signal(signal.SIGHUP, before)


class File:
    """A database that notes that it was closed."""

    def __init__(self, name: str, absence: str = "") -> None:
        self.name, self.absence, self.path, self.closed = name, absence, name, False

    def close(self) -> None:
        """Note it."""
        self.closed = True


class Runs:
    """Ends of runs, one after the other: a fault, or the file to go on with."""

    def __init__(self, site: Site, monkeypatch: pytest.MonkeyPatch, *ends: Any) -> None:  # noqa: ANN401 - either of them
        self.config, self._ends = site.config, list(ends)
        self.began: list[bool] = []
        self.files: list[File] = []
        self.slept_s: list[float] = []
        monkeypatch.setattr(module, "_run", self._run)
        monkeypatch.setattr(module, "begin", self._begin)
        monkeypatch.setattr(module, "set_up_logging", lambda _: None)
        monkeypatch.setattr(module, "_loop_factory", lambda: None)
        monkeypatch.setattr(time, "sleep", self.slept_s.append)

    def _begin(self, _: object, *, damaged: bool) -> File:
        self.began.append(damaged)
        self.files.append(File(f"file {len(self.began)}"))
        return self.files[-1]

    async def _run(self, _: object, file: File, *__: object) -> File | None:
        self.ran = file
        end = self._ends.pop(0)
        if isinstance(end, Exception):
            async with asyncio.TaskGroup():
                raise end
        return end  # type: ignore[no-any-return]


def test_a_run_that_is_stopped_ends_and_its_file_is_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(site, monkeypatch, None)
    assert module.run(runs.config) == 0
    assert (runs.began, runs.files[0].closed, runs.slept_s) == ([False], True, [])


def test_it_goes_on_with_the_journal_that_can_be_opened_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    found = File("found")
    runs = Runs(site, monkeypatch, found, None)
    assert module.run(runs.config) == 0
    assert (runs.began, runs.ran, found.closed, runs.files[0].closed) == ([False], found, True, True)


def test_after_damage_a_new_file_is_begun_and_after_another_role_the_same_again_a_second_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs = Runs(site, monkeypatch, Damaged("page 7"), module.StoodBack(), None)
    with caplog.at_level("INFO", logger="gateway"):
        assert module.run(runs.config) == 0
    assert runs.began == [False, True, False]
    assert all(file.closed for file in runs.files)
    assert [0.5 < slept_s <= 1.0 for slept_s in runs.slept_s] == [True, True]
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("ERROR", "page 7"),
        ("INFO", "the other machine is live; this one goes on as its standby"),
    ]


def test_another_fault_ends_the_run_and_a_file_in_use_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(site, monkeypatch, ValueError("a bug"))
    with pytest.raises(ExceptionGroup):
        module.run(runs.config)
    assert runs.files[0].closed

    def refuse(*_: object, **__: object) -> None:
        raise InUse("it runs")

    monkeypatch.setattr(module, "begin", refuse)
    with pytest.raises(ConfigurationFault, match=r"journal\.path: it runs"):
        module.run(runs.config)


def test_a_wish_to_reload_before_there_is_a_loop_is_kept_and_ends_nothing() -> None:
    early = module._EarlyReload()  # noqa: SLF001 - the signal comes to the process
    early.listen()
    assert not early.is_asked
    os.kill(os.getpid(), signal.SIGHUP)
    assert early.is_asked


def waited(
    monkeypatch: pytest.MonkeyPatch, file: File, *found: File | Exception, stop_after: int = 99
) -> tuple[Any, list[str]]:
    """Wait until stopped; what is gone on with, and the absences that were told."""
    monkeypatch.setattr(module, "_LOOK_EVERY_S", 0)
    left, told, noted = list(found), list[str](), list[Any]()

    def begin(_: object) -> File:
        now = left.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    async def story() -> Any:  # noqa: ANN401 - a file or nothing
        stop = asyncio.Event()

        def absent(why: str) -> None:
            told.append(why)
            if len(told) > stop_after:
                stop.set()

        if not file.absence:
            stop.set()
        parts: Any = SimpleNamespace(foundation=SimpleNamespace(events=SimpleNamespace(journal_absent=absent)))
        return await module._until_stopped(stop, file, parts)  # type: ignore[arg-type]  # noqa: SLF001

    monkeypatch.setattr(module, "begin", begin)
    monkeypatch.setattr(module, "note_running", noted.append)
    result = asyncio.run(story())
    assert noted == ([result] if result is not None else [])
    return result, told


def test_a_journal_that_is_missing_is_looked_for_until_it_can_be_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = File("whole")
    assert waited(monkeypatch, File("none", "no disk"), File("none", "no room"), InUse("held"), whole) == (
        whole,
        ["no disk", "no room", "no room"],
    )


def test_a_stop_ends_the_search_and_with_a_journal_nothing_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited(monkeypatch, File("none", "no disk"), File("none", "no room"), stop_after=1) == (None, ["no disk", "no room"])
    assert waited(monkeypatch, File("whole")) == (None, [])
