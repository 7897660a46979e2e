"""The power may fail at every step: what starts then is a whole version, and the same command goes on to the same end."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from gateway.admin.installation.installer import Installer
from gateway.admin.installation.machine import UNIT, NotDone
from gateway.admin.installation.release import build_tag
from gateway.admin.installation.switch import ServiceStage, SwitchTrial
from tests.admin.installation.stand_ins import PowerCut, Province

Action = Callable[[Province], None]


def install(version: str) -> Action:
    def act(province: Province) -> None:
        province.installer.install(province.folder / f"gateway-{version}-{build_tag()}")

    return act


def fails(action: Action) -> Action:
    def act(province: Province) -> None:
        with pytest.raises(NotDone):
            action(province)

    return act


def made(folder: Path, before: tuple[str, ...], *, deaf: str = "") -> Province:
    """A province with some versions installed, and bundles of all."""
    folder.mkdir()
    province = Province(folder)
    for version in ("1.0.0", "1.1.0"):
        province.bundle(version)
    for version in before:
        install(version)(province)
    province.machine.deaf = {deaf}
    return province


STORIES: Final[dict[str, tuple[tuple[str, ...], str, Action, set[str]]]] = {
    "first": ((), "", install("1.0.0"), {"", "1.0.0"}),
    "upgrade": (("1.0.0",), "", install("1.1.0"), {"1.0.0", "1.1.0"}),
    "failed upgrade": (("1.0.0",), "1.1.0", fails(install("1.1.0")), {"1.0.0", "1.1.0"}),
    "rollback": (("1.0.0", "1.1.0"), "", lambda province: province.installer.rollback(), {"1.0.0", "1.1.0"}),
    "remove": (("1.0.0",), "", lambda province: province.installer.remove(), {"", "1.0.0"}),
    "purge": (("1.0.0",), "", lambda province: province.installer.purge(), {"", "1.0.0"}),
}
"""What happens: versions before, the one that is never subscribed, the command, and what may run after a power cut."""


@pytest.fixture(autouse=True)
def _no_disk_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.mark.parametrize("story", STORIES)
def test_a_power_cut_at_any_step_leaves_a_whole_version_and_the_same_command_goes_on(tmp_path: Path, story: str) -> None:
    before, deaf, action, may_run = STORIES[story]
    whole = made(tmp_path / "whole", before, deaf=deaf)
    start = whole.machine.steps
    action(whole)
    steps = whole.machine.steps - start
    assert steps > 3
    for cut in range(1, steps + 1):
        province = made(tmp_path / str(cut), before, deaf=deaf)
        province.machine.cut_at = province.machine.steps + cut
        with pytest.raises(PowerCut):
            action(province)
        province.machine.cut_at = -1
        province.machine.boot()
        assert province.machine.running in may_run, cut
        if story == "rollback" and province.layout.previous.readlink().name == "1.1.0":
            continue  # it was done, and the same command would go back again
        action(province)
        assert differences(whole, province) == {}, cut
        assert province.machine.running == whole.machine.running, cut
        assert province.machine.is_enabled == whole.machine.is_enabled, cut


def differences(one: Province, other: Province) -> dict[str, tuple[str, str]]:
    """Compare two roots, each with its own name in what it holds."""
    here, there = (
        {path: told.replace(str(province.root), "") for path, told in province.tree().items()} for province in (one, other)
    )
    differing = {path for path in here | there if here.get(path) != there.get(path)}
    return {path: (here.get(path, ""), there.get(path, "")) for path in differing}


def test_ctrl_c_while_the_new_version_is_on_trial_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    province = made(tmp_path / "root", ("1.0.0",), deaf="1.1.0")

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Installer(province.layout, province.machine).install(province.folder / f"gateway-1.1.0-{build_tag()}")
    assert (province.machine.running, province.current) == ("1.0.0", "1.0.0")
    assert province.layout.subscribed(UNIT).exists()


def test_ctrl_c_while_it_builds_leaves_nothing_half_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    province = made(tmp_path / "root", ("1.0.0",))
    before = province.tree().keys()
    build = province.machine.status

    def interrupted(*command: str | Path) -> int:
        done = build(*command)
        if "venv" in command:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(province.machine, "status", interrupted)
    with pytest.raises(KeyboardInterrupt):
        install("1.1.0")(province)
    assert province.tree().keys() == before
    assert province.machine.running == "1.0.0"


def test_a_rollback_takes_an_interrupted_upgrade_back(tmp_path: Path) -> None:
    province = made(tmp_path / "root", ("1.0.0",))
    province.layout.trial.write_bytes(SwitchTrial("1.1.0", "1.0.0", {UNIT: ServiceStage.SUBSCRIBED}).note())
    province.installer.rollback()
    assert (province.machine.running, province.current) == ("1.0.0", "1.0.0")
    assert not province.layout.trial.exists()
