"""Played devices for tests, without a connection."""

import json
from typing import Any

from firmware_sim.technician.native import NativeReadings
from firmware_sim.technician.played import PlayedDevice, PlayedMessage
from firmware_sim.technician.setup import PlayRequest, device_of

NOW_MS = 1_795_000_000_000


def request(kind: str = "water", **given: Any) -> PlayRequest:  # noqa: ANN401 - of any option
    """The words of a command line, with all defaults."""
    return PlayRequest(**({"kind": kind} | given))


def device(kind: str = "water", **given: Any) -> PlayedDevice:  # noqa: ANN401 - as above
    """A device whose bench begins at NOW_MS."""
    made, _ = device_of(request(kind, **given), NOW_MS)
    return made


def reading(message: PlayedMessage) -> dict[str, Any]:
    """The reading in a message."""
    found: dict[str, Any] = json.loads(message.payload)
    return found


def bench_of(made: PlayedDevice) -> NativeReadings:
    """The writer of a native device."""
    assert isinstance(made.writer, NativeReadings)
    return made.writer
