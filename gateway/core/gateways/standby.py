"""Two machines, one session with the broker: which of them may hold it. Pure.

Theory of operation
-------------------
Each machine of a pair keeps a second connection to the broker, the *watch*, under a client id of its own. On it the machine
publishes its role, retained: live, passive or offline (its will too), and reads the other's. The session by which all readings
come belongs to the live one. The broker lets one connection hold it at a time, so two can never read from it; this module keeps
them from taking it from each other, and has one of them take it.

* A passive machine takes the session when the other is offline: by its will (at once after a crash; after 1.5 x keep-alive at a
  power cut), by its own word (an orderly stop), or after 2 x keep-alive without a word, of which each machine sends three in a
  keep-alive. The last needs no will: a broker that was restarted may have forgotten it.
* A machine takes the session in a new *term*, one above all that it has heard of, and publishes that first. A live machine
  stands back when it hears of a live one of a later term, retained or not: that one took the session after it. One of an
  earlier term is a memory of a broker that crashed. It also stands back when it has not reached the broker for 2 x keep-alive:
  whoever can will be live by then. It never comes back by itself while the other is there.
* Nobody is live, both are there: the name that sorts first takes the session, after a pause in which the other may speak up.
* The watch must stand and have brought all that is retained (:meth:`Standby.synced`) before the session is taken at all.

The journal of a machine that was live may hold readings that nobody else has seen: steps of registers, which change sums. So
each machine publishes how many it holds, a live one before it acknowledges the first. Sums are taken over when no other machine
holds any (:attr:`Standby.awaited_journals`).

The waits between two connections, of any gateway: after an ordinary end it comes back within two seconds, since a broker as
Debian ships it keeps 1,000 messages for an absent client. When another client of the same id took the session, that would have
the two throw each other out for ever. So the one that was thrown out waits 4 s, the next time a quarter of a minute, and twice
as long each time it happens again, up to ten minutes. The other can work meanwhile; if it goes for good, this one comes back by
itself.

Older brokers (Mosquitto 2.0.11) do not say that a session was taken over. So several connections in a row that the broker
closes soon and without a reason count as taken over too. A broker that dies again and again refuses connections while it
starts, which ends the row.
"""

import json
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Final, Literal

from gateway.core.batching.pacing import Backoff

SETTLE_S: Final = 3.0
"""The other gets this time to come back, where both lost the broker or both are passive."""
_GONE_AFTER: Final = 2
"""Keep-alives without a word after which a machine is gone, and without the broker after which this one stands back."""
WORDS_EACH_KEEP_ALIVE: Final = 3


class PairRole(StrEnum):
    """The role of a machine in its pair."""

    LIVE = "live"
    PASSIVE = "passive"
    OFFLINE = "offline"


@dataclass(slots=True)
class Partner:
    """Another machine as it was last heard: fresh, while this one listened, or retained by the broker."""

    role: PairRole
    term: int
    heard_s: float
    since_s: float
    is_fresh: bool


