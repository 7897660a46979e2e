"""Events of the quarantine: one function for each, which notes it and logs it."""

import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from gateway.core.batching.rates import RecentOrigins
from gateway.core.status.verdict import ORIGINS_WITHIN_MIN
from gateway.support.logs import RareLog

log = logging.getLogger("gateway")


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
