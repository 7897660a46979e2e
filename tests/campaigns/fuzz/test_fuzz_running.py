"""Ways to run the targets: our own loop, replay, and the campaign."""

import gc
import sys
from pathlib import Path

import pytest

from tests.campaigns.fuzz import __main__ as command
from tests.campaigns.fuzz import campaign, engines, targets
from tests.campaigns.fuzz.target import FOUND, Run, Target

needs_watching = pytest.mark.skipif(sys.version_info < engines.WATCHED_FROM, reason="this Python cannot tell which lines run")


@pytest.fixture
def folder(tmp_path: Path) -> engines.Folder:
    """Make the folder for a target's inputs."""
    folder = engines.Folder(tmp_path / "topics")
    folder.make()
    return folder


def planted() -> Run:
    """A parser with a fault: it cannot bear a closing bracket behind the first byte."""

    def run(data: bytes) -> None:
        if b"]" in data[1:]:
            raise IndexError("planted")

    return run


@pytest.fixture
def with_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """The target ``topics`` is the parser with a fault."""
    monkeypatch.setattr(targets, "target_of", lambda name: Target(name, planted, lambda: [b"[1, 2"]))


@needs_watching
def test_our_own_loop_keeps_what_reaches_new_lines(folder: engines.Folder, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.campaigns.fuzz import watched  # noqa: PLC0415 - not for every Python

    watched.fuzz("struct", 0.5, folder)
    gc.unfreeze()
    assert list(folder.corpus.iterdir())
    assert not list(folder.found.iterdir())
    turn = campaign.Turn("struct")
    for line in capsys.readouterr().err.encode().splitlines():
        turn.hear(line)
    assert turn.executions > 10
    assert turn.edges > 10


@needs_watching
def test_our_own_loop_keeps_the_input_that_fails(folder: engines.Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.campaigns.fuzz import watched  # noqa: PLC0415

    monkeypatch.setattr(watched, "target_of", lambda name: Target(name, planted, lambda: [b"[1, 2"]))
    with pytest.raises(IndexError, match="planted"):
        watched.fuzz("topics", 20, folder)
    gc.unfreeze()
    (found,) = folder.found.iterdir()
    assert b"]" in found.read_bytes()


def test_replay_says_which_input_passes(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = FOUND / "cbor" / "keys-within-keys"
    monkeypatch.setattr(sys, "argv", ["fuzz", "replay", str(file)])
    assert command.main() == 0
    assert capsys.readouterr().err == f"{file} passes cbor\n"


@pytest.mark.usefixtures("with_a_fault")
def test_replay_shows_how_an_input_fails(
    folder: engines.Folder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = folder.found / "crash-1"
    file.write_bytes(b"[]")
    monkeypatch.setattr(sys, "argv", ["fuzz", "replay", str(file)])
    assert command.main() == 1
    said = capsys.readouterr().err
    assert f"{file} fails topics" in said
    assert "IndexError: planted" in said


def test_a_target_that_is_none_is_told_with_those_there_are(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["fuzz", "run", "nothing"])
    assert command.main() == 2
    assert "there is no target nothing; there are mqtt-session, http-answer, " in capsys.readouterr().err


def test_libfuzzers_lines_are_understood() -> None:
    turn = campaign.Turn("obis")
    turn.hear(b"#327173\tREDUCE cov: 66 ft: 359 corp: 75/18Kb lim: 2237 exec/s: 21811 rss: 61Mb L: 12/1978 MS: 1 EraseBytes-\n")
    assert (turn.executions, turn.edges) == (327173, 66)
    turn.hear(b"stat::number_of_executed_units: 327529\n")
    turn.hear(b"ValueError: oh\n")
    turn.status = 77
    assert turn.failed
    assert turn.last == ["ValueError: oh"]
    assert campaign.table([turn]).splitlines()[1].split() == ["obis", "327,529", "66", "failed"]


@pytest.mark.slow
@needs_watching
def test_a_campaign_gives_every_target_its_turn(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(campaign, "START_S", 0)
    turns = campaign.Turns(["topics", "csv", "text"], 10, print).run()
    assert [turn.target for turn in turns] == ["topics", "csv", "text"]
    assert all(turn.executions > 100 and turn.edges > 10 and not turn.failed for turn in turns), turns
    assert "s left in all" in capsys.readouterr().out
