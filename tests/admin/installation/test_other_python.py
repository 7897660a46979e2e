"""The version that runs comes for another Python, as in the package of the next Debian; an upgrade that fails is noted."""

import sys
from pathlib import Path

import pytest

from gateway.admin.installation import installer as command
from gateway.admin.installation import release
from gateway.admin.installation.bundle import write_sums
from gateway.admin.installation.machine import Layout, NotDone
from gateway.support.commit import failed_upgrade
from tests.admin.installation.stand_ins import Province


@pytest.fixture
def installed(tmp_path: Path) -> Province:
    """A version that was built with another Python than the one that is here."""
    province = Province(tmp_path)
    province.installer.install(province.bundle("1.0.0"))
    place = province.layout.environment("1.0.0")
    _, program = (place / "built-from").read_text().splitlines()
    (place / "built-from").write_text(f"/usr/bin/python3.0\n{program}\n")
    (place / "of-before").touch()
    return province


def again(province: Province) -> None:
    province.installer.install(next(province.folder.glob("gateway-1.0.0-*")))


def test_the_version_that_runs_is_built_for_the_new_python_and_started_with_it(installed: Province) -> None:
    ran = len(installed.machine.ran)
    again(installed)
    place = installed.layout.environment("1.0.0")
    assert not (place / "of-before").exists()
    assert (place / "built-from").read_text().splitlines()[0] == str(release.python_path())
    said = [words for words in installed.machine.ran[ran:] if words.startswith("systemctl ")]
    assert [words for words in said if "stop" in words or "restart" in words] == [
        "systemctl stop gateway.service",
        "systemctl restart gateway.service",
    ]
    assert (installed.current, installed.machine.running) == ("1.0.0", "1.0.0")
    assert [path.name for path in installed.layout.home.glob("*.before")] == []


def test_wheels_for_another_python_are_kept_beside_though_the_bill_of_materials_is_another(installed: Province) -> None:
    other = installed.bundle("1.0.0", tag="cp399-riscv")
    for place, text in ((installed.layout.kept("1.0.0"), "of one"), (other, "of the other")):
        (place / "sbom.cdx.json").write_text(text)
        write_sums(place)
    installed.installer.keep(other)
    kept = installed.layout.kept("1.0.0")
    assert (kept / "sbom.cdx.json").read_text() == "of the other"
    assert len([path for path in (kept / "wheels").iterdir() if path.is_dir()]) == 2


def test_the_way_back_leads_to_a_version_of_another_python_that_is_still_there(installed: Province) -> None:
    installed.installer.install(installed.bundle("1.1.0"))
    ran = len(installed.machine.ran)
    installed.installer.rollback()
    assert installed.machine.running == "1.0.0"
    assert not [words for words in installed.machine.ran[ran:] if "venv" in words]


@pytest.mark.parametrize("fault", ["unbuilt", "strict", "deaf"])
def test_one_that_does_not_come_as_far_with_it_goes_on_with_the_python_of_before(installed: Province, fault: str) -> None:
    getattr(installed.machine, fault).add("1.0.0")
    with pytest.raises(NotDone):
        again(installed)
    place = installed.layout.environment("1.0.0")
    assert (place / "of-before").exists()
    assert (place / "built-from").read_text().startswith("/usr/bin/python3.0\n")
    assert installed.machine.running == "1.0.0"
    assert [path.name for path in installed.layout.home.iterdir() if path.name.startswith("1.0.0.")] == []


def test_an_upgrade_that_fails_is_noted_for_the_version_that_runs_until_one_does_not(
    installed: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout, new = installed.layout, installed.bundle("1.1.0")
    monkeypatch.setattr(sys, "prefix", str(layout.environment("1.0.0")))
    monkeypatch.setattr(command, "Machine", lambda **_: installed.machine)
    monkeypatch.setattr(command, "_hold_signals", lambda: None)
    words = ["--root", str(installed.root), "--patience", "0"]
    assert failed_upgrade() is None
    installed.machine.strict.add("1.1.0")
    assert command.main(new, words) == 1
    version, why = failed_upgrade() or ("", "")
    assert version == "1.1.0"
    assert why.startswith("1.1.0 does not accept ")
    installed.machine.strict.clear()
    assert command.main(new, words) == 0
    assert failed_upgrade() is None


def test_a_first_installation_that_fails_leaves_no_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    province = Province(tmp_path)
    province.machine.unbuilt.add("1.0.0")
    monkeypatch.setattr(command, "Machine", lambda **_: province.machine)
    monkeypatch.setattr(command, "_hold_signals", lambda: None)
    assert command.main(province.bundle("1.0.0"), ["--root", str(province.root)]) == 1
    assert not Layout(province.root).failed.exists()
