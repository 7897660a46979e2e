"""Events of what waits, in the session that the broker keeps and in the quarantine: one function for each notes and logs it.

A broker keeps a session on its own terms, and loses it without a word to anybody. What it does can be seen in its first answer
(CONNACK); of RabbitMQ more is seen by asking its management API.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from gateway.core.batching.rates import RecentOrigins
from gateway.core.gateways.queue_members import ClusterSeen
from gateway.core.status.verdict import ORIGINS_WITHIN_MIN
from gateway.support.logs import RareLog
from gateway.support.standing import SESSION_LOST, SESSION_TAKEN, StandingFindings, StandingParams

log = logging.getLogger("gateway")


@dataclass(slots=True)
class SessionEvents:
    """The session as the broker keeps it; all but the first two are known only of a broker that is watched.

    :ivar expiry_s: seconds that an absent gateway's session lives, and that were asked for; None: as asked.
    :ivar lost: times that the broker had forgotten a session since the start.
    :ivar window: messages that the broker has on their way at once, and that were asked for; None: as asked or unknown.
    :ivar missing: topic filters that led nothing to the gateway's queue although it had subscribed to them, when last seen.
    :ivar missing_ms: the last such time.
    :ivar restored: such filters since the start; each was subscribed to again.
    :ivar strange: routing keys that lead to the gateway's queue and are none of its own.
    :ivar unroutable: messages that no queue took; None: unknown.
    :ivar is_kept: messages that no queue takes are kept, as far as is known.
    :ivar cluster: the nodes that the gateway's queue and that of ``unroutable`` stand on; None: unknown.
    :ivar unwatched: the reason why the broker cannot be asked; empty if it can, or need not be.
    :ivar stands: findings that stand until a person has seen them, as they are kept on disk in ``standing``.
    """

    expiry_s: tuple[int, int] | None = None
    lost: int = 0
    window: tuple[int, int] | None = None
    missing: Sequence[str] = ()
    missing_ms: int = 0
    restored: int = 0
    strange: Sequence[str] = ()
    unroutable: int | None = None
    is_kept: bool = True
    cluster: ClusterSeen | None = None
    unwatched: str = ""
    stands: dict[str, StandingParams] = field(default_factory=dict)
    standing: StandingFindings | None = None

    def look_for_standing(self) -> None:
        """See what stands on disk, where commands put findings too."""
        if self.standing is not None:
            self.stands |= self.standing.all()

    def _stand(self, key: str, now_ms: int) -> None:
        """Let a finding stand until a person has seen it; the loop does not wait for the disk."""
        self.stands[key] = {"at_ms": now_ms}
        if self.standing is not None:
            asyncio.get_running_loop().run_in_executor(None, self._put, self.standing, key)

    def _put(self, standing: StandingFindings, key: str) -> None:
        try:
            standing.put(key, self.stands[key])
        except OSError as error:
            log.warning("a finding does not outlive a restart: %s", error)

    def seen(self) -> list[str]:
        """A person has seen what stands; return its keys."""
        ended = self.standing.acknowledge() if self.standing is not None else {}
        keys = sorted(self.stands | ended)
        self.stands.clear()
        return keys

    def taken(self, now_ms: int) -> None:
        """Another client connected as this gateway and got its session."""
        self._stand(SESSION_TAKEN, now_ms)

    def granted(self, expiry_s: int | None, asked_s: int) -> None:
        """The broker told how long it keeps the session of an absent gateway; None: as long as was asked."""
        cut = None if expiry_s is None else (expiry_s, asked_s)
        if cut is not None and cut != self.expiry_s:
            log.error("the broker keeps an absent gateway's session for %d s, not for the %d s that were asked", *cut)
        self.expiry_s = cut

    def forgotten(self, now_ms: int) -> None:
        """The broker had forgotten the session of this gateway, and the messages that waited in it."""
        log.error("the broker had forgotten this gateway's session: what waited in it is lost")
        self.lost += 1
        self._stand(SESSION_LOST, now_ms)

    def window_seen(self, granted: int | None, asked: int) -> None:
        """The broker was seen to have so many messages on their way to the gateway at once; None: no limit, or not known."""
        cut = None if granted is None or granted >= asked else (granted, asked)
        if cut is not None and cut != self.window:
            log.warning("the broker has %d messages on their way to this gateway at once, not the %d that were asked", *cut)
        self.window = cut

    def bindings_seen(self, missing: Sequence[str], strange: Sequence[str], now_ms: int) -> None:
        """The topics that lead to the gateway's queue were compared with those that it subscribed to."""
        for pattern in missing:
            log.error("%s did not lead to this gateway although it subscribed to it; it subscribes again", pattern)
        if missing:
            self.missing, self.missing_ms = missing, now_ms
            self.restored += len(missing)
        for key in strange:
            if key not in self.strange:
                log.error("%s leads to this gateway's queue, and it never subscribed to it: somebody added the binding", key)
        self.strange = strange

    def unroutable_seen(self, depth: int | None) -> None:
        """So many messages that no queue took were seen; None: nothing keeps them."""
        if depth and not self.unroutable:
            log.error("%d messages reached no gateway, and wait at the broker", depth)
        if depth is None and self.is_kept:
            log.error("the broker does not keep what reaches no gateway; `gateway setup rabbitmq` sets that up")
        self.unroutable, self.is_kept, self.unwatched = depth, depth is not None, ""

    def cluster_seen(self, seen: ClusterSeen) -> None:
        """The nodes were seen that the queues stand on."""
        before = self.cluster or ClusterSeen((), (), ())
        for queue in seen.few:
            if queue not in before.few:
                where = ", ".join(queue.members)
                log.error("the queue %s stands on %s only, not on %d nodes", queue.name, where, seen.wanted)
        for queue in seen.away:
            if queue not in before.away:
                log.error("the queue %s is not served on %s, which it stands on", queue.name, ", ".join(queue.away))
        self.cluster = seen

    def not_watched(self, why: str) -> None:
        """The broker could not be asked about its queues."""
        if why != self.unwatched:
            log.warning("the broker's queues are not watched: %s", why)
        self.unwatched = why


