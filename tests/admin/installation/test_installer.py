from pathlib import Path

import pytest

from gateway.admin.installation.machine import UNIT, NotDone
from gateway.admin.installation.release import build_tag
from tests.admin.installation.stand_ins import PlayedMachine, Province


@pytest.fixture
def province(tmp_path: Path) -> Province:
    return Province(tmp_path)


@pytest.fixture
def installed(province: Province) -> Province:
    province.installer.install(province.bundle("1.0.0"))
    return province


def test_a_first_installation_enables_and_starts_the_service(installed: Province) -> None:
    machine, layout = installed.machine, installed.layout
    assert (machine.running, machine.is_enabled, machine.has_user) == ("1.0.0", True, True)
    assert layout.command.readlink() == layout.home / "current" / "bin" / "gateway"
    assert not layout.script.is_symlink(), "it is there too where the disk damages the kept copy"
    assert layout.script.read_bytes() == (layout.kept("1.0.0") / "install.sh").read_bytes()
    assert layout.script.stat().st_mode & 0o777 == 0o755
    assert (layout.units / UNIT).is_file()
    assert not layout.trial.exists()


def test_nothing_but_kept_wheels_with_the_hashes_of_the_lock_is_installed(installed: Province) -> None:
    pip = [words for words in installed.machine.ran if " -m pip " in words]
    assert len(pip) == 2
    kept = installed.layout.kept("1.0.0")
    assert all(f"--no-deps --no-index --find-links {kept}/wheels/{build_tag()}" in words for words in pip)
    assert f"--require-hashes --requirement {kept}/requirements-runtime.lock" in pip[0]
    assert f"{kept}/wheels/province_gateway-" in pip[1]


def test_a_second_run_changes_nothing_and_restarts_nothing(installed: Province) -> None:
    before, ran = installed.tree(), len(installed.machine.ran)
    installed.installer.install(installed.folder / f"gateway-1.0.0-{build_tag()}")
    assert installed.tree() == before
    assert not [words for words in installed.machine.ran[ran:] if "restart" in words or "venv" in words]


def test_what_people_wrote_stays_and_the_new_sample_lies_beside_it(installed: Province) -> None:
    settings = installed.layout.settings()
    (settings / "gateway.yaml").write_text("language: en\n")
    (settings / "registry" / "devices.yaml").write_text("devices: []\n")
    new = installed.bundle("1.1.0")
    installed.installer.install(new)
    assert (settings / "gateway.yaml").read_text() == "language: en\n"
    assert (settings / "devices.yaml").read_text() == "devices: []\n"
    assert (settings / "gateway.yaml.sample").read_bytes() == (new / "deploy" / "gateway.yaml").read_bytes()


def test_a_registry_beside_the_settings_moves_into_its_folder(province: Province) -> None:
    settings = province.layout.settings()
    settings.mkdir(parents=True)
    (settings / "devices.yaml").write_text("devices: [{id: wm-1}]\n")
    province.installer.install(province.bundle("1.0.0"))
    assert (settings / "registry" / "devices.yaml").read_text() == "devices: [{id: wm-1}]\n"
    assert (settings / "devices.yaml").readlink() == Path("registry/devices.yaml")


def test_an_upgrade_keeps_the_version_before_and_no_older_one(installed: Province) -> None:
    for version in ("1.1.0", "1.2.0"):
        installed.installer.install(installed.bundle(version))
    assert (installed.machine.running, installed.current) == ("1.2.0", "1.2.0")
    assert installed.layout.previous.readlink().name == "1.1.0"
    assert sorted(place.name for place in (installed.layout.home / "kept").iterdir()) == ["1.1.0", "1.2.0"]
    assert not installed.layout.environment("1.0.0").exists()


@pytest.mark.parametrize("fault", ["broken", "deaf", "strict", "unbuilt"])
def test_of_a_version_that_fails_nothing_stays(installed: Province, fault: str) -> None:
    installed.installer.install(installed.bundle("1.1.0"))
    before = {path for path in installed.tree() if path.startswith("opt/")}
    getattr(installed.machine, fault).add("1.2.0")
    with pytest.raises(NotDone):
        installed.installer.install(installed.bundle("1.2.0"))
    assert {path for path in installed.tree() if path.startswith("opt/")} == before
    assert installed.machine.running == "1.1.0"


