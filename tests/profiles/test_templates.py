"""Templates of profiles: what a technician copies is sound before anything is filled in."""

from pathlib import Path
from shutil import copy

import pytest

from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.matching import Profiles
from gateway.ingest.codecs.process import SyncCodecs
from gateway.onboarding.explain.profile_tests import check_profile
from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.profile_files import read_profiles
from tests.profile_loading import load_profiles

TEMPLATES = sorted((SHIPPED / "templates").glob("*.yaml"))


@pytest.mark.parametrize("template", [pytest.param(path, id=path.stem) for path in TEMPLATES])
def test_a_template_passes_its_own_tests_as_it_stands(template: Path, tmp_path: Path) -> None:
    loaded = read_profiles(None, file=Path(copy(template, tmp_path)))
    assert loaded.fault_lines == []
    (file,) = [file for file in loaded.profiles.values() if not file.shipped]
    alone = Profiles([file.compiled], Envelopes(list(loaded.envelopes.values())))
    with SyncCodecs({}) as codecs:
        checked = check_profile(file.compiled.name, file.model.tests, alone, codecs)
    assert [fault for test in checked for fault in test.faults] == []


def test_the_pulse_module_demands_what_only_the_registry_knows() -> None:
    loaded = read_profiles(None, file=SHIPPED / "templates" / "pulse-module.yaml")
    assert loaded.profiles["my-pulse-module"].compiled.required_params == {"pulse_weight", "start_m3"}


def test_a_template_is_no_shipped_profile() -> None:
    assert not {"my-pulse-module"} & load_profiles(None).profiles.keys()
