"""The places at which work may be planned: a mistyped one would silence nobody, and one left out the whole province."""

from collections.abc import Iterable, Iterator, Mapping

from gateway.core.devices.streams import Streams
from schemas.nearest import did_you_mean
from schemas.registry import RegisteredDevice, device_key


class WorkPlaces:
    """The sites and devices that are registered, or were heard; ``registered``: by id, in each writing."""

    def __init__(self, registered: Mapping[str, RegisteredDevice], heard: Iterable[tuple[str, str]]) -> None:
        self._sites = {device.site for device in registered.values() if device.site}
        self._ids = {name: device.id for name, device in registered.items()}
        for site, device in heard:
            self._sites |= {site} - {""}
            self._ids |= {device: device}

    def place(self, site: str, device: str, *, everywhere: bool) -> tuple[str, str]:
        """Site and device of planned work, both empty for everywhere; ValueError: it is not one place, or nobody knows it."""
        if (bool(site), bool(device), everywhere).count(True) != 1:
            raise ValueError("place: name one: a site, a device, or everywhere")
        found = self._ids.get(device) or self._ids.get(device_key(device)) if device else ""
        if found is None:
            raise ValueError(f"device: {device!r} is not registered, and was not heard{did_you_mean(device, self._ids)}")
        if site and site not in self._sites:
            close = did_you_mean(site, self._sites)
            raise ValueError(f"site: {site!r} is of no registered device, and none was heard there{close}")
        return site, found


def heard(streams: Streams) -> Iterator[tuple[str, str]]:
    """Site and id of each device that a running gateway has heard."""
    yield from ((stream.site, stream.device.name) for stream in streams.native.values())
    for device in streams.devices.values():
        yield from ((series.site, device.name) for series in (device.series or {}).values())