def test_the_version_before_stays_though_it_fails_when_it_comes_again(installed: Province) -> None:
    installed.installer.install(installed.bundle("1.1.0"))
    installed.machine.broken.add("1.0.0")
    with pytest.raises(NotDone):
        installed.installer.install(installed.folder / f"gateway-1.0.0-{build_tag()}")
    assert installed.layout.environment("1.0.0").exists()
    assert installed.layout.kept("1.0.0").exists()


def test_what_earlier_installations_left_goes_before_room_is_asked_for(installed: Province) -> None:
    home = installed.layout.home
    left = [home / "0.9.0", home / "kept" / "0.9.0", home / "1.0.0.before", home / ".0.8.0.removed"]
    for place in left:
        place.mkdir()
        (place / "pyvenv.cfg").touch()
    installed.machine.strict.add("1.1.0")
    with pytest.raises(NotDone):
        installed.installer.install(installed.bundle("1.1.0"))
    assert not [place for place in left if place.exists()]
    assert installed.layout.current.exists()


@pytest.mark.parametrize("fault", ["broken", "deaf"])
def test_an_upgrade_that_does_not_come_as_far_goes_back_by_itself(installed: Province, fault: str) -> None:
    getattr(installed.machine, fault).add("1.1.0")
    with pytest.raises(NotDone, match=r"1\.1\.0 did not come as far as 1\.0\.0, which runs again"):
        installed.installer.install(installed.bundle("1.1.0"))
    assert (installed.machine.running, installed.current) == ("1.0.0", "1.0.0")
    assert installed.layout.subscribed(UNIT).exists()
    assert not installed.layout.trial.exists()


def test_where_the_broker_is_down_a_new_version_need_not_be_subscribed(installed: Province) -> None:
    installed.machine.deaf |= {"1.0.0", "1.1.0"}
    installed.machine.boot()
    installed.installer.install(installed.bundle("1.1.0"))
    assert installed.machine.running == "1.1.0"


def test_a_version_that_refuses_the_settings_never_runs(installed: Province) -> None:
    installed.machine.strict.add("1.1.0")
    ran = len(installed.machine.ran)
    with pytest.raises(NotDone, match="nothing was switched"):
        installed.installer.install(installed.bundle("1.1.0"))
    assert installed.current == "1.0.0"
    assert not [words for words in installed.machine.ran[ran:] if "restart" in words]


def test_a_rollback_goes_back_and_forth(installed: Province) -> None:
    installed.installer.install(installed.bundle("1.1.0"))
    installed.installer.rollback()
    assert (installed.machine.running, installed.layout.previous.readlink().name) == ("1.0.0", "1.1.0")
    installed.installer.rollback()
    assert (installed.machine.running, installed.layout.previous.readlink().name) == ("1.1.0", "1.0.0")


def test_there_is_no_rollback_from_the_first_version(installed: Province) -> None:
    with pytest.raises(NotDone, match="there is no version before this one"):
        installed.installer.rollback()


def test_an_environment_whose_python_is_gone_is_built_again_from_the_kept_wheels(installed: Province) -> None:
    python = installed.layout.current / "bin" / "python"
    python.unlink()
    python.symlink_to("/usr/bin/python3.0")
    installed.installer.repair()
    assert python.exists()


def test_wheels_for_the_next_python_can_be_kept_before_it_comes(installed: Province) -> None:
    installed.installer.keep(installed.bundle("1.0.0", tag="cp399-riscv"))
    wheels = installed.layout.kept("1.0.0") / "wheels"
    assert {place.name for place in wheels.iterdir() if place.is_dir()} == {build_tag(), "cp399-riscv"}
    installed.installer.build("1.0.0")


