"""One maker's codec as the gateway knows it: its text, and how it behaved; and a call of it that waits for its answer."""

from collections import deque
from collections.abc import Callable
from typing import Final

from gateway.codecs.protocol import CodecAnswer

STRIKES: Final = 3
STRIKES_WITHIN_S: Final = 60.0
SUSPENDED_FOR_S: Final = 600.0


class Codec:
    """A codec that overran three times within a minute is suspended for ten minutes, then on trial until it answers in time.

    :ivar number: what the child knows it by.
    :ivar why: why it is suspended or on trial; empty: it is neither.
    """

    __slots__ = ("_overran_s", "_until_s", "key", "number", "source", "why")

    def __init__(self, key: str, number: int, source: str) -> None:
        self.key = key
        self.number = number
        self.source = source
        self.why = ""
        self._overran_s: deque[float] = deque(maxlen=STRIKES)
        self._until_s = 0.0

    def is_suspended(self, now_s: float) -> bool:
        """Whether it must not be called."""
        return bool(self.why) and now_s < self._until_s

    def overran(self, fault: str, now_s: float) -> bool:
        """It overran once more; whether that is what suspends it. On trial, once is enough."""
        self._overran_s.append(now_s)
        often = len(self._overran_s) == STRIKES and now_s - self._overran_s[0] <= STRIKES_WITHIN_S
        if self.is_suspended(now_s) or not (often or self.why):
            return False
        self.why, self._until_s = fault, now_s + SUSPENDED_FOR_S
        return True

    def in_time(self, now_s: float) -> None:
        """It answered in time, which ends a trial; an answer under way when it was suspended ends nothing."""
        if not self.is_suspended(now_s):
            self.why = ""


class Call:
    """A call that waits for its answer.

    :ivar deaths: how many children ended while they were in it.
    """

    __slots__ = ("arguments", "codec", "deaths", "then")

    def __init__(self, codec: Codec, arguments: bytes, then: Callable[[CodecAnswer], None]) -> None:
        self.codec = codec
        self.arguments = arguments
        self.then = then
        self.deaths = 0