@dataclass(slots=True)
class QuarantineEvents:
    """Messages that wait for a missing piece.

    :ivar messages: cause → messages that came to wait since the start.
    :ivar trouble: the reason why the disk cannot be used for them; empty if it can.
    :ivar lost: messages that were damaged there.
    :ivar made_room_lately: topic prefix → messages that made room for others in the last minutes.
    """

    messages: Counter[str] = field(default_factory=Counter)
    trouble: str = ""
    lost: int = 0
    made_room_lately: RecentOrigins = field(default_factory=partial(RecentOrigins, ORIGINS_WITHIN_MIN))
    _rarely: RareLog = field(default_factory=RareLog)

    def waits(self, cause: str, key: str, messages: int) -> None:
        """Messages wait in quarantine for ``key``."""
        self.messages[cause] += messages
        said = {
            "unknown_device": "%s is not registered: its messages wait in quarantine until it is registered",
            "no_birth": "the births of %s are not known: its messages wait in quarantine for 10 minutes",
            "codec": "the codec %s cannot be called now: its messages wait in quarantine",
        }
        self._rarely.say(f"quarantine {cause}", logging.WARNING, said[cause], key)

    def refused(self, why: str) -> None:
        """The disk fails for the quarantine: new messages stay in memory unacknowledged, released ones wait."""
        self.trouble = why
        self._rarely.say("quarantine refused", logging.ERROR, "the quarantine cannot be used, messages wait: %s", why)

    def works(self) -> None:
        """The quarantine can use the disk again."""
        if self.trouble:
            log.info("the quarantine can be used again")
        self.trouble = ""

    def released(self, key: str, messages: int) -> None:
        """Messages left the quarantine because the missing piece is known."""
        log.info("%d messages that waited in quarantine for %s were processed", messages, key)

    def made_room(self, origins: Counter[str]) -> None:
        """The quarantine was full and messages made room, by topic prefix."""
        if origins:
            (most, number), *_ = self.made_room_lately.count_origins(origins, time.monotonic())
            text = "the quarantine is full: %d messages made room, %d of them from %s#"
            self._rarely.say("quarantine", logging.ERROR, text, origins.total(), number, most)

    def not_kept(self, messages: int) -> None:
        """The disk cannot store messages for the quarantine, which would block later ones: they are given up."""
        self._rarely.say("not quarantined", logging.ERROR, "no room in quarantine: %d messages are given up", messages)

    def damaged(self, messages: int) -> None:
        """Messages in quarantine are damaged."""
        self.lost += messages
        log.error("%d messages in quarantine are damaged and lost", messages)
