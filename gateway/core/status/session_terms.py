"""The terms on which the broker keeps the gateway's session, against those it was asked for, and what it lost of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class SessionTerms:
    """The session as the broker keeps it; all but the first three are known only of a broker that is watched.

    :ivar expiry_s: seconds that an absent gateway's session lives, and that were asked for; None: as asked.
    :ivar lost: times that the broker had forgotten a session since the start.
    :ivar lost_ms: the last such time.
    :ivar window: messages that the broker has on their way at once, and that were asked for; None: as asked or unknown.
    :ivar missing: topic filters that lead nothing to the gateway's queue although it subscribed to them.
    :ivar strange: routing keys that lead to the gateway's queue and are none of its own.
    :ivar unroutable: messages that no queue took; None while unknown.
    :ivar unwatched: the reason why the broker cannot be asked; empty if it can, or need not be.
    """

    expiry_s: tuple[int, int] | None = None
    lost: int = 0
    lost_ms: int = 0
    window: tuple[int, int] | None = None
    missing: Sequence[str] = ()
    strange: Sequence[str] = ()
    unroutable: int | None = None
    unwatched: str = ""
