"""The account of rejects: the one place that decides which bytes are kept, and enters each into ledger and events.

A reject comes about in four ways: a message is refused as it comes in, InfluxDB refuses a reading of the journal, a message
leaves the quarantine, a reject is replayed. Each stores the bytes in a commit of its own, with whatever must be durable at the
same moment; the settlement is the same for all.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from gateway.core.batching.rates import RateLimit, StrangersRateLimit
from gateway.core.devices.places import topic_prefix
from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import Refusal
from gateway.ingest.events import Events
from gateway.ingest.storage import rejects
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason


class RejectAccount:
    """Selects the rejects to keep, and settles all.

    :ivar max_bytes: bytes that all rejects may take on disk.

    ``noted`` is told each reject when it is settled, ``not_taken`` each device of which InfluxDB refused a reading, and when.
    """

    def __init__(
        self,
        ledger: Ledger,
        events: Events,
        clock: WallClock,
        *,
        max_bytes: int,
        is_registered: Callable[[str], bool] = lambda _device: True,
        not_taken: Callable[[str, int], None] = lambda _device, _at_ms: None,
        noted: Callable[[Refusal], None] = lambda _refusal: None,
    ) -> None:
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self.max_bytes = max_bytes
        self._is_registered = is_registered
        self._not_taken = not_taken
        self._noted = noted
        self._rate_limit = RateLimit()
        self._strangers_limit = StrangersRateLimit(max_bytes)

    def choose(self, refusals: list[Refusal]) -> list[Refusal]:
        """Return those that may be kept: a flood of one fault of one device, or of unregistered ones, is only counted."""
        now_ms = self._clock.now_ms()
        usual = [r for r in refusals if self._rate_limit.allow(r.device or r.topic, r.reason.value, now_ms)]
        chosen = [r for r in usual if self._is_registered(r.device) or self._strangers_limit.allow(*_share(r), now_ms)]
        if len(usual) < len(refusals):
            self._events.rejects_not_kept(len(refusals) - len(usual), "more than 20 a minute of one device and reason")
        if len(chosen) < len(usual):
            self._events.strangers_not_kept(len(usual) - len(chosen), _share(usual[-1])[0])
        return chosen

    def settle(self, refusals: Sequence[Refusal], kept: Sequence[Refusal], place: HoldingPlace = "memory") -> None:
        """Count and report rejects that were held in ``place``; the bytes of those in ``kept`` are stored."""
        kept_ids = frozenset(map(id, kept))
        for refusal in refusals:
            self._events.rejected(refusal, kept=id(refusal) in kept_ids)
            self._noted(refusal)
            if refusal.reason is RejectReason.INFLUXDB_REJECTED:
                self._not_taken(refusal.device, refusal.arrival_ms)
        self._ledger.settle("rejected", Counter(refusal.domain for refusal in refusals), place)

    def not_stored(self, refusals: list[Refusal], why: str) -> None:
        """Settle rejects in memory whose bytes could not be stored."""
        self._events.rejects_not_kept(len(refusals), why)
        self.settle(refusals, ())


def _share(refusal: Refusal) -> tuple[str, int]:
    """Return the topic prefix of a reject, and the bytes that it takes."""
    return topic_prefix(refusal.topic, refusal.device), rejects.size_of(refusal)
