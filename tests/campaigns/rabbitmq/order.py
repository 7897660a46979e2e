"""The order in which the readings of a device come. Pure."""

from collections.abc import Iterable

from tests.campaigns.rig.tap import Handed
from tests.campaigns.rig.verdict import Key, keys_of


def out_of_order(handed: Iterable[Handed]) -> list[Key]:
    """Readings that came after a later one of their device; what comes again is no news."""
    last: dict[str, int] = {}
    seen: set[Key] = set()
    found = []
    for message in handed:
        if not message.topic.endswith("/readings"):
            continue
        for device, seq in keys_of(message.topic, message.payload):
            if (device, seq) not in seen and seq < last.get(device, -1):
                found.append((device, seq))
            seen.add((device, seq))
            last[device] = max(seq, last.get(device, -1))
    return found
