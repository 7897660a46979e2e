"""Which profiles are in force: the utility's own, and of those shipped what ``profiles.enable`` or a device names."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.core.envelopes import Envelopes
from gateway.core.profiles import Profiles
from gateway.settings import shipped
from gateway.settings.config import Config
from gateway.settings.config_file import ConfigurationFault
from gateway.settings.profile_files import Loaded, ProfileFile, ambiguities, load_profiles
from gateway.settings.registry import check_profiles
from schemas.registry import Registry, plain_name


def load_in_force(
    config: Config,
    registry: Registry,
    wanted: set[str],
    *,
    also: str | None,
    all_shipped: bool,
    faults: list[str] | None = None,
) -> tuple[dict[str, ProfileFile], Profiles]:
    """The profiles in force, with their files; ``wanted`` are the profiles and models that the registry names.

    :param faults: where given, faults are added to it, and what is sound is loaded all the same.
    :raises ConfigurationFault: naming file, key and what is wrong.
    """
    local = config.profiles.path if config.profiles.path.is_dir() else None
    if also is not None:
        loaded = _load_also(local, Path(also))
        files = _only(loaded, also)
    else:
        some = None if all_shipped else {*wanted, *config.profiles.enable}
        loaded = load_profiles(local, wanted=some, faults=faults)
        if not faults:  # else a name may be that of a profile at fault
            _tell(_wrong_names(config, registry, loaded), faults)
        files = {name: file for name, file in loaded.profiles.items() if _in_force(file, {*config.profiles.enable}, wanted)}
    _tell(ambiguities(files.values()), faults)
    if all_shipped:
        files |= _beside(files, loaded)
    profiles = Profiles([file.compiled for file in files.values()], Envelopes(loaded.envelopes.values()))
    return files, profiles


def _load_also(local: Path | None, file: Path) -> Loaded:
    """What is there, and what is meant: it may be a file that lies elsewhere, among others that are no profiles."""
    if file.is_file() and (local is None or file.resolve().parent != local.resolve()):
        return load_profiles(file.parent, file=file)
    return load_profiles(local)


def _in_force(file: ProfileFile, enabled: set[str], wanted: set[str]) -> bool:
    name = file.compiled.name
    return not file.shipped or name in enabled or name in wanted or any(_is_called(file, model) for model in wanted)


def _is_called(file: ProfileFile, name: str) -> bool:
    plain = plain_name(name)
    return plain == plain_name(file.compiled.name) or plain in file.compiled.models


def _beside(in_force: Mapping[str, ProfileFile], loaded: Loaded) -> dict[str, ProfileFile]:
    """The shipped profiles that are not in force, but those whose messages one in force takes."""
    others = {name: file for name, file in loaded.profiles.items() if name not in in_force}
    return {name: file for name, file in others.items() if not any(ambiguities((file, one)) for one in in_force.values())}


def _only(loaded: Loaded, name: str) -> dict[str, ProfileFile]:
    """The profiles that are meant. Who names one has said what the registry would say."""
    found = {key: file for key, file in loaded.profiles.items() if file.path.resolve() == Path(name).resolve() or key == name}
    found = found or {key: file for key, file in loaded.profiles.items() if _is_called(file, name)}
    if not found:
        raise ConfigurationFault([f"--profile: there is no profile {name}; there are {', '.join(sorted(loaded.profiles))}"])
    return {key: replace(file, compiled=replace(file.compiled, by_registry=False)) for key, file in found.items()}


def _wrong_names(config: Config, registry: Registry, loaded: Loaded) -> list[str]:
    there = shipped.names() | loaded.profiles.keys()
    wrong = [
        f"{config.profiles.path}: profiles.enable: there is no profile {name}; there are {', '.join(sorted(there))}"
        for name in config.profiles.enable
        if name not in there
    ]
    models = {model for file in loaded.profiles.values() for model in file.model.models}
    return wrong + check_profiles(config.devices.registry, registry, there | models)


def _tell(found: list[str], faults: list[str] | None) -> None:
    if faults is not None:
        faults += found
    elif found:
        raise ConfigurationFault(found)
