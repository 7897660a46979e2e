"""A kept copy that the disk has damaged bars no way: only what is built from it is refused, with its name and what mends it."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from gateway.admin.installation.bundle import write_sums
from gateway.admin.installation.machine import UNIT, NotDone
from gateway.admin.installation.release import build_tag
from tests.admin.installation.stand_ins import Province
from tests.admin.installation.test_script import needs_venv, wheel_of_this_checkout

Damage = Callable[[Path], None]


def emptied(name: str) -> Damage:
    def act(kept: Path) -> None:
        (found,) = kept.glob(name)
        found.write_bytes(b"")

    return act


def flipped(name: str) -> Damage:
    """Change each 0."""

    def act(kept: Path) -> None:
        (found,) = kept.glob(name)
        found.write_bytes(found.read_bytes().replace(b"0", b"1"))

    return act


def gone(name: str) -> Damage:
    def act(kept: Path) -> None:
        for found in [kept] if not name else list(kept.glob(name)):
            shutil.rmtree(found) if found.is_dir() else found.unlink()

    return act


DAMAGES: Final = {
    "a wheel": emptied("wheels/*/some-*.whl"),
    "the program": emptied("wheels/*.whl"),
    "no program": gone("wheels/*.whl"),
    "no wheels": gone("wheels"),
    "no list": gone("SHA256SUMS"),
    "an empty list": emptied("SHA256SUMS"),
    "a wrong list": flipped("SHA256SUMS"),
    "no version": gone("VERSION"),
    "an empty version": emptied("VERSION"),
    "an empty script": emptied("install.sh"),
    "an empty unit": emptied("deploy/systemd/gateway.service"),
    "nothing left": gone(""),
}
each_damage: Final = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


@pytest.fixture
def damaged(tmp_path: Path, damage: Damage) -> Province:
    """A machine with two versions; the copy of the one that runs is damaged."""
    province = Province(tmp_path)
    for version in ("1.0.0", "1.1.0"):
        province.installer.install(wheel_of_this_checkout(province.bundle(version), version))
    damage(province.layout.kept("1.1.0"))
    return province


@each_damage
def test_one_goes_back_and_forth_beside_it(damaged: Province) -> None:
    damaged.installer.rollback()
    assert (damaged.machine.running, damaged.current) == ("1.0.0", "1.0.0")
    unit = (damaged.layout.units / UNIT).read_bytes()
    damaged.installer.rollback()
    assert (damaged.machine.running, damaged.current) == ("1.1.0", "1.1.0")
    assert (damaged.layout.units / UNIT).read_bytes() == unit != b""


@each_damage
def test_a_rollback_that_fails_comes_back_to_it(damaged: Province) -> None:
    damaged.machine.deaf.add("1.0.0")
    with pytest.raises(NotDone, match=r"1\.0\.0 did not come as far as 1\.1\.0, which runs again"):
        damaged.installer.rollback()
    assert (damaged.machine.running, damaged.current) == ("1.1.0", "1.1.0")
    assert (damaged.layout.units / UNIT).stat().st_size > 0


@each_damage
def test_a_whole_environment_is_repaired_without_it_and_a_broken_one_is_refused_with_the_cure(
    damaged: Province,
) -> None:
    damaged.installer.repair()
    python = damaged.layout.current / "bin" / "python"
    python.unlink()
    with pytest.raises(NotDone) as refused:
        damaged.installer.repair()
    kept = damaged.layout.kept("1.1.0")
    assert str(refused.value).startswith(str(kept))
    assert "unpack the bundle of 1.1.0 again and run its install.sh, which mends the kept copy" in str(refused.value)
    damaged.installer.install(damaged.folder / f"gateway-1.1.0-{build_tag()}")
    assert python.exists(), "that mended it"
    whole = damaged.folder / f"gateway-1.1.0-{build_tag()}"
    assert {path.relative_to(kept): path.read_bytes() for path in kept.rglob("*") if path.is_file()} == {
        path.relative_to(whole): path.read_bytes() for path in whole.rglob("*") if path.is_file()
    }


@each_damage
@pytest.mark.parametrize("action", ["remove", "purge"])
def test_it_is_taken_away_like_a_whole_one(damaged: Province, action: str) -> None:
    getattr(damaged.installer, action)()
    assert not damaged.layout.home.exists()
    assert damaged.layout.settings().exists() == (action == "remove")


@each_damage
@needs_venv
def test_the_script_of_the_machine_finds_a_whole_program(damaged: Province) -> None:
    words = ["/bin/sh", str(damaged.layout.script), "rollback", "--dry-run", "--root", str(damaged.root)]
    done = subprocess.run(
        words, env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"would link: {damaged.layout.current} -> 1.0.0" in done.stdout


@needs_venv
def test_beside_a_version_of_before_whose_program_this_script_does_not_know_it_takes_the_other(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.installer.install(wheel_of_this_checkout(province.bundle("1.0.0"), "1.0.0"))
    strange = province.bundle("0.1.0")
    with zipfile.ZipFile(next((strange / "wheels").glob("*.whl")), "w") as wheel:
        wheel.writestr("gateway/installation/command.py", "")
    write_sums(strange)
    province.installer.install(strange)
    words = ["/bin/sh", str(province.layout.script), "rollback", "--dry-run", "--root", str(province.root)]
    done = subprocess.run(
        words, env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "is damaged" not in done.stderr
    assert f"would link: {province.layout.current} -> 1.0.0" in done.stdout


@needs_venv
def test_where_no_copy_is_whole_the_program_comes_from_what_was_built(tmp_path: Path) -> None:
    province = Province(tmp_path)
    whole = wheel_of_this_checkout(province.bundle("1.0.0"), "1.0.0")
    province.installer.install(whole)
    shutil.rmtree(province.layout.kept("1.0.0"))
    province.layout.kept("1.0.0").mkdir()
    words = ["/bin/sh", str(province.layout.script), "purge", "--dry-run", "--root", str(province.root)]
    environment = {"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{province.layout.kept('1.0.0')} is damaged" in done.stderr
    assert "no whole program is left" in done.stderr
    packages = province.layout.current / "lib" / "python3.99" / "site-packages"
    packages.mkdir(parents=True)
    shutil.unpack_archive(next((whole / "wheels").glob("*.whl")), packages, "zip")
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"would remove: {province.layout.home}" in done.stdout


def test_damaged_wheels_for_another_python_stop_nothing(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.installer.install(province.bundle("1.0.0"))
    province.installer.keep(province.bundle("1.0.0", tag="cp399-x86_64"))
    emptied("wheels/cp399-x86_64/*.whl")(province.layout.kept("1.0.0"))
    (province.layout.current / "bin" / "python").unlink()
    province.installer.repair()
    assert (province.layout.current / "bin" / "python").exists()


def test_another_program_of_the_same_version_is_still_refused(tmp_path: Path) -> None:
    province = Province(tmp_path)
    province.installer.install(province.bundle("1.0.0"))
    other = Province(tmp_path / "other").bundle("1.0.0", program="another one")
    write_sums(other)
    with pytest.raises(NotDone, match=r"another program of the version 1\.0\.0"):
        province.installer.install(other)
