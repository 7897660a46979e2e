"""Reading the registry, ``devices.yaml``; its model is :mod:`schemas.registry`.

The version of the file, a hash of its text, tells if it is the one that was read.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.support.config.files import ConfigurationFault, read_yaml, text_of
from gateway.support.config.model import Mqtt
from gateway.support.config.plain_yaml import TOGETHER
from gateway.support.config.setting_types import sentence
from gateway.support.private_files import is_there
from schemas.nearest import did_you_mean
from schemas.registry import (
    CLOCK_OFFSET,
    READING_DAY,
    Clash,
    RegisteredDevice,
    Registry,
    clashes,
    device_key,
    devices_adapter,
    registry_adapter,
    source_key,
)

_SHOWN: Final = 50
"""Most faults reported at a time: a wrong column of 10,000 devices is one fault, and nobody reads 10,000 lines."""

KeyPath = tuple[int | str, ...]
RegistryFault = tuple[KeyPath, str]
"""Place in the document, and the fault there."""


def load_registry(path: Path) -> Registry:
    """The registry in ``path``, an empty one if there is no such file; ConfigurationFault naming file, key, fault and line."""
    if not is_there(path):
        return Registry()
    document = read_yaml(path, _settle)
    try:
        registry = registry_of(document)
    except ValidationError as error:
        raise ConfigurationFault(fault_lines(path, faults_in(error))) from error
    if faults := registry_faults(registry):
        raise ConfigurationFault(fault_lines(path, faults))
    return registry


def free(items: list[Any]) -> None:
    """Free the items of a list that nobody needs any more, some at a time.

    Python frees 20,000 devices in one go, and a thread that does it keeps the interpreter from the readings meanwhile.
    """
    while items:
        del items[-TOGETHER:]


def registry_of(document: object) -> Registry:
    """The registry in a document, an empty one in an empty file; ValidationError if it is not valid.

    Many devices are validated some at a time: a thread that did it in one go would keep the interpreter from the readings. Each
    takes the place of its part of the document; where that was done while it was read, nothing is left to do.
    """
    whole = {} if document is None else document
    if not (isinstance(whole, dict) and isinstance(listed := whole.get("devices"), list)):
        return registry_adapter.validate_python(whole)
    try:
        for at in range(0, len(listed), TOGETHER):
            listed[at : at + TOGETHER] = devices_adapter.validate_python(listed[at : at + TOGETHER])
        return replace(registry_adapter.validate_python({**whole, "devices": []}), devices=listed)
    except ValidationError:
        return registry_adapter.validate_python(whole)  # the fault is told with its place in the whole


def _settle(items: list[Any]) -> None:
    """Validate the newest devices of a list that is still being read: 10,000 of them as they are written take 7 MB."""
    with suppress(ValidationError):  # told with its place once the whole is read
        items[-TOGETHER:] = devices_adapter.validate_python(items[-TOGETHER:])


def registry_faults(registry: Registry) -> list[RegistryFault]:
    """The faults among devices that are sound each by itself: names, areas, parents."""
    twins = [(("devices", clash.place, clash.key), clash_told(registry, clash)) for clash in clashes(registry.devices)]
    unknown_areas = [
        (("devices", at, "area"), f"{device.area} is not among the areas")
        for at, device in enumerate(registry.devices)
        if device.area is not None and device.area not in registry.areas
    ]
    return [*twins, *unknown_areas, *parent_faults(registry)]


def unknown_profiles(registry: Registry, names: Collection[str]) -> list[RegistryFault]:
    """Devices whose profile is not among ``names``."""
    return [
        (("devices", at, "profile"), f"there is no profile {device.profile}{did_you_mean(device.profile, names)}")
        for at, device in enumerate(registry.devices)
        if device.profile is not None and device.profile not in names
    ]


def named_as_gateway(registry: Registry, mqtt: Mqtt) -> list[RegistryFault]:
    """Devices whose account at the broker would own the gateway's session there, or have its rights."""
    names = {mqtt.username: "mqtt.username", mqtt.client_id: "mqtt.client_id"}
    return [
        (("devices", at, "id"), f"{device.id} is {names[device.id]}: at the broker the device could be the gateway; rename it")
        for at, device in enumerate(registry.devices)
        if device.id in names
    ]


