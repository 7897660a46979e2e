"""The way into the quarantine: messages that must wait are stored, and their batches held until then.

A batch with a message for the quarantine is not acknowledged before the message is on disk; if the disk cannot store it now,
it waits. But no later message can be acknowledged meanwhile. So under pressure from the broker, messages that the disk still
does not store are given up, unless ``journal.when_full`` forbids it: an unregistered device must not stop a province.

A message waits for a key. The part that learns the missing piece releases it: the registry a device, the Sparkplug host a
node, a codec itself. The way out (:mod:`gateway.ingest.storage.quarantine_out`) takes the keys from :class:`ReleasedKeys`.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.message import QuarantinedMessage
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.quarantine import MadeRoom, QuarantineRow, QuarantineUse
from gateway.ingest.storage.settlement import Limits, QuarantineAccount
from gateway.support.clock import WallClock, set_within

_COMMIT_EVERY_S: Final = 0.2
_RETRY_S: Final = 1.0
_ALWAYS_BYTES: Final = 2**20
"""Bytes that may wait even on a disk that is nearly full."""


@dataclass(slots=True)
class ReleasedKeys:
    """Released keys, in the order of their release, and the time at which the next message expires; None: none has a limit."""

    _clock: WallClock
    next_expiry_ms: int | None = None
    _free: dict[str, None] = field(default_factory=dict)
    _freed: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self, *keys: str) -> None:
        """Release the messages that wait for these keys."""
        self._free.update(dict.fromkeys(keys))
        self._freed.set()

    def expect(self, messages: Iterable[QuarantinedMessage]) -> None:
        """Note when messages expire that were just stored, and wake a wait for a later instant."""
        at_ms = min((message.expires_ms for message in messages if message.expires_ms is not None), default=None)
        if at_ms is not None and (self.next_expiry_ms is None or at_ms < self.next_expiry_ms):
            self.next_expiry_ms = at_ms
            self._freed.set()

    def expired_ms(self) -> int | None:
        """Return the time now if a message has expired; None if none has."""
        now_ms = self._clock.now_ms()
        return now_ms if self.next_expiry_ms is not None and self.next_expiry_ms <= now_ms else None

    def pop_all(self) -> list[str]:
        """Take all keys out."""
        free, self._free = self._free, {}
        return list(free)

    def requeue(self, keys: Iterable[str]) -> None:
        """Put keys back without a wake-up: they cannot be processed now."""
        self._free.update(dict.fromkeys(keys))

    def wake_in(self, seconds: float) -> None:
        """End the wait later, for keys that could not be processed now."""
        asyncio.get_running_loop().call_later(seconds, self._freed.set)

    async def wait(self) -> None:
        """Return when a key is released or a message has expired."""
        until_s = None
        if self.next_expiry_ms is not None:
            until_s = self._clock.real_s(max(0, self.next_expiry_ms - self._clock.now_ms()) / 1000)
        await set_within(self._freed, until_s)
        self._freed.clear()


@dataclass(slots=True)
class QuarantineIn:
    """Stores messages that must wait, and releases their batches then; ``is_pressed``: the broker will soon send no more."""

    _database: Database
    _account: QuarantineAccount
    _released: ReleasedKeys
    _release: Callable[[Batch], None]
    _is_pressed: Callable[[], bool]
    _limits: Limits
    _coming: list[tuple[Batch | None, list[QuarantinedMessage]]] = field(default_factory=list)
    _came: asyncio.Event = field(default_factory=asyncio.Event)
    _storing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def has_waiting(self) -> bool:
        """True when messages wait to be stored."""
        return bool(self._coming)

    def find_stock(self) -> None:
        """Load at the start the totals of an earlier run."""
        self._account.found(self._database.run_here(quarantine.stock))
        self._released.next_expiry_ms = self._database.run_here(quarantine.next_expiry_ms)

    def keep(self, batch: Batch, waiting: list[QuarantinedMessage]) -> None:
        """Store messages of ``batch``, which is held until then. They count as received, in memory."""
        batch.holds += 1
        self._coming.append((batch, waiting))
        self._came.set()

    async def run(self) -> None:
        """Store new messages until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            took = await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S if took else _RETRY_S)

    async def flush(self) -> bool:
        """Store all new messages in one commit; return True if it succeeded."""
        async with self._storing:
            coming, self._coming = self._coming, []
            messages = [message for _, own in coming for message in own]
            try:
                made_room, stock = await self._store(messages) if messages else (MadeRoom(), self._account.stock)
            except (DatabaseFault, OSError) as fault:
                self._coming = coming + self._coming  # in their order: without room the oldest are dropped
                self._came.set()
                self._account.disk_fault(fault)
                if self._limits.may_give_up and self._is_pressed():
                    self._give_up()
                return False
            self._account.stored(messages, made_room, stock)
            self._released.expect(messages)
            for batch, _ in coming:
                if batch is not None:
                    self._release(batch)
            return True

    def _give_up(self) -> None:
        """Give up messages from the broker, since others wait behind them. Salvaged ones block nothing and stay."""
        coming, self._coming = self._coming, [(batch, own) for batch, own in self._coming if batch is None]
        for batch, messages in coming:
            if batch is not None:
                self._account.given_up(messages)
                self._release(batch)

    async def _store(self, messages: list[QuarantinedMessage]) -> tuple[MadeRoom, QuarantineUse]:
        max_bytes = self._limits.quarantine_max_bytes
        if self._database.free_bytes() < self._limits.min_free_bytes:
            max_bytes = min(max_bytes, max(self._account.stock.bytes, _ALWAYS_BYTES))
        return await self._database.run(lambda file: (quarantine.add(file, messages, max_bytes), quarantine.stock(file)))

    async def take_back(self, rows: list[QuarantineRow]) -> None:
        """Store messages of a damaged file, repeating until the disk works."""
        self._coming.append((None, self._account.salvaged(rows)))
        while True:
            if await self.flush():
                return
            await asyncio.sleep(_RETRY_S)
