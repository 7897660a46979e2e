"""The registry of a fleet: ``devices.yaml`` for what ``firmware-sim run`` simulates, as a utility would write it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from firmware_sim.devices.power import Feeder
from firmware_sim.fleet import SimDevice
from firmware_sim.makers.identity import MakerIdentity

AREA_NAME: Final = "Xã mô phỏng {}"
"""Invented, as the devices are: real names of areas are the utility's data."""


PARENT_KIND: Final = {"water-meter": "water-district", "power-house": "power-feeder", "power-solar": "power-feeder"}
"""Kind → the kind that measures what flows to it, at its site."""


def registry_yaml(fleet: Iterable[SimDevice], interval_s: float, together: int = 1) -> str:
    """``devices.yaml`` of a fleet: an area for each site, parents, and the interval of the readings.

    :param together: most readings that a device collects for one message; it is silent after three of these.
    """
    devices = sorted(fleet, key=lambda device: device.name)
    sites = sorted({device.site for device in devices})
    areas = [f"  {_area(site)}: {AREA_NAME.format(site.removeprefix('xa-'))}" for site in sites]
    parents = {(device.site, device.kind): device.name for device in devices}
    lines = (line for device in devices for line in _entry(device, interval_s, parents, together))
    return "\n".join(["areas:", *areas, "devices:", *lines]) + "\n"


def _entry(device: SimDevice, interval_s: float, parents: Mapping[tuple[str, str], str], together: int) -> Iterator[str]:
    yield f"  - id: {device.name}"
    yield f"    site: {device.site}"
    yield f"    domain: {device.domain}"
    yield f"    area: {_area(device.site)}"
    yield f"    interval: {interval_s:g}"
    if together > 1:
        yield f"    silent_after: {3 * together * interval_s:g}"
    if parent := parents.get((device.site, PARENT_KIND.get(device.kind, ""))):
        yield f"    parent: {parent}"
    if device.identity is not None:
        yield from _entry_of_make(device.identity, device.name)
    elif isinstance(device.source, Feeder):
        yield f"    params: {{rated_power_va: {device.source.rated_power_va:g}}}"


def _entry_of_make(identity: MakerIdentity, name: str) -> Iterator[str]:
    """The lines of its make: a source where it sends under another name, its profile, what the profile demands."""
    if identity.source != name:
        yield f'    source: "{identity.source}"'
    yield f"    profile: {identity.maker.profile}"
    if identity.maker.params:
        yield f"    params: {{{', '.join(f'{key}: {value}' for key, value in identity.maker.params.items())}}}"


def _area(site: str) -> str:
    return f"SIM-{site}"
