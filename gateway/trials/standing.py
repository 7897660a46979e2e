"""The steps that are missing before the running gateway does what ``gateway decode`` shows: profile, registration."""

from collections.abc import Iterator

from gateway.catalog import Catalog
from gateway.config.model import Config
from gateway.core.profiles.recognition import Frame
from schemas.registry import RegisteredDevice, device_key


def what_is_missing(config: Config, catalog: Catalog, frame: Frame) -> str:
    """Say what makes the profile of a frame active for its device; empty if it is active."""
    file = catalog.files[frame.profile.name]
    register = f"register {frame.device} with {_name_in_registry(file.model.models, frame.profile.name)}"
    by_registry = file.model.match.by is not None
    if frame.profile.name in catalog.active_profiles:
        taken = not by_registry or frame.profile.name in _named(catalog, frame)
        return "" if taken else f"NOT active for this device: {register}"
    if not file.shipped:
        return f"NOT active: put {file.path.name} into {config.profiles.path}"
    enable = f"add profiles: {{enable: [{frame.profile.name}]}} to gateway.yaml"
    return f"NOT active: {register}" if by_registry else f"NOT active: {enable}, or {register}"


def _name_in_registry(models: list[str], profile: str) -> str:
    return f"model: {models[0]}" if models else f"profile: {profile}"


def _named(catalog: Catalog, frame: Frame) -> Iterator[str]:
    """Profiles that the registry or the network server names for the device."""
    device: RegisteredDevice | None = catalog.devices.get(frame.device) or catalog.devices.get(device_key(frame.device))
    model = frame.document.get("model") if frame.profile.envelope is not None else None
    for profile in (*catalog.profiles.named(device), *catalog.profiles.of_model(model)):
        yield profile.name
