"""The lanes of the quarantine: messages that must wait are stored, and released ones processed again.

A batch with a message for the quarantine is not acknowledged before the message is on disk; if the disk cannot store it now,
it waits. But no later message can be acknowledged meanwhile. So under pressure from the broker, messages that the disk still
does not store are given up, unless ``journal.when_full`` forbids it: an unregistered device must not stop a province.

A message waits for a key. The part that learns the missing piece releases it: the registry a device, the Sparkplug host a
node, a codec itself. The way out takes the keys from :class:`ReleasedKeys`; expired messages become rejects.

Released messages leave some hundred at a time, in order of arrival, beside the way in: the pipeline may have to
call a codec for each. Once the core has seen a message, its outcome is committed, however often that must be tried: the
core would take it for a duplicate if it came again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.core.batching.batch import Batch
from gateway.core.message import REJECT_KEPT_BYTES, QuarantinedMessage, Refusal, WaitCause
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.quarantine import FIRST, MadeRoom, QuarantineRow, QuarantineUse
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import Committed, Limits, QuarantineAccount, Replayed, commit
from gateway.support.clock import WallClock, set_within
from schemas.rejects import RejectReason

_COMMIT_EVERY_S: Final = 0.2
_RETRY_S: Final = 1.0
_ALWAYS_BYTES: Final = 2**20
"""Bytes that may wait even on a disk that is nearly full."""
_NO_ROOM_S: Final = 1.0
_IN_VAIN: Final = {
    WaitCause.UNKNOWN_DEVICE: (RejectReason.UNKNOWN_DEVICE, "the device was not registered in time; register it and replay"),
    WaitCause.NO_BIRTH: (RejectReason.NO_BIRTH, "the births of {key} did not come in 10 minutes; ask the node for a rebirth"),
    WaitCause.CODEC: (
        RejectReason.PROFILE_ERROR,
        "the codec {key} was suspended and not corrected in time; correct it and replay",
    ),
}
"""The reject of an expired message, and the sentence for people."""
SendThrough = Callable[[list[QuarantineRow]], Awaitable[Replayed]]
"""Sends messages through the core again, codecs included, and returns what they became."""


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


@dataclass(slots=True)
class QuarantineOut:
    """Sends released messages through the pipeline, while ``has_room`` says that the journal takes more.

    ``journaled`` is set when rows were added to the journal; ``releasing`` is True while the outcome of messages that the core
    has seen is not durable yet.
    """

    _database: Database
    _account: QuarantineAccount
    _released: ReleasedKeys
    _quarantine_in: QuarantineIn
    _rejects: RejectAccount
    _journaled: asyncio.Event
    _limits: Limits
    _clock: WallClock
    _through_core: SendThrough
    _has_room: Callable[[], bool]
    releasing: bool = False

    async def run(self) -> None:
        """Release and expire until cancelled."""
        while True:
            await self._released.wait()
            try:
                await self._release_free()
                await self._expire()
            except DatabaseFault as fault:
                self._account.disk_fault(fault)
                self._released.wake_in(_RETRY_S)

    async def _release_free(self) -> None:
        """Process the messages of released keys; keys that cannot be processed now stay released."""
        if not await self._quarantine_in.flush():  # messages that wait for a key were checked before the key was released
            self._released.wake_in(_RETRY_S)
            return
        free = deque(self._released.pop_all())
        try:
            free = deque(await self._database.run(quarantine.having, list(free)))
            while free and await self._release_key(free[0]):
                free.popleft()
        finally:
            self._released.requeue(free)
        if free:
            self._released.wake_in(_NO_ROOM_S)

    async def _release_key(self, key: str) -> bool:
        """Process all messages that wait for a key; return False if the journal is full and they must be tried again."""
        place, left = FIRST, 0
        while has_room := self._has_room():
            rows = await self._database.run(quarantine.select_key, key, after=place)
            if not rows:
                break
            left += await self._send_through([row for _, row in rows])
            place = rows[-1][0]
        self._account.released(key, left)
        return has_room

    async def _send_through(self, rows: list[QuarantineRow]) -> int:
        """Send messages through the pipeline; return the number of those that left the quarantine."""
        self.releasing = True
        result = await self._through_core(rows)
        done = await self._settle(result)
        self.releasing = False
        self._released.expect(result.waiting)
        return done.left

    async def _expire(self) -> None:
        while (now_ms := self._released.expired_ms()) is not None:
            rows = await self._database.run(quarantine.expired, now_ms)
            if not rows:
                self._released.next_expiry_ms = await self._database.run(quarantine.next_expiry_ms)
                return
            result = Replayed([number for number, _ in rows], lost=sum(message is None for _, message in rows))
            result.refused = [_in_vain(message) for _, message in rows if message is not None]
            await self._settle(result)

    async def _settle(self, result: Replayed) -> Committed:
        """Commit the outcomes of messages, however long it takes, and count them; return the result."""
        result.kept = self._rejects.choose(result.refused)
        first_row = self._database.reserve_rows(len(result.bodies))
        while True:
            try:
                now_ms, limits = self._clock.now_ms(), self._limits
                done = await self._database.run(commit, result, quarantine.remove, first_row, now_ms, limits)
                break
            except DatabaseFault as fault:
                self._account.disk_fault(fault)
                await asyncio.sleep(_RETRY_S)
        self._account.settled(result, done)
        self._rejects.settle(result.refused, result.kept, "quarantine")
        if result.bodies:
            self._journaled.set()
        return done


def _in_vain(message: QuarantinedMessage) -> Refusal:
    (reason, text), kept = _IN_VAIN[message.cause], message.payload[:REJECT_KEPT_BYTES]
    detail, came = text.format(key=message.key), (message.arrival_ms, message.device, message.domain)
    return Refusal(reason, detail, message.topic, kept, "decode", *came)