def test_a_bundle_for_another_machine_names_the_one_that_is_needed(province: Province) -> None:
    with pytest.raises(NotDone, match=f"is for cp399-riscv; this machine needs the one for {build_tag()}"):
        province.installer.install(province.bundle("1.0.0", tag="cp399-riscv"))


def test_two_programs_never_have_the_same_version(installed: Province) -> None:
    other = Province(installed.folder / "other").bundle("1.0.0", program="another one")
    with pytest.raises(NotDone, match=r"another program of the version 1\.0\.0"):
        installed.installer.install(other)


@pytest.mark.parametrize("damage", [lambda path: path.write_text("x"), Path.unlink])
def test_a_damaged_bundle_is_refused_before_anything_is_done(province: Province, damage: object) -> None:
    bundle = province.bundle("1.0.0")
    assert callable(damage)
    damage(bundle / "wheels" / build_tag() / f"some-{build_tag()}.whl")
    with pytest.raises(NotDone, match=r"damaged|missing"):
        province.installer.install(bundle)
    assert not province.layout.home.exists()


def test_kept_wheels_that_the_disk_has_damaged_are_not_built_from(installed: Province) -> None:
    (installed.layout.kept("1.0.0") / "wheels" / build_tag() / f"some-{build_tag()}.whl").write_text("x")
    (installed.layout.current / "built-from").unlink()
    with pytest.raises(NotDone, match="damaged"):
        installed.installer.repair()


def test_a_purge_takes_no_folder_that_a_person_copied(installed: Province) -> None:
    copy = installed.root / "etc" / "gateway.old" / "registry" / "devices.yaml"
    copy.parent.mkdir(parents=True)
    copy.write_text("devices: []")
    installed.installer.purge()
    assert copy.exists()


def test_a_removal_leaves_settings_and_data(installed: Province) -> None:
    (installed.layout.data() / "journal.db").write_text("readings")
    installed.installer.remove()
    layout, machine = installed.layout, installed.machine
    assert (machine.running, machine.is_enabled) == ("", False)
    gone = (layout.home, layout.command, layout.units / UNIT, layout.log_limits)
    assert not [path for path in gone if path.exists() or path.is_symlink()]
    assert (layout.settings() / "gateway.yaml").exists()
    assert (layout.data() / "journal.db").exists()


def test_a_purge_leaves_nothing(installed: Province) -> None:
    (installed.root / "etc" / "gateway-north").mkdir()
    assert installed.layout.settings("gateway@north.service") in installed.installer.lost_by_purge()
    installed.installer.purge()
    left = {path for path, told in installed.tree().items() if told != "/" and not path.startswith("run/")}
    assert left == set()
    assert not installed.machine.has_user
    assert not installed.layout.settings("gateway@north.service").exists()


def test_an_environment_without_a_version_makes_room_for_those_that_have_one(province: Province) -> None:
    home = province.layout.home
    (home / "bin").mkdir(parents=True)
    (home / "pyvenv.cfg").touch()
    province.installer.install(province.bundle("1.0.0"))
    assert not (home / "bin").exists()
    assert not (home / "pyvenv.cfg").exists()


def test_a_dry_run_says_every_step_and_takes_none(province: Province) -> None:
    bundle = province.bundle("1.0.0")
    before = province.tree()
    province.machine = PlayedMachine(province.root, dry_run=True)
    province.installer.install(bundle)
    said = province.machine.said
    assert province.tree() == before
    assert all(line.startswith("would ") for line in said)
    for step in (
        "useradd",
        "kept/1.0.0",
        "-m venv",
        "--require-hashes",
        "etc/gateway/gateway.yaml",
        "check -c",
        "current -> 1.0.0",
    ):
        assert any(step in line for line in said), step
    assert any("systemctl enable gateway.service" in line for line in said)


def test_without_systemd_it_is_installed_and_not_started(province: Province) -> None:
    (province.root / "run" / "systemd" / "system").rmdir()
    province.installer.install(province.bundle("1.0.0"))
    assert province.current == "1.0.0"
    assert not [words for words in province.machine.ran if words.startswith("systemctl")]
