"""Silence: the one place that judges a device, for tiles, lists, coverage, metrics, health points and the verdict.

A device is silent when it said that it is offline, or when nothing came from it for longer than its ``silent_after``. Time in
which nobody could be heard, because the gateway or the broker was away, is left out. A registered device that was never heard
is new until its ``silent_after`` has passed since it was registered, and unknown from then on. So is one of several gateways'
devices while it is not known what its gateway hears.

What this gateway may say of a device when several share them is decided here too (:class:`Membership`). A reading is a fact,
and whoever receives it writes it. Silence is a statement about what no gateway received, so who says it must know what the
others received. The database is what they have in common: each member asks it once a minute for the newest
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
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final

from gateway.core.devices.device import Device
from gateway.core.status.members import HERE, Home, Members, Reception

INTERVALS: Final = 3
"""Intervals without a message after which a device is silent, unless configured otherwise."""
WITHOUT_INTERVAL: Final = timedelta(hours=1)
"""The same for a device whose interval is not known."""

UNREGISTERED: Final = "unregistered"
"""In place of a presence, in lists: the registry does not name the device."""

_EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_DAY_MS: Final = 86_400_000

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


class Presence(StrEnum):
    """State of a device: the contract's states of ``gateway_devices``, and ``new``."""

    ONLINE = "online"
    SILENT = "silent"
    NEW = "new"
    UNKNOWN = "unknown"


@lru_cache(maxsize=4096)
def _ms(own: timedelta | None, of_domain: timedelta | None, interval: timedelta | None) -> int:
    after = own or of_domain or (INTERVALS * interval if interval else WITHOUT_INTERVAL)
    return after // timedelta(milliseconds=1)


@dataclass(slots=True)
class Silence:
    """Judges devices, by the ``silent_after`` of domains that have one, as one of the gateways that share them."""

    of_domain: Mapping[str, timedelta] = field(default_factory=dict)
    reception: Reception = field(default_factory=Reception)
    membership: Membership = ALONE

    def after_ms(self, device: Device) -> int:
        """The time without a message that makes it silent: its ``silent_after``, its domain's, three intervals, or an hour."""
        entry, of_domain = device.registered, self.of_domain.get(device.measures or "")
        return _ms(entry.silent_after, of_domain, entry.interval) if entry is not None else _ms(None, of_domain, None)

    def presence(self, device: Device, now_ms: int) -> Presence:
        """Judge a device."""
        seen_ms, after_ms = self.membership.heard_ms(device), self.after_ms(device)
        if device.has_left and seen_ms <= device.goodbye_ms:
            return Presence.SILENT
        if not seen_ms:
            begin_ms = _expected_from_ms(device)
            is_new = not begin_ms or self._is_within(begin_ms, now_ms, after_ms)
            return Presence.NEW if is_new else Presence.UNKNOWN
        membership, judged_ms = self.membership, self.membership.judged_ms(now_ms)
        if self._is_within(seen_ms, judged_ms, after_ms):
            return Presence.ONLINE
        if not membership.knows_of(device, now_ms):
            return Presence.UNKNOWN
        home = membership.home_of(device)
        judged_ms = home.told_ms(judged_ms)
        if self._is_within(seen_ms, judged_ms, after_ms):
            return Presence.ONLINE
        return Presence.SILENT if home.has_listened(seen_ms, judged_ms, after_ms) else Presence.UNKNOWN

    def is_overdue(self, device: Device, now_ms: int, longer_ms: int = 0) -> bool:
        """Tell if a device that was heard before has not been heard for its span of silence, and ``longer_ms`` more."""
        seen_ms, least_ms = self.membership.heard_ms(device), self.after_ms(device) + longer_ms
        judged_ms = self.membership.judged_ms(now_ms)
        if not seen_ms or self._is_within(seen_ms, judged_ms, least_ms):
            return False
        home = self.membership.home_of(device)
        judged_ms = home.told_ms(judged_ms)  # until then it is known what its gateway heard
        return not self._is_within(seen_ms, judged_ms, least_ms) and home.has_listened(seen_ms, judged_ms, least_ms)

    def is_heard(self, device: Device, now_ms: int) -> bool:
        """Tell if a device was heard within its span of silence, whatever it said then."""
        return self.membership.heard_ms(device) > 0 and not self.is_overdue(device, now_ms)

    def is_in_doubt(self, device: Device, now_ms: int) -> bool:
        """Tell if a device was heard before, and it is not known now whether others hear it."""
        membership = self.membership
        is_alone = membership.elsewhere is None or not membership.heard_ms(device)
        return not is_alone and self.presence(device, now_ms) is Presence.UNKNOWN

    def _is_within(self, since_ms: int, now_ms: int, after_ms: int) -> bool:
        return now_ms - since_ms < after_ms or self.reception.heard_ms(since_ms, now_ms) < after_ms


def _expected_from_ms(device: Device) -> int:
    """The time a device was registered, or installed if that is later; 0 if it is not known yet."""
    installed = device.registered.installed if device.registered is not None else None
    if installed is None or not device.registered_ms:
        return device.registered_ms
    return max(device.registered_ms, (installed.toordinal() - _EPOCH_DAY) * _DAY_MS)
