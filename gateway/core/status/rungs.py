"""A device's ladder (:mod:`gateway.core.status.ladder`): the evidence by which it is judged, and the rungs that it has.

And what a device most likely means by a key that names no quantity: "did you mean volume_m3?".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

from gateway.core.batching.deliveries import ReadingPlace, Whereabouts
from gateway.core.batching.fair_shares import Flood
from gateway.core.devices.setback import Setback
from gateway.core.readings.clock_trust import TimeRules
from gateway.core.readings.sums import Register
from gateway.core.status.silence import Presence
from gateway.core.status.verdict import Level
from schemas.quantities import DOMAINS, HEALTH, QUANTITIES

_NOT_KNOWN: Final = Whereabouts(ReadingPlace.UNKNOWN)


class DeviceAlarms(NamedTuple):
    """The active alarms of a device outside planned work, without mere information.

    :ivar urgent: number of the critical and the overdue ones that nobody acknowledged.
    :ivar worst: the name of the worst one; empty: there is none.
    """

    urgent: int = 0
    others: int = 0
    worst: str = ""


NO_ALARMS: Final = DeviceAlarms()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceEvidence:
    """All that is known of a device.

    :ivar arrival_ms: arrival of its newest message; of a device whose messages are not kept, its last sign of life.
    :ivar heard_ms: its last sign of life at any gateway; 0: there was none.
    :ivar elsewhere: another gateway had that, and this one has had none for its span of silence.
    :ivar offset_ms: the newest time that it told, less the gateway's then; None: it told none.
    :ivar clock_off_ms: the offset of a clock that is wrong; None: it is not.
    :ivar clock_asked: the ``params.clock_offset`` to ask about then.
    :ivar profile: the profile that read its newest message; empty: not known.
    :ivar waiting: messages that wait for its registration.
    :ivar wrong_since_ms: sums are wrong from then on until they are worked out again; 0: none is.
    :ivar not_taken_ms: the last time at which InfluxDB refused a reading of it.
    :ivar flood: the flood that comes from it; None: it does not flood.
    """

    now_ms: int
    rules: TimeRules
    presence: Presence = Presence.ONLINE
    silent_after_ms: int = 3_600_000
    has_left: bool = False
    heard_ms: int = 0
    elsewhere: bool = False
    arrival_ms: int = 0
    registered: bool = True
    simulated: bool = False
    domain: str | None = None
    profile: str = ""
    has_readings: bool = True
    waiting: int = 0
    setback: Setback | None = None
    offset_ms: int | None = None
    clock_off_ms: int | None = None
    clock_asked: str = ""
    registers: tuple[Register, ...] = ()
    awaits_sums: bool = False
    wrong_since_ms: int = 0
    whereabouts: Whereabouts = _NOT_KNOWN
    not_taken_ms: int = 0
    flood: Flood | None = None
    mqtt_connected: bool = True
    clock_doubted: bool = False
    alarms: DeviceAlarms = NO_ALARMS


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
    ALARMS = "alarms"


class RungState(StrEnum):
    """State of a rung."""

    OK = "ok"
    FAILING = "failing"
    UNKNOWN = "unknown"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung; its code names the sentence about it, and the advice. No reading gets past one that stops."""

    name: RungName
    code: str
    args: RungArgs = field(default_factory=dict)
    state: RungState = RungState.OK
    level: Level = Level.GOOD
    stops: bool = False


_LIKENESS: Final = 0.72
_SHORTEST: Final = 2
"""A shorter key could mean anything."""
_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


@lru_cache(maxsize=1024)
def near_key(key: str, domain: str | None) -> str | None:
    """Return the quantity of a domain whose name is nearest to ``key``; None if none is near.

    A name that begins with the key is nearer than one that is only alike: most often the unit was left out. Of several the
    shortest is meant.
    """
    name = _WORDS.sub("_", key[:64]).strip("_").lower()
    if len(name) < _SHORTEST:
        return None
    domains = (domain,) if domain in DOMAINS else DOMAINS
    names = sorted({field for of in (*domains, HEALTH) for field in QUANTITIES[of]}, key=lambda field: (len(field), field))
    longer = [field for field in names if field == name or field.startswith(f"{name}_")]
    longer += [field for field in names if field.startswith(name)]
    return next(iter([*longer, *get_close_matches(name, names, 1, _LIKENESS)]), None)
