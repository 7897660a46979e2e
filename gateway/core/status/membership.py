"""Membership: what this gateway may say of a device when several gateways share them. The one place that decides.

A reading is a fact, and whoever receives it writes it. Silence is a statement about what no gateway received, so who says it
must know what the others received. The database is what they have in common: each member asks it once a minute for the newest
readings (:class:`NewestReadings`), and all pages of all members show the same fleet, whether each has its own sites or devices
wander. One member writes what is written once for all:

================================================  ================  ==============================
what                                              a gateway alone   of several
================================================  ================  ==============================
a reading, an alarm about a value                 this gateway      who receives the reading
health point of a device heard within its span    this gateway      who received its newest reading
health point of one silent, or never heard        this gateway      the leader
alarm of a silent device, of a silent site        this gateway      the leader
hours, days, months, completeness, balances       this gateway      the leader
points of the registry, open data                 this gateway      the leader
================================================  ================  ==============================

A gateway that hears devices and cannot reach the database makes them unknown, not silent: the leader judges each by what its
gateway is known to have heard (:mod:`gateway.core.status.members`). The configuration names the leader. While it is down nobody
is called silent and hours wait; both are made up for afterwards. An election could leave two leaders for a moment, or none.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.status.members import HERE, Home, Members

_HOLDS_MS: Final = 180_000
"""An answer of the database holds for three minutes: it is asked each minute, and may be slow."""
_ON_THE_WAY_MS: Final = 30_000
"""Time until a reading that another gateway received can be read: VictoriaMetrics shows it after up to eleven seconds."""


class NewestReadings:
    """The newest readings in the database, whichever gateway wrote them, and the gateways that do."""

    def __init__(self, members: Members | None = None) -> None:
        """Begin before the first answer: nothing is known."""
        self.members = members or Members()
        self._newest_ms: dict[str, int] = {}
        self._until_ms: int | None = None

    def take(self, found: Mapping[str, int], names: Collection[str], asked_ms: int) -> None:
        """Take an answer: the newest readings since the one before, of registered devices; others are forgotten."""
        before = self._newest_ms
        self._newest_ms = {name: newest for name in names if (newest := max(found.get(name, 0), before.get(name, 0)))}
        self._until_ms = asked_ms - _ON_THE_WAY_MS

    def newest_ms(self, device: str) -> int:
        """The time of the newest reading of a device; 0: none is known."""
        return self._newest_ms.get(device, 0)

    def known_until_ms(self, now_ms: int) -> int | None:
        """The time until which it is known what was heard; None: the database has not answered lately."""
        until_ms = self._until_ms
        return until_ms if until_ms is not None and abs(now_ms - until_ms) < _HOLDS_MS else None


@dataclass(frozen=True, slots=True)
class Membership:
    """The part of this gateway among those that share devices; by default it is alone.

    :ivar elsewhere: the readings of all members; None: a device is heard here or nowhere.
    :ivar leads: it writes what is written once for all.
    :ivar leader: the name of the one that does, as the files had it at the start; empty: none is named.
    """

    elsewhere: NewestReadings | None = None
    leads: bool = True
    leader: str = ""

    def knows(self, now_ms: int) -> bool:
        """Tell if the database says now what the others heard."""
        return self.elsewhere is None or self.elsewhere.known_until_ms(now_ms) is not None

    def knows_of(self, device: Device, now_ms: int) -> bool:
        """Tell if it knows now what the others heard of a device."""
        return self.knows(now_ms) and self.home_of(device).is_known(now_ms)

    def home_of(self, device: Device) -> Home:
        """The others that may hear a device."""
        return HERE if self.elsewhere is None else self.elsewhere.members.home_of(device)

    def judged_ms(self, now_ms: int) -> int:
        """The time at which silence can be judged: what others heard since then is not known yet."""
        until_ms = None if self.elsewhere is None else self.elsewhere.known_until_ms(now_ms)
        return now_ms if until_ms is None else min(now_ms, until_ms)

    def heard_ms(self, device: Device) -> int:
        """The last time at which any member heard a device; 0: never."""
        here_ms = device.last_seen_ms
        return here_ms if self.elsewhere is None else max(here_ms, self.elsewhere.newest_ms(device.name))

    def writes_health(self, device: Device, now_ms: int, *, heard: bool) -> bool:
        """Tell if this member writes a device's health point; ``heard``: some member heard it within its span of silence."""
        if self.elsewhere is None:
            return True
        if not heard:
            return self.leads and self.knows_of(device, now_ms)
        here_ms, anywhere_ms = device.newest_here_ms, self.elsewhere.newest_ms(device.name)
        if not here_ms:  # heard by its status alone, which may come to every member
            return self.leads and device.last_seen_ms > 0 and not anywhere_ms
        return anywhere_ms <= here_ms

    def has_passed_on(self, device: Device, after_ms: int) -> bool:
        """Tell if a device that this member heard has since then been heard by others, for longer than ``after_ms``."""
        if self.elsewhere is None or not device.newest_here_ms:
            return False
        return self.elsewhere.newest_ms(device.name) - device.newest_here_ms > after_ms


ALONE: Final = Membership()
