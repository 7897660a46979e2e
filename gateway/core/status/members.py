"""Reception: the spans of time in which devices could be heard, or could not, by this gateway and by the other members.

Theory of operation
-------------------
Each gateway writes a point about itself every minute, with ``unbroken_s``: for how long all that came from its broker has gone
straight to the database. What it heard in this time can be found there. While it is down, or cut off from the broker or the
database, there is no such point.

A device is judged silent at the newest report of its gateway, no later: what came since may be in a journal. Time for which no
report vouches is left out, as is time in which a gateway alone could not hear. What came in such a break may wait long after it
in the journal or at the broker, since new readings are written first. So a device then has its whole span of silence again, but
an hour at most: else who has a break each night would never find a device that sends once a day.

With a file of shares, the gateway that hears a device is the one that has its site; after a move, from when the newcomer reads.
"""

from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from gateway.core.devices.device import Device

_SPANS_MAX: Final = 100


class Reception:
    """The newest hundred spans in which nobody could be heard; when the broker was first heard, and since when it is."""

    def __init__(self, deaf_since_ms: int | None = None) -> None:
        """Start deaf: since the end of the last run, if that is known."""
        self._spans_ms: deque[tuple[int, int]] = deque(maxlen=_SPANS_MAX)
        self._deaf_since_ms = deaf_since_ms
        self.began_ms: int | None = None
        self.since_ms: int | None = None

    def lose(self, now_ms: int) -> None:
        """Note that the broker is away."""
        self.since_ms = None
        if self._deaf_since_ms is None:
            self._deaf_since_ms = now_ms

    def regain(self, now_ms: int) -> None:
        """Note that the broker is back."""
        self.began_ms = self.began_ms or now_ms
        if self.since_ms is None:
            self.since_ms = now_ms
        if self._deaf_since_ms is not None and now_ms > self._deaf_since_ms:
            self._spans_ms.append((self._deaf_since_ms, now_ms))
        self._deaf_since_ms = None

    def heard_elsewhere(self, until_ms: int) -> None:
        """Note that the other machine of a pair listened until then: the deafness before this run began only there."""
        if self._spans_ms and self._spans_ms[0][0] == 0:
            self._spans_ms[0] = (min(until_ms, self._spans_ms[0][1]), self._spans_ms[0][1])
        elif self._deaf_since_ms == 0:
            self._deaf_since_ms = until_ms

    def heard_ms(self, since_ms: int, now_ms: int) -> int:
        """The part of the time since then in which devices could have been heard."""
        deaf_ms = 0 if self._deaf_since_ms is None else max(0, now_ms - max(self._deaf_since_ms, since_ms))
        for begin_ms, end_ms in reversed(self._spans_ms):
            if end_ms <= since_ms:
                break
            deaf_ms += max(0, min(end_ms, now_ms) - max(begin_ms, since_ms))
        return now_ms - since_ms - deaf_ms


_SETTLES_MS: Final = 3_600_000
"""Time after a break in which it does its work as before."""
_FRESH_MS: Final = 300_000
"""A gateway reports each minute. One that has not for five is said to be missing, here and by the alert of its dashboard."""


class MemberReport(NamedTuple):
    """The newest point of a gateway about itself, and since when all that it heard has gone to the database."""

    at_ms: int
    since_ms: int


@dataclass(slots=True)
class Member:
    """Another gateway, the time of its newest report (0: there is none), and the time for which its reports vouch."""

    name: str
    told_ms: int = 0
    reception: Reception = field(default_factory=Reception)

    def take(self, report: MemberReport) -> None:
        """Take its newest report."""
        if report.at_ms <= self.told_ms:
            return
        if report.since_ms > self.told_ms:
            self.reception.lose(self.told_ms)
            self.reception.regain(report.since_ms)
        self.told_ms = report.at_ms

    def listened_ms(self, since_ms: int, until_ms: int, least_ms: int) -> int:
        """The part of a span of time in which it has listened; nothing shortly after a break."""
        settled_ms = (self.reception.since_ms or until_ms) + min(least_ms, _SETTLES_MS)
        return self.reception.heard_ms(since_ms, until_ms) if until_ms >= settled_ms else 0

    def is_missing(self, now_ms: int) -> bool:
        """Tell if it has not reported lately."""
        return abs(now_ms - self.told_ms) >= _FRESH_MS


