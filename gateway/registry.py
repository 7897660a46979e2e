"""The registry: ``devices.yaml``, the list of known devices and of areas."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.config_file import ConfigurationFault, read_yaml
from schemas.quantities import DOMAINS
from schemas.topics import is_name


def _name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"{text!r} may hold 1 to 64 of A-Z a-z 0-9 . _ : -")
    return text


def _domain(text: str) -> str:
    if text not in DOMAINS:
        raise ValueError(f"{text!r} is none of {', '.join(DOMAINS)}")
    return text


Name = Annotated[str, AfterValidator(_name)]


class RegisteredDevice(BaseModel):
    """One device that a utility has put up."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    site: Name | None = None
    domain: Annotated[str, AfterValidator(_domain)] | None = None
    area: Name | None = None
    profile: str | None = None
    model: str | None = None
    serial: str | None = None
    interval: str | int | None = None
    lat: float | None = Field(None, ge=-90, le=90)
    lon: float | None = Field(None, ge=-180, le=180)
    installed: object = None
    params: dict[str, float | int | str | bool] = {}


class Registry(BaseModel):
    """All registered devices, and the names of areas by their code. A code never changes; names do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    devices: list[RegisteredDevice] = []
    areas: dict[str, str] = {}

    def by_id(self) -> dict[str, RegisteredDevice]:
        """Device id → device."""
        return {device.id: device for device in self.devices}


def load_registry(path: Path) -> Registry:
    """The registry in ``path``; an empty one when there is no such file.

    :raises ConfigurationFault: naming file, key and what is wrong.
    """
    if not path.exists():
        return Registry()
    document = read_yaml(path) or {}
    try:
        registry = Registry.model_validate(document)
    except ValidationError as error:
        lines = [
            f"{path}: {'.'.join(map(str, fault['loc'])) or 'document'}: {fault['msg'].removeprefix('Value error, ')}"
            for fault in error.errors()
        ]
        raise ConfigurationFault(lines) from error
    return _checked(registry, path)


def _checked(registry: Registry, path: Path) -> Registry:
    seen: set[str] = set()
    faults = []
    for number, device in enumerate(registry.devices):
        if device.id in seen:
            faults.append(f"{path}: devices.{number}.id: {device.id} stands twice")
        if device.area is not None and device.area not in registry.areas:
            faults.append(f"{path}: devices.{number}.area: {device.area} is not among the areas")
        seen.add(device.id)
    if faults:
        raise ConfigurationFault(faults)
    return registry
