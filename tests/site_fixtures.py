"""A utility's folder as a fixture."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from gateway.config.bundled_profiles import SHIPPED
from gateway.config.profile_files import read_profiles
from tests.decode_command import DecodeCommand
from tests.site import CODEC, RADIO, Site

_FEW = ("axioma-w1", "milesight-em500-pp", "sparkplug-power", "tasmota-energy")


@pytest.fixture(scope="session")
def few_shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some of the shipped profiles: to read all of them takes a sixth of a second, for each call of a command."""
    folder = tmp_path_factory.mktemp("shipped")
    for name in _FEW:
        for file in SHIPPED.glob(f"{name}.*"):
            shutil.copy(file, folder)
    shutil.copytree(SHIPPED / "envelopes", folder / "envelopes")
    return folder


@pytest.fixture
def site(tmp_path: Path, few_shipped: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A folder without devices and profiles."""
    monkeypatch.setattr("gateway.config.active_profiles.read_profiles", partial(read_profiles, shipped=few_shipped))
    return Site(tmp_path)


@pytest.fixture
def decode(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> DecodeCommand:
    """A decode with a profile of its own on a topic, and one for radio frames."""
    site.profile("pump")
    site.profile("mine", RADIO, mine=CODEC)
    return DecodeCommand(site, capsys, monkeypatch)
