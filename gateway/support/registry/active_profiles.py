"""The active profiles: the utility's own, and the shipped ones that ``profiles.enable`` or a device names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gateway.core.profiles.envelopes import Envelopes
from gateway.core.profiles.matching import Profiles
from gateway.support.config import bundled_profiles
from gateway.support.config.files import ConfigurationFault
from gateway.support.config.model import Config
from gateway.support.config.profile_files import Loaded, ProfileFile, ambiguities, read_profiles
from gateway.support.registry.registry import RegistryFault, unknown_profiles
from schemas.nearest import did_you_mean
from schemas.registry import Registry, plain_name


class ActiveProfiles(NamedTuple):
    """The profiles that a registry and a configuration make active, and their faults."""

    files: Mapping[str, ProfileFile]  # the profiles in use, with their files
    profiles: Profiles
    names: frozenset[str]  # the active ones among them; commands also ask the others
    faults: Sequence[str]  # faults of files and names, a line each; the valid profiles are in ``files``
    unknown: Sequence[RegistryFault]  # registered devices whose profile does not exist


def load_active_profiles(
    config: Config, registry: Registry, wanted: set[str], *, also: str | None, all_shipped: bool
) -> ActiveProfiles:
    """The active profiles; ``wanted``: those and models that the registry names. ConfigurationFault: ``also`` names none."""
    local = config.profiles.path if config.profiles.path.is_dir() else None
    if also is not None:
        loaded = _load_also(local, Path(also))
    else:
        loaded = read_profiles(local, wanted=None if all_shipped else {*wanted, *config.profiles.enable})
    enabled = {*config.profiles.enable}
    active_profiles = {name: file for name, file in loaded.profiles.items() if _in_force(file, local, enabled, wanted)}
    if also is not None:
        files, unknown = _only(loaded, also), []
        # Without valid envelopes no profile can be tried.
        faults = [line for path, lines in loaded.faults.items() if path.parent.name == "envelopes" for line in lines]
    else:
        # Also the names of a faulty file, which is reported by itself.
        there = bundled_profiles.names() | loaded.profiles.keys() | bundled_profiles.names_claimed(loaded.faults)
        models = {model for one in loaded.profiles.values() for model in one.model.models}
        files, unknown = active_profiles, unknown_profiles(registry, there | models)
        faults = [*loaded.fault_lines, *_not_there(config, there), *ambiguities(files.values())]
    if also is None and all_shipped:
        files = active_profiles | _beside(active_profiles, loaded)
    profiles = Profiles([file.compiled for file in files.values()], Envelopes(loaded.envelopes.values()))
    return ActiveProfiles(files, profiles, frozenset(active_profiles), faults, unknown)


def _load_also(local: Path | None, file: Path) -> Loaded:
    """Load the profiles and the named one, which may be a file elsewhere, among files that are not profiles."""
    if file.is_file() and (local is None or file.resolve().parent != local.resolve()):
        return read_profiles(file.parent, file=file)
    return read_profiles(local)


def _in_force(file: ProfileFile, local: Path | None, enabled: set[str], wanted: set[str]) -> bool:
    name = file.compiled.name
    own = not file.shipped and local is not None and file.path.is_relative_to(local)
    return own or name in enabled or any(_is_called(file, model) for model in wanted)


def _is_called(file: ProfileFile, name: str) -> bool:
    plain = plain_name(name)
    return plain == plain_name(file.compiled.name) or plain in file.compiled.models


def _beside(active_profiles: Mapping[str, ProfileFile], loaded: Loaded) -> dict[str, ProfileFile]:
    """The shipped profiles that are not active, except those whose messages an active one takes."""
    others = {name: file for name, file in loaded.profiles.items() if name not in active_profiles}
    return {
        name: file for name, file in others.items() if not any(ambiguities((file, one)) for one in active_profiles.values())
    }


def _only(loaded: Loaded, name: str) -> dict[str, ProfileFile]:
    """The named profiles. Naming one replaces the registry's entry."""
    found = {key: file for key, file in loaded.profiles.items() if file.path.resolve() == Path(name).resolve() or key == name}
    found = found or {key: file for key, file in loaded.profiles.items() if _is_called(file, name)}
    if not found and loaded.faults:
        raise ConfigurationFault(loaded.fault_lines)
    if not found:
        raise ConfigurationFault([f"--profile: there is no profile {name}; the profiles are {_listed(name, loaded.profiles)}"])
    return {key: replace(file, compiled=file.compiled.for_any_device()) for key, file in found.items()}


def _listed(name: str, there: Collection[str]) -> str:
    return f"{', '.join(sorted(there))}{did_you_mean(name, there)}"


def _not_there(config: Config, there: Collection[str]) -> list[str]:
    return [
        f"{config.profiles.path}: profiles.enable: there is no profile {name}; the profiles are {_listed(name, there)}"
        for name in config.profiles.enable
        if name not in there
    ]
