"""Changes of the registry as values: devices added, edited or taken out, before anything is written.

They come from a form, from a command or from a spreadsheet, and are one thing from here on: the registry before and after, and
the devices that differ.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import ValidationError

from gateway.support.registry.registry import RegistryFault, faults_in, registry_faults
from schemas.registry import COLUMNS, RegisteredDevice, Registry, clashes, device_adapter, device_key

PLACE: Final = ("site", "area", "parent", "lat", "lon", "address")
"""The keys that a move changes."""


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """A registry before, and as it is to be, with new devices at the end of the list.

    :ivar changed: place in the list of devices before → before and after.
    :ivar retired: place in the list of devices before → the device that is taken out.
    """

    before: Registry
    registry: Registry
    added: list[RegisteredDevice] = field(default_factory=list)
    changed: dict[int, tuple[RegisteredDevice, RegisteredDevice]] = field(default_factory=dict)
    retired: dict[int, RegisteredDevice] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.retired)

    @property
    def devices(self) -> list[RegisteredDevice]:
        """The devices that are new or changed, as they are to be."""
        return [*self.added, *(after for _, after in self.changed.values())]


MakeChange = Callable[[Registry], RegistryChange]
"""Makes a change of the registry that is there when it is written."""


class ChangeRefused(Exception):  # noqa: N818 - says what it is
    """A change with ``faults``: a sentence for each key of the device that has one; ``id`` stands for the device itself."""

    def __init__(self, device: str, faults: Mapping[str, str]) -> None:
        super().__init__("\n".join(f"{device}: {key}: {what}" for key, what in faults.items()))
        self.device = device
        self.faults = dict(faults)


def change_of(
    before: Registry,
    added: Iterable[RegisteredDevice] = (),
    changed: Mapping[int, RegisteredDevice] | None = None,
    retired: Iterable[int] = (),
) -> RegistryChange:
    """The change that adds devices, replaces those at some places and takes others out. Nothing is checked."""
    pairs = {place: (before.devices[place], after) for place, after in (changed or {}).items()}
    gone = {place: before.devices[place] for place in retired}
    new = list(added)
    stay = [pairs[at][1] if at in pairs else device for at, device in enumerate(before.devices) if at not in gone]
    return RegistryChange(before, replace(before, devices=stay + new), new, pairs, gone)


def add(registry: Registry, document: Mapping[str, Any]) -> RegistryChange:
    """Add a device with keys as in ``devices.yaml``, empty ones left out; ChangeRefused names each key at fault."""
    device = _device(document)
    if place_in(registry, device.id) is not None:
        raise ChangeRefused(device.id, {"id": f"{device.id} is registered already"})
    return _checked(change_of(registry, [device]), device)


def edit_device(registry: Registry, name: str, document: Mapping[str, Any]) -> RegistryChange:
    """Give keys of a device other values; an empty one takes the key away. Its parameters are merged.

    ChangeRefused if there is no such device, or with a sentence for each key at fault.
    """
    place = _place(registry, name)
    before = registry.devices[place]
    if "id" in document and device_key(str(document["id"])) != device_key(before.id):
        raise ChangeRefused(before.id, {"id": "an id never changes: it names the series; register the new one and retire this"})
    kept = {key: getattr(before, key) for key in COLUMNS if getattr(before, key) is not None}
    params = {**before.params, **document.get("params", {})}
    after = _device({**kept, **document, "id": before.id, "params": params})
    return _checked(change_of(registry, changed={place: after} if after != before else {}), after)


def with_source(registry: Registry, name: str, source: str) -> RegistryChange:
    """Give a device whose meter was exchanged the name that the new meter sends under; ChangeRefused if another one has it.

    Its id stays the name that it has in the database: that of an EUI without a source is in lower case.
    """
    place = _place(registry, name)
    before = registry.devices[place]
    after = replace(before, id=device_key(before.id) if before.source is None else before.id, source=source)
    changed = change_of(registry, changed={place: after})
    if clash := next(clashes(changed.registry.devices), None):
        other = changed.registry.devices[clash.before if clash.place == place else clash.place]
        raise ChangeRefused(before.id, {"source": f"{other.id} has the name {source!r} already"})
    return changed


def retire(registry: Registry, name: str) -> RegistryChange:
    """Take a device out; ChangeRefused if there is none, or others name it as their parent."""
    place = _place(registry, name)
    device = registry.devices[place]
    key = device_key(device.id)
    children = [one.id for one in registry.devices if key in map(device_key, one.parents)]
    if children:
        shown = ", ".join(children[:5]) + (" ..." if len(children) > 5 else "")  # noqa: PLR2004 - a line
        raise ChangeRefused(device.id, {"id": f"{device.id} is the parent of {shown}; give them another parent first"})
    return change_of(registry, retired=[place])


def place_in(registry: Registry, name: str) -> int | None:
    """The place of a device in the list, its id in any spelling."""
    key = device_key(name)
    return next((place for place, device in enumerate(registry.devices) if device_key(device.id) == key), None)


def filled(document: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a document that have a value."""
    return {key: value for key, value in document.items() if value not in (None, "", {})}


def _place(registry: Registry, name: str) -> int:
    place = place_in(registry, name)
    if place is None:
        raise ChangeRefused(name[:80], {"id": f"{name[:80]!r} is not in the registry; register it first"})
    return place


def _device(document: Mapping[str, Any]) -> RegisteredDevice:
    given = filled({**document, "params": filled(document.get("params", {}))})
    try:
        return device_adapter.validate_python(given)
    except ValidationError as error:
        faults = {".".join(map(str, place)): what for place, what in faults_in(error)}
        raise ChangeRefused(str(document.get("id", ""))[:80], faults) from error


def _checked(change: RegistryChange, device: RegisteredDevice) -> RegistryChange:
    if faults := faults_of(registry_faults(change.registry), change.registry, device):
        raise ChangeRefused(device.id, faults)
    return change


def faults_of(faults: Iterable[RegistryFault], registry: Registry, device: RegisteredDevice) -> dict[str, str]:
    """The faults of a changed registry by the keys of the device that was changed; what it does to another stands at its id."""
    found: dict[str, str] = {}
    for (_, place, *keys), what in faults:
        other, key = registry.devices[int(place)], ".".join(map(str, keys))
        if other is device:
            found[key] = what
        else:
            found.setdefault("id", f"{other.id}: {key}: {what}")
    return found
