"""Rows of devices that write JSON: one message a reading, made of named values."""

from collections.abc import Callable, Mapping
from typing import Any

from firmware_sim.devices.source import SensorValues
from firmware_sim.makers.reading import MakerReading
from firmware_sim.wire.message import CarriedPoint, WireMessage, json_bytes


def renamed(carried: SensorValues, names: Mapping[str, str]) -> dict[str, Any]:
    """The carried values under the names of the maker, in the maker's order."""
    return {theirs: carried[ours] for theirs, ours in names.items() if ours in carried}


def one_point(
    topic: str, document: object, measurement: str, carried: SensorValues, time_ms: int | None, **tags: str
) -> WireMessage:
    """A message with one point."""
    return WireMessage(topic, json_bytes(document), (CarriedPoint(measurement, carried, time_ms, tags),))


def single(encode: Callable[[MakerReading], WireMessage]) -> Callable[[MakerReading], list[WireMessage]]:
    """Encode a reading as a list of the one message that it is."""
    return lambda reading: [encode(reading)]