@dataclass(slots=True)
class Standby:
    """One machine of a pair.

    :ivar role: of this machine; :meth:`decide` alone changes it.
    :ivar term: the latest that was heard of; of a live machine its own.
    :ivar journals: name → the readings in the journal of another machine that was ever heard of; None: it never told.
    """

    name: str
    keep_alive_s: float
    role: PairRole = PairRole.PASSIVE
    term: int = 0
    partners: dict[str, Partner] = field(default_factory=dict)
    journals: dict[str, int | None] = field(default_factory=dict)
    _synced_s: float | None = None
    _lost_s: float = 0.0
    _met: bool = False

    # What happens.

    def synced(self, now_s: float) -> None:
        """Note that the watch stands, and all that the broker retains has been heard."""
        if self._synced_s is None:
            self._synced_s = now_s

    def lost(self, now_s: float) -> None:
        """Note that the watch has ended. What the partners are is unknown from now on."""
        if self._synced_s is not None:
            self._lost_s, self._synced_s = now_s, None
        self._met = self._met or any(partner.role is not PairRole.OFFLINE for partner in self.partners.values())
        self.partners.clear()

    def reached(self, now_s: float) -> None:
        """Note that the session itself is open: the broker is there, whatever became of the watch."""
        self._lost_s = max(self._lost_s, now_s)

    def heard(self, name: str, role: PairRole, term: int, now_s: float, *, retained: bool) -> None:
        """Note what a machine says of itself; of this one it is what an earlier run said."""
        if self.role is not PairRole.LIVE:
            self.term = max(self.term, term)
        if name == self.name:
            return
        self.journals.setdefault(name, None)
        before = self.partners.get(name)
        since_s = before.since_s if before is not None and before.role is role else now_s
        self.partners[name] = Partner(role, term, now_s, since_s, not retained)

    def journal_told(self, name: str, readings: int) -> None:
        """Note how many readings the journal of a machine holds."""
        if name != self.name:
            self.journals[name] = readings

    def forgotten(self, name: str) -> None:
        """Note that an operator has taken another machine out: its retained state is empty."""
        self.partners.pop(name, None)
        self.journals.pop(name, None)

    # What follows.

    @property
    def is_synced(self) -> bool:
        """True while the watch stands and has brought what is retained."""
        return self._synced_s is not None

    def decide(self, now_s: float) -> PairRole:
        """Decide what this machine is now."""
        if self._synced_s is None:
            if self.role is PairRole.LIVE and now_s - self._lost_s >= _GONE_AFTER * self.keep_alive_s:
                self.role = PairRole.PASSIVE
        elif self.role is PairRole.LIVE:
            rivals = self._there(PairRole.LIVE, now_s).items()
            if any((rival.term, self.name) > (self.term, name) for name, rival in rivals):  # of one term the first name stays
                self.role = PairRole.PASSIVE
        elif self._may_take(now_s, self._synced_s):
            self.role, self.term = PairRole.LIVE, self.term + 1
        return self.role

    @property
    def awaited_journals(self) -> list[str]:
        """Machines whose journal may hold readings, and with them steps of registers that nobody else has seen."""
        return sorted(name for name, readings in self.journals.items() if readings != 0)

    @property
    def may_open(self) -> bool:
        """True while this machine may open the session."""
        return self.role is PairRole.LIVE and self.is_synced

    @property
    def live_others(self) -> list[str]:
        """The other machines that are live."""
        return sorted(name for name, partner in self.partners.items() if partner.role is PairRole.LIVE)

    def has_reserve(self, now_s: float) -> bool:
        """Tell if another machine stands by."""
        return bool(self._there(PairRole.PASSIVE, now_s))

    def _may_take(self, now_s: float, synced_s: float) -> bool:
        if self._there(PairRole.LIVE, now_s):
            return False
        passive = self._there(PairRole.PASSIVE, now_s)
        if passive:
            is_first = self.name < min(passive)
            return is_first and now_s >= SETTLE_S + max(synced_s, *(partner.since_s for partner in passive.values()))
        told = any(partner.is_fresh for partner in self.partners.values())
        return told or not self._met or now_s >= synced_s + SETTLE_S

    def _there(self, role: PairRole, now_s: float) -> dict[str, Partner]:
        """The partners that are in a role, and are not gone."""
        since_s = now_s - _GONE_AFTER * self.keep_alive_s
        return {name: one for name, one in self.partners.items() if one.role is role and one.heard_s > since_s}


