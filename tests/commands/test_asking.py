"""Questions before something is lost for good: at a terminal, and nowhere else without ``--yes``."""

import sys
from collections.abc import Callable
from io import StringIO

import pytest

from gateway.ingest.storage import journal
from gateway.ingest.storage.database import Database
from tests.commands.stopped import Running, Stopped


class Terminal(StringIO):
    """A person at a terminal, who types this."""

    def isatty(self) -> bool:  # noqa: D102
        return True


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setattr(sys, "stdin", Terminal(text))


def waiting(stopped: Stopped) -> int:
    file: Database = stopped.open()
    readings = file.run_here(journal.stock).readings
    file.close()
    return readings


@pytest.fixture
def full(stopped: Stopped) -> Stopped:
    """A gateway that stands, with a reading that waits and a reject that is kept."""
    stopped.hold_back(b'{"ts": 1793491200250, "seq": 1, "volume_m3": 12.5}')
    stopped.command("rejects", "replay")
    stopped.reject("m1", "m2")
    return stopped


@pytest.mark.parametrize("words", [("journal", "drop"), ("rejects", "purge")])
@pytest.mark.parametrize("answer", ["n\n", "\n", "", "yess\n"])
def test_nothing_is_lost_unless_the_answer_is_yes(
    full: Stopped, words: tuple[str, ...], answer: str, typed: Callable[[str], None]
) -> None:
    typed(answer)
    assert full.command(*words, status=1).endswith(" Do it? [y/N] nothing was done\n")
    assert (waiting(full), full.kept()) == (1, ["m2", "m1"])


@pytest.mark.parametrize("words", [("journal", "drop"), ("rejects", "purge")])
def test_where_there_is_no_terminal_it_is_refused_and_said_how_it_is_done(full: Stopped, words: tuple[str, ...]) -> None:
    said = full.command(*words, status=2)
    assert "nothing was done: there is no terminal to ask at; --yes does it unasked" in said
    assert (waiting(full), full.kept()) == (1, ["m2", "m1"])


def test_the_question_says_how_much_would_be_lost_since_when(full: Stopped, typed: Callable[[str], None]) -> None:
    typed("n\n")
    said = full.command("rejects", "purge", status=1)
    assert said.startswith("2 rejects of 2 devices since 1970-01-01 08:00:01 Asia/Ho_Chi_Minh would be deleted; ")
    typed("n\n")
    assert full.command("journal", "drop", status=1).startswith("1 reading that came since 20")


def test_a_yes_does_it(full: Stopped, typed: Callable[[str], None]) -> None:
    typed("y\n")
    assert full.command("journal", "drop") == "1 readings dropped\n"
    typed("YES\n")
    assert full.command("rejects", "purge") == "2 removed\n"
    assert (waiting(full), full.kept()) == (0, [])


def test_where_nothing_would_be_lost_nobody_is_asked(stopped: Stopped) -> None:
    assert stopped.command("journal", "drop") == "0 readings dropped\n"
    assert stopped.command("rejects", "purge") == "0 removed\n"


def test_a_running_gateway_is_not_told_to_delete_before_the_answer(running: Running, typed: Callable[[str], None]) -> None:
    running.api.answers["GET", "/api/status"] = {
        "journal": {"bytes": 1, "batches": 1, "oldest_s": 60.0},
        "ledger": {"pending": {"journal": 1200}},
    }
    typed("no\n")
    assert running.command("journal", "drop", status=1).startswith("1,200 readings that came since ")
    assert running.api.changes == []
