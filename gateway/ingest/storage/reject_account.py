"""The account of rejects: the one place that decides which bytes are kept, and enters each into ledger and events.

A reject comes about in four ways: a message is refused as it comes in, InfluxDB refuses a reading of the journal, a message
leaves the quarantine, a reject is replayed. Each stores the bytes in a commit of its own, with whatever must be durable at the
same moment; the settlement is the same for all.

What is refused as it comes in is committed a few times a second at most, without delaying good readings. A reject that is not
kept does not wait for the disk: in a flood of garbage all but the first of each minute are counted and released at once.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.batching.rates import RateLimit, StrangersRateLimit
from gateway.core.devices.places import topic_prefix
from gateway.core.ledger import HoldingPlace, Ledger
from gateway.core.message import Refusal
from gateway.ingest.events import Events
from gateway.ingest.storage import rejects
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

_COMMIT_EVERY_S: Final = 0.2
_PATIENCE_S: Final = 1.0
"""Time after which a reject is counted and released: the disk is full or hangs."""


@dataclass(slots=True)
class RejectAccount:
    """Selects the rejects to keep, and settles all.

    ``noted`` is told each reject when it is settled, ``not_taken`` each device of which InfluxDB refused a reading, and when.
    """

    _ledger: Ledger
    _events: Events
    _clock: WallClock
    _: KW_ONLY
    max_bytes: int
    is_registered: Callable[[str], bool] = lambda _device: True
    not_taken: Callable[[str, int], None] = lambda _device, _at_ms: None
    noted: Callable[[Refusal], None] = lambda _refusal: None
    _rate_limit: RateLimit = field(default_factory=RateLimit)
    _strangers_limit: StrangersRateLimit = field(init=False)

    def __post_init__(self) -> None:
        self._strangers_limit = StrangersRateLimit(self.max_bytes)

    def choose(self, refusals: list[Refusal]) -> list[Refusal]:
        """Return those that may be kept: a flood of one fault of one device, or of unregistered ones, is only counted."""
        now_ms = self._clock.now_ms()
        usual = [r for r in refusals if self._rate_limit.allow(r.device or r.topic, r.reason.value, now_ms)]
        chosen = [r for r in usual if self.is_registered(r.device) or self._strangers_limit.allow(*_share(r), now_ms)]
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
            self.noted(refusal)
            if refusal.reason is RejectReason.INFLUXDB_REJECTED:
                self.not_taken(refusal.device, refusal.arrival_ms)
        self._ledger.settle("rejected", Counter(refusal.domain for refusal in refusals), place)

    def not_stored(self, refusals: list[Refusal], why: str) -> None:
        """Settle rejects in memory whose bytes could not be stored."""
        self._events.rejects_not_kept(len(refusals), why)
        self.settle(refusals, ())


def _share(refusal: Refusal) -> tuple[str, int]:
    """Return the topic prefix of a reject, and the bytes that it takes."""
    return topic_prefix(refusal.topic, refusal.device), rejects.size_of(refusal)


@dataclass(slots=True)
class RejectWriter:
    """Stores the refusals of batches, and releases the batches then."""

    _database: Database
    _account: RejectAccount
    _release: Callable[[Batch], None]
    _waiting: list[tuple[Batch, list[Refusal]]] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def has_waiting(self) -> bool:
        """True when refusals wait to be stored."""
        return bool(self._waiting)

    def keep_refusals(self, batch: Batch) -> None:
        """Store the refusals that came with the messages of ``batch``, which is held until then."""
        refusals, batch.refusals = batch.refusals, []
        self.keep(batch, refusals)

    def keep(self, batch: Batch, refusals: list[Refusal]) -> None:
        """Store refusals; ``batch`` is held until then."""
        chosen = self._account.choose(refusals)
        if len(chosen) < len(refusals):
            chosen_ids = frozenset(map(id, chosen))
            self._account.settle([refusal for refusal in refusals if id(refusal) not in chosen_ids], ())
        if chosen:
            batch.holds += 1
            self._waiting.append((batch, chosen))
            self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S)

    async def flush(self) -> None:
        """Store all waiting refusals: all, or none if the disk does not store them in time."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        refusals = [refusal for _, own in waiting for refusal in own]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._database.run(rejects.add, refusals, self._account.max_bytes)
            self._account.settle(refusals, refusals)
        except TimeoutError:
            self._account.not_stored(refusals, f"the disk did not store them within {_PATIENCE_S:g} s")
        except DatabaseFault as fault:
            self._account.not_stored(refusals, str(fault))
        for batch, _ in waiting:
            self._release(batch)
