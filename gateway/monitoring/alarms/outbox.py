"""The outbox: notices that wait for a receiver of each change, in order, in memory and on disk; and what wakes the senders.

Planned work is kept here too: while it goes on, nobody is told of alarms at its place.
The senders read from memory, so a disk that fails keeps no alarm from people. The disk has the notices for the next run.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from msgspec import Struct
from msgspec.json import decode

from gateway.core.alarms.alarm import AlarmTags, Change
from gateway.ingest.storage.alarms import Notice, PlannedWork

NAME_MAX: Final = 100
NOTE_MAX: Final = 1000
AHEAD_MAX_MS: Final = 366 * 86_400_000
"""Work is planned for a year at most: what is silenced for ever is a rule to be switched off."""


class PlannedWorks(dict[int, PlannedWork]):
    """Planned work by its number, as it is on disk."""

    def drop_over(self, now_ms: int) -> bool:
        """Remove the work that is over; tell if there was any."""
        over = [number for number, work in self.items() if work.until_ms <= now_ms]
        for number in over:
            del self[number]
        return bool(over)

    def going_on(self, now_ms: int) -> Iterator[tuple[int, PlannedWork]]:
        """The work that is not over, with its numbers."""
        return ((number, work) for number, work in self.items() if now_ms < work.until_ms)

    def left_ms(self, now_ms: int) -> int | None:
        """The time until some work is over; None: there is none."""
        return min((max(0, work.until_ms - now_ms) for work in self.values()), default=None)

    def cover(self, tags: AlarmTags, now_ms: int) -> bool:
        """Tell if work goes on at the place of an alarm."""
        return any(
            work.device == tags.device if work.device else work.site in ("", tags.site) for _, work in self.going_on(now_ms)
        )


def work_document(number: int, work: PlannedWork) -> dict[str, object]:
    """Planned work as a document of the API."""
    return {
        "number": number,
        "site": work.site,
        "device": work.device,
        "since_ms": work.since_ms,
        "until_ms": work.until_ms,
        "by": work.by,
        "note": work.note,
    }


INFLUXDB: Final = "influxdb"
WEBHOOK: Final = "webhook"
WAITING_MAX: Final = 10_000
"""Most notices that wait for one receiver; more push out the oldest."""


class _Head(Struct):
    """The part of a notice for the webhook that says what it is about."""

    id: str
    change: Change


class Outbox:
    """Notices by receiver; ``receivers``: the receivers that are configured; notices for others are forgotten."""

    def __init__(self, receivers: Iterable[str]) -> None:
        self._waiting: dict[str, deque[Notice]] = {receiver: deque() for receiver in receivers}
        self._gone: list[int] = []
        self._next = 1

    def restore(self, notices: Iterable[Notice]) -> None:
        """Restore the notices that are on disk."""
        for notice in notices:
            self._next = max(self._next, notice.number + 1)
            if notice.receiver in self._waiting:
                self._waiting[notice.receiver].append(notice)
            else:
                self._gone.append(notice.number)

    def number(self, messages: Iterable[tuple[str, str]]) -> list[Notice]:
        """Give each message, a receiver and a body, its number; leave out those whose receiver is not configured."""
        found = [
            Notice(self._next + at, receiver, body)
            for at, (receiver, body) in enumerate(message for message in messages if message[0] in self._waiting)
        ]
        self._next += len(found)
        return found

    def add(self, notices: Iterable[Notice]) -> int:
        """Add notices; return how many old ones were given up to make room."""
        given_up = 0
        for notice in notices:
            waiting = self._waiting[notice.receiver]
            waiting.append(notice)
            if len(waiting) > WAITING_MAX:
                self._gone.append(waiting.popleft().number)
                given_up += 1
        return given_up

    def first(self, receiver: str, most: int) -> Sequence[Notice]:
        """The oldest notices that wait for a receiver."""
        return list(islice(self._waiting[receiver], most))

    def remove(self, notices: Sequence[Notice]) -> None:
        """Remove notices that their receiver took."""
        for notice in notices:
            waiting = self._waiting[notice.receiver]
            if waiting and waiting[0].number == notice.number:  # else it made room meanwhile
                waiting.popleft()
                self._gone.append(notice.number)

    def untold(self) -> set[str]:
        """The ids of alarms whose beginning waits for the webhook."""
        heads = [decode(notice.body, type=_Head) for notice in self._waiting.get(WEBHOOK, ())]
        return {head.id for head in heads if head.change is Change.RAISED}

    def gone(self) -> list[int]:
        """Return the numbers to delete on disk, each only once."""
        gone, self._gone = self._gone, []
        return gone


class Revision:
    """A count of changes. A waiter that was busy during several of them is woken once and misses none."""

    def __init__(self) -> None:
        self.number = 0
        self._next = asyncio.Event()

    def bump(self) -> None:
        """Count a change, and wake all who wait."""
        self.number += 1
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def after(self, number: int, within_s: float | None = None) -> int:
        """Wait until the number differs from the known one, at most ``within_s``; return it."""
        if self.number == number:
            try:
                async with asyncio.timeout(within_s):
                    await self._next.wait()
            except TimeoutError:
                pass
        return self.number
