"""The way out of the quarantine: released messages are processed again, and expired ones become rejects.

Released messages leave some hundred at a time, in order of arrival, beside the way in: the pipeline may have to
call a codec for each. Once the core has seen a message, its outcome is committed, however often that must be tried: the
core would take it for a duplicate if it came again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from gateway.core.message import REJECT_KEPT_BYTES, QuarantinedMessage, Refusal, WaitCause
from gateway.ingest.storage import quarantine
from gateway.ingest.storage.database import Database, DatabaseFault
from gateway.ingest.storage.quarantine import FIRST, QuarantineRow
from gateway.ingest.storage.quarantine_in import QuarantineIn, ReleasedKeys
from gateway.ingest.storage.reject_account import RejectAccount
from gateway.ingest.storage.settlement import Committed, Limits, QuarantineAccount, Replayed, commit
from gateway.support.clock import WallClock
from schemas.rejects import RejectReason

_RETRY_S: Final = 1.0
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
class QuarantineOut:
    """Sends released messages through the pipeline, while ``has_room`` says that the journal takes more.

    ``journaled`` is set when rows were added to the journal.

    :ivar releasing: messages that the core has seen and whose outcome is not durable yet.
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
        """Make rejects of expired messages."""
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