@dataclass(frozen=True, slots=True)
class PairTopics:
    """The topics of a pair, and of one machine in it. Both retain what they say under the client id that they share.

    gateway/v1/{client_id}/machines/{machine}   {"state": "live" | "passive" | "offline", "term": N}; "offline" is the will
    gateway/v1/{client_id}/journals/{machine}   the number of readings in its journal
    gateway/v1/{client_id}/alarms/{bucket}      some of the alarms of the live one (``monitoring/alarms/shared_alarms.py``)
    """

    client_id: str
    machine: str

    @property
    def state(self) -> str:
        """The topic of its word."""
        return f"{self._below('machines')}{self.machine}"

    @property
    def journal(self) -> str:
        """The topic of the number of readings in its journal."""
        return f"{self._below('journals')}{self.machine}"

    @property
    def filters(self) -> list[str]:
        """The filters for the topics of all machines."""
        return [f"{self._below(kind)}+" for kind in ("machines", "journals", "alarms")]

    def alarms(self, bucket: str) -> str:
        """The topic of some of the alarms."""
        return f"{self._below('alarms')}{bucket}"

    def told_at(self, topic: str, kind: Literal["machines", "journals", "alarms"]) -> str:
        """The machine, or the bucket of alarms, of which a topic tells; empty: none of this kind."""
        return topic.removeprefix(self._below(kind)) if topic.startswith(self._below(kind)) else ""

    def _below(self, kind: str) -> str:
        return f"gateway/v1/{self.client_id}/{kind}/"


def state_payload(role: PairRole, term: int) -> bytes:
    """The word of a machine about itself."""
    return json.dumps({"state": role.value, "term": term}).encode()


def state_said(payload: bytes) -> tuple[PairRole, int] | None:
    """The role and the term that a machine told; None: it is no such word."""
    try:
        said = json.loads(payload)
        return PairRole(said["state"]), int(said["term"])
    except (ValueError, TypeError, KeyError):
        return None


LONGEST_WAIT_S: Final = 2.0
RIVAL_ONCE_S: Final = 4.0
RIVAL_FIRST_S: Final = 15.0
RIVAL_LONGEST_S: Final = 600.0
SOON_S: Final = 10.0
"""Two that throw each other out do it within the longest wait and the time that a connection takes to be made."""
SOON_ENDS: Final = 5
"""So many ends without a reason in a row mean another client of this id."""


class ConnectionEnd(Enum):
    """The ways in which a connection ends."""

    TAKEN_OVER = auto()
    """The broker said that another client of this id has the session."""
    UNEXPLAINED = auto()
    """The broker closed it, and said nothing."""
    OTHER = auto()


@dataclass(slots=True)
class Reconnects:
    """Tells how long to wait; ``soon_ends`` are connections in a row that the broker closed soon and without a reason."""

    soon_ends: int = 0
    _after_end: Backoff = field(default_factory=lambda: Backoff(0.2, LONGEST_WAIT_S))
    _after_rival: Backoff = field(default_factory=lambda: Backoff(RIVAL_FIRST_S, RIVAL_LONGEST_S))
    _waited_s: float = 0.0
    _has_rival: bool = False

    @property
    def suspects_rival(self) -> bool:
        """Tell if another client of this id is the likely reason of the last end."""
        return self.soon_ends >= SOON_ENDS

    def wait_s(self, lasted_s: float, jitter: float, end: ConnectionEnd) -> float:
        """Seconds to wait after a connection of ``lasted_s`` (0: it was never made); ``jitter`` is uniform in [0, 1)."""
        if lasted_s > RIVAL_LONGEST_S:
            self._after_rival.reset()
            self._has_rival = False
        self.soon_ends = self.soon_ends + 1 if end is ConnectionEnd.UNEXPLAINED and 0 < lasted_s < SOON_S else 0
        if end is ConnectionEnd.TAKEN_OVER or self.suspects_rival:
            is_first, self._has_rival = not self._has_rival, True
            if is_first and end is ConnectionEnd.TAKEN_OVER:  # most often a mistake that is over by now
                return RIVAL_ONCE_S * (0.75 + jitter / 4)
            return self._after_rival.next_s(0.75 + jitter / 4)
        if lasted_s > self._waited_s:
            self._after_end.reset()
        self._waited_s = self._after_end.next_s(jitter)
        return self._waited_s
