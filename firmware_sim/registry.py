"""The registry of a fleet: ``devices.yaml`` for what ``firmware-sim run`` simulates, as a utility would write it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import cos, sin, sqrt
from typing import Final

from firmware_sim.devices.power import Feeder
from firmware_sim.fleet import SimDevice, parents_of
from firmware_sim.makers.identity import MakerIdentity

AREA_NAME: Final = "Xã mô phỏng {}"
"""Invented, as the devices are: real names of areas are the utility's data."""

_FIRST_LAT, _FIRST_LON = 21.3, 105.3
_SITES_A_ROW: Final = 4
_SITE_APART, _SITE_RADIUS = 0.08, 0.03
"""Degrees."""
_GOLDEN_ANGLE: Final = 2.399963


def registry_yaml(fleet: Iterable[SimDevice], interval_s: float, together: int = 1) -> str:
    """``devices.yaml`` of a fleet: an area for each site, parents, and the interval of the readings.

    :param together: most readings that a device collects for one message; it is silent after three of these.
    """
    devices = sorted(fleet, key=lambda device: device.name)
    sites = sorted({device.site for device in devices})
    areas = [f"  {_area(site)}: {AREA_NAME.format(site.removeprefix('xa-'))}" for site in sites]
    parents = parents_of(devices)
    places = dict(_places(devices, sites))
    lines = (line for device in devices for line in _entry(device, interval_s, parents, places[device.name], together))
    return "\n".join(["areas:", *areas, "devices:", *lines]) + "\n"


def _places(devices: Iterable[SimDevice], sites: Sequence[str]) -> Iterator[tuple[str, tuple[float, float]]]:
    """Invented places: the sites in rows, the devices of each spread around its middle."""
    numbers = Counter[str]()
    for device in devices:
        row, column = divmod(sites.index(device.site), _SITES_A_ROW)
        number = numbers[device.site]
        numbers[device.site] += 1
        angle, radius = number * _GOLDEN_ANGLE, _SITE_RADIUS * sqrt(number % 100 / 100)
        lat, lon = _FIRST_LAT + row * _SITE_APART, _FIRST_LON + column * _SITE_APART
        yield device.name, (lat + radius * sin(angle), lon + radius * cos(angle))


def _entry(
    device: SimDevice, interval_s: float, parents: Mapping[str, str], place: tuple[float, float], together: int
) -> Iterator[str]:
    yield f"  - id: {device.name}"
    yield f"    site: {device.site}"
    yield f"    domain: {device.domain}"
    yield f"    area: {_area(device.site)}"
    yield f"    lat: {place[0]:.5f}"
    yield f"    lon: {place[1]:.5f}"
    yield f"    interval: {interval_s:g}"
    if together > 1:
        yield f"    silent_after: {3 * together * interval_s:g}"
    if parent := parents.get(device.name):
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
