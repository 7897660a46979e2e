"""Keeping what must wait, and letting it come again.

A batch with a message for the quarantine is held until the message is on disk: it is not acknowledged before, and if the disk
does not take it now, it waits. But nothing that came after it can be acknowledged meanwhile. So when the broker presses, what
the disk still does not take is given up, unless ``journal.when_full`` forbids it: a device that nobody registered must not stop
a province.

What has become free leaves some hundred messages at a time, in order of arrival, beside the keeping: the pipeline may have to
ask a codec for each. Once the core has seen a message, what became of it is committed, however often that must be tried: the
core would take it for a duplicate if it came again.

In the ledger a waiting message is one reading. When it comes again, it is as many as it holds; the rest of them are received
then, with the source ``replay``. One that holds none (a frame of configuration, say) ends as a duplicate: it brought nothing
new, and neither was it refused nor is anything of it lost.
"""

import asyncio
import sqlite3
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from gateway.core.delivery.batch import Batch
from gateway.core.ledger import Ledger
from gateway.core.message import REJECT_KEPT_BYTES, QuarantinedMessage, Refusal, WaitCause
from gateway.events import Events
from gateway.storage import quarantine
from gateway.storage.database import Database, DatabaseFault
from gateway.storage.quarantine import FIRST, Row
from gateway.storage.quarantine_shares import MadeRoom
from gateway.storage.replay import Committed, Limits, Process, Replayed, commit, work
from schemas.rejects import RejectReason

_COMMIT_EVERY_S: Final = 0.2
_RETRY_S: Final = 1.0
_NO_ROOM_S: Final = 1.0
_ALWAYS_BYTES: Final = 2**20
"""So much may wait even on a disk that is nearly full."""

_IN_VAIN: Final = {
    WaitCause.UNKNOWN_DEVICE: (RejectReason.UNKNOWN_DEVICE, "the device was not registered in time; register it and replay"),
    WaitCause.NO_BIRTH: (RejectReason.NO_BIRTH, "the births of {key} did not come in 10 minutes; ask the node for a rebirth"),
    WaitCause.CODEC: (RejectReason.PROFILE_ERROR, "the codec {key} was suspended and not mended in time; mend it and replay"),
}
"""What becomes of a message that waited in vain, and the sentence for people."""


class Hooks(NamedTuple):
    """Where the quarantine hands on.

    :ivar process: the pipeline, codecs included.
    :ivar release_batch: ends a hold of a batch.
    :ivar choose: those refusals that may be kept.
    :ivar journaled: rows were added to the journal.
    :ivar has_room: whether the journal takes more.
    :ivar pressed: whether the broker will soon hand over nothing more, and something may be given up for that.
    """

    process: Process
    release_batch: Callable[[Batch], None]
    choose: Callable[[list[Refusal]], list[Refusal]]
    journaled: Callable[[], None]
    has_room: Callable[[], bool]
    pressed: Callable[[], bool]


