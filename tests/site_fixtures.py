"""A utility's folder as a fixture."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.core.profiles.language.profile import CompiledProfile, compile_profile
from gateway.support.config import profile_files
from gateway.support.config.bundled_profiles import SHIPPED
from gateway.support.config.profile_files import read_profiles
from schemas.profile import Profile
from tests.decode_command import DecodeCommand
from tests.site import CODEC, RADIO, Site

_FEW = ("axioma-w1", "milesight-em500-pp", "sparkplug-power", "tasmota-energy")


@pytest.fixture(scope="session", autouse=True)
def _shipped_profiles_are_compiled_once() -> Iterator[None]:
    """Parse and compile each shipped profile once: hundreds of tests read them all, and none changes their files."""
    documents: dict[Path, list[Any]] = {}
    compiled: dict[tuple[str, str], CompiledProfile] = {}
    read = profile_files.read_documents

    def read_once(path: Path) -> list[Any]:
        if not path.is_relative_to(SHIPPED):
            return read(path)
        if path not in documents:
            documents[path] = read(path)
        return documents[path]

    def compile_once(model: Profile, *, file: str, **given: Any) -> CompiledProfile:  # noqa: ANN401 - as it is
        if not file.startswith(str(SHIPPED)):
            return compile_profile(model, file=file, **given)
        key = (file, model.profile)
        if key not in compiled:
            compiled[key] = compile_profile(model, file=file, **given)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profile_files, "read_documents", read_once)
        patch.setattr(profile_files, "compile_profile", compile_once)
        yield


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
    monkeypatch.setattr("gateway.support.registry.active_profiles.read_profiles", partial(read_profiles, shipped=few_shipped))
    return Site(tmp_path)


@pytest.fixture
def decode(site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> DecodeCommand:
    """A decode with a profile of its own on a topic, and one for radio frames."""
    site.profile("pump")
    site.profile("mine", RADIO, mine=CODEC)
    return DecodeCommand(site, capsys, monkeypatch)