class ShareReader(NamedTuple):
    """The gateway that reads a share (empty: this one), and since when; None: it has not said that it reads it."""

    name: str
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Home:
    """The gateways beside this one that may hear a device, and since when all of them read what it sends; None: not yet."""

    members: tuple[Member, ...] = ()
    since_ms: int | None = 0

    def told_ms(self, now_ms: int) -> int:
        """The time until which all of them have reported."""
        return min((now_ms, *(member.told_ms for member in self.members)))

    def is_known(self, now_ms: int) -> bool:
        """Tell if it is known now what they hear."""
        return self.since_ms is not None and not any(member.is_missing(now_ms) for member in self.members)

    def has_listened(self, since_ms: int, until_ms: int, least_ms: int) -> bool:
        """Tell if each of them has listened for ``least_ms`` of a span of time."""
        if self.since_ms is None:
            return False
        since_ms = max(since_ms, self.since_ms)
        listened_ms = (member.listened_ms(since_ms, until_ms, least_ms) for member in self.members)
        return min((until_ms - since_ms, *listened_ms)) >= least_ms


HERE: Final = Home()
"""A device that this gateway alone hears."""


class Members:
    """The other gateways, and the devices that they may hear; at first each device is heard here alone."""

    def __init__(self) -> None:
        """Begin before the first answer of the database."""
        self._began_ms: int | None = None
        self._by_name: dict[str, Member] = {}
        self._of_shares: dict[str, Home] = {}
        self._anywhere = HERE

    @property
    def are_any(self) -> bool:
        """True when other gateways may hear this one's devices."""
        return bool(self._by_name)

    def report(self, reports: Mapping[str, MemberReport]) -> None:
        """Take the newest reports of gateways."""
        for name, report in reports.items():
            if name in self._by_name:
                self._by_name[name].take(report)

    def share_out(self, readers: Mapping[str, ShareReader], unplaced: Collection[str], asked_ms: int) -> None:
        """Take who reads each share, by name, as a file says. Those in ``unplaced`` are no sites: any device may send there."""
        self._began_ms = self._began_ms or asked_ms
        names = {reader.name for reader in readers.values()} - {""}
        self._by_name = {name: self._by_name.get(name) or Member(name) for name in sorted(names)}
        loose = [readers[name] for name in unplaced]
        placed = defaultdict[str, list[ShareReader]](list)
        for name, reader in readers.items():
            if name not in unplaced:
                for part in {name, name.partition("/")[0]}:  # of a device whose domain is not known the site counts
                    placed[part].append(reader)
        self._anywhere = self._home(loose)
        self._of_shares = {name: self._home([*found, *loose]) for name, found in placed.items()}

    def _home(self, readers: Collection[ShareReader]) -> Home:
        names = dict.fromkeys(reader.name for reader in readers if reader.name)
        began_ms = [reader.since_ms for reader in readers]
        since_ms = None if None in began_ms else max((ms for ms in began_ms if ms is not None), default=0)
        return Home(tuple(self._by_name[name] for name in names), since_ms)

    def home_of(self, device: Device) -> Home:
        """The gateways that may hear a device."""
        entry = device.registered
        if not self._of_shares or entry is None or entry.site is None:
            return self._anywhere
        of_domain = self._of_shares.get(f"{entry.site}/{device.measures}")
        return of_domain or self._of_shares.get(entry.site) or self._anywhere

    def missing(self, now_ms: int) -> list[Member]:
        """The gateways that have not reported lately, by name; all may just have been started."""
        if self._began_ms is None or now_ms - self._began_ms < _FRESH_MS:
            return []
        return [member for _, member in sorted(self._by_name.items()) if member.is_missing(now_ms)]
