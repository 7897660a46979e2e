"""The registry under an installation: in a folder of its own, with a link in its old place, and never lost."""

from pathlib import Path
from typing import Final

import pytest

from gateway.admin.installation.machine import NotDone
from gateway.admin.installation.release import build_tag
from tests.admin.installation.stand_ins import PlayedMachine, PowerCut, Province

TARGET: Final = Path("registry", "devices.yaml")
OURS: Final = "devices: [{id: wm-1}, {id: wm-2}]\n"
OLDER: Final = "devices: [{id: wm-1}]\n"


@pytest.fixture
def province(tmp_path: Path) -> Province:
    """A machine with the version 1.0.0, and with settings for ``gateway@north``."""
    made = Province(tmp_path)
    made.layout.settings("gateway-north").mkdir(parents=True)
    made.installer.install(made.bundle("1.0.0"))
    made.bundle("1.1.0")
    return made


def upgrade(province: Province) -> None:
    province.installer.install(province.folder / f"gateway-1.1.0-{build_tag()}")


def harm(settings: Path, text: str = OURS) -> None:
    """Put a file into the place of the link, as restores of earlier versions did."""
    (settings / "devices.yaml").unlink()
    (settings / "devices.yaml").write_text(text)
    (settings / "devices.yaml").chmod(0o777)


def files(settings: Path) -> dict[str, str]:
    """The files in both places, by name."""
    found = [*settings.glob("devices.yaml*"), *(settings / "registry").iterdir()]
    return {
        str(path.relative_to(settings)): f"-> {path.readlink()}" if path.is_symlink() else path.read_text() for path in found
    }


@pytest.mark.parametrize("instance", ["gateway", "gateway-north"])
def test_a_file_in_the_place_of_the_link_becomes_the_registry_and_both_stay_as_copies(
    province: Province, instance: str
) -> None:
    settings = province.layout.settings(instance)
    (settings / TARGET).write_text(OLDER)
    harm(settings)
    province.machine.said.clear()
    upgrade(province)
    assert files(settings) == {
        "devices.yaml": f"-> {TARGET}",
        "registry/devices.yaml": OURS,
        "devices.yaml.before-install": OURS,
        "registry/devices.yaml.before-install": OLDER,
    }
    assert (
        (settings / TARGET).stat().st_mode & 0o777 == (settings / "devices.yaml.before-install").stat().st_mode & 0o777 == 0o640
    )
    (said,) = (line for line in province.machine.said if "Nothing is lost" in line)
    assert f"a copy of it is {settings}/devices.yaml.before-install" in said
    assert f"the registry that was there is {settings / TARGET}.before-install" in said


def test_a_machine_that_is_harmed_again_keeps_the_copies_of_the_first_time(province: Province) -> None:
    settings = province.layout.settings()
    for number in range(3):
        harm(settings, f"devices: [{{id: wm-{number}}}]\n")
        upgrade(province)
    found = files(settings)
    assert found["registry/devices.yaml"] == "devices: [{id: wm-2}]\n"
    assert found["registry/devices.yaml.before-install-2"] == "devices: [{id: wm-0}]\n"
    assert found["registry/devices.yaml.before-install-3"] == "devices: [{id: wm-1}]\n"
    assert found["devices.yaml.before-install-3"] == "devices: [{id: wm-2}]\n"


def test_a_file_that_says_what_the_registry_says_leaves_no_copies(province: Province) -> None:
    settings = province.layout.settings()
    (settings / TARGET).write_text(OURS)
    harm(settings)
    upgrade(province)
    assert files(settings) == {"devices.yaml": f"-> {TARGET}", "registry/devices.yaml": OURS}


@pytest.mark.parametrize("elsewhere", ["../ours.yaml", "registry/ours.yaml"])
def test_a_link_that_somebody_made_to_another_registry_stays(province: Province, elsewhere: str) -> None:
    settings = province.layout.settings()
    (settings / elsewhere).write_text(OURS)
    (settings / "devices.yaml").unlink()
    (settings / "devices.yaml").symlink_to(elsewhere)
    upgrade(province)
    assert (settings / "devices.yaml").readlink() == Path(elsewhere)
    assert (settings / "devices.yaml").read_text() == OURS
    assert any(f"leads to {elsewhere}" in line for line in province.machine.said)


def test_a_registry_that_is_a_link_itself_is_not_replaced_by_the_sample(province: Province) -> None:
    registry = province.layout.settings() / TARGET
    registry.unlink()
    registry.symlink_to("/mnt/not-there/devices.yaml")
    upgrade(province)
    assert registry.is_symlink()


def test_of_a_link_in_the_registry_folder_nothing_is_copied(province: Province, tmp_path: Path) -> None:
    settings, secret = province.layout.settings(), tmp_path / "secret"
    secret.write_text("root's")
    (settings / TARGET).unlink()
    (settings / TARGET).symlink_to(secret)
    harm(settings)
    upgrade(province)
    assert secret.read_text() == "root's"
    assert files(settings)["registry/devices.yaml.before-install"] == f"-> {secret}"
    assert files(settings)["registry/devices.yaml"] == OURS


def test_a_dry_run_says_what_becomes_of_the_file_and_leaves_it(province: Province) -> None:
    settings = province.layout.settings()
    harm(settings)
    before = files(settings)
    dry = PlayedMachine(province.root, dry_run=True)
    province.machine = dry
    upgrade(province)
    assert files(settings) == before
    assert f"would rename: {settings / TARGET} -> devices.yaml.before-install" in dry.said


def test_a_power_cut_at_any_step_loses_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)

    def harmed(name: str) -> Province:
        (tmp_path / name).mkdir()
        made = Province(tmp_path / name)
        made.installer.install(made.bundle("1.0.0"))
        made.bundle("1.1.0")
        (made.layout.settings() / TARGET).write_text(OLDER)
        harm(made.layout.settings())
        return made

    whole = harmed("whole")
    start = whole.machine.steps
    upgrade(whole)
    for cut in range(1, whole.machine.steps - start + 1):
        province = harmed(str(cut))
        province.machine.cut_at = province.machine.steps + cut
        with pytest.raises(PowerCut):
            upgrade(province)
        settings = province.layout.settings()
        assert (settings / "devices.yaml").read_text() == OURS, "what the gateway reads is the same at any time"
        assert OLDER in files(settings).values()
        upgrade(province)
        assert files(settings) == files(whole.layout.settings()), cut


def test_what_is_neither_file_nor_link_is_named_and_left(province: Province) -> None:
    place = province.layout.settings() / "devices.yaml"
    place.unlink()
    place.mkdir()
    (place / "ours.yaml").write_text(OURS)
    with pytest.raises(NotDone, match=f"{place} is no file and no link"):
        upgrade(province)
    assert (place / "ours.yaml").read_text() == OURS
    assert province.machine.running == "1.0.0"


def test_settings_that_are_a_link_to_where_nothing_is_yet_stay(tmp_path: Path) -> None:
    province = Province(tmp_path)
    settings = province.layout.settings()
    settings.mkdir(parents=True)
    (settings / "gateway.yaml").symlink_to("/mnt/not-there/gateway.yaml")
    province.installer.install(province.bundle("1.0.0"))
    assert (settings / "gateway.yaml").is_symlink()
