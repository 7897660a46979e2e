"""Health points of each registered device, every minute: up or not, its silence, its clock, its missing readings.

Points of ``device_health``, beside those that devices send themselves: same tags, other fields. They are outside the ledger.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.devices.streams import Streams
from gateway.core.message import Unresolved
from gateway.core.readings.line_protocol import escape_tag, tag_text
from gateway.core.status.silence import Presence, Silence
from schemas.quantities import HEALTH
from schemas.registry import RegisteredDevice, device_key

LINES_MAX: Final = 5000
"""Lines in one body."""


@lru_cache(maxsize=4096)
def _around(area: str | None, site: str | None) -> tuple[str, str]:
    """The tags before and behind the device's; fleets have few areas and sites."""
    return tag_text((("area", area),)), tag_text((("site", site),))


def health_line(device: Device, registered: RegisteredDevice, silence: Silence, now_ms: int) -> str:
    """The point of one device, which is up while it is online (:mod:`gateway.core.status.silence`)."""
    area, site = _around(registered.area, registered.site)
    fields, seen_ms = "", silence.membership.heard_ms(device)
    if device.offset_ms is not None:
        fields = f"clock_offset_s={device.offset_ms / 1000!r},"
    if seen_ms:
        up, silent_ms = silence.presence(device, now_ms) is Presence.ONLINE, max(0, now_ms - seen_ms)
        fields += f"silence_s={silent_ms / 1000!r},seq_missing={float(device.seq_missing)!r},up={up!r}"
    else:  # it was never heard: nobody knows how long it has been silent
        fields += "seq_missing=0.0,up=False"
    return f"{HEALTH}{area},device={escape_tag(device.name)}{site} {fields} {now_ms}"


def registered_devices(streams: Streams) -> Iterator[Device]:
    """Every registered device, once. One that was not heard yet is admitted now, with its stored state."""
    for name, registered in streams.registry.items():
        if registered.source is not None and name != registered.id:
            continue
        device: Device | Unresolved | None = streams.devices.get(name)
        if device is None:
            is_canonical = registered.source is not None or (device_key(name) == name and registered.id not in streams.devices)
            device = streams.meet(name) if is_canonical else None
            if isinstance(device, Unresolved):  # as a simulated one where those are refused: it is listed as never heard
                device = Device(registered.id, registered)
        if isinstance(device, Device):
            yield device


def health_lines(devices: Iterable[Device], silence: Silence, now_ms: int, most: int = LINES_MAX) -> Iterator[list[str]]:
    """The points of the registered ones among ``devices``, at most ``most`` at a time; each made when asked for.

    Of devices that gateways share each writes its part, and nobody that of a device of which it is not known who hears it now.
    """
    rest, membership = iter(devices), silence.membership
    while some := list(islice(rest, most)):
        lines = [
            health_line(device, device.registered, silence, now_ms)
            for device in some
            if device.registered is not None
            and membership.writes_health(device, now_ms, heard=silence.is_heard(device, now_ms))
            and not silence.is_in_doubt(device, now_ms)
        ]
        if lines:
            yield lines
