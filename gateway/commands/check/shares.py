"""The part of ``gateway check`` that looks at the shares of several gateways: what no gateway reads, and how even they are."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from gateway.core.gateways.sharing import Share, filters_of, loads_of
from gateway.ingest.catalog import Catalog
from gateway.support.registry.registry import RegistryFault
from gateway.support.registry.shares import SharesFile
from schemas.registry import RegisteredDevice
from schemas.shares import has_dot
from schemas.topics import NativeTopic, matches

_UNEVEN: Final = 0.15
_NO_TOPICS: Final = (
    "no share is a topic or a group, but {} registered devices send by profiles: their messages come to no gateway"
)


def unread_devices(catalog: Catalog, shares: SharesFile) -> list[RegistryFault]:
    """Name the registered devices that no gateway would hear, each place in the registry once for a site and domain."""
    read, told = _Read(shares.shares), set[tuple[str, str]]()
    found: list[RegistryFault] = []
    for at, device in enumerate(catalog.registry.devices):
        if catalog.profiles.named(device) or device.site is None or device.domain is None:
            continue
        found += [(("devices", at, key), what) for key, what in _dots(device)]
        if device.id in shares.gateways:
            found.append((("devices", at, "id"), f"{device.id} is a gateway: at the broker the device could be it; rename it"))
        place = (device.site, device.domain)
        if "." not in device.site and place not in told and not read.takes(device):
            told.add(place)
            found.append((("devices", at, "site"), f"{device.site} ({device.domain}) is in no share: no gateway reads it"))
    return found


def share_warnings(path: Path, catalog: Catalog, shares: SharesFile, client_id: str) -> Iterator[str]:
    """Say what may be a mistake in the shares."""
    loads = loads_of(shares.assigned, shares.gateways)
    fair = 1 / len(shares.gateways)
    if shares.shares and any(abs(load - fair) > _UNEVEN * fair for load in loads.values()):
        parts = ", ".join(f"{name} {load:.0%}" for name, load in loads.items())
        yield f"{path}: shares: the weights give {parts}; split a large site by domain"
    if not shares.of(client_id):
        yield f"{path}: shares: none is of {client_id}: it reads nothing"
    profiled = sum(bool(catalog.profiles.named(device)) for device in catalog.registry.devices)
    if profiled and all(share.site is not None for share in shares.shares):
        yield f"{path}: shares: {_NO_TOPICS.format(profiled)}"


def shares_told(path: Path, shares: SharesFile, client_id: str) -> str:
    """One line on the part of a gateway."""
    own, load = shares.of(client_id), loads_of(shares.assigned, shares.gateways).get(client_id, 0.0)
    return f"{path}: {client_id} has {len(own)} of {len(shares.shares)} shares, {load:.0%} of the readings"


class _Read:
    """The messages that the gateways read together."""

    def __init__(self, shares: Sequence[Share]) -> None:
        self._places = {(share.site, share.domain) for share in shares if share.site is not None}
        self._filters = [pattern for share in shares if share.site is None for pattern in filters_of(share)]

    def takes(self, device: RegisteredDevice) -> bool:
        """Tell if one of them reads the device's own topic."""
        if {(device.site, None), (device.site, device.domain)} & self._places:
            return True
        topic = str(NativeTopic(device.site or "", device.domain or "", device.id, "readings"))
        return any(matches(pattern, topic) for pattern in self._filters)


def _dots(device: RegisteredDevice) -> Iterator[tuple[str, str]]:
    for key, name in (("site", device.site), ("source" if device.source else "id", device.source or device.id)):
        if name is not None and (what := has_dot(name)):
            yield key, what
