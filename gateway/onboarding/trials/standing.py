"""The step that is missing before the running gateway does what a trial shows: a profile to activate, a device to register."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from gateway.core.profiles.recognition import Frame
from gateway.ingest.catalog import Catalog
from gateway.support.config.model import Config
from schemas.registry import RegisteredDevice, device_key


class MissingKind(StrEnum):
    """The thing to do."""

    REGISTER = "register"
    """Register the device with the profile or model."""
    ENABLE = "enable"
    """Enable the profile, or register the device with it."""
    SAVE = "save"
    """Put the file of the profile into the folder of profiles."""


@dataclass(frozen=True, slots=True)
class MissingStep:
    """The step before a profile takes the messages of a device.

    :ivar is_active: the profile is active, for other devices.
    :ivar profile: its name.
    :ivar entry: its name in the registry: ``model: …`` or ``profile: …``.
    :ivar file: its file.
    :ivar folder: the folder of the utility's own profiles.
    """

    kind: MissingKind
    is_active: bool
    profile: str
    device: str
    entry: str
    file: str
    folder: str

    def sentence(self) -> str:
        """The step in English, for the command line."""
        register = f"register {self.device} with {self.entry}"
        if self.kind is MissingKind.SAVE:
            return f"NOT active: put {self.file} into {self.folder}"
        if self.kind is MissingKind.ENABLE:
            return f"NOT active: add profiles: {{enable: [{self.profile}]}} to gateway.yaml, or {register}"
        return f"NOT active{' for this device' if self.is_active else ''}: {register}"


def missing_step(config: Config, catalog: Catalog, frame: Frame) -> MissingStep | None:
    """The step that makes the profile of a frame active for its device; None if it is."""
    file = catalog.files[frame.profile.name]
    by_registry = file.model.match.by is not None
    is_active = frame.profile.name in catalog.active_profiles
    if is_active and (not by_registry or frame.profile.name in _named(catalog, frame)):
        return None
    if is_active or (file.shipped and by_registry):
        kind = MissingKind.REGISTER
    else:
        kind = MissingKind.ENABLE if file.shipped else MissingKind.SAVE
    entry = _name_in_registry(file.model.models, frame.profile.name)
    return MissingStep(kind, is_active, frame.profile.name, frame.device, entry, file.path.name, str(config.profiles.path))


def _name_in_registry(models: list[str], profile: str) -> str:
    return f"model: {models[0]}" if models else f"profile: {profile}"


def _named(catalog: Catalog, frame: Frame) -> Iterator[str]:
    """Profiles that the registry or the network server names for the device."""
    device: RegisteredDevice | None = catalog.devices.get(frame.device) or catalog.devices.get(device_key(frame.device))
    model = frame.document.get("model") if frame.profile.envelope is not None else None
    for profile in (*catalog.profiles.named(device), *catalog.profiles.of_model(model)):
        yield profile.name