class Quarantine:
    """Takes messages that must wait, and sends them through the pipeline when they need not any more.

    :ivar stock: what waits, after the last commit.
    """

    def __init__(
        self, database: Database, ledger: Ledger, events: Events, limits: Limits, min_free_bytes: int, hooks: Hooks
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._events = events
        self._limits = limits
        self._min_free_bytes = min_free_bytes
        self._hooks = hooks
        self._coming: list[tuple[Batch | None, list[QuarantinedMessage]]] = []
        self._came = asyncio.Event()
        self._storing = asyncio.Lock()
        self._free: dict[str, None] = {}
        self._freed = asyncio.Event()
        self._next_expiry_ms: int | None = None
        self.releasing = False
        self.stock = quarantine.Stock(0, 0, {})

    def find_stock(self) -> None:
        """At the start: what stands there was received by an earlier run, and is pending now."""
        self.stock = self._database.run_here(quarantine.stock)
        self._next_expiry_ms = self._database.run_here(quarantine.next_expiry_ms)
        self._ledger.receive(self.stock.messages, "journal", "quarantine")

    def keep(self, batch: Batch, waiting: list[QuarantinedMessage]) -> None:
        """Store messages of ``batch``, which is held until then. They count as received, in memory."""
        batch.holds += 1
        self._coming.append((batch, waiting))
        self._came.set()

    def release(self, *keys: str) -> None:
        """What waits for these keys may come again."""
        self._free.update(dict.fromkeys(keys))
        self._freed.set()

    async def run(self) -> None:
        """Keep and release until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_on(), name="quarantine in")
            group.create_task(self._release_on(), name="quarantine out")

    # Keeping.

    async def _keep_on(self) -> None:
        while True:
            await self._came.wait()
            self._came.clear()
            took = await self.flush()
            await asyncio.sleep(_COMMIT_EVERY_S if took else _RETRY_S)

    async def flush(self) -> bool:
        """Store all that waits to be stored, in one commit; whether the disk took it."""
        async with self._storing:
            return await self._flush()

    async def _flush(self) -> bool:
        coming, self._coming = self._coming, []
        messages = [message for _, own in coming for message in own]
        try:
            made_room = await self._store(messages) if messages else MadeRoom()
        except (DatabaseFault, OSError) as fault:
            self._coming = coming + self._coming
            self._came.set()
            self._events.quarantine_refused(str(fault))
            if self._hooks.pressed():
                self._give_up()
            return False
        self._events.quarantine_works()
        self._ledger.move(len(messages), "memory", "quarantine")
        self._made_room(made_room)
        for (cause, key), number in Counter((message.cause.value, message.key) for message in messages).items():
            self._events.quarantined(cause, key, number)
        limits_ms = [message.expires_ms for message in messages if message.expires_ms is not None]
        if limits_ms:
            self._expires(min(limits_ms))
        for batch, _ in coming:
            if batch is not None:
                self._hooks.release_batch(batch)
        return True

    def _give_up(self) -> None:
        """The disk does not take what came, and others wait behind it."""
        coming, self._coming = self._coming, [(batch, own) for batch, own in self._coming if batch is None]
        for batch, messages in coming:
            if batch is not None:
                self._ledger.settle("expired", Counter(message.domain for message in messages))
                self._events.not_quarantined(len(messages))
                self._hooks.release_batch(batch)

    async def _store(self, messages: list[QuarantinedMessage]) -> MadeRoom:
        max_bytes = self._limits.quarantine_max_bytes
        if self._database.free_bytes() < self._min_free_bytes:
            max_bytes = min(max_bytes, max(self.stock.bytes, _ALWAYS_BYTES))
        made_room, self.stock = await self._database.run(_add, messages, max_bytes)
        return made_room

    def _made_room(self, made_room: MadeRoom) -> None:
        self._ledger.settle("expired", made_room.domains, "quarantine")
        self._events.quarantine_expired(made_room.origins)

    async def take_back(self, rows: list[Row]) -> None:
        """Store messages of a damaged file; until the disk takes them."""
        messages = [message for _, message in rows if message is not None]
        lost = len(rows) - len(messages)
        self._ledger.receive(len(rows), "journal")
        if lost:
            self._ledger.settle("lost", {"unknown": lost})
            self._events.quarantine_damaged(lost)
        self._coming.append((None, messages))
        while True:
            if await self.flush():
                return
            await asyncio.sleep(_RETRY_S)

    # Releasing.

    def _expires(self, at_ms: int) -> None:
        """A message waits in vain from ``at_ms`` on: the releasing task must know when it is earlier than what it waits for."""
        if self._next_expiry_ms is None or at_ms < self._next_expiry_ms:
            self._next_expiry_ms = at_ms
            self._freed.set()

    async def _release_on(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._until_expiry_s()):
                    await self._freed.wait()
            except TimeoutError:
                pass
            self._freed.clear()
            try:
                await self._release_free()
                await self._expire()
            except DatabaseFault as fault:
                self._events.quarantine_refused(str(fault))
                self._again_in(_RETRY_S)

    def _again_in(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._freed.set)

    def _until_expiry_s(self) -> float | None:
        if self._next_expiry_ms is None:
            return None
        return max(0.0, self._next_expiry_ms / 1000 - time.time())

    async def _release_free(self) -> None:
        """Send through what waits for the keys that are free; keys that cannot be done now stay free."""
        if not await self.flush():  # what waits for a key was judged before the key became free
            self._again_in(_RETRY_S)
            return
        free, self._free = deque(self._free), {}
        try:
            free = deque(await self._database.run(quarantine.having, list(free)))
            while free and await self._release_key(free[0]):
                free.popleft()
        finally:
            self._free.update(dict.fromkeys(free))
        if free:
            self._again_in(_NO_ROOM_S)

    async def _release_key(self, key: str) -> bool:
        """Send through all that waits for a key; whether it could, and need not be tried again."""
        place, left = FIRST, 0
        while has_room := self._hooks.has_room():
            rows = await self._database.run(quarantine.select_key, key, after=place)
            if not rows:
                break
            left += await self._send_through([row for _, row in rows])
            place = rows[-1][0]
        if left:
            self._events.released(key, left)
        return has_room

    async def _send_through(self, rows: list[Row]) -> int:
        """Send messages through the pipeline; how many left the quarantine."""
        self.releasing = True
        result = await work(rows, self._hooks.process)
        result.kept = self._hooks.choose(result.refused)
        done = await self._settle(result)
        self.releasing = False
        return done.left

    async def _expire(self) -> None:
        """Make rejects of what waited in vain."""
        now_ms = time.time_ns() // 1_000_000
        while self._next_expiry_ms is not None and self._next_expiry_ms <= now_ms:
            rows = await self._database.run(quarantine.expired, now_ms)
            if not rows:
                self._next_expiry_ms = await self._database.run(quarantine.next_expiry_ms)
                return
            result = Replayed([number for number, _ in rows], lost=sum(message is None for _, message in rows))
            result.refused = [_in_vain(message) for _, message in rows if message is not None]
            result.kept = self._hooks.choose(result.refused)
            await self._settle(result)

    async def _settle(self, result: Replayed) -> Committed:
        """Commit what became of messages, however long it takes, and count it."""
        first_row = self._database.reserve_rows(len(result.bodies))
        while True:
            try:
                now_ms = time.time_ns() // 1_000_000
                done, self.stock = await self._database.run(_commit, result, first_row, now_ms, self._limits)
                break
            except DatabaseFault as fault:
                self._events.quarantine_refused(str(fault))
                await asyncio.sleep(_RETRY_S)
        self._events.quarantine_works()
        self._count(result, done)
        if result.bodies:
            self._hooks.journaled()
        return done

    def _count(self, result: Replayed, done: Committed) -> None:
        ledger, kept = self._ledger, set(map(id, result.kept))
        ended = result.received + result.empty.total() + result.lost
        ledger.receive(ended - (done.left - len(result.waiting)), "replay", "quarantine")
        ledger.move(result.readings.total(), "quarantine", "journal")
        ledger.settle("duplicate", result.duplicates + result.empty, "quarantine")
        for refusal in result.refused:
            ledger.settle("rejected", {refusal.domain: 1}, "quarantine")
            self._events.rejected(refusal, kept=id(refusal) in kept)
        if result.lost:
            ledger.settle("lost", {"unknown": result.lost}, "quarantine")
            self._events.quarantine_damaged(result.lost)
        self._made_room(done.made_room)


def _add(
    connection: sqlite3.Connection, messages: Iterable[QuarantinedMessage], max_bytes: int
) -> tuple[MadeRoom, quarantine.Stock]:
    return quarantine.add(connection, messages, max_bytes), quarantine.stock(connection)


def _commit(
    connection: sqlite3.Connection, result: Replayed, first_row: int, now_ms: int, limits: Limits
) -> tuple[Committed, quarantine.Stock]:
    return commit(connection, result, quarantine.remove, first_row, now_ms, limits), quarantine.stock(connection)


def _in_vain(message: QuarantinedMessage) -> Refusal:
    reason, detail = _IN_VAIN[message.cause]
    return Refusal(
        reason,
        detail.format(key=message.key),
        message.topic,
        message.payload[:REJECT_KEPT_BYTES],
        "decode",
        message.arrival_ms,
        message.device,
        message.domain,
    )
