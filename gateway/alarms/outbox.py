"""The notices that wait for those who are told of each change, in order, in memory and on disk.

They are told from memory, so that a disk that takes nothing keeps no alarm from people; the disk has them for the next run.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from gateway.storage.alarms import Notice

INFLUXDB: Final = "influxdb"
WEBHOOK: Final = "webhook"
WAITING_MAX: Final = 10_000
"""Most notices that wait for one receiver; the oldest go."""


class Outbox:
    """Notices by receiver.

    :param receivers: those who are there; what waits for others is forgotten.
    """

    def __init__(self, receivers: Iterable[str]) -> None:
        self._waiting: dict[str, deque[Notice]] = {receiver: deque() for receiver in receivers}
        self._gone: list[int] = []
        self._next = 1

    def restore(self, notices: Iterable[Notice]) -> None:
        """Take what is on disk."""
        for notice in notices:
            self._next = max(self._next, notice.number + 1)
            if notice.receiver in self._waiting:
                self._waiting[notice.receiver].append(notice)
            else:
                self._gone.append(notice.number)

    def number(self, messages: Iterable[tuple[str, str]]) -> list[Notice]:
        """Number messages, as receiver and body; those for nobody are left out."""
        found = [
            Notice(self._next + at, receiver, body)
            for at, (receiver, body) in enumerate(message for message in messages if message[0] in self._waiting)
        ]
        self._next += len(found)
        return found

    def add(self, notices: Iterable[Notice]) -> int:
        """Let notices wait; return the number of those that are given up to make room."""
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
        """Forget notices: they were taken."""
        for notice in notices:
            waiting = self._waiting[notice.receiver]
            if waiting and waiting[0].number == notice.number:  # else it made room meanwhile
                waiting.popleft()
                self._gone.append(notice.number)

    def gone(self) -> list[int]:
        """The numbers that the disk is to forget, once."""
        gone, self._gone = self._gone, []
        return gone