def clash_told(registry: Registry, clash: Clash) -> str:
    """Name two devices that claim one name."""
    first, device = registry.devices[clash.before], registry.devices[clash.place]
    if clash.key == "id":
        return f"{device.id} occurs twice; the first is devices.{clash.before}"
    whose = "id" if source_key(device.source or "") == device_key(first.id) else "source"
    return f"{device.source!r}, the source of {device.id}, is also the {whose} of {first.id}, devices.{clash.before}"


def parent_faults(registry: Registry) -> list[RegistryFault]:
    """Devices whose parent is not registered, measures something else, or is in the end the device itself."""
    by_key = {device_key(device.id): device for device in registry.devices}
    faults: list[RegistryFault] = []
    for at, device in enumerate(registry.devices):
        if device.parent is not None and (what := _parent_fault(device, by_key)):
            faults.append((("devices", at, "parent"), what))
    return faults


def _parent_fault(device: RegisteredDevice, by_key: Mapping[str, RegisteredDevice]) -> str:
    """The first fault of a device's parents; empty: they have none."""
    for name in device.parents:
        parent = by_key.get(device_key(name))
        if parent is None:
            return f"{name} is not among the devices"
        if None not in (device.domain, parent.domain) and device.domain != parent.domain:
            return f"{parent.id} measures {parent.domain}, {device.id} {device.domain}: there is no balance of the two"
    circle = _circle(device, by_key)
    return f"{' → '.join(circle)}: nothing flows to a device through itself" if circle else ""


def _circle(device: RegisteredDevice, by_key: Mapping[str, RegisteredDevice]) -> list[str]:
    """The way from a device over its parents back to itself; empty where there is none."""
    ways, met = [(device, [device.id])], set[str]()
    while ways:
        at, way = ways.pop()
        for name in at.parents:
            above = by_key.get(device_key(name))
            if above is device:
                return [*way, above.id]
            if above is not None and above.id not in met:
                met.add(above.id)
                ways.append((above, [*way, above.id]))
    return []


def fault_lines(path: Path, faults: Sequence[RegistryFault]) -> list[str]:
    """The first faults in words, with their lines in the file."""
    if not faults:
        return []
    shown = faults[:_SHOWN]
    from gateway.support.config.strict_yaml import lines_of  # noqa: PLC0415 - with PyYAML, and only for faults

    numbers = lines_of(text_of(path), [place for place, _ in shown])
    lines = [
        f"{path}: {'.'.join(map(str, place)) or 'document'}: {what} (line {number})"
        for (place, what), number in zip(shown, numbers, strict=True)
    ]
    return lines + ([f"{path}: document: {len(faults) - _SHOWN} faults more"] if len(faults) > _SHOWN else [])


def faults_in(error: ValidationError) -> list[RegistryFault]:
    """The faults that pydantic found, each once, with their places in the document."""
    return list(dict.fromkeys((_place_of(fault), sentence(fault)) for fault in error.errors(include_url=False)))


def _place_of(fault: ErrorDetails) -> KeyPath:
    """The keys and numbers that lead to a fault, without the types that pydantic adds for a parameter."""
    place = tuple(part for part in fault["loc"] if part != "[key]")
    if place[-1:] == ("params",) and fault["type"] == "value_error":
        return (*place, READING_DAY if "reading day" in fault["msg"] else CLOCK_OFFSET)  # those that the model looks at
    return place[: place.index("params") + 2] if "params" in place else place


_HASH_LETTERS: Final = 16
"""Enough to tell versions of one file apart."""


class KnownRegistry(NamedTuple):
    """A registry that was read, and the version of the file that says it."""

    version: str
    registry: Registry


def version_of(path: Path) -> str:
    """The version of a file, a hash of its text, empty if there is none; ConfigurationFault if it cannot be read."""
    return version_of_text(text_if_there(path))


def version_of_text(text: str | None) -> str:
    """The version of a text; empty if there is none."""
    return "" if text is None else hashlib.sha256(text.encode()).hexdigest()[:_HASH_LETTERS]


def text_if_there(path: Path) -> str | None:
    """The text of a file, None if there is none; ConfigurationFault if it cannot be read, or is not UTF-8."""
    try:
        return text_of(path)
    except ConfigurationFault as fault:
        if isinstance(fault.__cause__, FileNotFoundError):
            return None
        raise
