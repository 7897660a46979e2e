"""A change of the registry is written to its file: checked, edited in place, kept from other writers, and put back."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from gateway.onboarding.registration import FileChanged, change_registry, put_back, spreadsheet_change
from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.changes import ChangeRefused, RegistryChange, add, edit_device, retire
from gateway.support.registry.registry import KnownRegistry, load_registry, version_of_text
from schemas.registry import RegisteredDevice, Registry
from tests.site import Site

TEXT: Final = "# Ours.\ndevices:\n  - {id: m1, site: s1}  # the first\n  - {id: m2, site: s1}\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A registry with two devices and comments."""
    found = Site(tmp_path)
    (tmp_path / "devices.yaml").write_text(TEXT)
    return found


def text(site: Site) -> str:
    return (site.folder / "devices.yaml").read_text()


def make(change: Callable[..., RegistryChange], **given: object) -> Callable[[Registry], RegistryChange]:
    return partial(change, **given)


def test_a_change_is_written_in_place_with_a_copy_of_what_was_there_and_a_sentence_for_each_device(site: Site) -> None:
    written = change_registry(site.config, make(add, document={"id": "m3", "site": "s2"}))
    assert text(site).startswith("# Ours.\ndevices:\n  - {id: m1, site: s1}  # the first\n  - {id: m2, site: s1}\n")
    assert "id: m3" in text(site)
    assert written.devices == ["m3"]
    assert written.details == [("device registered", {"subject": {"device": "m3"}, "after": {"id": "m3", "site": "s2"}})]
    assert (written.seen, written.version) == (version_of_text(TEXT), version_of_text(text(site)))
    assert (written.text, written.comments_kept) == (TEXT, True)
    assert written.backup is not None
    assert written.backup.read_text() == TEXT
    assert written.registry is not None
    assert [device.id for device in written.registry.devices] == ["m1", "m2", "m3"]
    changed = change_registry(site.config, make(edit_device, name="m1", document={"site": "s9"}))
    assert changed.details == [
        (
            "device changed",
            {"subject": {"device": "m1"}, "before": {"id": "m1", "site": "s1"}, "after": {"id": "m1", "site": "s9"}},
        )
    ]
    gone = change_registry(site.config, make(retire, name="m2"))
    assert gone.details == [("device retired", {"subject": {"device": "m2"}, "before": {"id": "m2", "site": "s1"}})]
    assert "m2" not in text(site)


def test_what_changes_nothing_writes_nothing(site: Site) -> None:
    written = change_registry(site.config, make(edit_device, name="m1", document={"site": "s1"}))
    assert (written.devices, written.details, written.registry, written.backup) == ([], [], None, None)
    assert written.seen == written.version == version_of_text(TEXT)
    assert text(site) == TEXT


def test_a_change_with_a_fault_or_for_another_version_of_the_file_is_refused_and_the_file_stays(site: Site) -> None:
    with pytest.raises(ChangeRefused) as refused:
        change_registry(site.config, make(edit_device, name="m2", document={"profile": "nobody's"}))
    assert refused.value.faults == {"profile": "there is no profile nobody's"}
    with pytest.raises(ChangeRefused, match="nobody is not among the devices"):
        change_registry(site.config, make(add, document={"id": "m3", "parent": "nobody"}))
    with pytest.raises(FileChanged, match=r"devices\.yaml was changed meanwhile; nothing was written") as changed:
        change_registry(site.config, make(retire, name="m2"), seen="of yesterday")
    assert changed.value.version == version_of_text(TEXT)
    assert text(site) == TEXT

    def meanwhile(registry: Registry) -> RegistryChange:
        (site.folder / "devices.yaml").write_text(TEXT + "# an editor knows no lock\n")
        return retire(registry, "m2")

    with pytest.raises(FileChanged) as overtaken:
        change_registry(site.config, meanwhile)
    assert overtaken.value.version == version_of_text(text(site))
    assert text(site).endswith("# an editor knows no lock\n")


def test_others_are_not_at_fault_for_a_change(site: Site) -> None:
    (site.folder / "devices.yaml").write_text(TEXT.replace("{id: m2,", "{id: m2, profile: gone,"))
    assert change_registry(site.config, make(edit_device, name="m1", document={"site": "s9"})).devices == ["m1"]


def test_a_registry_whose_version_is_known_is_not_read_again(site: Site) -> None:
    known = load_registry(site.folder / "devices.yaml")
    known.devices[0] = RegisteredDevice("m1", site="as-known")
    change = make(edit_device, name="m1", document={"site": "s9"})
    other = change_registry(site.config, change, known=KnownRegistry("another", known))
    assert other.details[0][1]["before"] == {"id": "m1", "site": "s1"}
    put_back(site.config, other)
    same = change_registry(site.config, change, known=KnownRegistry(version_of_text(TEXT), known))
    assert same.details[0][1]["before"] == {"id": "m1", "site": "as-known"}


def test_a_change_is_put_back_unless_somebody_changed_the_file_since(site: Site) -> None:
    written = change_registry(site.config, make(retire, name="m2"))
    put_back(site.config, written)
    assert text(site) == TEXT
    written = change_registry(site.config, make(retire, name="m2"))
    (site.folder / "devices.yaml").write_text("devices: []\n")
    put_back(site.config, written)
    assert text(site) == "devices: []\n"
    (site.folder / "devices.yaml").unlink()
    first = change_registry(site.config, make(add, document={"id": "m1"}))
    assert (first.seen, first.text, first.backup) == ("", None, None)
    put_back(site.config, first)
    assert not (site.folder / "devices.yaml").exists()


def test_a_folder_that_is_away_is_said(site: Site) -> None:
    written = change_registry(site.config, make(retire, name="m2"))
    config = site.config.model_copy(
        update={"devices": site.config.devices.model_copy(update={"registry": site.folder / "away" / "devices.yaml"})}
    )
    with pytest.raises(ConfigurationFault, match=r"devices\.registry: cannot be written: No such file"):
        change_registry(config, make(add, document={"id": "m1"}))
    with pytest.raises(ConfigurationFault, match=r"devices\.registry: cannot be put back: No such file"):
        put_back(config, written)


def test_a_spreadsheet_is_merged_into_the_registry_with_every_fault_by_its_row(site: Site) -> None:
    change, rows = spreadsheet_change(site.config, Path("CSV"), b"id,site\nm1,s9\nm3,s3\n")
    assert [device.id for device in change.added] == ["m3"]
    assert [after.site for _, after in change.changed.values()] == ["s9"]
    assert [row.device.id for row in rows] == ["m1", "m3"]
    file = site.folder / "new.csv"
    file.write_text("id,profile,parent\nm3,nobody's,m1\nm4,,nobody\n")
    with pytest.raises(ConfigurationFault) as faults:
        spreadsheet_change(site.config, file)
    assert [line.replace(f"{file}: ", "") for line in faults.value.lines] == [
        "row 2: profile: there is no profile nobody's",
        "row 3: parent: nobody is not among the devices",
    ]
