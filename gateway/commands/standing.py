"""What stands between a message as ``gateway decode`` reads it and the running gateway: its profile, its registration."""

from collections.abc import Iterator

from gateway.core.candidates import Frame
from gateway.known import Known
from gateway.settings.config import Config
from schemas.registry import RegisteredDevice, device_key


def what_is_missing(config: Config, known: Known, frame: Frame) -> str:
    """Say what puts the profile of a frame in force for its device; empty where it is."""
    file = known.files[frame.profile.name]
    register = f"register {frame.device} with {_name_in_registry(file.model.models, frame.profile.name)}"
    by_registry = file.model.match.by is not None
    if frame.profile.name in known.in_force:
        taken = not by_registry or frame.profile.name in _named(known, frame)
        return "" if taken else f"NOT in force for this device: {register}"
    if not file.shipped:
        return f"NOT in force: put {file.path.name} into {config.profiles.path}"
    enable = f"add profiles: {{enable: [{frame.profile.name}]}} to gateway.yaml"
    return f"NOT in force: {register}" if by_registry else f"NOT in force: {enable}, or {register}"


def _name_in_registry(models: list[str], profile: str) -> str:
    return f"model: {models[0]}" if models else f"profile: {profile}"


def _named(known: Known, frame: Frame) -> Iterator[str]:
    """Profiles that the registry or the network server names for the device."""
    device: RegisteredDevice | None = known.devices.get(frame.device) or known.devices.get(device_key(frame.device))
    model = frame.document.get("model") if frame.profile.envelope is not None else None
    for profile in (*known.profiles.named(device), *known.profiles.of_model(model)):
        yield profile.name
