"""Parts of the tests of the core: a pipeline without its shells, messages, and points read back."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.core.devices.clocks import follow_clock
from gateway.core.devices.device import Device
from gateway.core.devices.streams import Admission, Streams
from gateway.core.message import Outcome, Refusal, StoredMessage
from gateway.core.process import Processor
from gateway.core.readings.clock_trust import ClockTrust, TimeRules
from gateway.core.readings.sums import SumsMode
from schemas.quantities import TEXT_TAGS, Kind, Quantity
from schemas.registry import RegisteredDevice
from tests.core.line_protocol import Point, parse

NOW_MS = 1793491200250
"""2026-11-01T00:00:00.250Z."""

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
RULES = TimeRules(max_past_ms=40 * DAY_MS, max_future_ms=5 * MINUTE_MS, late_after_ms=HOUR_MS)
ALLOWED_TAGS = {"area", "device", "site", *TEXT_TAGS}


def registered_device(**entry: Any) -> RegisteredDevice:  # noqa: ANN401 - what people write of a device
    """A registered device."""
    return RegisteredDevice(**{"id": "d1", **entry})


def replace_registry(streams: Streams, registry: Mapping[str, RegisteredDevice]) -> None:
    """Take a new registry at once."""
    for _ in streams.replacing(registry, streams.profiles):
        pass


def trusted_clock(*, built_ms: int = 0, saved_ms: int = 0) -> ClockTrust:
    """A clock that nothing has cast doubt on yet."""
    return ClockTrust(not_before_ms=max(built_ms, saved_ms), max_future_ms=RULES.max_future_ms)


def tell_time(device: Device, offset_ms: int, now_ms: int) -> bool:
    """Let a device tell a time that is so far ahead of ours; False: it must not be used."""
    device.last_seen_ms = now_ms
    is_used = follow_clock(device, offset_ms, now_ms, RULES)
    device.offset_ms, device.timed_ms = offset_ms, now_ms
    return is_used


def doubted_clock() -> ClockTrust:
    """A clock that shows a time before its build date."""
    trust = trusted_clock(built_ms=NOW_MS + 30 * DAY_MS)
    assert trust.judge(NOW_MS)
    return trust


def pipeline(
    registry: dict[str, RegisteredDevice] | None = None,
    admission: Admission | None = None,
    trust: ClockTrust | None = None,
    sums: SumsMode = SumsMode.OFF,
) -> Processor:
    """A pipeline with the limits of the default configuration."""
    return Processor(Streams({**(registry or {})}, admission), RULES, trust or trusted_clock(), sums=sums)


def topic(device: str = "d1", domain: str = "water", site: str = "s1", channel: str = "readings") -> str:
    """A native topic."""
    return f"iot/v1/{site}/{domain}/{device}/{channel}"


def message(payload: object, on: str | None = None, *, retain: bool = False, duplicate: bool = False) -> StoredMessage:
    """A message on topic ``on``; ``payload`` is bytes, or a document that becomes JSON."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return StoredMessage(topic() if on is None else on, body, retain, duplicate)


def process(payload: object, domain: str = "water", now_ms: int = NOW_MS, into: Processor | None = None) -> Outcome:
    """Process one payload in a new pipeline, or in ``into``."""
    return (into or pipeline()).process(message(payload, topic(domain=domain)), now_ms)


def points(outcome: Outcome) -> list[Point]:
    """The points of all readings of an outcome."""
    return [parse(line) for reading in outcome.readings for line in reading.lines.split("\n")]


def point(outcome: Outcome) -> Point:
    """The one point of an outcome that has nothing else."""
    assert [refusal.detail for refusal in outcome.refusals] == []
    assert outcome.duplicates == 0
    (only,) = points(outcome)
    return only


def refusal(outcome: Outcome) -> Refusal:
    """The one refusal of an outcome that has nothing else."""
    assert outcome.readings == []
    assert outcome.duplicates == 0
    (only,) = outcome.refusals
    return only


def quality(outcome: Outcome) -> int:
    """The quality bits of the only point."""
    return int(point(outcome).fields["quality"])


def is_canonical(quantity: Quantity, value: object) -> bool:
    """Tell if a field is of the table's type: a boolean for a state, else a float within the bounds."""
    if quantity.kind is Kind.STATE:
        return isinstance(value, bool)
    return isinstance(value, float) and quantity.minimum <= value <= quantity.maximum
