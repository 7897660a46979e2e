"""Active profiles: a utility's own, shipped ones that are named, and one file that is asked for by itself."""

import pytest

from gateway.support.config.files import ConfigurationFault
from gateway.support.registry.active_profiles import ActiveProfiles, load_active_profiles
from schemas.registry import Registry
from tests.site import Site


def active(site: Site, *wanted: str, also: str | None = None, all_shipped: bool = False) -> ActiveProfiles:
    return load_active_profiles(site.config, Registry(devices=[]), {*wanted}, also=also, all_shipped=all_shipped)


def test_one_file_elsewhere_is_read_where_there_is_no_folder_of_profiles(site: Site) -> None:
    site.profile("mine")
    (site.folder / "profiles").rename(site.folder / "elsewhere")
    found = active(site, also=str(site.folder / "elsewhere" / "mine.yaml"))
    assert (list(found.files), list(found.names), list(found.faults)) == (["mine"], [], [])


def test_a_shipped_profile_is_active_where_it_is_enabled_or_a_device_names_it_or_its_model(site: Site) -> None:
    shipped = active(site, all_shipped=True)
    assert (list(shipped.names), list(shipped.faults)) == ([], [])
    with_model = next(file for file in shipped.files.values() if file.model.models)
    name, model = with_model.compiled.name, with_model.model.models[0]
    assert active(site, name).names == active(site, model).names == {name}
    site.sections["profiles"]["enable"] = [name]
    assert active(site).names == {name}


def test_a_profile_of_the_utility_is_active_by_being_there(site: Site) -> None:
    site.profile("mine")
    assert active(site).names == {"mine"}


def test_a_file_asked_for_stands_alone_whatever_its_neighbours_are_like(site: Site) -> None:
    site.profile("mine")
    site.profile("broken", "profile: NAME\nmatch: [")
    found = active(site, also=str(site.folder / "profiles" / "mine.yaml"))
    assert (list(found.files), found.faults) == (["mine"], [])
    assert [line.split(": ")[0] for line in active(site).faults] == [str(site.folder / "profiles" / "broken.yaml")]


def test_a_name_that_nothing_has_is_told_with_those_there_are(site: Site) -> None:
    site.profile("mine")
    with pytest.raises(ConfigurationFault, match=r"there is no profile yours; the profiles are .*mine"):
        active(site, also="yours")
    site.sections["profiles"]["enable"] = ["yours"]
    (fault,) = active(site).faults
    assert f"{site.folder}/profiles: profiles.enable: there is no profile yours" in fault
