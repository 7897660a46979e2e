"""The room of a campaign, and the course of its faults."""

from argparse import Namespace
from pathlib import Path

import pytest

from tests.campaigns.rig import room, trial
from tests.campaigns.rig.faults import Fault, by_name, fault
from tests.campaigns.rig.room import carried_out
from tests.campaigns.rig.schedule import Deed
from tests.campaigns.rig.trial import carry_out


@pytest.mark.parametrize(("is_well", "status", "left"), [(True, 0, 0), (False, 1, 1)], ids=["well", "not-well"])
def test_what_a_campaign_made_is_left_where_something_is_wrong(
    is_well: bool,  # noqa: FBT001
    status: int,
    left: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "FOLDER", str(tmp_path))
    assert carried_out("one", (), Namespace(keep=None), lambda folder: folder.is_dir() and is_well) == status
    assert len(list(tmp_path.iterdir())) == left


def test_a_folder_that_people_name_is_kept(tmp_path: Path) -> None:
    assert carried_out("one", (), Namespace(keep=tmp_path / "kept"), lambda _: True) == 0
    assert (tmp_path / "kept").is_dir()


def test_a_missing_program_is_told_before_anything_begins(capsys: pytest.CaptureFixture[str]) -> None:
    assert carried_out("one", ("no-such-program",), Namespace(keep=None), lambda _: True) == 2
    assert "The program no-such-program is missing" in capsys.readouterr().err


def test_faults_come_in_their_order_and_one_that_repeats_itself_does_so_only_while_it_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trial, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(trial, "AGAIN_EVERY_S", 0.02)
    seen: list[str] = []
    first: Fault[object] = fault("first", {"a"}, lambda _: seen.append("first"), lambda _: seen.append("first over"))
    second: Fault[object] = fault(
        "second",
        {"b"},
        lambda _: seen.append("second"),
        lambda _: seen.append("second over"),
        again=lambda _: seen.append("again"),
    )
    deeds = [Deed(0.02, "first", 0.03), Deed(0.05, "second", 0.1)]
    carry_out(None, by_name([first, second]), deeds, 0.2, lambda: None)
    assert seen[:3] == ["first", "first over", "second"]
    assert seen[-1] == "second over"
    assert set(seen[3:-1]) == {"again"}
