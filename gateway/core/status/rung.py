"""A rung of a device's ladder (:mod:`gateway.core.status.ladder`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.core.status.verdict import Level

RungArgs = Mapping[str, float | str]
"""``_ms``: an instant; ``_s``: a span of time; ``cause``: a code of a closed list; other texts are quoted."""


class RungName(StrEnum):
    """The rungs, from the ground up."""

    HEARD = "heard"
    REGISTERED = "registered"
    PROFILE = "profile"
    PAYLOAD = "payload"
    VALUES = "values"
    CLOCK = "clock"
    COUNTER = "counter"
    INFLUXDB = "influxdb"


class RungState(StrEnum):
    """State of a rung."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung.

    :ivar code: names the sentence about it, and the advice.
    :ivar stops: no reading gets past it.
    """

    name: RungName
    code: str
    args: RungArgs = field(default_factory=dict)
    state: RungState = RungState.OK
    level: Level = Level.GOOD
    stops: bool = False
