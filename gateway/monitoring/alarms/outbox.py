"""The outbox: notices that wait for those who are told of alarms, in memory and on disk; and what wakes the senders.

Theory of operation
-------------------
A notice has a number, which is its place in the order and its row on disk. A receiver whose notices can be *folded* has one
waiting for each alarm: a newer one is folded into it where it stands. One that is on its way is left as it is; what changes
meanwhile waits behind the others, and if it was not taken both become one at its place.

A notice is on disk before the receiver gets it (:meth:`Outbox.number`, the commit, :meth:`Outbox.add`), so a restart tells
nothing twice. The senders read from memory, so a disk that fails keeps no alarm from people.

What is over :data:`WAITING_MAX` is given up: always the oldest notice of the place that has the most. So no device, whatever it
does, pushes out a notice of another that has fewer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from gateway.core.batching.fair_shares import to_give_up
from gateway.core.readings.line_protocol import device_of_line
from gateway.ingest.storage.alarms import Notice
from gateway.monitoring.alarms.folding import alarm_of, begins, folded

INFLUXDB: Final = "influxdb"
WEBHOOK: Final = "webhook"
WAITING_MAX: Final = 10_000
"""Most notices that wait for one receiver."""
_FOLDS: Final[Mapping[str, Callable[[str, str], str]]] = {WEBHOOK: folded}
"""Receiver → what makes one body of two about one alarm; the points of others are told each by itself."""


class Outbox:
    """Notices by receiver; ``receivers``: the receivers that are configured; notices for others are forgotten."""

    def __init__(self, receivers: Iterable[str]) -> None:
        self._waiting: dict[str, dict[int, Notice]] = {receiver: {} for receiver in receivers}
        self._coming: dict[int, Notice] = {}
        self._open: dict[tuple[str, str], int] = {}
        self._rewritten: dict[int, Notice] = {}
        self._gone: list[int] = []
        self._next = 1

    def restore(self, notices: Iterable[Notice]) -> None:
        """Restore the notices that are on disk, in their order; two of one alarm become one."""
        for notice in notices:
            self._next = max(self._next, notice.number + 1)
            receiver, body = notice.receiver, notice.body
            alarm = alarm_of(body) if receiver in _FOLDS else f"@{device_of_line(body) or ''}"
            if receiver not in self._waiting or alarm is None:
                self._gone.append(notice.number)
                continue
            self._waiting[receiver][notice.number] = found = notice._replace(alarm=alarm)
            older = self._waiting[receiver].get(self._open.get((receiver, alarm), 0))
            if older is not None:
                self._join(older, found)
            elif receiver in _FOLDS:
                self._open[receiver, alarm] = notice.number

    def number(self, messages: Iterable[tuple[str, str, str]]) -> list[Notice]:
        """Give each message, a receiver, the id of its alarm and a body, its place; leave out those for nobody.

        If it can be folded into a notice that waits for the same alarm, that is its place; nobody gets that notice before it
        is added.
        """
        found: dict[int, Notice] = {}
        for receiver, alarm, body in messages:
            if receiver not in self._waiting:
                continue
            number = self._open.get((receiver, alarm))
            if number is not None:
                waiting = self._coming.get(number) or self._waiting[receiver][number]
                notice = waiting._replace(body=_FOLDS[receiver](waiting.body, body))
            else:
                notice, self._next = Notice(self._next, receiver, body, alarm), self._next + 1
                if receiver in _FOLDS:
                    self._open[receiver, alarm] = notice.number
            found[notice.number] = self._coming[notice.number] = notice
        return list(found.values())

    def add(self, notices: Iterable[Notice]) -> list[Notice]:
        """Add notices, or replace those of the same number; return those that were given up to make room."""
        for notice in notices:
            self._waiting[notice.receiver][notice.number] = notice
            self._coming.pop(notice.number, None)
        given_up = list[Notice]()
        for waiting in [waiting for waiting in self._waiting.values() if len(waiting) > WAITING_MAX]:
            left = to_give_up(Counter(notice.place for notice in waiting.values()), WAITING_MAX)
            for notice in waiting.values():
                if left[notice.place]:
                    left[notice.place] -= 1
                    given_up.append(notice)
        self.remove(given_up)
        return given_up

    def first(self, receiver: str, most: int) -> Sequence[Notice]:
        """The oldest notices that wait for a receiver."""
        return list(islice(self._waiting[receiver].values(), most))

    def take(self, receiver: str) -> Notice | None:
        """Return the oldest notice of a receiver, to be sent now: nothing is folded into it until it is put back."""
        notice = next((one for one in self._waiting[receiver].values() if one.number not in self._coming), None)
        if notice is not None:
            self._close(notice)
        return notice

    def put_back(self, notice: Notice) -> None:
        """Put a notice that was not taken, or what is left of it, back to its place; fold into it what came meanwhile."""
        waiting = self._waiting[notice.receiver]
        if notice.number not in waiting:
            return  # it was given up meanwhile
        if waiting[notice.number] != notice:
            waiting[notice.number] = self._rewritten[notice.number] = notice
        newer = waiting.get(self._open.setdefault((notice.receiver, notice.alarm), notice.number))
        if newer is not None and newer.number != notice.number and newer.number not in self._coming:
            self._join(notice, newer)

    def _join(self, older: Notice, newer: Notice) -> None:
        """Fold a notice into the older one of the same alarm, at its place."""
        self.remove([newer])
        joined = older._replace(body=_FOLDS[older.receiver](older.body, newer.body))
        self._waiting[older.receiver][older.number] = self._rewritten[older.number] = joined
        self._open[older.receiver, older.alarm] = older.number

    def remove(self, notices: Iterable[Notice]) -> None:
        """Remove notices that their receiver took, or that are given up."""
        for notice in notices:
            if self._waiting[notice.receiver].pop(notice.number, None) is not None:
                self._gone.append(notice.number)
                self._rewritten.pop(notice.number, None)
                self._close(notice)

    def _close(self, notice: Notice) -> None:
        if self._open.get((notice.receiver, notice.alarm)) == notice.number:
            del self._open[notice.receiver, notice.alarm]

    def untold(self) -> set[str]:
        """The ids of alarms whose beginning waits for the webhook."""
        return {notice.alarm for notice in self._waiting.get(WEBHOOK, {}).values() if begins(notice.body)}

    def unsaved(self) -> tuple[list[Notice], list[int]]:
        """Return the notices to store anew and the numbers to delete on disk, each only once."""
        rewritten, gone = list(self._rewritten.values()), self._gone
        self._rewritten, self._gone = {}, []
        return rewritten, gone


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
